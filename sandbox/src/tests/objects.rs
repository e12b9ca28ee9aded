use serde_json::json;

use super::client::{DEPLOYMENTS, JSON_PATCH, MAPS, MERGE, config_map, deployment, get, patch, post, put, server};

#[tokio::test]
async fn a_deployment_is_created_with_defaults_and_canonical_quantities() {
    let server = server();
    let answer = post(&server, DEPLOYMENTS, &deployment("web")).await;
    let made = answer.json();
    assert_eq!(answer.status, 201);
    assert_eq!(made["spec"]["replicas"], 1);
    assert_eq!(
        made["spec"]["strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})
    );
    let container = &made["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["resources"]["requests"]["cpu"], "1");
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["metadata"]["creationTimestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(made["status"], json!({}));
}

#[tokio::test]
async fn refusals_have_the_words_of_the_api_server() {
    let server = server();
    post(&server, MAPS, &config_map("a", "v")).await;
    let cases = [
        (
            post(&server, MAPS, &config_map("a", "v")).await,
            409,
            "configmaps \"a\" already exists",
        ),
        (
            get(&server, &format!("{MAPS}/b")).await,
            404,
            "configmaps \"b\" not found",
        ),
        (
            post(&server, "/api/v1/namespaces/x/configmaps", &config_map("a", "v")).await,
            404,
            "namespaces \"x\" not found",
        ),
        (
            post(
                &server,
                MAPS,
                &json!({"metadata": {"name": "c", "resourceVersion": "5"}}),
            )
            .await,
            500,
            "resourceVersion should not be set on objects to be created",
        ),
        (
            put(
                &server,
                &format!("{MAPS}/a"),
                &json!({"metadata": {"name": "a", "resourceVersion": "1"}}),
            )
            .await,
            409,
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again",
        ),
        (
            patch(&server, &format!("{MAPS}/a"), MERGE, &json!({"metadata": {"uid": "x"}})).await,
            422,
            "ConfigMap \"a\" is invalid: metadata.uid: Invalid value: \"x\": field is immutable",
        ),
        (
            patch(
                &server,
                &format!("{MAPS}/a"),
                JSON_PATCH,
                &json!([{"op": "test", "path": "/metadata/uid", "value": "x"}]),
            )
            .await,
            422,
            "the server rejected our request due to an error in our request",
        ),
        (
            patch(&server, &format!("{MAPS}/a"), "text/plain", &json!({})).await,
            415,
            "415: Unsupported Media Type",
        ),
        (
            post(
                &server,
                &format!("{MAPS}?fieldValidation=Strict"),
                &json!({"metadata": {"name": "c"}, "foo": 1}),
            )
            .await,
            400,
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"foo\"",
        ),
        (
            post(&server, MAPS, &json!({"metadata": {"name": "c"}, "data": {"k": 1}})).await,
            400,
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
        ),
    ];
    for (answer, code, message) in cases {
        assert_eq!(answer.refusal(), (code, message.to_owned()));
    }
}

#[tokio::test]
async fn status_is_apart_both_ways_and_only_spec_moves_the_generation() {
    let server = server();
    post(&server, DEPLOYMENTS, &deployment("web")).await;
    let path = format!("{DEPLOYMENTS}/web");
    let after = patch(
        &server,
        &format!("{path}/status"),
        MERGE,
        &json!({"status": {"replicas": 2}, "spec": {"replicas": 9}}),
    )
    .await
    .json();
    assert_eq!(
        (
            &after["status"]["replicas"],
            &after["spec"]["replicas"],
            &after["metadata"]["generation"]
        ),
        (&json!(2), &json!(1), &json!(1))
    );
    let after = patch(
        &server,
        &path,
        MERGE,
        &json!({"status": {"replicas": 7}, "spec": {"replicas": 3}}),
    )
    .await
    .json();
    assert_eq!(
        (
            &after["status"]["replicas"],
            &after["spec"]["replicas"],
            &after["metadata"]["generation"]
        ),
        (&json!(2), &json!(3), &json!(2))
    );
    let after = patch(&server, &path, MERGE, &json!({"metadata": {"labels": {"a": "b"}}}))
        .await
        .json();
    assert_eq!(after["metadata"]["generation"], 2);
}

#[tokio::test]
async fn a_write_that_changes_nothing_leaves_the_version_alone() {
    let server = server();
    let made = post(&server, DEPLOYMENTS, &deployment("web")).await.json();
    let version = server.resource_version();
    let again = put(&server, &format!("{DEPLOYMENTS}/web"), &deployment("web"))
        .await
        .json();
    let patched = patch(
        &server,
        &format!("{DEPLOYMENTS}/web"),
        MERGE,
        &json!({"spec": {"replicas": 1}}),
    )
    .await
    .json();
    assert_eq!((&again, &patched), (&made, &made));
    assert_eq!(server.resource_version(), version);
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let server = server();
    let version = server.resource_version();
    let answer = post(&server, &format!("{MAPS}?dryRun=All"), &config_map("a", "v")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["metadata"].get("resourceVersion")),
        (201, None)
    );
    assert_eq!(
        (
            server.resource_version(),
            get(&server, &format!("{MAPS}/a")).await.status.as_u16()
        ),
        (version, 404)
    );
}

#[tokio::test]
async fn unknown_fields_are_dropped_with_a_warning() {
    let answer = post(&server(), MAPS, &json!({"metadata": {"name": "c"}, "foo": 1})).await;
    assert_eq!(answer.headers["warning"], "299 - \"unknown field \\\"foo\\\"\"");
    assert_eq!(answer.json().get("foo"), None);
}

#[tokio::test]
async fn immutable_objects_and_fields_stay_as_they_are() {
    let server = server();
    let secrets = "/api/v1/namespaces/default/secrets";
    post(
        &server,
        secrets,
        &json!({"metadata": {"name": "s"}, "stringData": {"a": "b"}}),
    )
    .await;
    assert_eq!(
        get(&server, &format!("{secrets}/s")).await.json()["data"],
        json!({"a": "Yg=="})
    );
    post(
        &server,
        MAPS,
        &json!({"metadata": {"name": "a"}, "data": {"k": "v"}, "immutable": true}),
    )
    .await;
    post(&server, DEPLOYMENTS, &deployment("web")).await;
    let cases = [
        (
            patch(&server, &format!("{secrets}/s"), MERGE, &json!({"type": "x"})).await,
            "Secret \"s\" is invalid: type: Invalid value: \"x\": field is immutable",
        ),
        (
            patch(&server, &format!("{MAPS}/a"), MERGE, &json!({"data": {"k": "w"}})).await,
            "ConfigMap \"a\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
        ),
        (
            patch(
                &server,
                &format!("{DEPLOYMENTS}/web"),
                MERGE,
                &json!({"spec": {"strategy": {"type": "Recreate"}}}),
            )
            .await,
            "Deployment.apps \"web\" is invalid: spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
    ];
    for (answer, message) in cases {
        assert_eq!(answer.refusal(), (422, message.to_owned()));
    }
    let selector = json!({"spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}}}}});
    assert_eq!(
        patch(&server, &format!("{DEPLOYMENTS}/web"), MERGE, &selector)
            .await
            .status,
        422
    );
}

#[tokio::test]
async fn a_service_gets_addresses_and_keeps_them() {
    let server = server();
    let services = "/api/v1/namespaces/default/services";
    let made = post(
        &server,
        services,
        &json!({"metadata": {"name": "s"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    )
    .await
    .json();
    let address = made["spec"]["clusterIP"].as_str().unwrap().to_owned();
    let port = made["spec"]["ports"][0]["nodePort"].as_i64().unwrap();
    assert!((30000..=32767).contains(&port));
    assert!(
        !made["metadata"]["managedFields"].to_string().contains("clusterIP"),
        "what the cluster gives is nobody's"
    );
    let after = put(
        &server,
        &format!("{services}/s"),
        &json!({"metadata": {"name": "s"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    )
    .await
    .json();
    assert_eq!(
        (
            after["spec"]["clusterIP"].as_str(),
            after["spec"]["ports"][0]["nodePort"].as_i64()
        ),
        (Some(&*address), Some(port))
    );
    let after = patch(
        &server,
        &format!("{services}/s"),
        MERGE,
        &json!({"spec": {"type": "ClusterIP"}}),
    )
    .await
    .json();
    assert_eq!(after["spec"]["ports"][0].get("nodePort"), None);
}

#[tokio::test]
async fn scale_reads_and_writes_the_replicas_alone() {
    let server = server();
    post(&server, DEPLOYMENTS, &deployment("web")).await;
    let path = format!("{DEPLOYMENTS}/web/scale");
    let scale = patch(&server, &path, MERGE, &json!({"spec": {"replicas": 7}}))
        .await
        .json();
    assert_eq!(
        (&scale["kind"], &scale["spec"]["replicas"], &scale["status"]["selector"]),
        (&json!("Scale"), &json!(7), &json!("app=web"))
    );
    assert_eq!(
        put(
            &server,
            &path,
            &json!({"metadata": {"name": "web", "resourceVersion": "1"}, "spec": {"replicas": 1}})
        )
        .await
        .status,
        409
    );
    assert_eq!(
        get(&server, &format!("{DEPLOYMENTS}/web")).await.json()["spec"]["replicas"],
        7
    );
}

#[tokio::test]
async fn a_crd_is_served_pruned_and_defaulted_until_it_goes() {
    let server = server();
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["size"], "properties": {
        "size": {"type": "integer"}, "color": {"type": "string", "default": "blue"}}}, "status": {"type": "object", "properties": {"n": {"type": "integer"}}}}});
    let definition = json!({"metadata": {"name": "things.x.io"}, "spec": {"group": "x.io", "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}]}});
    let made = post(&server, definitions, &definition).await.json();
    assert_eq!(made["status"]["conditions"][1]["type"], "Established");
    let things = "/apis/x.io/v1/namespaces/default/things";
    let thing = json!({"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"size": 1, "foo": 2}, "status": {"n": 1}});
    let made = post(&server, things, &thing).await.json();
    assert_eq!(made["spec"], json!({"size": 1, "color": "blue"}));
    assert_eq!(made.get("status"), None);
    assert_eq!(
        post(
            &server,
            things,
            &json!({"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "u"}, "spec": {}})
        )
        .await
        .refusal()
        .1,
        "Thing.x.io \"u\" is invalid: spec.size: Required value"
    );
    let unversioned = put(&server, &format!("{things}/t"), &thing).await;
    assert_eq!(
        unversioned.refusal(),
        (
            422,
            "things.x.io \"t\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"
                .to_owned()
        )
    );
    let after = patch(
        &server,
        &format!("{things}/t/status"),
        MERGE,
        &json!({"status": {"n": 2}, "spec": {"size": 9}}),
    )
    .await
    .json();
    assert_eq!((&after["status"]["n"], &after["spec"]["size"]), (&json!(2), &json!(1)));
    super::client::delete(&server, &format!("{definitions}/things.x.io"), &json!(null)).await;
    assert_eq!(get(&server, things).await.status, 404);
    assert_eq!(server.count("things.x.io"), 0);
}
