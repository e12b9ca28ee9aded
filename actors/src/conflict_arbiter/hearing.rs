//! What a Reconciler has the arbiter hear: what was decided about one object on one target, and carried out.

use std::sync::Arc;

use syncer_core::{
    ObjectKey, ResourceType,
    config::{FightRule, Strategy},
    conflict::{Fallback, Moment, Verdict},
};
use tracing::info;

use super::Party;
use crate::events::Subject;

/// What was decided and carried out.
#[derive(Clone, Debug)]
pub(crate) struct Hearing {
    /// The upstream object.
    pub(crate) key: ObjectKey,
    /// Its kind.
    pub(crate) resource: ResourceType,
    /// The UID of the upstream object.
    pub(crate) uid: Box<str>,
    /// On which target.
    pub(crate) target: Arc<str>,
    /// The shape of the prescription.
    pub(crate) shape: u64,
    /// What the policy says.
    pub(crate) strategy: Strategy,
    /// When a field is fought over.
    pub(crate) fight: FightRule,
    /// When it was carried out, on our clock.
    pub(crate) now: Moment,
    /// What was decided, leaf by leaf.
    pub(crate) verdicts: Vec<Verdict>,
    /// Why the strategy was not followed.
    pub(crate) fallback: Option<Fallback>,
    /// Who tells of it.
    pub(crate) telling: Telling,
}

/// Who tells people of what was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// The arbiter.
    Here,
    /// The Reconciler did, as drift.
    Elsewhere,
}

// === impl Hearing ===

impl Hearing {
    pub(super) fn party(&self) -> Party<'_> {
        Party {
            key: &self.key,
            target: &self.target,
            shape: self.shape,
        }
    }

    pub(super) fn subject(&self) -> Subject {
        Subject {
            resource: self.resource.clone(),
            key: self.key.clone(),
            uid: self.uid.clone(),
        }
    }

    /// Whether one of the sides lost what it had.
    pub(super) fn lost_something(&self) -> bool {
        self.verdicts.iter().any(Verdict::is_conflict)
    }

    /// One line an action.
    pub(super) fn log(&self, action: &std::fmt::Arguments<'_>) {
        info!(
            target = %self.target,
            workspace = %self.key.cluster,
            kind = %self.key.gvr,
            namespace = %self.key.namespace,
            name = %self.key.name,
            "{action}"
        );
    }
}
