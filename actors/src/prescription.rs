//! How an object has to be on a target: by which policy, and with which transforms.

use std::sync::Arc;

use serde_json::{json, value::RawValue};
use syncer_clusters::Object;
use syncer_core::{
    Gvr, ObjectKey, ResourceType,
    config::{FieldOwner, NamespaceMetadata, SyncPolicySpec},
    hash_key::HashKey,
    kind_rules,
    normalise::{self, Duplicate},
    ownership::ManagedEntry,
    payload::{Payload, PayloadError},
    placement::{self, Place, PolicyRules, TargetRules},
    transform::{Context, Path, Recipe, TransformError},
};

/// What a policy prescribes for the objects of one resource on one target. Shared by all of them.
#[derive(Debug)]
pub(crate) struct Prescription {
    pub(crate) policy: Arc<PolicyRules>,
    pub(crate) target: Arc<TargetRules>,
    recipe: Recipe,
    namespace_metadata: Option<Arc<NamespaceMetadata>>,
    /// The paths that belong to the target once the object is there.
    pub(crate) given_up: Box<[Path]>,
    /// The paths that transforms make or remove.
    pub(crate) produced: Box<[Path]>,
    /// Stands for everything that shapes a body: targets of the same shape share their bodies.
    pub(crate) shape: u64,
}

/// What of an upstream object goes down to the targets of one shape, and whose it is.
#[derive(Debug)]
pub(crate) struct Body {
    /// The UID of the upstream object.
    pub(crate) uid: Box<str>,
    /// What is applied, and kept so.
    pub(crate) payload: Payload,
    /// What the object begins with, where some of it is given up to the target later.
    pub(crate) beginning: Option<Payload>,
}

/// Why an upstream object cannot be turned into a body; what went down last stays (S11).
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RenderError {
    /// What the API server sent cannot be read.
    #[error(transparent)]
    Payload(Arc<PayloadError>),
    /// A transform of the policy failed.
    #[error("policy {policy}: {cause}; mend the transform, or limit it to resources that have what it needs")]
    Transform {
        /// The policy.
        policy: Arc<str>,
        /// What failed.
        cause: Arc<TransformError>,
    },
    /// The API server would refuse it.
    #[error("{0}; name each of them once upstream")]
    Duplicate(Arc<Duplicate>),
}

// === impl Prescription ===

impl Prescription {
    /// What `place` prescribes for objects of `resource`.
    pub(crate) fn of(place: &Place, resource: &ResourceType) -> Self {
        let recipe = place.recipe(&resource.gvr);
        let name = resource.gvr.to_string();
        let rules = place.policy.policy.spec.conflict.fields.iter();
        let given_up: Box<[Path]> = rules
            .filter(|rule| rule.owner == FieldOwner::Downstream)
            .filter(|rule| rule.resource.as_ref().is_none_or(|resource| *resource == name))
            .filter_map(|rule| Path::parse(&rule.path).ok())
            .collect();
        let paths: Vec<_> = given_up.iter().map(ToString::to_string).collect();
        let shape = format!("{} {paths:?} {:?}", recipe.id(), place.namespace_metadata);
        Self {
            produced: recipe.touched_paths().into(),
            policy: place.policy.clone(),
            target: place.target.clone(),
            recipe,
            namespace_metadata: place.namespace_metadata.clone(),
            given_up,
            shape: xxhash_rust::xxh3::xxh3_64(shape.as_bytes()),
        }
    }

    /// Whether the same object may be settled otherwise under `other`, on a target that holds just what this prescribes.
    pub(crate) fn settles_otherwise_than(&self, other: &Self) -> bool {
        let (one, other) = (&self.spec().conflict, &other.spec().conflict);
        one.strategy != other.strategy
            || one.foreign != other.foreign
            || one.fields != other.fields
            || one.ignore_managers != other.ignore_managers
    }

    /// The spec of the policy.
    pub(crate) fn spec(&self) -> &SyncPolicySpec {
        &self.policy.policy.spec
    }

    /// The body of `object`, which is in the workspace at `path`, if that is known. Secrets are hashed under `hash_key` (S8).
    pub(crate) fn body(
        &self,
        object: &Object,
        resource: &ResourceType,
        path: Option<&str>,
        hash_key: &HashKey,
    ) -> Result<Body, RenderError> {
        let mut body = if is_namespace(resource) {
            self.namespace(object)
        } else if self.goes_as_it_is(resource) {
            as_it_is(object)?
        } else {
            self.changed(object, resource, path)?
        };
        if is_secret(resource) {
            body.payload = body.payload.keyed(hash_key);
        }
        Ok(body)
    }

