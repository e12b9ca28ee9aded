//! The four kinds, and the leaves of them that people change.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Client};

/// One of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conflict) enum Kind {
    Deployment,
    Service,
    ConfigMap,
    Secret,
}

/// All four.
pub(in crate::conflict) const KINDS: [Kind; 4] = [Kind::Deployment, Kind::Service, Kind::ConfigMap, Kind::Secret];

/// What every value of a Secret contains: it must not show anywhere (S8).
pub(super) const PLANTED: &str = "planted-Vq7Lx2Tz";

/// `text` as Secrets carry it.
pub(in crate::conflict) fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let coded = text.as_bytes().chunks(3).flat_map(|chunk| {
        let bits = (0..3).fold(0, |bits, n| bits << 8 | usize::from(chunk.get(n).copied().unwrap_or(0)));
        (0..4).map(move |n| {
            if n > chunk.len() {
                return '=';
            }
            char::from(ALPHABET[bits >> (18 - 6 * n) & 63])
        })
    });
    coded.collect()
}

// === impl Kind ===

impl Kind {
    /// As kubectl calls it.
    pub(in crate::conflict) fn resource(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Service => "service",
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }

    /// Its kind.
    pub(in crate::conflict) fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::Service => "Service",
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    pub(in crate::conflict) fn api_version(self) -> &'static str {
        if self == Self::Deployment { "apps/v1" } else { "v1" }
    }

    /// The path of the object `name`.
    pub(in crate::conflict) fn path(self, namespace: &str, name: &str) -> String {
        let api = if self == Self::Deployment {
            "/apis/apps/v1"
        } else {
            "/api/v1"
        };
        format!("{api}/namespaces/{namespace}/{}s/{name}", self.resource())
    }

    /// The object `name` on `server`; null if there is none.
    pub(in crate::conflict) fn read(self, server: &ApiServer, namespace: &str, name: &str) -> Value {
        let client: &Client = server.client();
        client.get(&self.path(namespace, name)).unwrap_or_default()
    }

    /// The object `name`, as somebody writes it down.
    pub(in crate::conflict) fn body(self, name: &str) -> Value {
        let mut body = match self {
            Self::Deployment => json!({"spec": {
                "replicas": 1,
                "minReadySeconds": 5,
                "progressDeadlineSeconds": 600,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{
                        "name": "web", "image": "example.org/web:v0",
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                    }]},
                },
            }}),
            Self::Service => json!({"spec": {
                "publishNotReadyAddresses": true,
                "selector": {"app": "v0"},
                "ports": [{"name": "http", "port": 80, "targetPort": 9000}],
            }}),
            Self::ConfigMap => json!({"data": {"a": "v0", "b": "stays", "private": "upstream only"}}),
            Self::Secret => json!({"type": "Opaque", "data": {
                "a": secret("v0"), "b": secret("stays"), "private": secret("upstream only"),
            }}),
        };
        body["apiVersion"] = json!(self.api_version());
        body["kind"] = json!(self.name());
        body["metadata"] = json!({
            "name": name, "labels": {"team": "v0", "tier": "stays"}, "annotations": {"example.org/note": "v0"},
        });
        body
    }
}

/// A value of a Secret.
pub(super) fn secret(text: &str) -> Value {
    json!(base64(&format!("{PLANTED}-{text}")))
}
