//! The life of a namespace: what may be created in it, and how it ends.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;
use syncer_core::Gvr;

use super::delete::Deletion;
use crate::{
    error::{Cause, Details, Refusal},
    registry::Resource,
    request::options::Run,
    state::{NamespaceLifecycle, Now, State, Subject},
    store::{key::Key, stored::Stored},
};

// === impl State ===

impl State {
    /// The namespace `name`.
    fn namespace(&self, cluster: &Arc<str>, name: &str) -> Option<(Subject, Arc<Stored>)> {
        let resource = self.resource(cluster, &Gvr::new("", "v1", "namespaces"))?;
        let subject = Subject {
            resource,
            cluster: Arc::clone(cluster),
            namespace: String::new(),
            name: name.to_owned(),
        };
        let stored = self.get(&subject)?;
        Some((subject, stored))
    }

    /// Whether something may be created where `subject` is.
    pub(crate) fn admits_content(&self, subject: &Subject) -> Result<(), Refusal> {
        if !subject.resource.is_namespaced() {
            return Ok(());
        }
        let Some((_, namespace)) = self.namespace(&subject.cluster, &subject.namespace) else {
            let message = format!("namespaces {:?} not found", subject.namespace);
            return Err(Refusal::new(StatusCode::NOT_FOUND, "NotFound", message).with(Details {
                name: subject.namespace.clone(),
                kind: "namespaces".to_owned(),
                ..Details::default()
            }));
        };
        if namespace.value().pointer("/metadata/deletionTimestamp").is_none() {
            return Ok(());
        }
        let resource = &subject.resource;
        let message = format!(
            "{} {:?} is forbidden: unable to create new content in namespace {} because it is being terminated",
            resource.qualified(),
            subject.name,
            subject.namespace
        );
        let cause = Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {} is being terminated", subject.namespace),
            field: "metadata.namespace".to_owned(),
        };
        Err(Refusal::new(StatusCode::FORBIDDEN, "Forbidden", message).with(Details {
            name: subject.name.clone(),
            group: resource.group().to_owned(),
            kind: resource.plural().to_owned(),
            causes: vec![cause],
            retry_after_seconds: None,
        }))
    }

    /// Deletes what is in a namespace that terminates, and then the namespace.
    pub(crate) fn empty_namespace(&mut self, cluster: &Arc<str>, name: &str, now: Now) {
        if self.namespaces == NamespaceLifecycle::ByHand {
            return;
        }
        for (resource, object) in self.content(cluster, name) {
            let subject = Subject::of(&resource, &object);
            let deletion = Deletion {
                grace: Some(0),
                ..Deletion::default()
            };
            // Without preconditions a delete is never refused.
            let _ = self.delete(&subject, &object, &deletion, Run::Real, now);
        }
        self.finish_namespace(cluster, name);
    }

    /// Removes a namespace that terminates and is empty.
    pub(crate) fn finish_namespace(&mut self, cluster: &Arc<str>, name: &str) {
        if name.is_empty() || self.namespaces == NamespaceLifecycle::ByHand {
            return;
        }
        let Some((subject, stored)) = self.namespace(cluster, name) else {
            return;
        };
        let mut object = stored.value();
        if object.pointer("/metadata/deletionTimestamp").is_none() || self.has_content(cluster, name) {
            return;
        }
        let finalized = object
            .get_mut("spec")
            .and_then(Value::as_object_mut)
            .and_then(|spec| spec.remove("finalizers"));
        if object.pointer("/metadata/finalizers/0").is_some() {
            if finalized.is_none() {
                return;
            }
            let stored = Arc::new(Stored::new(cluster, object, self.store.next_version()));
            self.store.put(&subject.resource.collection, subject.key(), stored);
            return;
        }
        self.remove(&subject, object);
    }

    fn has_content(&self, cluster: &str, namespace: &str) -> bool {
        let prefix = Key::prefix(Some(cluster), Some(namespace));
        self.store
            .collections()
            .any(|(_, collection)| collection.range(&prefix, None).next().is_some())
    }

    /// All objects in a namespace.
    fn content(&self, cluster: &Arc<str>, namespace: &str) -> Vec<(Arc<Resource>, Arc<Stored>)> {
        let prefix = Key::prefix(Some(cluster), Some(namespace));
        let Some(registry) = self.registries.get(cluster) else {
            return Vec::new();
        };
        let mut content = Vec::new();
        for (name, collection) in self.store.collections() {
            let Some(resource) = registry.iter().find(|resource| resource.collection == *name) else {
                continue;
            };
            content.extend(
                collection
                    .range(&prefix, None)
                    .map(|(_, object)| (Arc::clone(resource), Arc::clone(object))),
            );
        }
        content
    }
}
