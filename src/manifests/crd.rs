//! Custom resource definitions.

use serde_json::{Value, json};
use syncer_core::config::schema::Kind;

use super::schema;

/// The definition of `kind`.
pub(super) fn definition(kind: &Kind) -> Value {
    let resource = kind.resource_type();
    let (group, version) = (resource.gvr.group(), resource.gvr.version());
    let singular = kind.kind.to_lowercase();
    let columns = kind
        .columns
        .iter()
        .map(|column| json!({"name": column.name, "type": column.kind, "jsonPath": column.json_path}));
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{group}", kind.plural)},
        "spec": {
            "group": group,
            "names": {
                "kind": kind.kind,
                "listKind": format!("{}List", kind.kind),
                "plural": kind.plural,
                "singular": singular,
                "categories": ["kcp", "tmc"],
            },
            "scope": "Cluster",
            "versions": [{
                "name": version,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns.collect::<Vec<_>>(),
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "description": kind.about,
                    "required": ["spec"],
                    "properties": {
                        "apiVersion": {"type": "string"},
                        "kind": {"type": "string"},
                        "metadata": {"type": "object"},
                        "spec": described(schema::record(kind.spec), "What is wanted."),
                        "status": described(schema::record(kind.status), "What the syncer reports."),
                    },
                }},
            }],
        },
    })
}

fn described(mut schema: Value, about: &str) -> Value {
    schema::put(&mut schema, "description", about);
    schema
}
