//! Objects that rows write, and paths that they use.

use serde_json::{Value, json};

pub(super) const NS: &str = "/api/v1/namespaces";
pub(super) const CM: &str = "/api/v1/namespaces/$ns/configmaps";
pub(super) const SECRETS: &str = "/api/v1/namespaces/$ns/secrets";
pub(super) const SVC: &str = "/api/v1/namespaces/$ns/services";
pub(super) const DEPLOY: &str = "/apis/apps/v1/namespaces/$ns/deployments";

/// The object `name` in the collection at `collection`.
pub(super) fn at(collection: &str, name: &str) -> String {
    format!("{collection}/{name}")
}

pub(super) fn cm(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

pub(super) fn labelled(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}})
}

pub(super) fn secret(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})
}

/// A Deployment as a user writes it.
pub(super) fn deploy(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "nginx:1"}]},
            },
        },
    })
}

/// A Deployment whose pod template has these containers.
pub(super) fn deploy_of(name: &str, containers: Value) -> Value {
    let mut deploy = deploy(name);
    deploy["spec"]["template"]["spec"]["containers"] = containers;
    deploy
}

pub(super) fn service(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
}

/// `object` with `value` at `pointer`, whose parent is there.
pub(super) fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = object.pointer_mut(parent).expect("a parent");
    parent[key] = value;
    object
}
