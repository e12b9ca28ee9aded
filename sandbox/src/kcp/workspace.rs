//! Workspaces and their logical clusters.

use std::sync::Arc;

use serde_json::{Value, json};
use syncer_core::Gvr;

use super::{CLUSTER, Held, has_finalizer, is_deleting, resources, set_finalizer, text};
use crate::{
    kubernetes,
    object::{child, put},
    state::{Now, State, Subject},
    store::{key::Key, stored::Stored},
    write::{Part, delete::Deletion},
};

/// Holds a workspace until its logical cluster is empty.
const FINALIZER: &str = "core.kcp.io/logicalcluster";

// === impl State ===

impl State {
    /// A new logical cluster with what every workspace has.
    pub(super) fn add_logical_cluster(&mut self, name: &Arc<str>, path: &str, now: Now) {
        self.registries.insert(Arc::clone(name), resources::registry());
        if let Some(kcp) = &mut self.kcp {
            kcp.paths.insert(Arc::clone(name), path.to_owned());
        }
        let cluster = json!({"metadata": {"name": "cluster", "annotations": {"kcp.io/path": path}}, "spec": {}});
        kubernetes::place(self, name, &resources::logical_clusters(), "", cluster, now);
        let subject = self
            .resource(name, &resources::logical_clusters())
            .map(|resource| Subject {
                resource,
                cluster: Arc::clone(name),
                namespace: String::new(),
                name: "cluster".to_owned(),
            });
        if let Some(subject) = subject {
            self.settle(&subject, Part::Status, now, |cluster| {
                put(cluster, "status", json!({"phase": "Ready"}));
            });
        }
        for namespace in ["default", "kube-system"] {
            kubernetes::place(
                self,
                name,
                &Gvr::new("", "v1", "namespaces"),
                "",
                json!({"metadata": {"name": namespace}}),
                now,
            );
            let certificate = json!({"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": ""}});
            kubernetes::place(
                self,
                name,
                &Gvr::new("", "v1", "configmaps"),
                namespace,
                certificate,
                now,
            );
        }
    }

    /// Gives every workspace its logical cluster, and empties those that are deleted.
    pub(super) fn reconcile_workspaces(&mut self, now: Now) {
        for (subject, stored) in self.kcp_objects(&resources::workspaces()) {
            let workspace = stored.value();
            let name = text(&workspace, "/spec/cluster").to_owned();
            if is_deleting(&workspace) {
                if has_finalizer(&workspace, FINALIZER) && self.empty_cluster(&name, now) {
                    self.registries.shift_remove(&*name);
                    if let Some(kcp) = &mut self.kcp {
                        kcp.paths.shift_remove(&*name);
                    }
                    self.settle(&subject, Part::Object, now, |workspace| {
                        set_finalizer(workspace, FINALIZER, Held::No);
                    });
                }
                continue;
            }
            if name.is_empty() {
                self.open_workspace(&subject, now);
            }
        }
    }

    fn open_workspace(&mut self, subject: &Subject, now: Now) {
        let Some(kcp) = &self.kcp else { return };
        let parent = kcp.paths.get(&subject.cluster).cloned().unwrap_or_default();
        let path = format!("{parent}:{}", subject.name);
        let url = format!("{}/clusters/{path}", kcp.url);
        let name: String = (0..14).map(|_| self.chance.char('a'..='z')).collect();
        self.add_logical_cluster(&name.as_str().into(), &path, now);
        self.settle(subject, Part::Object, now, |workspace| {
            set_finalizer(workspace, FINALIZER, Held::Yes);
            if let Some(spec) = child(workspace, "spec") {
                spec.insert("cluster".to_owned(), name.as_str().into());
                spec.insert("URL".to_owned(), url.into());
            }
        });
        self.settle(subject, Part::Status, now, |workspace| {
            put(workspace, "status", json!({"phase": "Ready"}));
        });
    }

    /// Deletes what is in a logical cluster, bindings last. Whether nothing is left.
    fn empty_cluster(&mut self, name: &str, now: Now) -> bool {
        let Some((cluster, registry)) = self
            .registries
            .get_key_value(name)
            .map(|(name, registry)| (Arc::clone(name), registry.clone()))
        else {
            return true;
        };
        let prefix = Key::prefix(Some(name), None);
        let mut content: Vec<(Subject, Arc<Stored>)> = Vec::new();
        for (collection, objects) in self.store.collections() {
            if let Some(resource) = registry.iter().find(|resource| resource.collection == *collection) {
                content.extend(
                    objects
                        .range(&prefix, None)
                        .map(|(_, object)| (Subject::of(resource, object), Arc::clone(object))),
                );
            }
        }
        let is_last = |subject: &Subject| subject.resource.group() == "apis.kcp.io";
        let is_own = |subject: &Subject| subject.resource.group() == "core.kcp.io";
        let first = content.iter().any(|(subject, _)| !is_last(subject) && !is_own(subject));
        for (subject, object) in &content {
            if is_own(subject) || (first && is_last(subject)) {
                continue;
            }
            self.clear(subject, object, now);
        }
        let rest = content
            .iter()
            .filter(|(subject, _)| !is_own(subject) && self.get(subject).is_some())
            .count();
        if rest == 0 {
            for (subject, object) in content.iter().filter(|(subject, _)| is_own(subject)) {
                self.remove(subject, object.value());
            }
        }
        tracing::trace!(cluster = &*cluster, rest, "emptied a logical cluster");
        rest == 0
    }

    /// Deletes an object; one that no delete may touch, such as the namespace `default`, is removed all the same.
    pub(super) fn clear(&mut self, subject: &Subject, object: &Arc<Stored>, now: Now) {
        let Some(object) = self.get(subject).filter(|found| found.uid == object.uid) else {
            return;
        };
        let deletion = Deletion {
            grace: Some(0),
            ..Deletion::default()
        };
        if self
            .delete(subject, &object, &deletion, crate::request::options::Run::Real, now)
            .is_err()
        {
            self.remove(subject, object.value());
        }
    }
}

/// Whether an object that a client sent names its logical cluster.
pub(crate) fn names_cluster(object: &Value) -> bool {
    let annotations = object.get("metadata").and_then(|head| head.get("annotations"));
    annotations.and_then(|annotations| annotations.get(CLUSTER)).is_some()
}

/// Names the logical cluster of an object, as everything that is read from kcp does.
pub(crate) fn with_cluster(cluster: &str, object: &mut Value) {
    if cluster.is_empty() {
        return;
    }
    if let Some(head) = child(object, "metadata") {
        let annotations = head.entry("annotations").or_insert_with(|| json!({}));
        put(annotations, CLUSTER, cluster);
    }
}

/// Takes the annotation off that names the logical cluster: it comes from where the object is, not from what it holds.
pub(crate) fn without_cluster(object: &mut Value) {
    let Some(head) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let empty = match head.get_mut("annotations").and_then(Value::as_object_mut) {
        Some(annotations) => {
            annotations.remove(CLUSTER);
            annotations.is_empty()
        }
        None => false,
    };
    if empty {
        head.remove("annotations");
    }
}
