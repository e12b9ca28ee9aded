//! Objects of any kind by their paths, and waiting for them.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Patch, wait_for};

use crate::objects::SOON;

/// The path of the object `name` of `resource` (`configmaps`, `deployments.apps`) in `namespace`.
pub(super) fn path(resource: &str, namespace: &str, name: &str) -> String {
    format!("{}/{name}", collection(resource, namespace))
}

/// The path of all objects of `resource` in `namespace`.
pub(super) fn collection(resource: &str, namespace: &str) -> String {
    match resource.split_once('.') {
        None => format!("/api/v1/namespaces/{namespace}/{resource}"),
        Some((resource, group)) => format!("/apis/{group}/v1/namespaces/{namespace}/{resource}"),
    }
}

/// Creates the namespace `name` with `labels`.
#[track_caller]
pub(super) fn namespace_with(server: &ApiServer, name: &str, labels: &Value) -> Value {
    let object = json!({"metadata": {"name": name, "labels": labels}});
    server.client().create("/api/v1/namespaces", &object)
}

/// Creates a ConfigMap with `labels`.
#[track_caller]
pub(super) fn config_map(server: &ApiServer, namespace: &str, name: &str, labels: &Value) -> Value {
    let object = json!({"metadata": {"name": name, "labels": labels}, "data": {"key": "1"}});
    server.client().create(&collection("configmaps", namespace), &object)
}

/// A Deployment with one container.
pub(super) fn deployment(name: &str, image: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}

/// Changes the object at `path` by a merge patch.
#[track_caller]
pub(super) fn change(server: &ApiServer, path: &str, change: &Value) -> Value {
    server.client().patch(path, Patch::Merge(change))
}

/// Waits until `server` holds something at `path` that `is` what is wanted.
#[track_caller]
pub(super) fn wait_that(server: &ApiServer, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    wait_for(&format!("{path} as wanted"), SOON, || {
        let seen = server.client().get(path).ok_or_else(|| "nothing".to_owned())?;
        if is(&seen) { Ok(seen) } else { Err(seen.to_string()) }
    })
}

/// Waits until `server` holds something at `path`.
#[track_caller]
pub(super) fn wait_there(server: &ApiServer, path: &str) -> Value {
    wait_that(server, path, |_| true)
}

/// Waits until `server` holds nothing at `path`.
#[track_caller]
pub(super) fn wait_gone(server: &ApiServer, path: &str) {
    wait_for(&format!("the end of {path}"), SOON, || {
        match server.client().get(path) {
            None => Ok(()),
            Some(seen) => Err(seen.to_string()),
        }
    });
}

/// Asserts that `server` holds nothing at `path`: to be called once something later has arrived.
#[track_caller]
pub(super) fn assert_absent(server: &ApiServer, path: &str) {
    assert_eq!(server.client().get(path), None, "{path}");
}
