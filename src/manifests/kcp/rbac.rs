//! The least that the syncer has to be allowed in the provider workspace.

use serde_json::{Value, json};
use syncer_core::config::API_GROUP;

use super::super::{Manifest, schema::put};
use crate::manifests::options::KcpNames;

const READ: [&str; 3] = ["get", "list", "watch"];

/// What the syncer may do in all workspaces that have bound the export: what one of the claims names, and nothing more. Of what is claimed
/// kcp grants no more than the claim says; of the export's own types all of these, so `create`, which Events need, covers them too.
pub(super) const CONTENT: [&str; 5] = ["create", "get", "list", "patch", "watch"];

/// The roles of the ServiceAccount, and one for those who bind the export.
pub(super) fn provider(names: &KcpNames) -> Vec<Manifest> {
    let account = json!([{"kind": "ServiceAccount", "namespace": names.namespace, "name": names.service_account}]);
    let role = names.service_account.as_str();
    let kubeconfigs = format!("{role}-kubeconfigs");
    vec![
        Manifest {
            about: "What the syncer may do: follow the export, read targets and policies, and report on them.",
            document: json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": {"name": role},
                "rules": [
                    {"apiGroups": ["apis.kcp.io"], "resources": ["apiexports/content"], "resourceNames": [names.export], "verbs": CONTENT},
                    {"apiGroups": ["apis.kcp.io"], "resources": ["apiexports"], "resourceNames": [names.export], "verbs": READ},
                    rule("apis.kcp.io", &["apiexportendpointslices"], &READ),
                    rule("apis.kcp.io", &["apiresourceschemas"], &["get"]),
                    {"apiGroups": ["core.kcp.io"], "resources": ["logicalclusters"], "resourceNames": ["cluster"], "verbs": ["get"]},
                    rule(API_GROUP, &["synctargets", "syncpolicies"], &READ),
                    rule(API_GROUP, &["synctargets/status", "syncpolicies/status"], &["patch"]),
                    rule("", &["events"], &["create", "patch"]),
                ],
            }),
        },
        bound("ClusterRoleBinding", "ClusterRole", role, None, &account),
        Manifest {
            about: "The kubeconfigs of the targets, read when their SyncTargets name them.",
            document: json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"namespace": names.namespace, "name": kubeconfigs},
                "rules": [secrets(names)],
            }),
        },
        bound("RoleBinding", "Role", &kubeconfigs, Some(&names.namespace), &account),
        Manifest {
            about: "For those who may bind the export in their workspaces: bind this role to them.",
            document: json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": {"name": format!("{role}-consumer")},
                "rules": [
                    {"apiGroups": ["apis.kcp.io"], "resources": ["apiexports"], "resourceNames": [names.export], "verbs": ["bind"]},
                ],
            }),
        },
    ]
}

/// All of its namespace, or the Secrets that were named.
fn secrets(names: &KcpNames) -> Value {
    let mut rule = rule("", &["secrets"], &READ);
    if !names.kubeconfig_secrets.is_empty() {
        put(&mut rule, "resourceNames", names.kubeconfig_secrets.clone());
    }
    rule
}

fn bound(kind: &str, role_kind: &str, role: &str, namespace: Option<&str>, subjects: &Value) -> Manifest {
    let mut metadata = json!({"name": role});
    if let Some(namespace) = namespace {
        put(&mut metadata, "namespace", namespace);
    }
    Manifest {
        about: "Gives it to the ServiceAccount.",
        document: json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
            "subjects": subjects,
        }),
    }
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}
