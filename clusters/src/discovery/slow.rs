//! Discovery as it always was: the groups, then one document per group and version.

use std::borrow::Cow;

use serde::Deserialize;
use syncer_core::identity::{Gvr, ResourceType, Scope};

use super::{Served, ServedResource};

/// A group in one version, to be asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GroupVersion {
    pub(super) group: Box<str>,
    pub(super) version: Box<str>,
}

#[derive(Deserialize)]
struct CoreVersions<'a> {
    #[serde(borrow)]
    versions: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Groups<'a> {
    #[serde(borrow)]
    groups: Vec<Group<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    versions: Vec<Version<'a>>,
    #[serde(borrow)]
    preferred_version: Option<Version<'a>>,
}

#[derive(Deserialize)]
struct Version<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Resources<'a> {
    #[serde(borrow)]
    resources: Vec<Resource<'a>>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    /// `deployments`, or `deployments/status` for a subresource.
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<Box<str>>,
}

/// The groups and versions in the document at `root`, the preferred version of each group first.
pub(super) fn versions(root: &str, document: &[u8]) -> Result<Vec<GroupVersion>, serde_json::Error> {
    if root == "/api" {
        let core = serde_json::from_slice::<CoreVersions<'_>>(document)?;
        return Ok(core
            .versions
            .iter()
            .map(|version| GroupVersion {
                group: Box::default(),
                version: (&**version).into(),
            })
            .collect());
    }
    let groups = serde_json::from_slice::<Groups<'_>>(document)?;
    Ok(groups.groups.iter().flat_map(Group::versions).collect())
}

/// Takes what the document of `of` says.
pub(super) fn read(of: &GroupVersion, document: &[u8], served: &mut Served) -> Result<(), serde_json::Error> {
    let resources = serde_json::from_slice::<Resources<'_>>(document)?.resources;
    for resource in resources.iter().filter(|resource| !resource.name.contains('/')) {
        let prefix = format!("{}/", resource.name);
        let below = resources.iter().filter_map(|other| other.name.strip_prefix(&prefix));
        served.add(ServedResource {
            resource: ResourceType {
                gvr: Gvr::new(&of.group, &of.version, &resource.name),
                kind: (&*resource.kind).into(),
                scope: if resource.namespaced {
                    Scope::Namespaced
                } else {
                    Scope::Cluster
                },
            },
            verbs: resource.verbs.iter().cloned().collect(),
            subresources: below.map(Into::into).collect(),
        });
    }
    Ok(())
}

// === impl GroupVersion ===

impl GroupVersion {
    pub(super) fn path(&self) -> String {
        match &*self.group {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        }
    }
}

// === impl Group ===

impl Group<'_> {
    fn versions(&self) -> Vec<GroupVersion> {
        let preferred = self.preferred_version.as_ref().map(|preferred| &*preferred.version);
        let mut versions: Vec<&str> = self.versions.iter().map(|version| &*version.version).collect();
        versions.sort_by_key(|version| Some(*version) != preferred);
        versions
            .into_iter()
            .map(|version| GroupVersion {
                group: (&*self.name).into(),
                version: version.into(),
            })
            .collect()
    }
}
