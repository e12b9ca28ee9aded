//! The resources that a server serves.

use std::collections::{BTreeMap, BTreeSet};

use syncer_core::identity::{Gvr, ResourceType};

/// What an API server, or one logical cluster, served when it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// By group and resource; the versions in the server's order of preference.
    resources: BTreeMap<(Box<str>, Box<str>), Vec<ServedResource>>,
    /// Groups whose own server did not answer, so that nothing is known about them.
    doubtful: BTreeSet<Box<str>>,
}

/// One resource in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedResource {
    /// Where it is and what its bodies are.
    pub resource: ResourceType,
    /// The verbs on the resource itself, such as `list`, `watch`, `patch`.
    pub verbs: BTreeSet<Box<str>>,
    /// The subresources, such as `status`, `scale`.
    pub subresources: BTreeSet<Box<str>>,
}

// === impl Served ===

impl Served {
    /// The resource in the version that the server prefers; none if it does not serve it.
    pub fn resource_type(&self, group: &str, resource: &str) -> Option<ResourceType> {
        self.versions(group, resource)
            .first()
            .map(|served| served.resource.clone())
    }

    /// The resource in this very version.
    pub fn resource(&self, gvr: &Gvr) -> Option<&ServedResource> {
        self.versions(gvr.group(), gvr.resource())
            .iter()
            .find(|served| served.resource.gvr == *gvr)
    }

    /// All versions of a resource, the preferred one first.
    pub fn versions(&self, group: &str, resource: &str) -> &[ServedResource] {
        self.resources
            .get(&(group.into(), resource.into()))
            .map_or(&[], Vec::as_slice)
    }

    /// Everything, by group and resource.
    pub fn iter(&self) -> impl Iterator<Item = &ServedResource> {
        self.resources.values().flatten()
    }

    /// Whether it is not known what the group serves: its own server did not answer. What is missing may then be there.
    pub fn is_doubtful(&self, group: &str) -> bool {
        self.doubtful.contains(group)
    }

    pub(super) fn doubt(&mut self, group: &str) {
        self.doubtful.insert(group.into());
    }

    pub(super) fn add(&mut self, served: ServedResource) {
        let gvr = &served.resource.gvr;
        let versions = self
            .resources
            .entry((gvr.group().into(), gvr.resource().into()))
            .or_default();
        if !versions.iter().any(|known| known.resource.gvr == *gvr) {
            versions.push(served);
        }
    }
}

// === impl ServedResource ===

impl ServedResource {
    /// Whether the resource takes this verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.contains(verb)
    }

    /// Whether the resource has this subresource.
    pub fn has_subresource(&self, subresource: &str) -> bool {
        self.subresources.contains(subresource)
    }
}
