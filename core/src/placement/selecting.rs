//! Whether a policy's selections hold, or cannot be told yet.

use super::{Facts, PolicyRules, Undecided};
use crate::{
    config::{ResourceRef, SyncPolicySpec},
    identity::{Gvr, Scope},
};

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Yes,
    No,
    Unknown(Undecided),
}

/// The resource that kubectl would take by this text: `secrets`, `deployments.apps`.
pub(super) fn resource(text: &str) -> ResourceRef {
    let (resource, group) = text.split_once('.').unwrap_or((text, ""));
    ResourceRef {
        group: group.to_owned(),
        resource: resource.to_owned(),
    }
}

pub(super) fn is_resource(resource: &ResourceRef, gvr: &Gvr) -> bool {
    resource.group == gvr.group() && resource.resource == gvr.resource()
}

/// Whether `gvr` is that of Namespaces.
pub(super) fn is_namespaces(gvr: &Gvr) -> bool {
    (gvr.group(), gvr.resource()) == ("", "namespaces")
}

// === impl Holds ===

impl Holds {
    /// Whether both hold; what is surely not so decides, whatever is unknown.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown(what), _) | (_, Self::Unknown(what)) => Self::Unknown(what),
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

// === impl PolicyRules ===

impl PolicyRules {
    /// Whether it selects the object itself.
    pub(super) fn selects(&self, facts: &Facts<'_>) -> Holds {
        let named = self.names(&facts.key.gvr) && self.spec().objects.matches(facts.labels);
        Holds::from(named).and(self.reaches(facts))
    }

    /// Whether it selects the place where the object is: its workspace and its namespace.
    pub(super) fn reaches(&self, facts: &Facts<'_>) -> Holds {
        in_workspaces(self.spec(), facts).and(in_namespaces(self.spec(), facts))
    }
}

fn in_workspaces(spec: &SyncPolicySpec, facts: &Facts<'_>) -> Holds {
    let selection = &spec.workspaces;
    let cluster = facts.key.cluster.as_str();
    if selection.names.is_empty() && selection.paths.is_empty() {
        return Holds::Yes;
    }
    if selection.names.iter().any(|name| name == cluster) && !cluster.is_empty() {
        return Holds::Yes;
    }
    match facts.workspace_path {
        Some(path) => Holds::from(selection.paths.iter().any(|listed| listed == path)),
        // A plain upstream has no workspaces, so a policy that asks for one does not mean it.
        None if cluster.is_empty() || selection.paths.is_empty() => Holds::No,
        None => Holds::Unknown(Undecided::WorkspacePath),
    }
}

fn in_namespaces(spec: &SyncPolicySpec, facts: &Facts<'_>) -> Holds {
    let selection = &spec.namespaces;
    let (name, labels) = if is_namespaces(&facts.key.gvr) {
        (&facts.key.name, Some(facts.labels))
    } else if facts.resource.scope == Scope::Cluster {
        return Holds::Yes;
    } else {
        (&facts.key.namespace, facts.namespace_labels)
    };
    if !selection.names.is_empty() && !selection.names.iter().any(|listed| **listed == **name) {
        return Holds::No;
    }
    if selection.selector.is_empty() {
        return Holds::Yes;
    }
    match labels {
        Some(labels) => Holds::from(selection.selector.matches(labels)),
        None => Holds::Unknown(Undecided::NamespaceLabels),
    }
}
