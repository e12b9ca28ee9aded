//! What the namespace of an object means for its turn.

use syncer_core::{
    ObjectKey,
    config::NamespaceMapping,
    event_reason::EventReason,
    plan::{Lifecycle, Live},
};

use crate::{
    reconciler::{AttemptFailure, Downstream, Retry},
    target::{Target, ledger::Turn},
};

/// What the namespace of an object means for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// It is there, or the API server says what is wrong.
    Open,
    /// It is about to be made, or looked at.
    Awaited,
    /// It is somebody else's.
    Shut,
}

/// Why nothing is made in `namespace` on `target`.
pub(super) fn shut(target: &str, namespace: &ObjectKey) -> AttemptFailure {
    let message = format!(
        "target {target}: the namespace that {namespace} is mapped to exists and is not ours: nothing is made in it; remove it there, or \
         map this target's namespaces by name"
    );
    AttemptFailure::new(message, Retry::Rarely).because(EventReason::NameTaken)
}

// === impl Target ===

impl Target {
    /// Whether `key` may have a turn as far as its namespace is concerned. What is made before its namespace costs a request that
    /// fails, and in a namespace of others that has a name of our making it must not be made at all (S1).
    pub(super) fn door(&self, key: &ObjectKey, namespace: &ObjectKey, downstream: &Downstream) -> Door {
        let hashed = downstream.names.mapping() == NamespaceMapping::Hashed;
        if !self.ledger.is_to_be_made(key) {
            return Door::Open;
        }
        let coming = match self.ledger.turn(namespace) {
            Some(Turn::Queued | Turn::Running) => true,
            Some(Turn::Quiet) => !self.intake.is_listed(&namespace.gvr),
            // It was said that it would be made, which is all that happens.
            Some(Turn::Reported) => return Door::Open,
            Some(Turn::Waiting) | None => false,
        };
        match self.ledger.live(namespace) {
            Some(Live::Foreign) if hashed => Door::Shut,
            Some(Live::Unseen) | None if hashed => Door::Awaited,
            // What is made in a namespace that goes is refused. Its end, and that it is made again, is seen.
            Some(Live::Ours(ours)) if ours.lifecycle == Lifecycle::Terminating => Door::Awaited,
            Some(Live::Unseen) if coming && self.ledger.is_to_be_made(namespace) => Door::Awaited,
            Some(Live::Ours(_) | Live::Foreign | Live::Unseen) | None => Door::Open,
        }
    }
}
