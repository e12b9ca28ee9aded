//! What kcp lacks for workloads: their types, an export of these with claims on what kcp has itself, and a ServiceAccount for the syncer.
//!
//! All of it is for one workspace, the provider's, but for the binding, which each workspace with workloads gets.

mod claims;
mod rbac;

#[cfg(test)]
mod tests;

use std::io;

use serde_json::{Value, json};

use super::options::KcpNames;
use super::{Manifest, crds};

/// The schemas of workload types, as `cargo xtask schemas` makes them.
const SCHEMAS: [&str; 2] = [
    include_str!("../../deploy/kcp/deployments.apps.yaml"),
    include_str!("../../deploy/kcp/services.core.yaml"),
];

/// What to apply in the provider workspace.
pub(super) fn provider(names: &KcpNames) -> io::Result<Vec<Manifest>> {
    let schemas: Vec<Value> = SCHEMAS
        .into_iter()
        .map(|schema| serde_saphyr::from_str(schema).map_err(io::Error::other))
        .collect::<Result<_, _>>()?;
    let export = export(names, &schemas);
    let mut manifests = vec![
        Manifest {
            about: "Where the ServiceAccount and the kubeconfig Secrets of targets are.",
            document: json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names.namespace}}),
        },
        Manifest {
            about: "Whom the syncer acts as.",
            document: json!({
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"namespace": names.namespace, "name": names.service_account},
            }),
        },
    ];
    manifests.extend(schemas.into_iter().map(|document| Manifest {
        about: "A workload type that kcp lacks.",
        document,
    }));
    manifests.push(export);
    manifests.extend(crds());
    manifests.extend(rbac::provider(names));
    Ok(manifests)
}

fn export(names: &KcpNames, schemas: &[Value]) -> Manifest {
    let resources: Vec<_> = schemas
        .iter()
        .map(|schema| {
            json!({
                "group": schema.pointer("/spec/group"),
                "name": schema.pointer("/spec/names/plural"),
                "schema": schema.pointer("/metadata/name"),
                "storage": {"crd": {}},
            })
        })
        .collect();
    Manifest {
        about: "Offers the workload types to other workspaces, and asks for what goes with them.",
        document: json!({
            "apiVersion": "apis.kcp.io/v1alpha2",
            "kind": "APIExport",
            "metadata": {"name": names.export},
            "spec": {"resources": resources, "permissionClaims": claims::wanted()},
        }),
    }
}

/// What to apply in a workspace that is to have workloads.
pub(super) fn binding(names: &KcpNames) -> Manifest {
    Manifest {
        about: "An example, for each workspace with workloads: apply it there, and not in the provider, whose Secrets it would open to the syncer.",
        document: json!({
            "apiVersion": "apis.kcp.io/v1alpha2",
            "kind": "APIBinding",
            "metadata": {"name": names.export},
            "spec": {
                "reference": {"export": {"path": names.workspace, "name": names.export}},
                "permissionClaims": claims::accepted(),
            },
        }),
    }
}
