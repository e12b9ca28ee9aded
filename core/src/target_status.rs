//! The status of a SyncTarget: what its operator sees of it.

mod conditions;
mod unattended;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub use self::{conditions::conditions, unattended::unattended};
use crate::{condition, object_state::ObjectCounts, object_state::ObjectState};

/// A target that has not answered for so long has no healthy heartbeat: three of them are missing.
pub const HEARTBEAT_LOST: Duration = Duration::from_mins(1);

/// What there is to say of a target.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What became of its object.
    pub standing: Standing,
    /// The generation of its object.
    pub generation: i64,
    /// Whether it can be reached.
    pub reach: Reach,
    /// What it does not let us do, and why.
    pub refusals: Vec<(String, String)>,
    /// When it answered last.
    pub heartbeat: Option<Timestamp>,
    /// Whether all that goes there was listed there.
    pub is_listed: bool,
    /// What goes there, as `status.syncedResources` has it.
    pub resources: Vec<Value>,
    /// How its objects stand; none while this process has not counted them.
    pub objects: Option<ObjectCounts>,
    /// Deletions that are held, by policy.
    pub held: Vec<(String, u64)>,
    /// The value of the confirmation that was carried out last.
    pub confirmed_deletion: String,
    /// How many objects were left behind there, and which.
    pub abandoned: (u64, Vec<String>),
    /// The version of its API server.
    pub kubernetes_version: String,
}

/// What became of an object of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is used as it is.
    #[default]
    Used,
    /// It cannot be used as it is.
    Refused {
        /// Why, in one word.
        reason: &'static str,
        /// Why, in a sentence, and what holds instead.
        message: String,
    },
}

/// Whether a target can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nobody has tried yet.
    #[default]
    Untried,
    /// It answers.
    Reached,
    /// It does not, because of this.
    Unreachable(String),
    /// There is no way to it, because of this.
    NoKubeconfig(String),
}

/// The status that says `facts` at `now`; `known` is what stands there.
pub fn status(facts: &Facts, known: &Value, now: Timestamp) -> Value {
    let conditions = conditions(facts, now);
    let mut status = Map::new();
    status.insert(
        "conditions".into(),
        condition::written(&conditions, known, facts.generation, now),
    );
    // What this process has not learned is not unsaid.
    let heartbeat = facts.heartbeat.map(|time| condition::second(time).into());
    let heartbeat = heartbeat.or_else(|| known.get("lastSyncerHeartbeatTime").cloned());
    status.insert("lastSyncerHeartbeatTime".into(), heartbeat.unwrap_or(Value::Null));
    let version = Some(facts.kubernetes_version.as_str()).filter(|version| !version.is_empty());
    let version = version.or_else(|| known.get("kubernetesVersion")?.as_str());
    status.insert("kubernetesVersion".into(), version.unwrap_or_default().into());
    let resources = match (&*facts.resources, known.get("syncedResources")) {
        ([], Some(known @ Value::Array(_))) => known.clone(),
        (resources, _) => Value::Array(resources.to_vec()),
    };
    status.insert("syncedResources".into(), resources);
    let objects = facts.objects.as_ref().map(counts);
    if let Some(objects) = objects.or_else(|| known.get("objects").cloned()) {
        status.insert("objects".into(), objects);
    }
    let (count, objects) = &facts.abandoned;
    status.insert("abandoned".into(), json!({"count": count, "objects": objects}));
    status.insert("confirmedDeletion".into(), facts.confirmed_deletion.clone().into());
    Value::Object(status)
}

fn counts(objects: &ObjectCounts) -> Value {
    let of = |state| objects.of(state);
    json!({
        "desired": objects.desired(),
        "synced": of(ObjectState::Synced),
        "pending": of(ObjectState::Pending),
        "failed": of(ObjectState::Failed),
        "conflicted": of(ObjectState::Conflicted),
        "unknown": of(ObjectState::Unknown),
    })
}
