//! The least that the syncer has to be allowed, for plain clusters on both sides.

mod named;

use serde_json::{Value, json};
use syncer_core::config::API_GROUP;

pub(crate) use named::NamedResource;

use super::Manifest;

const READ: [&str; 3] = ["get", "list", "watch"];
const KEEP: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];

/// The roles for both sides, `named` included.
pub(super) fn plain(named: &[NamedResource]) -> Vec<Manifest> {
    let mut roles = roles();
    roles.push(leader_election());
    named::extend(&mut roles, named);
    roles
}

/// Roles for the upstream and for targets. Secrets are apart: whoever does not sync them does not grant them.
fn roles() -> Vec<Manifest> {
    vec![
        role(
            "tmc-syncer-upstream",
            "For the upstream cluster: bind it to the user of --upstream-kubeconfig. What policies name beside these kinds is added by --resource.",
            &json!([
                rule("", &["namespaces", "configmaps", "services"], &READ),
                rule("apps", &["deployments"], &READ),
                rule("", &["services/status"], &["patch"]),
                rule("apps", &["deployments/status"], &["patch"]),
                rule("", &["events"], &["create", "patch"]),
                rule(API_GROUP, &["synctargets", "syncpolicies"], &READ),
                rule(API_GROUP, &["synctargets/status", "syncpolicies/status"], &["patch"]),
            ]),
        ),
        role(
            "tmc-syncer-kubeconfig-secrets",
            "For the upstream cluster, where SyncTargets name Secrets with kubeconfigs: bind it with a RoleBinding in the namespace of these \
             Secrets alone, and add resourceNames where it holds others too.",
            &json!([rule("", &["secrets"], &READ)]),
        ),
        role(
            "tmc-syncer-own-secrets",
            "For the cluster that the syncer runs in: bind it with a RoleBinding in its own namespace, so that its hashes over Secrets hold \
             over restarts.",
            &json!([
                {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["tmc-syncer-hash-key"], "verbs": ["get"]},
                rule("", &["secrets"], &["create"]),
            ]),
        ),
        role(
            "tmc-syncer-upstream-secrets",
            "For the upstream cluster, where Secrets are synced.",
            &json!([rule("", &["secrets"], &READ)]),
        ),
        role(
            "tmc-syncer-upstream-finalizers",
            "For the upstream cluster, where a policy has objects wait for their targets (deletion.waitForDownstream: Always). What \
             policies name beside these kinds is added by --resource.",
            &json!([
                rule("", &["configmaps", "services"], &["patch"]),
                rule("apps", &["deployments"], &["patch"]),
            ]),
        ),
        role(
            "tmc-syncer-upstream-finalizers-secrets",
            "For the upstream cluster, where a policy has Secrets wait for their targets.",
            &json!([rule("", &["secrets"], &["patch"])]),
        ),
        role(
            "tmc-syncer-upstream-dependencies",
            "For the upstream cluster, where a policy says dependencies: true. Such a policy takes Secrets along, which have a role of their own.",
            &json!([rule("", &["serviceaccounts"], &READ)]),
        ),
        role(
            "tmc-syncer-upstream-write-back",
            "For the upstream cluster, where a policy says LastWriteWins: what was changed on a target is written back. What \
             policies name beside these kinds is added by --resource.",
            &json!([
                rule("", &["configmaps", "services"], &["patch"]),
                rule("apps", &["deployments"], &["patch"]),
            ]),
        ),
        role(
            "tmc-syncer-upstream-write-back-secrets",
            "For the upstream cluster, where a policy says LastWriteWins of Secrets.",
            &json!([rule("", &["secrets"], &["patch"])]),
        ),
        role(
            "tmc-syncer-target",
            "For each target: bind it to the user of its kubeconfig. What policies name beside these kinds is added by --resource.",
            &json!([
                rule("", &["namespaces", "configmaps", "services"], &KEEP),
                rule("apps", &["deployments"], &KEEP),
                rule("discovery.k8s.io", &["endpointslices"], &READ),
            ]),
        ),
        role(
            "tmc-syncer-target-dependencies",
            "For each target that gets what a pod template names (dependencies: true).",
            &json!([rule("", &["serviceaccounts"], &KEEP)]),
        ),
        role(
            "tmc-syncer-target-namespaces",
            "For each target where namespaces go with their upstream namespace: to see that they hold nothing of others. Without it they stay.",
            &json!([rule("*", &["*"], &["list"])]),
        ),
        role(
            "tmc-syncer-target-secrets",
            "For each target that Secrets are synced to.",
            &json!([rule("", &["secrets"], &KEEP)]),
        ),
    ]
}

/// For replicas that share a Lease.
fn leader_election() -> Manifest {
    role(
        "tmc-syncer-leader-election",
        "For the cluster that has the Lease, with --leader-elect: bind it with a RoleBinding in the namespace of the Lease, which is the \
             syncer's own in the cluster that it runs in, unless options name another. With --lease-name put that name here.",
        &json!([
            {
                "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["tmc-syncer"],
                "verbs": ["get", "patch"],
            },
            rule("coordination.k8s.io", &["leases"], &["create"]),
        ]),
    )
}

fn role(name: &str, about: &'static str, rules: &Value) -> Manifest {
    Manifest {
        about,
        document: json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": rules,
        }),
    }
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}
