use serde_json::{Value, json};

use super::client::{
    APPLY, JSON_PATCH, MERGE, Watch, config_map, delete, deployment, get, patch, post, put, server_with,
};
use crate::{ApiServer, Flavor, Options};

const WORKSPACES: &str = "apis/tenancy.kcp.io/v1alpha1/workspaces";
const EXPORTS: &str = "apis/apis.kcp.io/v1alpha2/apiexports";
const BINDINGS: &str = "apis/apis.kcp.io/v1alpha2/apibindings";
const MAPS: &str = "api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "apis/apps/v1/namespaces/default/deployments";

/// A kcp with a provider workspace that exports Deployments and claims ConfigMaps, and two workspaces that may bind it.
struct World {
    server: ApiServer,
    provider: String,
    teams: [String; 2],
}

impl World {
    async fn new() -> Self {
        let server = server_with(Options {
            flavor: Flavor::Kcp,
            ..Options::default()
        });
        for name in ["compute", "red", "blue"] {
            assert_eq!(
                post(
                    &server,
                    &format!("/{WORKSPACES}"),
                    &json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": name}})
                )
                .await
                .status,
                201
            );
        }
        let cluster = |path: &str| server.logical_cluster(path).unwrap();
        let world = Self {
            provider: cluster("root:compute"),
            teams: [cluster("root:red"), cluster("root:blue")],
            server: server.clone(),
        };
        let schema = json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIResourceSchema", "metadata": {"name": "v1.deployments.apps"}, "spec": {"group": "apps", "scope": "Namespaced",
            "names": {"plural": "deployments", "kind": "Deployment", "singular": "deployment"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                "schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}]}});
        let claims = json!([{"group": "", "resource": "configmaps", "verbs": ["get", "list", "watch", "update", "patch", "create"]}]);
        let export = json!({"apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIExport", "metadata": {"name": "kubernetes"}, "spec": {"permissionClaims": claims,
            "resources": [{"group": "apps", "name": "deployments", "schema": "v1.deployments.apps", "storage": {"crd": {}}}]}});
        let base = format!("/clusters/{}", world.provider);
        assert_eq!(
            post(
                &server,
                &format!("{base}/apis/apis.kcp.io/v1alpha1/apiresourceschemas"),
                &schema
            )
            .await
            .status,
            201
        );
        assert_eq!(post(&server, &format!("{base}/{EXPORTS}"), &export).await.status, 201);
        world
    }

    async fn bind(&self, team: &str, state: &str) {
        let claims = json!([{"group": "", "resource": "configmaps", "verbs": ["get", "list", "watch", "update", "patch", "create"],
            "selector": {"matchAll": true}, "state": state}]);
        let binding = json!({"apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIBinding", "metadata": {"name": "kubernetes"}, "spec": {"permissionClaims": claims,
            "reference": {"export": {"path": "root:compute", "name": "kubernetes"}}}});
        assert_eq!(
            post(&self.server, &format!("/clusters/{team}/{BINDINGS}"), &binding)
                .await
                .status,
            201
        );
    }

    fn at(&self, team: usize, path: &str) -> String {
        format!("/clusters/{}/{path}", self.teams[team])
    }

    /// A path in the virtual workspace.
    fn window(&self, cluster: &str, path: &str) -> String {
        format!(
            "/services/apiexport/{}/kubernetes/clusters/{cluster}/{path}",
            self.provider
        )
    }

    async fn names(&self, path: &str) -> Vec<String> {
        let list = get(&self.server, path).await.json();
        let items = list["items"].as_array().unwrap_or_else(|| panic!("{list}"));
        let place = |item: &Value| {
            item["metadata"]["annotations"]["kcp.io/cluster"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        items
            .iter()
            .map(|item| format!("{}/{}", place(item), item["metadata"]["name"].as_str().unwrap()))
            .collect()
    }

    async fn claim(&self, team: usize, state: &str) {
        let path = self.at(team, &format!("{BINDINGS}/kubernetes"));
        let change = json!([{"op": "replace", "path": "/spec/permissionClaims/0/state", "value": state}]);
        assert_eq!(patch(&self.server, &path, JSON_PATCH, &change).await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn workspaces_are_logical_clusters_of_their_own() {
    let world = World::new().await;
    let workspace = get(&world.server, &format!("/{WORKSPACES}/red")).await.json();
    assert_eq!(
        (&workspace["status"]["phase"], &workspace["spec"]["cluster"]),
        (&json!("Ready"), &json!(world.teams[0]))
    );
    post(&world.server, &world.at(0, MAPS), &config_map("web", "red")).await;
    assert_eq!(
        get(&world.server, &world.at(1, &format!("{MAPS}/web"))).await.status,
        404
    );
    let by_path = get(&world.server, &format!("/clusters/root:red/{MAPS}/web"))
        .await
        .json();
    assert_eq!(
        by_path["metadata"]["annotations"]["kcp.io/cluster"],
        json!(world.teams[0])
    );
    assert_eq!(
        get(&world.server, &format!("/clusters/root:none/{MAPS}")).await.status,
        403
    );
    assert_eq!(
        get(&world.server, &world.at(0, DEPLOYMENTS)).await.status,
        404,
        "nothing about workloads is built in"
    );
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_there_while_somebody_has_bound_the_export() {
    let world = World::new().await;
    let slice = format!(
        "/clusters/{}/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/kubernetes",
        world.provider
    );
    assert_eq!(
        get(&world.server, &slice).await.json()["status"]["endpoints"],
        json!([])
    );
    world.bind(&world.teams[0], "Accepted").await;
    let url = format!("https://sandbox/services/apiexport/{}/kubernetes", world.provider);
    assert_eq!(
        get(&world.server, &slice).await.json()["status"]["endpoints"],
        json!([{ "url": url }])
    );
    let binding = get(&world.server, &world.at(0, &format!("{BINDINGS}/kubernetes")))
        .await
        .json();
    assert_eq!(binding["status"]["phase"], "Bound");
    post(&world.server, &world.at(0, DEPLOYMENTS), &deployment("web")).await;
    delete(
        &world.server,
        &world.at(0, &format!("{BINDINGS}/kubernetes")),
        &Value::Null,
    )
    .await;
    assert_eq!(
        get(&world.server, &world.at(0, &format!("{BINDINGS}/kubernetes")))
            .await
            .status,
        404
    );
    assert_eq!(get(&world.server, &world.at(0, DEPLOYMENTS)).await.status, 404);
    assert_eq!(
        get(&world.server, &slice).await.json()["status"]["endpoints"],
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn the_virtual_workspace_lists_over_all_that_have_bound() {
    let world = World::new().await;
    for team in &world.teams {
        world.bind(team, "Accepted").await;
    }
    for team in 0..2 {
        assert_eq!(
            post(&world.server, &world.at(team, DEPLOYMENTS), &deployment("web"))
                .await
                .status,
            201
        );
        post(&world.server, &world.at(team, MAPS), &config_map("web", "v")).await;
    }
    let mut expected: Vec<String> = world.teams.iter().map(|team| format!("{team}/web")).collect();
    expected.sort();
    assert_eq!(
        world.names(&world.window("*", "apis/apps/v1/deployments")).await,
        expected
    );
    let maps: Vec<String> = world.names(&world.window("*", "api/v1/configmaps")).await;
    assert_eq!(maps.iter().filter(|name| name.ends_with("/web")).count(), 2);
    assert_eq!(
        maps.iter().filter(|name| name.ends_with("/kube-root-ca.crt")).count(),
        4
    );
    let page = get(&world.server, &world.window("*", "apis/apps/v1/deployments?limit=1"))
        .await
        .json();
    let rest = world.window(
        "*",
        &format!(
            "apis/apps/v1/deployments?continue={}",
            page["metadata"]["continue"].as_str().unwrap()
        ),
    );
    assert_eq!(world.names(&rest).await, expected[1..]);
    assert_eq!(
        world
            .names(&world.window("*", "apis/apis.kcp.io/v1alpha2/apibindings"))
            .await
            .len(),
        2
    );
    assert_eq!(
        post(&world.server, &world.window("*", DEPLOYMENTS), &deployment("x"))
            .await
            .status,
        404
    );
    assert_eq!(
        get(&world.server, &world.window("*", "api/v1/secrets")).await.status,
        404
    );
    let own = world.window(&world.teams[0], &format!("{DEPLOYMENTS}/web/scale"));
    assert_eq!(
        get(&world.server, &own).await.status,
        404,
        "no subresource but the status"
    );
    let groups = get(&world.server, &world.window("*", "apis")).await.text;
    assert!(groups.contains("\"apps\"") && !groups.contains("tenancy"), "{groups}");
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_withdrawn_shows_as_deletes_of_objects_that_still_exist() {
    let world = World::new().await;
    for team in &world.teams {
        world.bind(team, "Accepted").await;
    }
    for team in 0..2 {
        post(&world.server, &world.at(team, MAPS), &config_map("web", "v")).await;
    }
    let path = world.window(
        "*",
        &format!(
            "api/v1/configmaps?watch=1&fieldSelector=metadata.name=web&resourceVersion={}",
            world.server.resource_version()
        ),
    );
    let mut watch = Watch::open(&world.server, &path).await;
    world.claim(0, "Rejected").await;
    let (kind, object) = watch.next().await.unwrap().unwrap();
    assert_eq!(
        (kind.as_str(), &object["metadata"]["annotations"]["kcp.io/cluster"]),
        ("DELETED", &json!(world.teams[0]))
    );
    assert_eq!(object["metadata"].get("deletionTimestamp"), None);
    let one = |team: usize| world.window(&world.teams[team], &format!("{MAPS}/web"));
    assert_eq!(get(&world.server, &one(0)).await.status, 403);
    assert_eq!(get(&world.server, &one(1)).await.status, 200);
    assert_eq!(
        get(&world.server, &world.at(0, &format!("{MAPS}/web"))).await.status,
        200
    );
    world.claim(0, "Accepted").await;
    assert_eq!(watch.names(1).await, ["ADDED web"]);
}

#[tokio::test(start_paused = true)]
async fn an_apply_through_the_virtual_workspace_is_an_update() {
    let world = World::new().await;
    world.bind(&world.teams[0], "Accepted").await;
    let path = world.window(&world.teams[0], &format!("{MAPS}/a"));
    let apply = async |value: &str, extra: Value| {
        let mut body = config_map("a", value);
        body["data"]["l"] = extra;
        if body["data"]["l"].is_null() {
            body["data"].as_object_mut().unwrap().remove("l");
        }
        patch(&world.server, &format!("{path}?fieldManager=me"), APPLY, &body).await
    };
    assert_eq!(apply("1", json!("x")).await.status, 200);
    let made = get(&world.server, &path).await.json();
    assert_eq!(made["metadata"]["managedFields"][0]["operation"], "Update");
    assert_eq!(
        apply("2", json!("x")).await.status,
        409,
        "it conflicts with its own update"
    );
    let forced = patch(
        &world.server,
        &format!("{path}?fieldManager=me&force=true"),
        APPLY,
        &config_map("a", "2"),
    )
    .await
    .json();
    assert_eq!(
        (&forced["data"]["k"], &forced["data"]["l"]),
        (&json!("2"), &json!("x")),
        "nothing is removed by omission"
    );
}

#[tokio::test(start_paused = true)]
async fn preconditions_of_a_status_patch_are_conflicts_and_its_author_is_kcp() {
    let world = World::new().await;
    world.bind(&world.teams[0], "Accepted").await;
    let made = post(&world.server, &world.at(0, DEPLOYMENTS), &deployment("web"))
        .await
        .json();
    assert_eq!(made["spec"].get("replicas"), None, "there is no defaulting");
    let path = world.window(&world.teams[0], &format!("{DEPLOYMENTS}/web/status"));
    let status = |metadata: Value| json!({"metadata": metadata, "status": {"replicas": 1}});
    assert_eq!(
        patch(&world.server, &path, MERGE, &status(json!({"resourceVersion": "1"})))
            .await
            .status,
        409
    );
    assert_eq!(
        patch(&world.server, &path, MERGE, &status(json!({"uid": "x"})))
            .await
            .status,
        409
    );
    let uid = made["metadata"]["uid"].clone();
    let after = patch(&world.server, &path, MERGE, &status(json!({ "uid": uid })))
        .await
        .json();
    assert_eq!(after["status"]["replicas"], 1);
    let managers = after["metadata"]["managedFields"].as_array().unwrap();
    assert!(
        managers
            .iter()
            .any(|entry| entry["manager"] == "kcp" && entry["subresource"] == "status"),
        "{managers:?}"
    );
    let body = get(
        &world.server,
        &world.window(&world.teams[0], &format!("{DEPLOYMENTS}/web")),
    )
    .await
    .json();
    let again = put(&world.server, &world.at(0, &format!("{DEPLOYMENTS}/web")), &body)
        .await
        .json();
    assert_eq!(
        again["metadata"]["resourceVersion"], body["metadata"]["resourceVersion"],
        "what was read can be written back unchanged"
    );
}

#[tokio::test(start_paused = true)]
async fn a_workspace_goes_when_its_objects_have() {
    let world = World::new().await;
    world.bind(&world.teams[0], "Accepted").await;
    let mut body = deployment("web");
    body["metadata"]["finalizers"] = json!(["x.io/f"]);
    post(&world.server, &world.at(0, DEPLOYMENTS), &body).await;
    delete(&world.server, &format!("/{WORKSPACES}/red"), &Value::Null).await;
    assert!(
        get(&world.server, &format!("/{WORKSPACES}/red")).await.json()["metadata"]
            .get("deletionTimestamp")
            .is_some()
    );
    let held = world.window(&world.teams[0], &format!("{DEPLOYMENTS}/web"));
    assert!(
        get(&world.server, &held).await.json()["metadata"]
            .get("deletionTimestamp")
            .is_some(),
        "the virtual workspace stays open meanwhile"
    );
    assert_eq!(
        patch(&world.server, &held, MERGE, &json!({"metadata": {"finalizers": null}}))
            .await
            .status,
        200
    );
    assert_eq!(get(&world.server, &format!("/{WORKSPACES}/red")).await.status, 404);
    assert_eq!(world.server.logical_cluster("root:red"), None);
}

#[tokio::test]
async fn a_plain_server_has_no_logical_clusters() {
    let server = server_with(Options::default());
    assert_eq!(get(&server, "/clusters/root/api/v1/configmaps").await.status, 404);
}
