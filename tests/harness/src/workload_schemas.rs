//! The schemas of workload types, which kcp lacks, out of the OpenAPI of a kube-apiserver.

mod structural;

use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Client;

/// A workload type that kcp lacks.
#[derive(Debug)]
pub struct WorkloadType {
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short_name: &'static str,
    /// Where its OpenAPI is served.
    document: &'static str,
    /// Its schema in that.
    schema: &'static str,
    scale: Scale,
    /// Heading, type and path of each printer column; `kubectl get` shows the age last.
    columns: &'static [(&'static str, &'static str, &'static str)],
}

/// Whether a type can be scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// By `spec.replicas`.
    Replicas,
    /// Not at all.
    None,
}

/// The workload types whose schemas are shipped.
pub const WORKLOAD_TYPES: [WorkloadType; 2] = [
    WorkloadType {
        group: "apps",
        plural: "deployments",
        singular: "deployment",
        kind: "Deployment",
        short_name: "deploy",
        document: "/openapi/v3/apis/apps/v1",
        schema: "io.k8s.api.apps.v1.Deployment",
        scale: Scale::Replicas,
        columns: &[
            ("Desired", "integer", ".spec.replicas"),
            ("Ready", "integer", ".status.readyReplicas"),
            ("Up-to-date", "integer", ".status.updatedReplicas"),
            ("Available", "integer", ".status.availableReplicas"),
        ],
    },
    WorkloadType {
        group: "",
        plural: "services",
        singular: "service",
        kind: "Service",
        short_name: "svc",
        document: "/openapi/v3/api/v1",
        schema: "io.k8s.api.core.v1.Service",
        scale: Scale::None,
        columns: &[
            ("Type", "string", ".spec.type"),
            ("Cluster-IP", "string", ".spec.clusterIP"),
            ("External-IP", "string", ".status.loadBalancer.ingress[*].ip"),
            ("Port(s)", "string", ".spec.ports[*].port"),
        ],
    },
];

// === impl WorkloadType ===

impl WorkloadType {
    /// The name of its file: `deployments.apps.yaml`.
    pub fn file_name(&self) -> String {
        format!("{}.{}.yaml", self.plural, self.named_group())
    }

    /// The group as kcp names it in the names of objects.
    fn named_group(&self) -> &'static str {
        if self.group.is_empty() { "core" } else { self.group }
    }

    /// Its `APIResourceSchema`, made of what `server` says.
    ///
    /// # Errors
    /// What the server's OpenAPI lacks, or what a structural schema cannot say.
    pub fn ask(&self, server: &Client) -> Result<Value, String> {
        let reply = server.try_call("GET", self.document, "", None)?;
        if !reply.is_success() {
            return Err(format!("GET {}: answered {}", self.document, reply.status));
        }
        self.resource_schema(&reply.json())
    }

    /// Its `APIResourceSchema`, made of an OpenAPI document. A schema never changes in kcp, so its name carries a hash of its content.
    fn resource_schema(&self, document: &Value) -> Result<Value, String> {
        let schema = structural::object(document, self.schema)?;
        let columns = self
            .columns
            .iter()
            .chain([&("Age", "date", ".metadata.creationTimestamp")]);
        let columns: Vec<_> = columns
            .map(|(name, kind, path)| json!({"name": name, "type": kind, "jsonPath": path}))
            .collect();
        let subresources = match self.scale {
            Scale::Replicas => json!({
                "status": {},
                "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
            }),
            Scale::None => json!({"status": {}}),
        };
        let spec = json!({
            "group": self.group,
            "names": {
                "kind": self.kind,
                "listKind": format!("{}List", self.kind),
                "plural": self.plural,
                "singular": self.singular,
                "shortNames": [self.short_name],
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": subresources,
                "additionalPrinterColumns": columns,
                "schema": schema,
            }],
        });
        let name = format!("v{}.{}.{}", short_hash(&spec), self.plural, self.named_group());
        Ok(json!({
            "apiVersion": "apis.kcp.io/v1alpha1",
            "kind": "APIResourceSchema",
            "metadata": {"name": name},
            "spec": spec,
        }))
    }
}

/// The first four bytes of the hash of `value`, in hexadecimal digits. Members of objects are in the order of their names.
fn short_hash(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string());
    let mut text = String::new();
    for byte in digest.iter().take(4) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({"components": {"schemas": {
            "io.k8s.api.core.v1.Service": {"type": "object", "description": "A Service.", "properties": {
                "metadata": {"allOf": [{"$ref": "#/components/schemas/Meta"}]},
                "spec": {"allOf": [{"$ref": "#/components/schemas/Spec"}], "default": {}},
            }},
            "Meta": {"type": "object", "properties": {"name": {"type": "string"}}},
            "Spec": {"type": "object", "properties": {"type": {"type": "string", "enum": ["ClusterIP"]}}},
        }}})
    }

    #[test]
    fn a_schema_is_named_by_its_content() {
        let [_, service] = &WORKLOAD_TYPES;
        let schema = service.resource_schema(&document()).unwrap();
        let name = schema["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with('v') && name.ends_with(".services.core"), "{name}");
        assert_eq!(name.split('.').next().map(str::len), Some(9));
        assert_eq!(schema["spec"]["group"], "");
        assert_eq!(service.file_name(), "services.core.yaml");

        let mut other = document();
        other["components"]["schemas"]["Spec"]["properties"]["more"] = json!({"type": "integer", "format": "int32"});
        let other = service.resource_schema(&other).unwrap();
        assert_ne!(other["metadata"]["name"], schema["metadata"]["name"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let [deployment, _] = &WORKLOAD_TYPES;
        let error = deployment.resource_schema(&document()).unwrap_err();
        assert_eq!(error, "the OpenAPI has no schema io.k8s.api.apps.v1.Deployment");
    }
}
