//! New objects.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Claim, Effect, Part, Written,
    form::{Arrival, bring, complete, metadata},
};
use crate::object::{child, put};
use crate::{
    admit::{defaults, validate},
    apply::{managers::Managers, update},
    error::Refusal,
    kcp::without_cluster,
    registry::{Nature, StatusPart, crd},
    request::options::{Run, WriteOptions},
    state::{Now, State, Subject},
    store::stored::Stored,
};

/// What no client sets.
const SERVER_SET: [&str; 8] = [
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
];

/// How a refusal begins where the name is taken by an object that is on its way out.
const BEING_DELETED: &str = "object is being deleted: ";

// === impl State ===

impl State {
    /// Creates `object`.
    ///
    /// # Errors
    /// It is refused.
    pub(crate) fn create(
        &mut self,
        subject: &Subject,
        mut object: Value,
        claim: Claim,
        options: &WriteOptions,
        now: Now,
    ) -> Result<Written, Refusal> {
        let resource = &subject.resource;
        let warnings = bring(
            resource,
            &mut object,
            options,
            if matches!(claim, Claim::Update) {
                Arrival::Whole
            } else {
                Arrival::Patch
            },
        )?;
        check_identity(subject, &object, &claim)?;
        let subject = self.named(subject, &mut object)?;
        if resource.status == StatusPart::Subresource
            && let Some(object) = object.as_object_mut()
        {
            object.remove("status");
        }
        defaults::apply(resource, &mut object);

        let managers = match claim {
            Claim::Applied(managers) => managers,
            Claim::Update => {
                let author = Part::Object.author(&subject, options, now);
                update::update(&resource.shape, &resource.zero, &object, Managers::default(), &author)
            }
        };
        self.admits_content(&subject)?;
        if let Some(head) = metadata(&mut object) {
            head.insert("uid".to_owned(), self.uid().into());
            head.insert("creationTimestamp".to_owned(), now.seconds().into());
            if resource.has_generation() {
                head.insert("generation".to_owned(), json!(1));
            }
        }
        managers.store(&mut object);
        self.label_claims(&subject, &mut object);
        if resource.nature == Nature::Service
            && let Some(spec) = child(&mut object, "spec")
        {
            self.allocations.allocate(spec);
        }
        if resource.nature == Nature::Namespace {
            put(&mut object, "spec", json!({"finalizers": ["kubernetes"]}));
            put(&mut object, "status", json!({"phase": "Active"}));
        }
        if resource.nature == Nature::Definition {
            crd::established(&mut object, &now.seconds());
        }
        complete(resource, &mut object);
        let causes = validate::check(resource, &object, None);
        if !causes.is_empty() {
            return Err(Refusal::invalid(resource, &subject.name, causes));
        }
        if let Some(taken) = self.get(&subject) {
            let goes = taken.value().pointer("/metadata/deletionTimestamp").is_some();
            return Err(Refusal::already_exists(
                resource,
                &subject.name,
                if goes { BEING_DELETED } else { "" },
            ));
        }
        if options.run == Run::Dry {
            let object = Arc::new(Stored::new(&subject.cluster, object, 0));
            return Ok(Written {
                object,
                effect: Effect::Created,
                warnings,
            });
        }
        if resource.nature == Nature::Definition {
            self.define(&subject.cluster, &object);
        }
        let object = Arc::new(Stored::new(&subject.cluster, object, self.store.next_version()));
        self.store.put(&resource.collection, subject.key(), Arc::clone(&object));
        Ok(Written {
            object,
            effect: Effect::Created,
            warnings,
        })
    }

    /// The subject with its name, which is generated where only its beginning is given, and which `object` then carries too.
    fn named(&mut self, subject: &Subject, object: &mut Value) -> Result<Subject, Refusal> {
        if !subject.cluster.is_empty() {
            without_cluster(object);
        }
        let Some(head) = metadata(object) else {
            return Err(Refusal::bad_request("metadata must be an object"));
        };
        for field in SERVER_SET {
            head.remove(field);
        }
        let text = |name: &str| head.get(name).and_then(Value::as_str).unwrap_or_default();
        let (given, base) = (text("name").to_owned(), text("generateName").to_owned());
        let name = match (subject.name.as_str(), given.as_str(), base.as_str()) {
            ("", "", "") => String::new(),
            ("", "", base) => format!("{base}{}", self.suffix()),
            ("", given, _) => given.to_owned(),
            (name, ..) => name.to_owned(),
        };
        if !name.is_empty() {
            head.insert("name".to_owned(), name.as_str().into());
        }
        if subject.resource.is_namespaced() {
            head.insert("namespace".to_owned(), subject.namespace.as_str().into());
        }
        Ok(Subject {
            name,
            ..subject.clone()
        })
    }

    /// Serves what the CRD `definition` defines.
    fn define(&mut self, cluster: &Arc<str>, definition: &Value) {
        if let Some(registry) = self.registries.get_mut(cluster) {
            for resource in crd::resources(definition) {
                registry.insert(resource);
            }
        }
    }
}

/// Whether the body fits the path that it was sent to.
fn check_identity(subject: &Subject, object: &Value, claim: &Claim) -> Result<(), Refusal> {
    let text = |name: &str| {
        object
            .get("metadata")
            .and_then(|metadata| metadata.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let namespace = text("namespace");
    if subject.resource.is_namespaced() && !namespace.is_empty() && namespace != subject.namespace {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if !text("resourceVersion").is_empty() && matches!(claim, Claim::Update) {
        return Err(Refusal::internal(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    Ok(())
}
