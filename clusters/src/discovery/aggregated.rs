//! Aggregated discovery: everything that a server serves in one document.

use std::borrow::Cow;

use serde::Deserialize;
use syncer_core::identity::{Gvr, ResourceType, Scope};

use super::{Served, ServedResource};

#[derive(Deserialize)]
struct Form<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    items: Vec<Group<'a>>,
}

#[derive(Default, Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Group<'a> {
    #[serde(borrow, default)]
    metadata: Metadata<'a>,
    #[serde(borrow, default)]
    versions: Vec<Version<'a>>,
}

#[derive(Deserialize)]
struct Version<'a> {
    #[serde(borrow)]
    #[serde(rename = "version")]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    freshness: Cow<'a, str>,
    #[serde(borrow, default)]
    resources: Vec<Resource<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    #[serde(borrow)]
    #[serde(rename = "resource")]
    name: Cow<'a, str>,
    #[serde(borrow)]
    response_kind: Option<Kind<'a>>,
    #[serde(borrow, default)]
    scope: Cow<'a, str>,
    #[serde(default)]
    verbs: Vec<Box<str>>,
    #[serde(borrow, default)]
    subresources: Vec<Subresource<'a>>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Subresource<'a> {
    #[serde(borrow)]
    #[serde(rename = "subresource")]
    name: Cow<'a, str>,
}

/// Takes what the document says; whether it is an aggregated one at all.
pub(super) fn read(document: &[u8], served: &mut Served) -> Result<bool, serde_json::Error> {
    // The other form has no items of this shape, so its kind is looked at first.
    if serde_json::from_slice::<Form<'_>>(document)?.kind != "APIGroupDiscoveryList" {
        return Ok(false);
    }
    let document = serde_json::from_slice::<Document<'_>>(document)?;
    for group in &document.items {
        for version in &group.versions {
            if version.freshness == "Stale" {
                served.doubt(&group.metadata.name);
            }
            version
                .resources
                .iter()
                .filter_map(|resource| resource.read(&group.metadata.name, &version.name))
                .for_each(|resource| served.add(resource));
        }
    }
    Ok(true)
}

// === impl Resource ===

impl Resource<'_> {
    fn read(&self, group: &str, version: &str) -> Option<ServedResource> {
        // A parent without a kind is only there for its subresources.
        let kind = self
            .response_kind
            .as_ref()
            .map(|kind| &*kind.kind)
            .filter(|kind| !kind.is_empty())?;
        let scope = if self.scope == "Namespaced" {
            Scope::Namespaced
        } else {
            Scope::Cluster
        };
        Some(ServedResource {
            resource: ResourceType {
                gvr: Gvr::new(group, version, &self.name),
                kind: kind.into(),
                scope,
            },
            verbs: self.verbs.iter().cloned().collect(),
            subresources: self.subresources.iter().map(|below| (&*below.name).into()).collect(),
        })
    }
}
