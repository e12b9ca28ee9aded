//! Why an attempt failed, and when the next one makes sense.

use std::{sync::Arc, time::Duration};

use syncer_clusters::{Error, Next};
use syncer_core::event_reason::EventReason;

/// An attempt that failed. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct AttemptFailure {
    /// Cluster, object, cause, and what to do; never a body.
    pub(crate) message: Arc<str>,
    /// When to try again.
    pub(crate) retry: Retry,
    /// What people are told.
    pub(crate) reason: EventReason,
    /// What it means for the belief that the upstream object was deleted.
    pub(crate) belief: Belief,
}

/// What a failure means for the belief that the upstream object was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belief {
    /// Nothing.
    Stands,
    /// Something else than its deletion may have taken it away: it counts as absent only, and the mass-deletion guard judges.
    Doubted,
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After a short delay that grows with each failure.
    Soon,
    /// After this time: the server, or the circuit breaker, named it.
    After(Duration),
    /// Now and then: somebody has to do something first.
    Rarely,
}

// === impl AttemptFailure ===

impl AttemptFailure {
    pub(crate) fn new(message: impl Into<Arc<str>>, retry: Retry) -> Self {
        Self {
            message: message.into(),
            retry,
            reason: EventReason::SyncFailed,
            belief: Belief::Stands,
        }
    }

    /// The same, told under another reason.
    pub(crate) fn because(mut self, reason: EventReason) -> Self {
        self.reason = reason;
        self
    }

    /// The same, and what was seen deleted may not have been.
    pub(crate) fn doubting(mut self) -> Self {
        self.belief = Belief::Doubted;
        self
    }
}

impl From<Error> for AttemptFailure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for AttemptFailure {
    fn from(error: &Error) -> Self {
        Self::new(error.to_string(), retry_of(error.next()))
    }
}

fn retry_of(next: Next) -> Retry {
    match next {
        Next::Wait(duration) => Retry::After(duration),
        Next::LookAgain
        | Next::Backoff
        | Next::Reauthenticate
        | Next::Expired
        | Next::Terminating
        | Next::NotFound
        | Next::NamespaceMissing => Retry::Soon,
        Next::Forbidden | Next::Unserved | Next::Invalid => Retry::Rarely,
    }
}
