//! The resources that a server serves.

pub(crate) mod builtin;
pub(crate) mod crd;

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;
use syncer_core::{Gvr, Scope};

use crate::schema::Shape;

/// One resource at one version.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Group, version and resource.
    pub(crate) gvr: Gvr,
    kind: Arc<str>,
    /// The lower-case singular.
    pub(crate) singular: String,
    /// What kubectl may be told instead of the resource.
    pub(crate) short_names: Vec<String>,
    /// Groups of resources, such as `all`.
    pub(crate) categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub(crate) scope: Scope,
    /// Whether status is apart.
    pub(crate) status: StatusPart,
    /// Where the subresource `scale` finds its values; none without one.
    pub(crate) scale: Option<ScalePaths>,
    /// The fields.
    pub(crate) shape: Arc<Shape>,
    /// What is there where nothing is set.
    pub(crate) zero: Value,
    /// What else the API server knows of it.
    pub(crate) nature: Nature,
    /// The collection that holds its objects, whatever the version.
    pub(crate) collection: Arc<str>,
    /// The paths that field selectors may name.
    pub(crate) selectable: Vec<String>,
    /// Columns of a table: name, type, JSON path.
    pub(crate) columns: Vec<Column>,
}

/// Whether status is apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusPart {
    /// It is written through the subresource alone.
    Subresource,
    /// It is a field like any other, or there is none.
    Plain,
}

/// Where the subresource `scale` finds its values, as JSON pointers.
#[derive(Clone, Debug)]
pub(crate) struct ScalePaths {
    /// The number asked for.
    pub(crate) spec: String,
    /// The number there is.
    pub(crate) status: String,
    /// The label selector of the pods, as a text or as a selector.
    pub(crate) selector: Option<String>,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The head.
    pub(crate) name: String,
    /// The type of its cells.
    pub(crate) cell_type: String,
    /// Shown by default at 0.
    pub(crate) priority: i64,
    /// Where the value is.
    pub(crate) path: String,
}

/// What the API server knows of a resource beyond its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// `deployments.apps`
    Deployment,
    /// `replicasets.apps`
    ReplicaSet,
    /// `services`
    Service,
    /// `configmaps`
    ConfigMap,
    /// `secrets`
    Secret,
    /// `namespaces`
    Namespace,
    /// `pods`
    Pod,
    /// `customresourcedefinitions.apiextensions.k8s.io`
    Definition,
    /// Another built-in kind.
    Plain,
    /// Of a CRD.
    Custom,
}

/// The resources that a server serves.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    resources: IndexMap<Gvr, Arc<Resource>>,
}

// === impl Resource ===

impl Resource {
    /// A built-in resource without remarks.
    pub(crate) fn new(gvr: Gvr, kind: &str, singular: &str, scope: Scope, shape: Arc<Shape>) -> Self {
        let collection = gvr.to_string().into();
        Self {
            gvr,
            kind: kind.into(),
            singular: singular.to_owned(),
            short_names: Vec::new(),
            categories: Vec::new(),
            scope,
            status: StatusPart::Plain,
            scale: None,
            shape,
            zero: Value::Object(serde_json::Map::new()),
            nature: Nature::Plain,
            collection,
            selectable: vec!["metadata.name".to_owned(), "metadata.namespace".to_owned()],
            columns: Vec::new(),
        }
    }

    /// The API group; empty for the core group.
    pub(crate) fn group(&self) -> &str {
        self.gvr.group()
    }

    /// The plural.
    pub(crate) fn plural(&self) -> &str {
        self.gvr.resource()
    }

    /// The kind.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// `deployments.apps`.
    pub(crate) fn qualified(&self) -> String {
        self.gvr.to_string()
    }

    /// `Deployment.apps`.
    pub(crate) fn qualified_kind(&self) -> String {
        if self.group().is_empty() {
            self.kind.to_string()
        } else {
            format!("{}.{}", self.kind, self.group())
        }
    }

    /// Whether objects live in namespaces.
    pub(crate) fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    /// Whether it comes from a CRD.
    pub(crate) fn is_custom(&self) -> bool {
        self.nature == Nature::Custom
    }

    /// Whether a change of the object moves its generation.
    pub(crate) fn has_generation(&self) -> bool {
        matches!(
            self.nature,
            Nature::Deployment | Nature::ReplicaSet | Nature::Pod | Nature::Custom | Nature::Definition
        ) || self.kind() == "EndpointSlice"
    }
}

// === impl Registry ===

impl Registry {
    /// What Kubernetes itself serves.
    pub(crate) fn kubernetes() -> Self {
        Self {
            resources: builtin::resources()
                .into_iter()
                .map(|resource| (resource.gvr.clone(), Arc::new(resource)))
                .collect(),
        }
    }

    /// A registry without resources.
    pub(crate) fn empty() -> Self {
        Self {
            resources: IndexMap::new(),
        }
    }

    /// Serves a resource that another registry serves too.
    pub(crate) fn share(&mut self, resource: &Arc<Resource>) {
        self.resources.insert(resource.gvr.clone(), Arc::clone(resource));
    }

    /// The resource at this address.
    pub(crate) fn get(&self, gvr: &Gvr) -> Option<Arc<Resource>> {
        self.resources.get(gvr).cloned()
    }

    /// Adds a resource, or takes the place of the one at its address.
    pub(crate) fn insert(&mut self, resource: Resource) {
        self.resources.insert(resource.gvr.clone(), Arc::new(resource));
    }

    /// Removes all versions of a resource.
    pub(crate) fn remove(&mut self, group: &str, plural: &str) {
        self.resources
            .retain(|gvr, _| gvr.group() != group || gvr.resource() != plural);
    }

    /// All resources, in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values()
    }

    /// The groups with their versions, in the order in which they came.
    pub(crate) fn groups(&self) -> IndexMap<&str, Vec<&str>> {
        let mut groups: IndexMap<&str, Vec<&str>> = IndexMap::new();
        for gvr in self.resources.keys() {
            let versions = groups.entry(gvr.group()).or_default();
            if !versions.contains(&gvr.version()) {
                versions.push(gvr.version());
            }
        }
        groups
    }
}
