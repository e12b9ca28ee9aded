//! Workspaces of kcp.

use serde_json::{Value, json};

use super::bodies::cm;
use crate::row::{Row, kcp};

const RED: &str = "/clusters/$red/api/v1/namespaces/$ns/configmaps";
const BLUE: &str = "/clusters/$blue/api/v1/namespaces/$ns/configmaps";
const WORKSPACES: &str = "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces";
const BINDING: &str = "/clusters/$red/apis/apis.kcp.io/v1alpha2/apibindings/kubernetes";
const SLICE: &str = "/clusters/$compute/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/kubernetes";

/// What a syncer reads of an object in kcp: labels of claims come later and change versions and owners.
fn read(object: &Value) -> Value {
    let annotations = &object["metadata"]["annotations"];
    json!({"kind": object["kind"], "cluster": annotations["kcp.io/cluster"], "data": object["data"], "name": object["metadata"]["name"]})
}

/// What a syncer reads of a binding.
fn binding(object: &Value) -> Value {
    let status = &object["status"];
    let bound = &status["boundResources"][0];
    json!({
        "phase": status["phase"], "provider": status["apiExportClusterName"],
        "bound": [bound["group"], bound["resource"], bound["storageVersions"]],
        "claims": status["exportPermissionClaims"], "applied": status["appliedPermissionClaims"],
        "finalizers": object["metadata"]["finalizers"],
    })
}

/// The kinds of conditions that a binding shows.
fn conditions(object: &Value) -> Value {
    let conditions = object["status"]["conditions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut kinds: Vec<String> = conditions
        .iter()
        .map(|condition| format!("{}={}", condition["type"], condition["status"]))
        .collect();
    kinds.sort();
    json!(kinds)
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        kcp("an object names its logical cluster")
            .post(RED, cm("a", json!({"k": "v"})))
            .is(201)
            .shows("/metadata/annotations/kcp.io~1cluster", "$red")
            .seen(read),
        kcp("a workspace is reached by name and by path")
            .post(RED, cm("a", json!({"k": "v"})))
            .is(201)
            .seen(read)
            .get("/clusters/root:red/api/v1/namespaces/$ns/configmaps/a")
            .is(200)
            .seen(read),
        kcp("workspaces do not see each other's objects")
            .post(RED, cm("a", json!({})))
            .is(201)
            .seen(read)
            .get(format!("{BLUE}/a"))
            .is(404),
        kcp("a logical cluster that is not there, by path")
            .get("/clusters/root:nope/api/v1/configmaps")
            .is(403)
            .post("/clusters/root:nope/api/v1/namespaces/$ns/configmaps", cm("a", json!({}))),
        kcp("a logical cluster that is not there, by name")
            .get("/clusters/nope/api/v1/configmaps")
            .is(403)
            .get("/clusters/nope/api/v1/namespaces/$ns/configmaps/a")
            .get("/clusters/nope/apis/apps/v1/namespaces/$ns/deployments/a"),
        kcp("a workspace shows its phase and its logical cluster")
            .get(format!("{WORKSPACES}/red"))
            .is(200)
            .shows("/status/phase", "Ready")
            .shows("/spec/cluster", "$red")
            .fields(&["/spec", "/metadata/finalizers", "/status/phase", "/metadata/annotations/kcp.io~1cluster"]),
        kcp("a workspace comes and goes")
            .post(
                WORKSPACES,
                json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": "$ns"}, "spec": {"type": {"name": "universal", "path": "root"}}}),
            )
            .is(201)
            .fields(&["/kind", "/metadata/name"])
            .get(format!("{WORKSPACES}/$ns"))
            .in_time()
            .shows("/status/phase", "Ready")
            .fields(&["/status/phase", "/spec/type"])
            .get("/clusters/root:$ns/api/v1/namespaces/default")
            .is(200)
            .status_only()
            .delete(format!("{WORKSPACES}/$ns"))
            .is(200)
            .status_only()
            .get(format!("{WORKSPACES}/$ns"))
            .in_time()
            .is(404)
            .get("/clusters/root:$ns/api/v1/namespaces/default")
            .in_time()
            .is(403),
        kcp("a list over all logical clusters of the shard")
            .known_difference("the one user of the sandbox is the shard's administrator too")
            .get("/clusters/*/api/v1/configmaps").status_only(),
        kcp("a workspace that is not there").get(format!("{WORKSPACES}/none")).is(404),
        kcp("a workspace has a name once")
            .post(
                WORKSPACES,
                json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": "red"}, "spec": {"type": {"name": "universal", "path": "root"}}}),
            )
            .is(409),
        kcp("a workspace serves no workloads of itself")
            .get("/clusters/$compute/apis/apps/v1/namespaces/default/deployments")
            .is(404),
        kcp("a workspace has a logical cluster object")
            .get("/clusters/$red/apis/core.kcp.io/v1alpha1/logicalclusters/cluster")
            .is(200)
            .shows("/status/phase", "Ready")
            .fields(&["/kind", "/metadata/name", "/metadata/annotations/kcp.io~1path", "/status/phase"]),
        kcp("every namespace has the certificate of the cluster")
            .get("/clusters/$red/api/v1/namespaces/default/configmaps/kube-root-ca.crt")
            .in_time()
            .is(200)
            .status_only(),
        kcp("a binding says what is bound and claimed").get(BINDING).is(200).shows("/status/phase", "Bound").seen(binding),
        kcp("a binding shows conditions").get(BINDING).is(200).seen(conditions),
        kcp("a slice names the virtual workspace").get(SLICE).is(200).fields(&["/kind", "/metadata/name", "/spec", "/status/endpoints"]),
        kcp("bound resources have no Kubernetes defaults")
            .post(
                "/clusters/$red/apis/apps/v1/namespaces/$ns/deployments",
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"a": 1}}),
            )
            .is(201)
            .shows("/spec", json!({"a": 1})),
        kcp("bound resources are applied as elsewhere in their workspace")
            .apply("one", "/clusters/$red/apis/apps/v1/namespaces/$ns/deployments/web", json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"a": 1, "b": 1}}))
            .is(201)
            .apply("one", "/clusters/$red/apis/apps/v1/namespaces/$ns/deployments/web", json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"a": 1}}))
            .is(200),
        kcp("an expired page of a workspace")
            .get("/clusters/$red/api/v1/configmaps?limit=1&continue=abc")
            .is(400)
            .fields(&["/reason", "/code"]),
        kcp("the version of a workspace's list is that of the shard")
            .post(RED, cm("a", json!({})))
            .seen(read)
            .keep("rv", "/metadata/resourceVersion")
            .get(format!("{BLUE}?resourceVersion=$rv&resourceVersionMatch=NotOlderThan"))
            .is(200)
            .status_only(),
        kcp("namespaces of a workspace are deleted with what they hold")
            .post(RED, cm("a", json!({})))
            .is(201)
            .seen(read)
            .delete("/clusters/$red/api/v1/namespaces/$ns")
            .is(200)
            .fields(&["/kind", "/status/phase"])
            .get("/clusters/$red/api/v1/namespaces/$ns")
            .in_time()
            .is(404),
    ]
}
