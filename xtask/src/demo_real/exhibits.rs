//! The workload that the demonstration shows.

use serde_json::Value;
use syncer_harness::Client;

/// Where it lives.
pub(super) const NAMESPACE: &str = "demo";

/// An object that is made, changed and deleted upstream.
pub(super) struct Exhibit {
    pub(super) kind: &'static str,
    api: &'static str,
    resource: &'static str,
    pub(super) name: &'static str,
    /// The object, JSON.
    pub(super) body: &'static str,
    /// A merge patch, JSON.
    pub(super) change: &'static str,
    /// The part that has to be the same on both sides.
    part: &'static str,
}

/// What is shown, in the order in which it is made.
pub(super) const EXHIBITS: &[Exhibit] = &[Exhibit {
    kind: "ConfigMap",
    api: "/api/v1",
    resource: "configmaps",
    name: "greeting",
    body: r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeting"}, "data": {"text": "hello", "from": "upstream"}}"#,
    change: r#"{"data": {"text": "hello again", "from": null}}"#,
    part: "/data",
}];

// === impl Exhibit ===

impl Exhibit {
    pub(super) fn collection(&self) -> String {
        format!("{}/namespaces/{NAMESPACE}/{}", self.api, self.resource)
    }

    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// What a cluster holds of it; none if it is not there.
    pub(super) fn shown(&self, cluster: &Client) -> Option<Value> {
        let object = cluster.get(&self.path())?;
        Some(object.pointer(self.part).cloned().unwrap_or_default())
    }
}
