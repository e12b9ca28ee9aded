//! The workspaces that rows about kcp find: a provider that exports Deployments and claims ConfigMaps, and those that have bound it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    row::{Call, Kind},
    server::Server,
};

/// How long a workspace, a binding or an endpoint may take.
const DEADLINE: Duration = Duration::from_secs(90);

const WORKSPACES: &str = "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces";
const APIS: &str = "apis/apis.kcp.io";

/// Those who have bound the export. Rows that withdraw a claim have `green` for themselves.
const TEAMS: [&str; 3] = ["red", "blue", "green"];

const VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];

/// Where the namespace of a row is made.
pub(crate) fn namespaces(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Plain => &["/api/v1/namespaces"],
        Kind::Kcp => &[
            "/clusters/$red/api/v1/namespaces",
            "/clusters/$blue/api/v1/namespaces",
            "/clusters/$green/api/v1/namespaces",
        ],
    }
}

/// Makes the workspaces. Rows know their logical clusters by name, and the path of the virtual workspace as `$vw`.
pub(crate) async fn furnish(server: &mut Server) {
    for name in ["compute"].iter().chain(&TEAMS) {
        let workspace = json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1",
            "kind": "Workspace",
            "metadata": {"name": name},
            "spec": {"type": {"name": "universal", "path": "root"}},
        });
        make(server, WORKSPACES, &workspace).await;
    }
    for name in ["compute"].iter().chain(&TEAMS) {
        let path = format!("{WORKSPACES}/{name}");
        let is_ready = |workspace: &Value| workspace.pointer("/status/phase") == Some(&json!("Ready"));
        let ready = look(server, &path, is_ready).await;
        let cluster = ready["spec"]["cluster"].as_str().expect("a logical cluster").to_owned();
        server.names.insert((*name).to_owned(), cluster);
    }
    let compute = server.names["compute"].clone();
    let base = format!("/clusters/{compute}/{APIS}");
    make(server, &format!("{base}/v1alpha1/apiresourceschemas"), &schema()).await;
    make(server, &format!("{base}/v1alpha2/apiexports"), &export()).await;
    for team in TEAMS {
        let bindings = format!("/clusters/{}/{APIS}/v1alpha2/apibindings", server.names[team]);
        make(server, &bindings, &binding()).await;
        let bound = look(server, &format!("{bindings}/kubernetes"), |binding| {
            let conditions = binding.pointer("/status/conditions").and_then(Value::as_array);
            let applied = conditions.is_some_and(|conditions| {
                conditions
                    .iter()
                    .any(|condition| condition["type"] == "PermissionClaimsApplied" && condition["status"] == "True")
            });
            applied && binding.pointer("/status/phase") == Some(&json!("Bound"))
        })
        .await;
        let identity = bound.pointer("/status/boundResources/0/schema/identityHash");
        let identity = identity.and_then(Value::as_str).expect("an identity").to_owned();
        server.names.insert("identity".to_owned(), identity);
    }
    let slice = format!("{base}/v1alpha1/apiexportendpointslices/kubernetes");
    let slice = look(server, &slice, |slice| {
        slice.pointer("/status/endpoints/0/url").is_some()
    })
    .await;
    let url = slice["status"]["endpoints"][0]["url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let (host, path) = url.split_once("/services/").expect("a virtual workspace");
    server
        .names
        .insert("vw".to_owned(), format!("/services/{path}/clusters"));
    server.names.insert("url".to_owned(), host.to_owned());
    for team in TEAMS {
        let listed = format!(
            "/services/{path}/clusters/{}/apis/apps/v1/deployments",
            server.names[team]
        );
        look(server, &listed, |_| true).await;
    }
}

fn call(method: &'static str, path: &str, body: Option<&Value>) -> Call {
    Call {
        method,
        path: path.to_owned(),
        content_type: "application/json",
        accept: "application/json",
        body: body.cloned(),
    }
}

/// Creates an object; for a while after its start kcp refuses what it will allow later.
async fn make(server: &Server, path: &str, object: &Value) {
    let end = Instant::now() + DEADLINE;
    loop {
        let answer = server.call(&call("POST", path, Some(object))).await;
        if matches!(answer.status, 201 | 409) {
            return;
        }
        assert!(Instant::now() < end, "POST {path}: {} {}", answer.status, answer.body);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Reads until `holds`.
async fn look(server: &Server, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + DEADLINE;
    loop {
        let answer = server.call(&call("GET", path, None)).await;
        if answer.status == 200 && holds(&answer.body) {
            return answer.body;
        }
        assert!(Instant::now() < end, "GET {path}: {} {}", answer.status, answer.body);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn schema() -> Value {
    let free = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apis.kcp.io/v1alpha1",
        "kind": "APIResourceSchema",
        "metadata": {"name": "v1.deployments.apps"},
        "spec": {
            "group": "apps",
            "scope": "Namespaced",
            "names": {"plural": "deployments", "singular": "deployment", "kind": "Deployment", "listKind": "DeploymentList"},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"type": "object", "properties": {"spec": free, "status": free}},
            }],
        },
    })
}

fn export() -> Value {
    json!({
        "apiVersion": "apis.kcp.io/v1alpha2",
        "kind": "APIExport",
        "metadata": {"name": "kubernetes"},
        "spec": {
            "resources": [{"group": "apps", "name": "deployments", "schema": "v1.deployments.apps", "storage": {"crd": {}}}],
            "permissionClaims": [
                {"group": "", "resource": "configmaps", "verbs": VERBS},
                {"group": "", "resource": "namespaces", "verbs": VERBS},
            ],
        },
    })
}

fn binding() -> Value {
    let claim = |resource: &str| json!({"group": "", "resource": resource, "verbs": VERBS, "selector": {"matchAll": true}, "state": "Accepted"});
    json!({
        "apiVersion": "apis.kcp.io/v1alpha2",
        "kind": "APIBinding",
        "metadata": {"name": "kubernetes"},
        "spec": {
            "reference": {"export": {"path": "root:compute", "name": "kubernetes"}},
            "permissionClaims": [claim("configmaps"), claim("namespaces")],
        },
    })
}
