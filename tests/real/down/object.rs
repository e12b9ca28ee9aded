//! Any object by its place.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Patch};

/// Of a Service, what each cluster sets for itself.
const OF_THE_CLUSTER: [&str; 5] = [
    "clusterIP",
    "clusterIPs",
    "healthCheckNodePort",
    "ipFamilies",
    "ipFamilyPolicy",
];

/// Any namespaced object by its place.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) namespace: String,
    pub(crate) name: String,
    api: &'static str,
    resource: &'static str,
}

// === impl Object ===

impl Object {
    fn new(api: &'static str, resource: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            api,
            resource,
        }
    }

    pub(crate) fn deployment(namespace: &str, name: &str) -> Self {
        Self::new("/apis/apps/v1", "deployments", namespace, name)
    }

    pub(crate) fn service(namespace: &str, name: &str) -> Self {
        Self::new("/api/v1", "services", namespace, name)
    }

    pub(crate) fn config_map(namespace: &str, name: &str) -> Self {
        Self::new("/api/v1", "configmaps", namespace, name)
    }

    pub(crate) fn secret(namespace: &str, name: &str) -> Self {
        Self::new("/api/v1", "secrets", namespace, name)
    }

    pub(crate) fn widget(namespace: &str, name: &str) -> Self {
        Self::new("/apis/example.org/v1", super::clusters::WIDGETS, namespace, name)
    }

    /// The object of one of the four kinds that `document` describes.
    pub(crate) fn of(document: &Value, namespace: &str) -> Self {
        let (api, resource) = match document["kind"].as_str() {
            Some("Deployment") => ("/apis/apps/v1", "deployments"),
            Some("Service") => ("/api/v1", "services"),
            Some("Secret") => ("/api/v1", "secrets"),
            _ => ("/api/v1", "configmaps"),
        };
        Self::new(api, resource, namespace, document["metadata"]["name"].as_str().unwrap())
    }

    pub(crate) fn collection(&self) -> String {
        format!("{}/namespaces/{}/{}", self.api, self.namespace, self.resource)
    }

    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// Makes it by a POST of `body`, under its name.
    #[track_caller]
    pub(crate) fn create(&self, server: &ApiServer, body: &Value) -> Value {
        let mut body = body.clone();
        body["metadata"]["name"] = json!(self.name);
        if self.resource == super::clusters::WIDGETS {
            body["apiVersion"] = json!("example.org/v1");
            body["kind"] = json!("Widget");
        }
        server.client().create(&self.collection(), &body)
    }

    #[track_caller]
    pub(crate) fn read(&self, server: &ApiServer) -> Value {
        server.client().read(&self.path())
    }

    #[track_caller]
    pub(crate) fn get(&self, server: &ApiServer) -> Option<Value> {
        server.client().get(&self.path())
    }

    /// Changes it by a merge patch.
    #[track_caller]
    pub(crate) fn merge(&self, server: &ApiServer, change: &Value) -> Value {
        server.client().patch(&self.path(), Patch::Merge(change))
    }

    /// Changes it by a strategic merge patch, as `kubectl patch` does.
    #[track_caller]
    pub(crate) fn strategic(&self, server: &ApiServer, change: &Value) -> Value {
        server.client().patch(&self.path(), Patch::Strategic(change))
    }

    #[track_caller]
    pub(crate) fn delete(&self, server: &ApiServer) {
        server.client().delete(&self.path());
    }

    /// All that `live` says, defaults included, but for metadata, status, and what a cluster sets for itself.
    pub(crate) fn content(&self, live: &Value) -> Value {
        let mut content = live.clone();
        let members = content.as_object_mut().unwrap();
        for member in ["apiVersion", "kind", "metadata", "status"] {
            members.remove(member);
        }
        if self.resource == "services" {
            let spec = members["spec"].as_object_mut().unwrap();
            spec.retain(|field, _| !OF_THE_CLUSTER.contains(&field.as_str()));
            for port in spec
                .get_mut("ports")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                port.as_object_mut().unwrap().remove("nodePort");
            }
        }
        content
    }
}

/// A Deployment of one container that runs `image`.
pub(crate) fn deployment(image: &str) -> Value {
    let labels = json!({"app": "web"});
    json!({
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}
