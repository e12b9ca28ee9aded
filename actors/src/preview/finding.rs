//! What is found about one object: what a run would write, or why it would not.

use std::sync::Arc;

use serde_json::Value;
use syncer_clusters::{Act, Rehearsed, Source};
use syncer_core::{
    Gvr, ObjectKey,
    difference::{is_marked, shown, without_allocated},
    event_reason::EventReason,
    hash_key::HashKey,
    plan::{Reason, Step},
};

/// What was found about one object on one target, or upstream.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The target; `None` for what concerns the upstream object, on whichever target.
    pub target: Option<Arc<str>>,
    /// The upstream object.
    pub key: ObjectKey,
    /// Its kind, such as `ConfigMap`.
    pub kind: Arc<str>,
    /// Where the object is, on the side that it is on: the namespace, empty for none.
    pub namespace: Arc<str>,
    /// Its name there.
    pub name: Arc<str>,
    /// The policy that decides; empty where nobody knows.
    pub policy: Arc<str>,
    /// What it is.
    pub verdict: Verdict,
    /// Whether a run would write something; of what is refused in the end, the part before that.
    pub writes: bool,
    /// The object as it is, as people are shown it.
    pub before: Content,
    /// The object as it would be.
    pub after: Content,
    /// Whether the API server said so, or it was computed.
    pub source: Source,
    /// What else there is to say; empty for nothing.
    pub note: Box<str>,
}

/// What a run would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It would be made.
    Create,
    /// It would be changed as the upstream changed.
    Change,
    /// What somebody changed there would be put right.
    Revert,
    /// Its marker would get the UID of the upstream object that was made again.
    Rebind,
    /// An object of somebody else would become ours.
    Adopt,
    /// It would be deleted and made again: the change is of what never changes.
    Recreate,
    /// It would be deleted.
    Delete,
    /// It would be left behind without our markers.
    Orphan,
    /// The target's fields would be written upstream.
    WriteBack,
    /// Its deletion would be held until a person confirms it (S3).
    Held,
    /// Somebody paused it: it differs, and nothing would be written.
    Paused,
    /// The target is cordoned: it would not be made.
    KeptOut,
    /// It is being deleted there; once it is gone it would be made again.
    Terminating,
    /// It would stay as it is, and its owner would be told why.
    Refused(EventReason),
    /// What would come of it could not be found out.
    Failed,
}

/// An object as people are shown it: JSON, without a value of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// There is none.
    Absent,
    /// There is one.
    Present(Box<str>),
    /// There is one, and no room for it.
    LeftOut,
}

// === impl Finding ===

impl Finding {
    /// How many bytes of objects it keeps to be shown.
    pub(super) fn size(&self) -> usize {
        self.before.size() + self.after.size()
    }
}

// === impl Verdict ===

impl Verdict {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Revert => "revert",
            Self::Rebind => "rebind",
            Self::Adopt => "adopt",
            Self::Recreate => "recreate",
            Self::Delete => "delete",
            Self::Orphan => "orphan",
            Self::WriteBack => "write-back",
            Self::Held => "held",
            Self::Paused => "paused",
            Self::KeptOut => "kept-out",
            Self::Terminating => "terminating",
            Self::Refused(_) => "refused",
            Self::Failed => "failed",
        }
    }

    /// Whether it is about what a run would write.
    pub(super) fn is_written(self) -> bool {
        match self {
            Self::Create
            | Self::Change
            | Self::Revert
            | Self::Rebind
            | Self::Adopt
            | Self::Recreate
            | Self::Delete
            | Self::Orphan
            | Self::WriteBack => true,
            Self::Held | Self::Paused | Self::KeptOut | Self::Terminating | Self::Refused(_) | Self::Failed => false,
        }
    }

    /// What `rehearsed`, tried for `step`, comes to.
    pub(super) fn of(step: &Step, rehearsed: &Rehearsed) -> Self {
        let (Some(before), Some(after)) = (&rehearsed.before, &rehearsed.after) else {
            return if rehearsed.after.is_some() {
                Self::Create
            } else {
                Self::Delete
            };
        };
        match (is_marked(before), is_marked(after)) {
            (true, false) => return Self::Orphan,
            (false, true) => return Self::Adopt,
            _ => {}
        }
        if rehearsed.acts.contains(&Act::Delete) {
            return Self::Recreate;
        }
        match step {
            Step::Change {
                reason: Reason::Rebound,
                ..
            } => Self::Rebind,
            Step::Verify
            | Step::Change {
                reason: Reason::Drifted,
                ..
            } => Self::Revert,
            _ => Self::Change,
        }
    }
}

// === impl Content ===

impl Content {
    pub(super) fn of(gvr: &Gvr, object: Option<&Value>, key: &HashKey) -> Self {
        object.map_or(Self::Absent, |object| {
            Self::Present(shown(gvr, object, key).to_string().into())
        })
    }

    /// What would be made: what its cluster made up for the trial is not what a run would get.
    pub(super) fn made(gvr: &Gvr, object: Option<&Value>, key: &HashKey) -> Self {
        let Some(object) = object else { return Self::Absent };
        let mut object = object.clone();
        without_allocated(gvr, &mut object);
        Self::of(gvr, Some(&object), key)
    }

    fn size(&self) -> usize {
        match self {
            Self::Absent | Self::LeftOut => 0,
            Self::Present(text) => text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_tried_is_called_by_what_it_does() {
        let marked = json!({"metadata": {"annotations": {"workload.kcp.io/origin": "{}"}}});
        let bare = json!({"metadata": {"name": "x"}});
        let change = |reason| Step::Change {
            uid: "u".into(),
            reason,
        };
        let cases = [
            (Step::Create, None, Some(&marked), &[Act::Apply][..], Verdict::Create),
            (Step::Create, Some(&bare), Some(&marked), &[Act::Apply], Verdict::Adopt),
            (
                Step::Create,
                Some(&marked),
                Some(&marked),
                &[Act::Apply],
                Verdict::Change,
            ),
            (
                change(Reason::Edited),
                Some(&marked),
                Some(&marked),
                &[Act::Apply],
                Verdict::Change,
            ),
            (
                change(Reason::Rebound),
                Some(&marked),
                Some(&marked),
                &[Act::Apply],
                Verdict::Rebind,
            ),
            (
                change(Reason::Drifted),
                Some(&marked),
                Some(&marked),
                &[Act::Apply],
                Verdict::Revert,
            ),
            (
                Step::Verify,
                Some(&marked),
                Some(&marked),
                &[Act::Patch],
                Verdict::Revert,
            ),
            (
                change(Reason::Edited),
                Some(&marked),
                Some(&marked),
                &[Act::Delete, Act::Apply],
                Verdict::Recreate,
            ),
            (Step::ConfirmGone, Some(&marked), None, &[Act::Delete], Verdict::Delete),
            (
                Step::ConfirmGone,
                Some(&marked),
                Some(&bare),
                &[Act::Patch],
                Verdict::Orphan,
            ),
        ];
        for (step, before, after, acts, verdict) in cases {
            let rehearsed = Rehearsed {
                before: before.cloned(),
                after: after.cloned(),
                acts: acts.to_vec(),
                source: Source::Server,
            };
            assert_eq!(Verdict::of(&step, &rehearsed), verdict, "{step:?} {acts:?}");
        }
    }
}
