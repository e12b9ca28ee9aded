//! Exports, and the addresses of their virtual workspaces.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{condition, list, resources, short_hash, text, with_times};
use crate::{
    kubernetes,
    object::put,
    registry::{Registry, crd},
    state::{Now, State, Subject},
    write::Part,
};

/// An export, ready to be served.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    /// The version of the object that this was made of, and of its schemas.
    version: u64,
    /// The export in the labels of claimed objects and bindings.
    pub(crate) hash: String,
    /// What it exports: resources with collections of their own.
    pub(crate) exported: Registry,
    /// What it claims.
    pub(crate) claims: Vec<ClaimedResource>,
}

/// A resource that an export claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimedResource {
    /// The group; empty for the core group.
    pub(crate) group: String,
    /// The plural.
    pub(crate) resource: String,
    /// What may be done with it.
    pub(crate) verbs: Vec<String>,
}

// === impl ClaimedResource ===

impl ClaimedResource {
    /// Reads a claim of an export or of a binding.
    pub(super) fn parse(claim: &Value) -> Self {
        let verbs = list(claim, "/verbs")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        Self {
            group: text(claim, "/group").to_owned(),
            resource: text(claim, "/resource").to_owned(),
            verbs,
        }
    }
}

// === impl State ===

impl State {
    /// Reads the exports anew where they changed, and gives each its slice.
    pub(super) fn reconcile_exports(&mut self, now: Now) {
        let found = self.kcp_objects(&resources::exports());
        let keys: Vec<(Arc<str>, String)> = found
            .iter()
            .map(|(subject, _)| (Arc::clone(&subject.cluster), subject.name.clone()))
            .collect();
        if let Some(kcp) = &mut self.kcp {
            kcp.exports.retain(|key, _| keys.contains(key));
        }
        for ((subject, stored), key) in found.into_iter().zip(keys) {
            let object = stored.value();
            let schemas = self.schemas(&subject.cluster, &object);
            let version = schemas
                .iter()
                .map(|(_, version)| *version)
                .max()
                .unwrap_or_default()
                .max(stored.version);
            let known = self
                .kcp
                .as_ref()
                .and_then(|kcp| kcp.exports.get(&key))
                .is_some_and(|export| export.version == version);
            if !known {
                let identity = short_hash(&format!("{}|{}|{}", subject.cluster, subject.name, stored.uid));
                let mut exported = Registry::empty();
                for mut resource in schemas.iter().flat_map(|(schema, _)| crd::exported(schema)) {
                    resource.collection = format!("{}:{identity}", resource.gvr).into();
                    exported.insert(resource);
                }
                let claims = list(&object, "/spec/permissionClaims")
                    .iter()
                    .map(ClaimedResource::parse)
                    .collect();
                let hash = short_hash(&format!("{}|{}", subject.cluster, subject.name));
                if let Some(kcp) = &mut self.kcp {
                    kcp.exports.insert(
                        key,
                        Export {
                            version,
                            hash,
                            exported,
                            claims,
                        },
                    );
                }
                self.settle(&subject, Part::Status, now, |export| {
                    let conditions = with_times(vec![condition("IdentityValid", now)], export);
                    put(
                        export,
                        "status",
                        json!({"identityHash": identity, "conditions": conditions}),
                    );
                });
                // The write of the status made a version of its own: the export is known at that one.
                let version = self.get(&subject).map_or(version, |stored| stored.version.max(version));
                if let Some(export) = self.kcp.as_mut().and_then(|kcp| {
                    kcp.exports
                        .get_mut(&(Arc::clone(&subject.cluster), subject.name.clone()))
                }) {
                    export.version = version;
                }
            }
            let reference = json!({"export": {"name": subject.name, "path": self.path_of(&subject.cluster)}});
            let slice = json!({"metadata": {"name": subject.name}, "spec": reference});
            if self.slice(&subject).is_none() {
                kubernetes::place(self, &subject.cluster, &resources::slices(), "", slice, now);
            }
        }
    }

    /// The schemas that an export names, with their versions.
    fn schemas(&self, cluster: &Arc<str>, export: &Value) -> Vec<(Value, u64)> {
        let named = list(export, "/spec/resources")
            .iter()
            .map(|resource| text(resource, "/schema"));
        let old_form = list(export, "/spec/latestResourceSchemas")
            .iter()
            .filter_map(Value::as_str);
        let Some(resource) = self.resource(cluster, &resources::schemas()) else {
            return Vec::new();
        };
        named
            .chain(old_form)
            .filter_map(|name| {
                let subject = Subject {
                    resource: Arc::clone(&resource),
                    cluster: Arc::clone(cluster),
                    namespace: String::new(),
                    name: name.to_owned(),
                };
                self.get(&subject).map(|stored| (stored.value(), stored.version))
            })
            .collect()
    }

    fn slice(&self, export: &Subject) -> Option<Subject> {
        let resource = self.resource(&export.cluster, &resources::slices())?;
        let subject = Subject {
            resource,
            ..export.clone()
        };
        self.get(&subject).map(|_| subject)
    }

    /// Publishes the address of each export that somebody has bound, and withdraws the others.
    pub(super) fn reconcile_slices(&mut self, now: Now) {
        let bound: Vec<(Arc<str>, String)> = self
            .bindings()
            .into_iter()
            .filter_map(|binding| binding.export)
            .collect();
        for (subject, stored) in self.kcp_objects(&resources::slices()) {
            let slice = stored.value();
            let name = text(&slice, "/spec/export/name").to_owned();
            let path = text(&slice, "/spec/export/path");
            let Some(kcp) = &self.kcp else { return };
            let provider = if path.is_empty() {
                Some(Arc::clone(&subject.cluster))
            } else {
                kcp.resolve(path)
            };
            let Some(provider) = provider else { continue };
            let url = format!("{}/services/apiexport/{provider}/{name}", kcp.url);
            let endpoints = if bound.contains(&(provider, name)) {
                json!([{"url": url}])
            } else {
                json!([])
            };
            self.settle(&subject, Part::Status, now, |slice| {
                let conditions = with_times(
                    vec![condition("APIExportValid", now), condition("EndpointURLsReady", now)],
                    slice,
                );
                put(
                    slice,
                    "status",
                    json!({"endpoints": endpoints, "conditions": conditions}),
                );
            });
        }
    }

    /// The path of a logical cluster.
    pub(super) fn path_of(&self, cluster: &str) -> String {
        self.kcp
            .as_ref()
            .and_then(|kcp| kcp.paths.get(cluster))
            .cloned()
            .unwrap_or_default()
    }
}
