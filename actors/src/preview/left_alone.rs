//! Objects that nothing is tried on: what there is to say of them.

use std::sync::Arc;

use syncer_clusters::{FieldsV1Kept, Source};
use syncer_core::ObjectKey;

use super::{Content, Finding, Verdict};
use crate::reconciler::Downstream;

/// An object that nothing is tried on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftAlone {
    pub(crate) key: ObjectKey,
    pub(crate) policy: Arc<str>,
    pub(crate) why: Why,
}

/// Why nothing is tried on an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The mass-deletion guard holds it.
    Held,
    /// Somebody paused it, and it is not as it has to be.
    Paused,
    /// It would be new, and its target is cordoned.
    KeptOut,
    /// It is on its way out, and wanted.
    Terminating,
}

// === impl LeftAlone ===

impl LeftAlone {
    /// What there is to say of it; of what would go, also what it is.
    pub(super) async fn describe(self, downstream: &Downstream) -> Finding {
        let (namespace, name) = downstream.place(&self.key);
        let resource = downstream.resource(&self.key.gvr);
        let before = match (self.why, resource) {
            (Why::Held, Some(resource)) => {
                let read = downstream
                    .cluster
                    .get(resource, &namespace, &name, FieldsV1Kept::None)
                    .await;
                let tree = read.ok().flatten().and_then(|object| object.to_value().ok());
                Content::of(&self.key.gvr, tree.as_ref(), downstream.bodies.hash_key())
            }
            _ => Content::Absent,
        };
        let (verdict, note) = match self.why {
            Why::Held => (
                Verdict::Held,
                "most of what this policy put there would go at once: held until the objects are seen again or a person confirms",
            ),
            Why::Paused => (Verdict::Paused, "somebody paused it there: it stays as it is"),
            Why::KeptOut => (Verdict::KeptOut, "the target is cordoned: it gets nothing new"),
            Why::Terminating => (
                Verdict::Terminating,
                "it is being deleted there: once it is gone it is made again",
            ),
        };
        Finding {
            target: Some(downstream.name.clone()),
            kind: resource.map_or_else(|| self.key.gvr.resource().into(), |resource| resource.kind.clone()),
            key: self.key,
            namespace,
            name,
            policy: self.policy,
            verdict,
            writes: false,
            before,
            after: Content::Absent,
            source: Source::Server,
            note: note.into(),
        }
    }
}
