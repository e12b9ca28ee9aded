//! Objects that change.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Claim, Effect, Part, Written,
    form::{Arrival, bring, complete, metadata},
};
use crate::object::{child, put};
use crate::{
    admit::{defaults, service, validate},
    apply::{
        managers::Managers,
        update::{self, Author},
    },
    error::{Cause, Refusal},
    kcp::{names_cluster, without_cluster},
    registry::{Nature, Resource, StatusPart, crd},
    request::options::{Origin, Run, WriteOptions},
    state::{Now, State, Subject},
    store::stored::Stored,
};

/// A write to an object that is there.
pub(crate) struct Replacement<'a> {
    /// The object.
    pub(crate) subject: &'a Subject,
    /// The part that may change.
    pub(crate) part: Part,
    /// What is there.
    pub(crate) old: &'a Arc<Stored>,
    /// What shall be there.
    pub(crate) new: Value,
    /// Who owns what is written.
    pub(crate) claim: Claim,
    /// Whether `new` came as a whole.
    pub(crate) arrival: Arrival,
}

// === impl State ===

impl State {
    /// Changes an object.
    ///
    /// # Errors
    /// The write is refused.
    pub(crate) fn replace(
        &mut self,
        replacement: Replacement<'_>,
        options: &WriteOptions,
        now: Now,
    ) -> Result<Written, Refusal> {
        let Replacement {
            subject,
            part,
            old,
            mut new,
            claim,
            arrival,
        } = replacement;
        let resource = &subject.resource;
        let names_cluster = options.origin == Origin::Server || names_cluster(&new);
        if !subject.cluster.is_empty() {
            without_cluster(&mut new);
        }
        let warnings = bring(resource, &mut new, options, arrival)?;
        check_identity(subject, old, &new, arrival)?;
        let old_value = old.value();
        let given = take_managers(&mut new);
        isolate(resource, part, &old_value, &mut new);
        keep_identity(&old_value, &mut new);
        defaults::apply(resource, &mut new);
        complete(resource, &mut new);

        let managers = match claim {
            Claim::Applied(managers) => managers,
            Claim::Update => {
                let managers = given.unwrap_or_else(|| Managers::of(&old_value));
                updated(
                    resource,
                    &old_value,
                    &new,
                    managers,
                    &part.author(subject, options, now),
                )
            }
        };
        managers.store(&mut new);
        self.label_claims(subject, &mut new);
        if resource.nature == Nature::Service
            && part == Part::Object
            && let (Some(spec), Some(old_spec)) = (
                child(&mut new, "spec"),
                old_value.get("spec").and_then(Value::as_object),
            )
        {
            service::inherit(spec, old_spec);
            self.allocations.allocate(spec);
        }
        if resource.nature == Nature::Definition && part == Part::Object {
            crd::established(&mut new, &now.seconds());
        }
        let causes = validate::check(resource, &new, Some(&old_value));
        if !causes.is_empty() {
            return Err(invalid(subject, part, causes));
        }
        if part != Part::Status && content_differs(resource, &old_value, &new) {
            let generation = old_value
                .pointer("/metadata/generation")
                .and_then(Value::as_i64)
                .unwrap_or_default();
            if let Some(head) = metadata(&mut new).filter(|_| resource.has_generation()) {
                head.insert("generation".to_owned(), json!(generation + 1));
            }
        }
        let is_kept =
            subject.cluster.is_empty() || options.origin == Origin::Server || names_cluster == old.names_cluster;
        if is_kept && is_same(&old_value, &new) {
            return Ok(Written {
                object: Arc::clone(old),
                effect: Effect::Unchanged,
                warnings,
            });
        }
        let gone = is_done(resource, &new);
        let run = options.run == Run::Real;
        let version = if gone || !run {
            old.version
        } else {
            self.store.next_version()
        };
        if run && gone {
            // The last event shows the object as it was before its last finalizer went, as on the API server.
            self.remove(subject, old_value.clone());
        }
        let definition = (resource.nature == Nature::Definition && run && !gone).then(|| new.clone());
        let mut object = Stored::new(&subject.cluster, new, version);
        object.names_cluster = names_cluster;
        let object = Arc::new(object);
        if run && !gone {
            self.store.put(&resource.collection, subject.key(), Arc::clone(&object));
        }
        if let (Some(definition), Some(registry)) = (definition, self.registries.get_mut(&subject.cluster)) {
            for resource in crd::resources(&definition) {
                registry.insert(resource);
            }
        }
        Ok(Written {
            object,
            effect: if gone { Effect::Gone } else { Effect::Changed },
            warnings,
        })
    }
}

