//! One attempt at a step, and what came of it.

use std::time::Duration;

use syncer_core::{
    ObjectKey,
    plan::{Reason, Step},
};

use super::{AttemptFailure, Downstream, Retry, work::Work};
use crate::{
    settings::Writes,
    target::{After, Task},
};

/// What came of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// How it left the downstream object.
    pub(crate) after: After,
    /// How it ended.
    pub(crate) end: End,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The step is done.
    Done,
    /// The target was asked, and nothing of ours is left there.
    Parted,
    /// Nothing is ever written: the step was reported.
    Reported,
    /// The upstream's object is already applied and newer than what its watch has told: the watch has to come up first.
    Ahead,
    /// The upstream has the object after all, and wants it there: nothing was deleted.
    AbsenceRefuted,
    /// It was not to be told whether the object is gone: it stays (kcp).
    Withheld,
    /// It is missing under a claim that has to stand for so much longer first (kcp).
    TooEarly(Duration),
    /// The upstream's object is paused: nothing was deleted, and it is looked at again now and then.
    Paused,
    /// It is as it has to be, but for fields that are fought over: they are left alone for a while.
    Resting {
        /// What people are told.
        failure: AttemptFailure,
        /// How long.
        rest: Duration,
    },
    /// It failed and has to wait.
    Failed(AttemptFailure),
}

/// Takes the step of `task` for `key`.
pub(super) async fn run(downstream: &Downstream, key: &ObjectKey, task: &Task) -> Attempt {
    let Some(resource) = downstream.resource(&key.gvr) else {
        let message = format!("target {}: it does not serve {}", downstream.name, key.gvr);
        return Attempt::failed(AttemptFailure::new(message, Retry::Rarely));
    };
    if downstream.continuity.is_broken() {
        let message = format!(
            "target {}: another upstream answers under the address of the upstream: nothing is written",
            downstream.name
        );
        return Attempt::failed(AttemptFailure::new(message, Retry::Soon));
    }
    let work = Work::new(downstream, key, resource, task);
    if downstream.writes == Writes::Reported
        && let Some(intent) = intent(&task.step)
    {
        work.log(&format_args!("dry run: {intent}"));
        return Attempt {
            after: After::Unchanged,
            end: End::Reported,
        };
    }
    let attempt = take(&work, &task.step).await;
    if let Some(preview) = &downstream.preview {
        preview.attempted((downstream, key, resource), (&task.step, &task.policy), &attempt);
    }
    attempt
}

async fn take(work: &Work<'_>, step: &Step) -> Attempt {
    work.learn_schema().await;
    let attempted = match step {
        Step::Create => work.create().await,
        Step::Change { uid, reason } => work.change(uid, *reason).await,
        Step::Verify => work.verify().await,
        Step::Compare { uid } => work.compare(uid).await,
        Step::ConfirmAbsence { absence, uid } => work.remove(*absence, uid).await,
        Step::ConfirmGone => work.confirm_gone().await,
        Step::Nothing | Step::AwaitTermination | Step::Refuse => Ok(Attempt::done(After::Unchanged)),
    };
    attempted.unwrap_or_else(Attempt::failed)
}

/// What a step would write; `None` for one that only looks.
fn intent(step: &Step) -> Option<&'static str> {
    match step {
        Step::Create => Some("would create"),
        Step::Change { reason, .. } => Some(match reason {
            Reason::Edited => "would apply a change",
            Reason::Rebound => "would bind to the upstream object that was made again",
            Reason::Drifted => "would revert drift",
        }),
        Step::ConfirmAbsence { .. } => Some(
            "would delete, or leave behind where the policy says so, if the upstream confirms that it is gone or not wanted here",
        ),
        Step::Compare { .. } => Some("would compare by value, and apply a change where it differs"),
        Step::Verify | Step::ConfirmGone | Step::Nothing | Step::AwaitTermination | Step::Refuse => None,
    }
}

// === impl Attempt ===

impl Attempt {
    pub(super) fn done(after: After) -> Self {
        Self { after, end: End::Done }
    }

    /// Nothing of ours is left there.
    pub(super) fn parted(after: After) -> Self {
        Self {
            after,
            end: End::Parted,
        }
    }

    /// It ended like this, and nothing was learned of the target.
    pub(super) fn ended(end: End) -> Self {
        Self {
            after: After::Unchanged,
            end,
        }
    }

    pub(super) fn failed(failure: AttemptFailure) -> Self {
        Self {
            after: After::Unchanged,
            end: End::Failed(failure),
        }
    }

    /// The target shows `after`, and that is in the way.
    pub(super) fn blocked(after: After, failure: AttemptFailure) -> Self {
        Self {
            after,
            end: End::Failed(failure),
        }
    }
}
