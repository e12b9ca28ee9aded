use serde_json::{Value, json};

use super::client::{
    DEPLOYMENTS, MAPS, MERGE, Watch, config_map, delete, deployment, get, patch, post, server, server_with,
};
use crate::{NamespaceLifecycle, Options};

#[tokio::test]
async fn preconditions_of_a_delete_are_kept() {
    let server = server();
    let uid = post(&server, MAPS, &config_map("a", "v")).await.json()["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("{MAPS}/a");
    let refused = delete(&server, &path, &json!({"preconditions": {"uid": "x"}})).await;
    let message = format!(
        "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (x) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
    );
    assert_eq!(refused.refusal(), (409, message));
    assert_eq!(
        delete(&server, &path, &json!({"preconditions": {"resourceVersion": "1"}}))
            .await
            .status,
        409
    );
    let gone = delete(&server, &path, &json!({"preconditions": {"uid": uid}}))
        .await
        .json();
    assert_eq!(
        gone,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": {"name": "a", "kind": "configmaps", "uid": uid}})
    );
    assert_eq!(get(&server, &path).await.status, 404);
}

#[tokio::test]
async fn a_finalizer_holds_an_object_until_it_goes() {
    let server = server();
    let mut body = deployment("web");
    body["metadata"]["finalizers"] = json!(["x.io/f"]);
    post(&server, DEPLOYMENTS, &body).await;
    let path = format!("{DEPLOYMENTS}/web");
    let marked = delete(&server, &path, &Value::Null).await.json();
    assert_eq!(
        (
            &marked["metadata"]["deletionTimestamp"],
            &marked["metadata"]["generation"]
        ),
        (&json!("2026-01-01T00:00:00Z"), &json!(2))
    );
    let version = server.resource_version();
    assert_eq!(delete(&server, &path, &Value::Null).await.status, 200);
    assert_eq!(server.resource_version(), version, "a second delete changes nothing");
    let added = patch(
        &server,
        &path,
        MERGE,
        &json!({"metadata": {"finalizers": ["x.io/f", "y.io/f"]}}),
    )
    .await;
    assert_eq!(added.status, 422);
    assert_eq!(
        patch(&server, &path, MERGE, &json!({"metadata": {"finalizers": null}}))
            .await
            .status,
        200
    );
    assert_eq!(get(&server, &path).await.status, 404);
}

#[tokio::test]
async fn a_namespace_terminates_and_takes_its_content_along() {
    let server = server();
    post(&server, "/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    let maps = "/api/v1/namespaces/n/configmaps";
    post(
        &server,
        maps,
        &json!({"metadata": {"name": "held", "finalizers": ["x.io/f"]}}),
    )
    .await;
    post(&server, maps, &config_map("free", "v")).await;
    let mut watch = Watch::open(&server, "/api/v1/namespaces?watch=1&fieldSelector=metadata.name=n").await;
    let answer = delete(&server, "/api/v1/namespaces/n", &Value::Null).await.json();
    assert_eq!(answer["status"]["phase"], "Terminating");
    assert_eq!(get(&server, &format!("{maps}/free")).await.status, 404);
    let refused = post(&server, maps, &config_map("new", "v")).await;
    assert_eq!(refused.refusal(), (403, "configmaps \"new\" is forbidden: unable to create new content in namespace n because it is being terminated".to_owned()));
    patch(
        &server,
        &format!("{maps}/held"),
        MERGE,
        &json!({"metadata": {"finalizers": null}}),
    )
    .await;
    assert_eq!(get(&server, "/api/v1/namespaces/n").await.status, 404);
    assert_eq!(watch.names(3).await, ["ADDED n", "MODIFIED n", "DELETED n"]);
    assert_eq!(
        delete(&server, "/api/v1/namespaces/default", &Value::Null).await.status,
        403
    );
}

#[tokio::test]
async fn without_a_controller_a_namespace_waits_for_finalize() {
    let server = server_with(Options {
        namespaces: NamespaceLifecycle::ByHand,
        ..Options::default()
    });
    post(&server, "/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    delete(&server, "/api/v1/namespaces/n", &Value::Null).await;
    assert_eq!(
        get(&server, "/api/v1/namespaces/n").await.json()["status"]["phase"],
        "Terminating"
    );
    let body = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "n"}, "spec": {"finalizers": []}});
    assert_eq!(
        super::client::put(&server, "/api/v1/namespaces/n/finalize", &body)
            .await
            .status,
        200
    );
    assert_eq!(get(&server, "/api/v1/namespaces/n").await.status, 404);
}

#[tokio::test]
async fn a_collection_is_deleted_by_label() {
    let server = server();
    for (name, label) in [("a", "1"), ("b", "2"), ("c", "1")] {
        post(
            &server,
            MAPS,
            &json!({"metadata": {"name": name, "labels": {"l": label}}}),
        )
        .await;
    }
    let listed = delete(&server, &format!("{MAPS}?labelSelector=l=1"), &Value::Null)
        .await
        .json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(server.count("configmaps"), 1);
}
