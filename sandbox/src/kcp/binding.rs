//! Bindings: the resources of an export in the workspace that binds it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Held, condition, export::Export, has_finalizer, is_deleting, list, resources, set_finalizer, text, with_times,
};
use crate::{
    object::{child, put},
    state::{Now, State, Subject},
    store::key::Key,
    write::Part,
};

/// Holds a binding until the objects that it brought are gone.
const FINALIZER: &str = "apis.kcp.io/apibinding-finalizer";
/// The annotation that names the path of a binding's workspace.
const PATH: &str = "kcp.io/path";
/// The label of a binding that names its export.
pub(super) const EXPORT_LABEL: &str = "internal.apis.kcp.io/export";

/// A binding, and the export that it refers to.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    /// The object.
    pub(super) subject: Subject,
    /// What it holds.
    pub(super) object: Value,
    /// The logical cluster and the name of the export; none where the path leads nowhere.
    pub(super) export: Option<(Arc<str>, String)>,
}

// === impl State ===

impl State {
    /// All bindings.
    pub(super) fn bindings(&self) -> Vec<Binding> {
        let found = self.kcp_objects(&resources::bindings()).into_iter();
        found
            .map(|(subject, stored)| {
                let object = stored.value();
                let path = text(&object, "/spec/reference/export/path");
                let provider = match &self.kcp {
                    Some(kcp) if !path.is_empty() => kcp.resolve(path),
                    _ => Some(Arc::clone(&subject.cluster)),
                };
                let name = text(&object, "/spec/reference/export/name").to_owned();
                Binding {
                    subject,
                    object,
                    export: provider.map(|provider| (provider, name)),
                }
            })
            .collect()
    }

    fn export_of(&self, binding: &Binding) -> Option<Export> {
        self.kcp.as_ref()?.exports.get(binding.export.as_ref()?).cloned()
    }

    /// Serves what is bound, and takes it away with its objects where a binding is deleted.
    pub(super) fn reconcile_bindings(&mut self, now: Now) {
        for binding in self.bindings() {
            let export = self.export_of(&binding);
            if is_deleting(&binding.object) {
                if has_finalizer(&binding.object, FINALIZER) && self.unbind(&binding, export.as_ref(), now) {
                    self.settle(&binding.subject, Part::Object, now, |object| {
                        set_finalizer(object, FINALIZER, Held::No);
                    });
                }
                continue;
            }
            let Some(export) = export else { continue };
            if let Some(registry) = self.registries.get_mut(&binding.subject.cluster) {
                for resource in export.exported.iter() {
                    registry.share(resource);
                }
            }
            let path = self
                .kcp
                .as_ref()
                .and_then(|kcp| kcp.paths.get(&binding.subject.cluster).cloned());
            self.settle(&binding.subject, Part::Object, now, |object| {
                set_finalizer(object, FINALIZER, Held::Yes);
                if let Some(head) = child(object, "metadata") {
                    let annotations = head.entry("annotations").or_insert_with(|| json!({}));
                    put(annotations, PATH, path.unwrap_or_default());
                    let labels = head.entry("labels").or_insert_with(|| json!({}));
                    put(labels, EXPORT_LABEL, export.hash.as_str());
                }
            });
            self.settle(&binding.subject, Part::Status, now, |object| {
                let status = status(&binding, &export, object, now);
                put(object, "status", status);
            });
        }
    }

    /// Deletes the objects that a binding brought. Whether nothing is left of them.
    fn unbind(&mut self, binding: &Binding, export: Option<&Export>, now: Now) -> bool {
        let Some(export) = export else { return true };
        let cluster = Arc::clone(&binding.subject.cluster);
        let prefix = Key::prefix(Some(&cluster), None);
        let mut left = 0;
        for resource in export.exported.iter() {
            for (subject, object) in self.objects_with(resource, &prefix) {
                self.clear(&subject, &object, now);
                left += usize::from(self.get(&subject).is_some());
            }
        }
        if left > 0 {
            return false;
        }
        if let Some(registry) = self.registries.get_mut(&cluster) {
            for resource in export.exported.iter() {
                registry.remove(resource.group(), resource.plural());
            }
        }
        true
    }
}

fn status(binding: &Binding, export: &Export, object: &Value, now: Now) -> Value {
    let bound: Vec<Value> = export
        .exported
        .iter()
        .map(|resource| {
            let identity = resource.collection.rsplit(':').next().unwrap_or_default();
            json!({
                "group": resource.group(), "resource": resource.plural(), "storageVersions": [resource.gvr.version()],
                "schema": {"identityHash": identity},
            })
        })
        .collect();
    let claims: Vec<Value> = export
        .claims
        .iter()
        .map(
            |claim| json!({"group": claim.group, "resource": claim.resource, "verbs": claim.verbs, "identityHash": ""}),
        )
        .collect();
    let accepted = list(&binding.object, "/spec/permissionClaims")
        .iter()
        .filter(|claim| text(claim, "/state") == "Accepted");
    let applied: Vec<Value> = accepted
        .map(|claim| {
            let mut claim = claim.clone();
            if let Some(claim) = claim.as_object_mut() {
                claim.remove("state");
                claim.entry("identityHash").or_insert_with(|| "".into());
            }
            claim
        })
        .collect();
    let kinds = [
        "Ready",
        "APIExportValid",
        "BindingUpToDate",
        "InitialBindingCompleted",
        "PermissionClaimsApplied",
        "PermissionClaimsValid",
    ];
    let conditions = with_times(kinds.map(|kind| condition(kind, now)).to_vec(), object);
    let provider = binding.export.as_ref().map(|(provider, _)| provider.to_string());
    json!({
        "phase": "Bound",
        "apiExportClusterName": provider,
        "boundResources": bound,
        "exportPermissionClaims": claims,
        "appliedPermissionClaims": applied,
        "conditions": conditions,
    })
}
