//! What is known of one object on one target.

use std::sync::Arc;

use syncer_core::{
    config::DeletionMode,
    plan::{Desired, Live, Step, farewell, plan},
};
use tokio::time::Instant;

use super::{Complaint, Fields, Loss, Others, Turn, Word, farewell::Farewell, sighted::Left};
use crate::{prescription::Prescription, target::sighting::Seen};

/// What is known of one object on this target. A few hundred bytes, no body.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) desired: Desired,
    /// How it has to be there; `None` until the upstream wants it.
    pub(super) prescription: Option<Arc<Prescription>>,
    /// The policy that wanted it last, also before a restart: the mass-deletion guard counts by it.
    pub(super) policy: Arc<str>,
    /// What that policy said about objects that have to go, when the object was last written.
    pub(super) marked: DeletionMode,
    /// Which incarnation of the Upstream said so; an older word is repeated or withdrawn after its restart.
    pub(super) incarnation: u64,
    pub(super) live: Live,
    /// The version of `live`, as an opaque string of the API server.
    pub(super) resource_version: Box<str>,
    pub(super) fields: Fields,
    /// The number of the last downstream list begun before the object was seen.
    pub(super) list: u64,
    pub(super) turn: Turn,
    pub(super) admission: Admission,
    pub(super) farewell: Farewell,
    /// Attempts that failed one after the other.
    pub(super) failures: u32,
    /// Stands for what was said of them last; 0 if nothing was.
    pub(super) said: u64,
    /// What the last one failed for.
    pub(super) complaint: Complaint,
    /// Whether the owner was told.
    pub(super) word: Word,
    /// Whether somebody took the object away.
    pub(super) loss: Loss,
    /// When the news was read upstream that is not on the target yet.
    pub(super) news: Option<Instant>,
    /// What the watch showed while a write was in flight; it may be older or newer than the answer.
    pub(super) held: Option<Box<Seen>>,
    /// What left the watch while a write was in flight; the answer may be older, and would bring back what is gone.
    pub(super) left: Left,
}

/// Whether the mass-deletion guard lets an object go that is missing upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It has not judged yet.
    Unjudged,
    /// It holds the object: too many would go at once.
    Held,
    /// The object may go once its own absence is confirmed.
    Admitted,
    /// It may, because a person said so: that holds until the object is seen or wanted again.
    Confirmed,
}

// === impl Record ===

impl Record {
    pub(super) fn new() -> Self {
        Self {
            desired: Desired::Unknown,
            prescription: None,
            policy: "".into(),
            marked: DeletionMode::default(),
            incarnation: 0,
            live: Live::Unseen,
            resource_version: "".into(),
            fields: Fields::Verified {
                hash: 0,
                others: Others::None,
            },
            list: 0,
            turn: Turn::Quiet,
            admission: Admission::Unjudged,
            farewell: Farewell::None,
            failures: 0,
            said: 0,
            complaint: Complaint::None,
            word: Word::None,
            loss: Loss::None,
            news: None,
            held: None,
            left: Left::Nothing,
        }
    }

    /// The next step as things stand.
    pub(super) fn step(&self) -> Step {
        match self.farewell {
            Farewell::None => plan(&self.desired, &self.live),
            Farewell::Said => farewell(&self.desired, &self.live),
        }
    }

    /// Whether there is something to do for a Reconciler.
    pub(super) fn has_work(&self) -> bool {
        if self.is_kept_by_guard() {
            return false;
        }
        !matches!(self.step(), Step::Nothing | Step::AwaitTermination | Step::Refuse)
    }
}
