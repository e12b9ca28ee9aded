//! The objects that tests make, and how tests look at them.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, wait_for};

/// By when anything that is to happen must have happened on a loaded machine, which may be three times as slow as one thinks.
pub(crate) const SOON: Duration = Duration::from_secs(90);

/// By when a syncer has ended after SIGTERM: `tmc-syncer` promises ten seconds, and a loaded machine may not let it run in them.
pub(crate) const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// A ConfigMap by its place.
#[derive(Clone, Debug)]
pub(crate) struct ConfigMap {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

// === impl ConfigMap ===

impl ConfigMap {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    fn collection(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.namespace)
    }

    #[track_caller]
    pub(crate) fn create(&self, server: &ApiServer, data: &Value) -> Value {
        let object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name},
            "data": data,
        });
        server.client().create(&self.collection(), &object)
    }

    pub(crate) fn get(&self, server: &ApiServer) -> Option<Value> {
        server.client().get(&self.path())
    }

    #[track_caller]
    pub(crate) fn delete(&self, server: &ApiServer) {
        server.client().delete(&self.path());
    }

    /// Waits until `server` holds it with exactly `data`.
    #[track_caller]
    pub(crate) fn wait_data(&self, server: &ApiServer, data: &Value) -> Value {
        wait_for(&format!("{self:?} with {data}"), SOON, || {
            let seen = self.get(server).ok_or_else(|| "nothing".to_owned())?;
            if seen["data"] == *data {
                Ok(seen)
            } else {
                Err(seen.to_string())
            }
        })
    }

    /// Waits until `server` does not hold it.
    #[track_caller]
    pub(crate) fn wait_gone(&self, server: &ApiServer) {
        wait_for(&format!("the end of {self:?}"), SOON, || match self.get(server) {
            None => Ok(()),
            Some(seen) => Err(seen.to_string()),
        });
    }
}

/// Creates the namespace `name`.
#[track_caller]
pub(crate) fn create_namespace(server: &ApiServer, name: &str) -> Value {
    server
        .client()
        .create("/api/v1/namespaces", &json!({"metadata": {"name": name}}))
}

/// The namespace `name`.
pub(crate) fn namespace(server: &ApiServer, name: &str) -> Option<Value> {
    server.client().get(&format!("/api/v1/namespaces/{name}"))
}

/// The text at `pointer`; empty if there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The UID of `object`.
pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// The resourceVersion of `object`, which every write changes.
pub(crate) fn version(object: &Value) -> &str {
    text(object, "/metadata/resourceVersion")
}

/// The resourceVersions of all ConfigMaps in `namespace`, by name.
pub(crate) fn versions(server: &ApiServer, namespace: &str) -> BTreeMap<String, String> {
    let items = server
        .client()
        .items(&format!("/api/v1/namespaces/{namespace}/configmaps"));
    items
        .iter()
        .map(|item| (text(item, "/metadata/name").to_owned(), version(item).to_owned()))
        .collect()
}
