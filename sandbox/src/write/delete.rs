//! Objects that go.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::form::metadata;
use crate::object::child;
use crate::{
    error::Refusal,
    registry::Nature,
    request::options::Run,
    schema::time,
    state::{Now, State, Subject},
    store::{key::Key, stored::Stored},
};

/// What a delete asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletion {
    /// The UID that the object must have.
    pub(crate) uid: Option<String>,
    /// The resourceVersion that it must have.
    pub(crate) version: Option<String>,
    /// The seconds that a running pod is given.
    pub(crate) grace: Option<i64>,
}

/// What came of a delete.
#[derive(Clone, Debug)]
pub(crate) enum Deleted {
    /// The object is gone; this was its last state.
    Gone(Arc<Stored>),
    /// Something keeps it: it goes when its last finalizer does.
    Marked(Arc<Stored>),
}

// === impl State ===

impl State {
    /// Deletes `old`.
    ///
    /// # Errors
    /// A precondition does not hold.
    pub(crate) fn delete(
        &mut self,
        subject: &Subject,
        old: &Arc<Stored>,
        deletion: &Deletion,
        run: Run,
        now: Now,
    ) -> Result<Deleted, Refusal> {
        let resource = &subject.resource;
        if resource.nature == Nature::Namespace && matches!(&*subject.name, "default" | "kube-system" | "kube-public") {
            return Err(Refusal::forbidden(
                resource,
                &subject.name,
                "this namespace may not be deleted",
            ));
        }
        if let Some(uid) = deletion.uid.as_deref().filter(|uid| **uid != *old.uid) {
            let why = format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
                old.uid
            );
            return Err(Refusal::precondition(resource, &subject.name, &why));
        }
        if let Some(version) = deletion
            .version
            .as_deref()
            .filter(|version| **version != old.version.to_string())
        {
            let why = format!(
                "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been \
                 modified",
                old.version
            );
            return Err(Refusal::precondition(resource, &subject.name, &why));
        }
        let mut object = old.value();
        let grace = grace_period(subject, &object, deletion);
        let finalizers = object
            .pointer("/metadata/finalizers")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
        let held = finalizers
            || grace > 0
            || resource.nature == Nature::Namespace && object.pointer("/spec/finalizers/0").is_some();
        if !held {
            if run == Run::Real {
                let last = self.remove(subject, object);
                return Ok(Deleted::Gone(last));
            }
            return Ok(Deleted::Gone(Arc::clone(old)));
        }
        let marked = object.pointer("/metadata/deletionTimestamp").is_some();
        let shorter = object
            .pointer("/metadata/deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
            .is_some_and(|before| grace < before);
        if marked && !shorter {
            return Ok(Deleted::Marked(Arc::clone(old)));
        }
        let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
        if let Some(head) = metadata(&mut object) {
            let at = now.0.checked_add(SignedDuration::from_secs(grace)).unwrap_or(now.0);
            head.insert("deletionTimestamp".to_owned(), time::seconds(at).into());
            if resource.nature != Nature::Namespace {
                head.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
            }
            if let Some(generation) = generation.filter(|_| resource.has_generation() && !marked) {
                head.insert("generation".to_owned(), json!(generation + 1));
            }
        }
        if resource.nature == Nature::Namespace
            && let Some(status) = child(&mut object, "status")
        {
            status.insert("phase".to_owned(), json!("Terminating"));
        }
        let version = if run == Run::Real {
            self.store.next_version()
        } else {
            old.version
        };
        let stored = Arc::new(Stored::new(&subject.cluster, object, version));
        if run == Run::Real {
            self.store.put(&resource.collection, subject.key(), Arc::clone(&stored));
            if resource.nature == Nature::Namespace {
                self.empty_namespace(&subject.cluster, &subject.name, now);
            }
        }
        Ok(Deleted::Marked(stored))
    }

    /// Removes an object whose last state is `object`, whatever holds it.
    pub(crate) fn remove(&mut self, subject: &Subject, object: Value) -> Arc<Stored> {
        let resource = &subject.resource;
        if resource.nature == Nature::Service
            && let Some(spec) = object.get("spec").and_then(Value::as_object)
        {
            self.allocations.release(&mut spec.clone());
        }
        let definition = (resource.nature == Nature::Definition).then(|| object.clone());
        let last = Arc::new(Stored::new(&subject.cluster, object, self.store.next_version()));
        self.store
            .delete(&resource.collection, &subject.key(), Arc::clone(&last));
        if let Some(definition) = definition {
            self.undefine(&subject.cluster, &definition);
        }
        self.finish_namespace(&subject.cluster, &subject.namespace);
        last
    }

    /// Stops serving what a CRD defined, and removes its objects.
    fn undefine(&mut self, cluster: &Arc<str>, definition: &Value) {
        let text = |path: &str| {
            definition
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (group, plural) = (text("/spec/group"), text("/spec/names/plural"));
        let Some(registry) = self.registries.get_mut(cluster) else {
            return;
        };
        let resource = registry
            .iter()
            .find(|resource| resource.group() == group && resource.plural() == plural)
            .cloned();
        registry.remove(&group, &plural);
        let Some(resource) = resource else { return };
        let objects: Vec<Arc<Stored>> = self
            .store
            .collection(&resource.collection)
            .map(|collection| {
                collection
                    .range(&Key::prefix(Some(cluster), None), None)
                    .map(|(_, object)| Arc::clone(object))
                    .collect()
            })
            .unwrap_or_default();
        for object in objects {
            self.remove(&Subject::of(&resource, &object), object.value());
        }
    }
}

/// The seconds that the object is given: none, but for a pod that runs on a node.
fn grace_period(subject: &Subject, object: &Value, deletion: &Deletion) -> i64 {
    if subject.resource.nature != Nature::Pod || object.pointer("/spec/nodeName").is_none() {
        return 0;
    }
    let own = || {
        object
            .pointer("/spec/terminationGracePeriodSeconds")
            .and_then(Value::as_i64)
            .unwrap_or(30)
    };
    deletion.grace.unwrap_or_else(own).max(0)
}
