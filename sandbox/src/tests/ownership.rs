use serde_json::{Value, json};

use super::client::{APPLY, DEPLOYMENTS, MAPS, MERGE, config_map, deployment, get, patch, post, server};
use crate::ApiServer;

async fn apply(server: &ApiServer, path: &str, manager: &str, body: &Value) -> super::client::Answer {
    patch(server, &format!("{path}?fieldManager={manager}"), APPLY, body).await
}

#[tokio::test]
async fn a_create_owns_defaults_an_apply_does_not() {
    let server = server();
    post(&server, DEPLOYMENTS, &deployment("posted")).await;
    apply(&server, &format!("{DEPLOYMENTS}/applied"), "me", &deployment("applied")).await;
    let owned = async |name: &str| {
        get(&server, &format!("{DEPLOYMENTS}/{name}")).await.json()["metadata"]["managedFields"].clone()
    };
    assert!(owned("posted").await.to_string().contains("f:progressDeadlineSeconds"));
    let applied = owned("applied").await;
    assert!(!applied.to_string().contains("f:progressDeadlineSeconds"), "{applied}");
    assert_eq!(
        (applied.as_array().unwrap().len(), &applied[0]["operation"]),
        (1, &json!("Apply"))
    );
}

#[tokio::test]
async fn a_conflict_names_the_other_manager_and_the_field() {
    let server = server();
    post(&server, MAPS, &config_map("a", "v")).await;
    let answer = apply(&server, &format!("{MAPS}/a"), "me", &config_map("a", "w")).await;
    assert_eq!(
        answer.refusal(),
        (
            409,
            "Apply failed with 1 conflict: conflict with \"tester\" using v1: .data.k".to_owned()
        )
    );
    let causes = &answer.json()["details"]["causes"];
    assert_eq!(
        causes,
        &json!([{"reason": "FieldManagerConflict", "message": "conflict with \"tester\" using v1", "field": ".data.k"}])
    );
    let forced = apply(&server, &format!("{MAPS}/a"), "me&force=true", &config_map("a", "w"))
        .await
        .json();
    assert_eq!(forced["data"]["k"], "w");
}

#[tokio::test]
async fn an_update_of_an_applied_field_takes_it_out_of_the_apply_entry() {
    let server = server();
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v", "l": "v", "m": "v"}});
    apply(&server, &format!("{MAPS}/a"), "me", &body).await;
    let after = patch(
        &server,
        &format!("{MAPS}/a"),
        MERGE,
        &json!({"data": {"k": "x", "l": null}}),
    )
    .await
    .json();
    let fields = &after["metadata"]["managedFields"];
    assert_eq!(
        (&fields[0]["operation"], &fields[0]["fieldsV1"]),
        (&json!("Apply"), &json!({"f:data": {"f:m": {}}}))
    );
    assert_eq!(
        (&fields[1]["operation"], &fields[1]["fieldsV1"]),
        (&json!("Update"), &json!({"f:data": {"f:k": {}}}))
    );
}

#[tokio::test]
async fn identities_in_an_apply_are_preconditions() {
    let server = server();
    let with = |name: &str, metadata: Value| {
        let mut body = config_map(name, "v");
        for (field, value) in metadata.as_object().unwrap() {
            body["metadata"][field] = value.clone();
        }
        body
    };
    let path = |name: &str| format!("{MAPS}/{name}");
    assert_eq!(
        apply(&server, &path("a"), "me", &with("a", json!({"resourceVersion": "1"})))
            .await
            .status,
        201
    );
    assert_eq!(
        apply(&server, &path("a"), "me", &with("a", json!({"resourceVersion": "1"})))
            .await
            .status,
        409
    );
    assert_eq!(
        apply(&server, &path("b"), "me", &with("b", json!({"uid": "x"})))
            .await
            .status,
        409
    );
    assert_eq!(
        apply(&server, &path("a"), "me", &with("a", json!({"uid": "x"})))
            .await
            .status,
        422
    );
    let uid = get(&server, &path("a")).await.json()["metadata"]["uid"].clone();
    assert_eq!(
        apply(&server, &path("a"), "me", &with("a", json!({"uid": uid})))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_cannot_be_applied_is_refused_in_the_words_of_the_api_server() {
    let server = server();
    post(&server, DEPLOYMENTS, &deployment("web")).await;
    let path = format!("{DEPLOYMENTS}/web");
    let spec = |spec: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec});
    let twice = json!([{"name": "web", "env": [{"name": "A"}, {"name": "A"}]}]);
    let cases = [
        (
            apply(
                &server,
                &path,
                "me",
                &spec(json!({"template": {"spec": {"containers": twice}}})),
            )
            .await,
            500,
            "failed to create typed patch object (/; apps/v1, Kind=Deployment): .spec.template.spec.containers[name=\"web\"].env: duplicate entries for key [name=\"A\"]",
        ),
        (
            apply(&server, &path, "me", &spec(json!({"foo": 1}))).await,
            500,
            "failed to create typed patch object (/; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema",
        ),
        (
            apply(
                &server,
                &path,
                "me&force=true",
                &spec(json!({"strategy": {"type": "Recreate"}})),
            )
            .await,
            422,
            "Deployment.apps \"web\" is invalid: spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        (
            patch(&server, &path, APPLY, &spec(json!({}))).await,
            422,
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ),
        (
            apply(
                &server,
                &path,
                "me",
                &json!({"apiVersion": "apps/v2", "kind": "Deployment"}),
            )
            .await,
            400,
            "invalid object type: apps/v2, Kind=Deployment",
        ),
    ];
    for (answer, code, message) in cases {
        assert_eq!(answer.refusal(), (code, message.to_owned()));
    }
}

#[tokio::test]
async fn giving_up_the_last_label_keeps_the_name() {
    let server = server();
    let path = format!("{MAPS}/a");
    apply(
        &server,
        &path,
        "me",
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"x": "y"}}}),
    )
    .await;
    let after = apply(&server, &path, "me", &json!({"apiVersion": "v1", "kind": "ConfigMap"}))
        .await
        .json();
    assert_eq!(
        (&after["metadata"]["name"], after["metadata"].get("labels")),
        (&json!("a"), None)
    );
}

#[tokio::test]
async fn an_apply_may_be_yaml() {
    let server = server();
    let body = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: \"v\"\n";
    let path = format!("{MAPS}/a?fieldManager=me");
    let response = super::client::send(&server, http::Method::PATCH, &path, APPLY, body)
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
}
