//! What a Target makes of an absence upstream, as the binding of the object's workspace stands (kcp).

use std::collections::HashSet;

use syncer_core::{LogicalCluster, ObjectKey, plan::Desired, proof::Absence};
use tokio::time::Instant;

use super::Target;
use crate::upstream::Workspaces;

/// What is made of `absence`: something that has to be confirmed, or nothing for now.
pub(super) fn weighed(workspaces: &Workspaces, key: &ObjectKey, absence: Absence) -> Desired {
    workspaces.standing(key, Instant::now()).concludes(absence)
}

impl Target {
    /// The bindings of these workspaces turned: what was concluded of their objects is weighed again.
    pub(super) fn weigh(&mut self, bound: &HashSet<LogicalCluster>) {
        if bound.is_empty() {
            return;
        }
        let workspaces = &self.upstream.workspaces;
        let turned = self.ledger.weigh(bound, |key, absence| match absence {
            _ if workspaces.has_left(key) => Some(Desired::Gone(Absence::WorkspaceDeleted)),
            Some(absence) => Some(weighed(workspaces, key, absence)),
            None => None,
        });
        for key in &turned {
            self.changed_upstream(key);
        }
    }
}