/// The refusal of what is wrong with a part of an object.
fn invalid(subject: &Subject, part: Part, causes: Vec<Cause>) -> Refusal {
    match part {
        Part::Scale => Refusal::invalid_scale(&subject.name, causes),
        _ => Refusal::invalid(&subject.resource, &subject.name, causes),
    }
}

/// The owners after `author` made `new` of `old`.
fn updated(resource: &Resource, old: &Value, new: &Value, managers: Managers, author: &Author) -> Managers {
    if managers.0.is_empty() {
        // Who owns what was not tracked so far, and is not from here on, until the first apply.
        return managers;
    }
    let zero = &resource.zero;
    let (live, next) = (update::with_zero(old, zero), update::with_zero(new, zero));
    update::update(&resource.shape, &live, &next, managers, author)
}

/// Whether what the write was made for is what is there.
fn check_identity(subject: &Subject, old: &Stored, new: &Value, arrival: Arrival) -> Result<(), Refusal> {
    let resource = &subject.resource;
    let text = |name: &str| {
        new.get("metadata")
            .and_then(|metadata| metadata.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let name = text("name");
    if name != subject.name {
        let message = if name.is_empty() {
            format!(
                "the name of the object ({} based on URL) was undeterminable: name must be provided",
                subject.name
            )
        } else {
            format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                subject.name
            )
        };
        return Err(Refusal::bad_request(message));
    }
    let namespace = text("namespace");
    if resource.is_namespaced() && !namespace.is_empty() && namespace != subject.namespace {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let uid = text("uid");
    if arrival == Arrival::Whole && !uid.is_empty() && uid != &*old.uid {
        let path = storage_path(subject);
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{path}/{name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
             UID in precondition: {uid}, UID in object meta: {}",
            old.uid
        );
        return Err(Refusal::conflict(resource, name, &why));
    }
    let version = text("resourceVersion");
    if version.is_empty() && arrival == Arrival::Whole && resource.is_custom() {
        return Err(Refusal::unversioned(resource, name));
    }
    if !version.is_empty() && version.parse::<u64>().is_err() {
        let message = format!("strconv.ParseUint: parsing {version:?}: invalid syntax");
        return Err(Refusal::internal(message));
    }
    if !version.is_empty() && version != old.version.to_string() {
        return Err(Refusal::stale(resource, name));
    }
    if !uid.is_empty() && uid != &*old.uid {
        let cause = Cause::invalid("metadata.uid", &uid.into(), "field is immutable");
        return Err(Refusal::invalid(resource, name, vec![cause]));
    }
    Ok(())
}

/// Where the API server's store has the object, without its name.
fn storage_path(subject: &Subject) -> String {
    let resource = &subject.resource;
    let mut path = resource.plural().to_owned();
    if resource.is_custom() {
        path = format!("{}/{path}", resource.group());
    }
    // What an export brings is kept by its identity.
    if let Some((_, identity)) = resource.collection.split_once(':') {
        path = format!("{path}/{identity}");
    }
    for part in [&*subject.cluster, &*subject.namespace] {
        if !part.is_empty() {
            path = format!("{path}/{part}");
        }
    }
    path
}

/// The managers that the client sent; none if it sent none, which means those that are there.
fn take_managers(new: &mut Value) -> Option<Managers> {
    let Some(Value::Array(entries)) = metadata(new)?.remove("managedFields") else {
        return None;
    };
    if entries.is_empty() {
        return None;
    }
    // One empty entry resets them.
    Some(Managers::decode(&entries).unwrap_or_default())
}

/// Puts back everything that this part may not change.
fn isolate(resource: &Resource, part: Part, old: &Value, new: &mut Value) {
    let restore = |new: &mut Value, field: &str| {
        let Some(map) = new.as_object_mut() else { return };
        match old.get(field) {
            Some(value) => map.insert(field.to_owned(), value.clone()),
            None => map.remove(field),
        };
    };
    match part {
        Part::Object | Part::Scale => {
            if resource.status == StatusPart::Subresource {
                restore(new, "status");
            }
            if resource.nature == Nature::Namespace {
                restore(new, "spec");
            }
        }
        Part::Status => {
            let status = new.get("status").cloned();
            let mut head = new.get("metadata").cloned().unwrap_or_default();
            if resource.is_custom() {
                head = old.get("metadata").cloned().unwrap_or_default();
            } else if matches!(resource.nature, Nature::Deployment | Nature::ReplicaSet)
                && let Some(head) = head.as_object_mut()
            {
                match old.pointer("/metadata/labels") {
                    Some(labels) => head.insert("labels".to_owned(), labels.clone()),
                    None => head.remove("labels"),
                };
            }
            *new = old.clone();
            put(new, "metadata", head);
            if let Some(new) = new.as_object_mut() {
                match status {
                    Some(status) => new.insert("status".to_owned(), status),
                    None => new.remove("status"),
                };
            }
            take_managers(new);
        }
        Part::Finalize => {
            let finalizers = new.pointer("/spec/finalizers").cloned();
            *new = old.clone();
            take_managers(new);
            if let Some(spec) = child(new, "spec") {
                match finalizers {
                    Some(finalizers) => spec.insert("finalizers".to_owned(), finalizers),
                    None => spec.remove("finalizers"),
                };
            }
        }
    }
}

/// Puts back what no client may change.
fn keep_identity(old: &Value, new: &mut Value) {
    let Some(head) = metadata(new) else { return };
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "resourceVersion",
    ] {
        match old.get("metadata").and_then(|metadata| metadata.get(field)) {
            Some(value) => head.insert(field.to_owned(), value.clone()),
            None => head.remove(field),
        };
    }
}

/// Whether anything but metadata and status differs.
fn content_differs(resource: &Resource, old: &Value, new: &Value) -> bool {
    let content = |object: &Value| {
        let mut object = object.as_object().cloned().unwrap_or_default();
        for field in ["metadata", "kind", "apiVersion"] {
            object.remove(field);
        }
        if resource.status == StatusPart::Subresource {
            object.remove("status");
        }
        object
    };
    content(old) != content(new)
}

/// Whether nothing differs but the times of managers.
fn is_same(old: &Value, new: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        if let Some(object) = object.as_object_mut() {
            object.remove("kind");
            object.remove("apiVersion");
        }
        for entry in object
            .pointer_mut("/metadata/managedFields")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("time");
            }
        }
        object
    };
    timeless(old) == timeless(new)
}

/// Whether a deleted object has nothing left to wait for.
pub(crate) fn is_done(resource: &Resource, object: &Value) -> bool {
    let head = object.get("metadata");
    let deleted = head.and_then(|head| head.get("deletionTimestamp")).is_some();
    let empty = |list: Option<&Value>| list.and_then(Value::as_array).is_none_or(Vec::is_empty);
    let kept = resource.nature == Nature::Namespace && !empty(object.pointer("/spec/finalizers"));
    let grace = head
        .and_then(|head| head.get("deletionGracePeriodSeconds"))
        .and_then(Value::as_i64)
        .unwrap_or_default();
    deleted && empty(head.and_then(|head| head.get("finalizers"))) && !kept && grace == 0
}
