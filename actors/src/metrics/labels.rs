//! The labels, and the words that they take.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use syncer_core::config::Strategy;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TargetLabels {
    pub(super) target: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ObjectLabels {
    pub(super) target: Arc<str>,
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ClockLabels {
    pub(super) side: &'static str,
    /// Empty for the upstream.
    pub(super) target: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WriteLabels {
    pub(super) side: &'static str,
    pub(super) verb: &'static str,
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ConflictLabels {
    pub(super) strategy: &'static str,
    pub(super) verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DriftLabels {
    pub(super) target: Arc<str>,
    pub(super) action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PropagationLabels {
    pub(super) direction: &'static str,
    pub(super) stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EventLabels {
    pub(super) verb: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LossLabels {
    pub(super) cause: &'static str,
}

/// The side that a write goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteSide {
    /// Where people say what they want.
    Upstream,
    /// A target.
    Downstream,
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteVerb {
    /// Server-side apply.
    Apply,
    /// A create.
    Create,
    /// A patch of the object.
    Patch,
    /// A patch of the status, through its subresource.
    PatchStatus,
    /// A delete.
    Delete,
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteResult {
    /// It was done.
    Ok,
    /// It was decided on something outdated: 409, or a precondition that failed.
    Conflict,
    /// The server does not take it, now or ever.
    Refused,
    /// It had no answer, or the server could not serve it at that moment.
    Failed,
}

/// What was decided about one field of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The upstream's value was written downstream.
    Upstream,
    /// The target's value was kept, and is not written upstream.
    Downstream,
    /// The target's value was written upstream.
    WrittenBack,
    /// Both sides had come to the same value.
    Same,
    /// A field that only the target has was removed.
    ForeignRemoved,
    /// A field that only the target has was kept.
    ForeignKept,
    /// The times of both writes are too near to tell: the upstream's value was taken.
    Tie,
    /// The field is fought over and left alone for a while.
    Fight,
    /// Nothing could be decided within the tries that the policy allows.
    Unsettled,
}

/// What was done about a downstream object that somebody else changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DriftAction {
    /// It was made again as the upstream wants it.
    Reverted,
    /// It was left as it is: the strategy, a pause or a fight says so.
    Kept,
    /// It was deleted by somebody, and applied again.
    Recreated,
}

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the upstream to a target.
    Down,
    /// From a target to the upstream.
    Up,
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Its actor knows of it.
    Seen,
    /// What to do about it was decided.
    Planned,
    /// The target has answered its write.
    Applied,
    /// The upstream has answered the write of the status that came of it.
    StatusBack,
}

/// Why something that was told became no Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventLoss {
    /// Too much was told at once.
    Full,
    /// Too many Events wait for their turn, and this one belonged to those that have the most.
    Crowded,
    /// Too many different notes on one object for one reason.
    Varied,
    /// The API server does not take it: no permission, no namespace.
    Refused,
    /// The API server could not be reached or asked in a few tries.
    Failed,
}

pub(super) fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::UpstreamWins => "upstream_wins",
        Strategy::LastWriteWins => "last_write_wins",
        Strategy::MergeChanges => "merge_changes",
    }
}

// === impl TargetLabels ===

impl TargetLabels {
    pub(super) fn of(target: &Arc<str>) -> Self {
        Self { target: target.clone() }
    }
}

// === impl ClockLabels ===

impl ClockLabels {
    pub(super) fn of(side: WriteSide, target: &Arc<str>) -> Self {
        Self {
            side: side.as_str(),
            target: target.clone(),
        }
    }
}

// === impl WriteSide ===

impl WriteSide {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

// === impl WriteVerb ===

impl WriteVerb {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Create => "create",
            Self::Patch => "patch",
            Self::PatchStatus => "patch_status",
            Self::Delete => "delete",
        }
    }
}

// === impl WriteResult ===

impl WriteResult {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What a write that ended in this error counts as.
impl From<syncer_clusters::Next> for WriteResult {
    fn from(next: syncer_clusters::Next) -> Self {
        use syncer_clusters::Next;
        match next {
            Next::LookAgain | Next::NotFound => Self::Conflict,
            Next::Forbidden | Next::Unserved | Next::NamespaceMissing | Next::Terminating | Next::Invalid => {
                Self::Refused
            }
            Next::Wait(_) | Next::Backoff | Next::Reauthenticate | Next::Expired => Self::Failed,
        }
    }
}

// === impl Verdict ===

impl Verdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
            Self::WrittenBack => "written_back",
            Self::Same => "same",
            Self::ForeignRemoved => "foreign_removed",
            Self::ForeignKept => "foreign_kept",
            Self::Tie => "tie",
            Self::Fight => "fight",
            Self::Unsettled => "unsettled",
        }
    }
}

// === impl DriftAction ===

impl DriftAction {
    pub(super) const ALL: [Self; 3] = [Self::Reverted, Self::Kept, Self::Recreated];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Reverted => "reverted",
            Self::Kept => "kept",
            Self::Recreated => "recreated",
        }
    }
}

// === impl Direction ===

impl Direction {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

// === impl Stage ===

impl Stage {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Planned => "planned",
            Self::Applied => "applied",
            Self::StatusBack => "status_back",
        }
    }
}

// === impl EventLoss ===

impl EventLoss {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Crowded => "crowded",
            Self::Varied => "varied",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}
