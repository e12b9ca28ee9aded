//! What is remembered of the status of one downstream object.

use serde::Deserialize;
use serde_json::Value;

use super::{Packed, StatusKind};

/// The status of a downstream object and what of its spec tells whether it is complete. About a hundred bytes for a
/// Deployment, a few for an object without status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    generation: i64,
    /// The replicas that its spec asks for.
    replicas: i64,
    rollout: Rollout,
    status: Packed,
}

/// How a change of the pod template reaches the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rollout {
    /// By itself, all of it but as many replicas as the partition holds back.
    Automatic {
        /// Zero where there is none.
        partition: u32,
    },
    /// Not now: paused, or by hand.
    Held,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SpecFacts {
    replicas: Option<i64>,
    paused: bool,
    update_strategy: UpdateStrategy,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct UpdateStrategy {
    r#type: String,
    rolling_update: Option<RollingUpdate>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RollingUpdate {
    partition: Option<i64>,
}

// === impl Part ===

impl Part {
    /// What of a downstream object with this `generation` and these members, each JSON, is remembered.
    pub fn of(
        kind: StatusKind,
        generation: i64,
        spec: Option<&str>,
        status: Option<&str>,
    ) -> Result<Self, serde_json::Error> {
        let status: Value = status.map_or(Ok(Value::Null), serde_json::from_str)?;
        let facts = match (kind, spec) {
            (StatusKind::Deployment | StatusKind::StatefulSet, Some(spec)) => serde_json::from_str(spec)?,
            _ => SpecFacts::default(),
        };
        let partition = facts
            .update_strategy
            .rolling_update
            .and_then(|rolling| rolling.partition)
            .map_or(0, |partition| u32::try_from(partition.max(0)).unwrap_or(u32::MAX));
        let held = facts.paused || facts.update_strategy.r#type == "OnDelete";
        Ok(Self {
            generation,
            replicas: facts.replicas.unwrap_or(1),
            rollout: if held {
                Rollout::Held
            } else {
                Rollout::Automatic { partition }
            },
            status: Packed::of(&status),
        })
    }

    /// The generation of the downstream object.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// The status as the target reported it; null if there is none.
    pub fn status(&self) -> Value {
        self.status.unpack()
    }

    /// Roughly the bytes that it takes in memory.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.status.len()
    }

    pub(super) fn replicas(&self) -> i64 {
        self.replicas
    }

    pub(super) fn rollout(&self) -> Rollout {
        self.rollout
    }
}
