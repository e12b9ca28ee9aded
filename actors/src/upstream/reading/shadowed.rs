//! Policies that stand behind others.

use syncer_clusters::Object;
use syncer_core::{event_reason::EventReason, placement::Placement};
use tracing::warn;

use super::UpstreamReading;
use crate::events::Subject;

// === impl UpstreamReading ===

impl UpstreamReading {
    /// Says which policies select `object` in vain; of each pair of policy and target once.
    pub(super) fn tell_shadowed(&mut self, object: &Object, placement: &Placement) {
        for shadowed in &placement.shadowed {
            let pair = (shadowed.policy.name.clone(), shadowed.target.name.clone());
            if !self.shadowed.insert(pair) {
                continue;
            }
            let note = format!(
                "target {}: policy {} decides, not {}, which selects it too",
                shadowed.target.name, shadowed.by.name, shadowed.policy.name
            );
            let subject = Subject {
                resource: self.resource.clone(),
                key: object.key().clone(),
                uid: object.uid().into(),
            };
            let (policy, target) = (&shadowed.policy.name, &shadowed.target.name);
            let how = format!(
                "target {target}: policy {} decides about objects that this one selects too",
                shadowed.by.name
            );
            self.base.reports.shadowed(policy, target, self.rulebook.revision, &how);
            self.base.events.tell(subject, EventReason::Shadowed, note);
            warn!(
                policy = %shadowed.policy.name, target = %shadowed.target.name, by = %shadowed.by.name, kind = %self.resource.gvr,
                namespace = %object.key().namespace, name = %object.key().name,
                "shadowed: another policy decides about objects that this one selects too"
            );
        }
    }
}