    /// Whether nothing but the head differs between the upstream object and what goes down: then it is not parsed as a tree.
    fn goes_as_it_is(&self, resource: &ResourceType) -> bool {
        let data_only = resource.gvr.group().is_empty() && matches!(resource.gvr.resource(), "configmaps" | "secrets");
        data_only && self.recipe.is_identity() && self.given_up.is_empty()
    }

    fn changed(&self, object: &Object, resource: &ResourceType, path: Option<&str>) -> Result<Body, RenderError> {
        let mut tree = object.to_value().map_err(|error| not_json(&error))?;
        if kind_rules::reads_managed_fields(&resource.gvr) {
            let owners = json!({"metadata": {"managedFields": tree.pointer("/metadata/managedFields")}});
            kind_rules::strip(&resource.gvr, &mut tree, Some(&ManagedEntry::all_of(&owners)));
        } else {
            kind_rules::strip(&resource.gvr, &mut tree, None);
        }
        let key = object.key();
        let context = Context {
            namespace: &key.namespace,
            workspace_name: key.cluster.as_str(),
            workspace_path: path,
        };
        self.recipe
            .apply(&mut tree, &context)
            .map_err(|cause| RenderError::Transform {
                policy: self.policy.name.clone(),
                cause: Arc::new(cause),
            })?;
        normalise::for_apply(&resource.gvr, &mut tree)
            .map_err(|duplicate| RenderError::Duplicate(Arc::new(duplicate)))?;
        let beginning = (!self.given_up.is_empty()).then(|| Payload::of_value(&tree));
        for path in &self.given_up {
            path.remove(&mut tree);
        }
        Ok(Body {
            uid: object.uid().into(),
            payload: Payload::of_value(&tree),
            beginning,
        })
    }

    /// Of a namespace its labels and annotations go down, and what the policy says wins.
    fn namespace(&self, object: &Object) -> Body {
        let none = NamespaceMetadata::default();
        let metadata = self.namespace_metadata.as_deref().unwrap_or(&none);
        let (labels, annotations) =
            placement::namespace_metadata(object.labels().iter(), object.annotations().iter(), metadata);
        let tree = json!({"metadata": {"labels": labels, "annotations": annotations}});
        Body {
            uid: object.uid().into(),
            payload: Payload::of_value(&tree),
            beginning: None,
        }
    }
}

// === impl Body ===

impl Body {
    /// The bytes that it takes, roughly.
    pub(crate) fn size(&self) -> usize {
        self.uid.len() + self.payload.size() + self.beginning.as_ref().map_or(0, Payload::size)
    }
}

fn as_it_is(object: &Object) -> Result<Body, RenderError> {
    let members = object.members().map(|(member, raw): (&str, &RawValue)| (member, raw));
    let payload = Payload::of(object.labels().iter(), object.annotations().iter(), members)
        .map_err(|error| RenderError::Payload(Arc::new(error)))?;
    Ok(Body {
        uid: object.uid().into(),
        payload,
        beginning: None,
    })
}

fn not_json(error: &serde_json::Error) -> RenderError {
    RenderError::Payload(Arc::new(PayloadError::Member {
        member: "(the whole object)".to_owned(),
        column: error.column(),
    }))
}

/// Whether `resource` is that of namespaces.
pub(crate) fn is_namespace(resource: &ResourceType) -> bool {
    resource.gvr.group().is_empty() && resource.gvr.resource() == "namespaces"
}

/// Whether `resource` is that of Secrets.
pub(crate) fn is_secret(resource: &ResourceType) -> bool {
    resource.gvr.group().is_empty() && resource.gvr.resource() == "secrets"
}

/// Whether `gvr` is that of namespaces.
pub(crate) fn is_of_namespaces(gvr: &Gvr) -> bool {
    gvr.group().is_empty() && gvr.resource() == "namespaces"
}

/// Whether `key` is a namespace.
pub(crate) fn names_namespace(key: &ObjectKey) -> bool {
    is_of_namespaces(&key.gvr)
}
