//! An API server with controllers, a scheduler and a played node.

use std::{sync::LazyLock, time::Duration};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, ApiServerOptions, Controllers, wait_for};

const SOON: Duration = Duration::from_secs(90);

static SERVER: LazyLock<ApiServer> = LazyLock::new(|| {
    ApiServerOptions::default()
        .named("workload")
        .controllers(Controllers::Workload)
        .start()
});

fn deploy(name: &str, image: &str) -> String {
    let labels = json!({"app": name});
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 3,
            "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    });
    let collection = "/apis/apps/v1/namespaces/default/deployments";
    SERVER.client().create(collection, &deployment);
    format!("{collection}/{name}")
}

fn replicas(deployment: &Value) -> (&Value, &Value) {
    (
        &deployment["status"]["replicas"],
        &deployment["status"]["readyReplicas"],
    )
}

#[test]
fn a_deployment_gets_ready() {
    let path = deploy("good", "example.org/good:1");
    wait_for("3 ready replicas", SOON, || {
        let seen = SERVER.client().read(&path);
        if replicas(&seen) == (&json!(3), &json!(3)) {
            Ok(())
        } else {
            Err(seen["status"].to_string())
        }
    });
}

#[test]
fn a_deployment_with_a_broken_image_does_not() {
    let path = deploy("bad", "example.org/broken:1");
    wait_for("3 waiting pods", SOON, || {
        let pods = SERVER
            .client()
            .items("/api/v1/namespaces/default/pods?labelSelector=app%3Dbad");
        let waiting = |pod: &&Value| {
            pod.pointer("/status/containerStatuses/0/state/waiting/reason") == Some(&json!("ImagePullBackOff"))
        };
        pods.iter().filter(waiting).count() == 3
    });
    // The Deployment's own status follows a moment after its pods'.
    wait_for("3 replicas, none ready", SOON, || {
        replicas(&SERVER.client().read(&path)) == (&json!(3), &Value::Null)
    });
}

#[test]
fn a_deleted_namespace_goes_with_what_it_holds() {
    let client = SERVER.client();
    client.create("/api/v1/namespaces", &json!({"metadata": {"name": "going"}}));
    client.create(
        "/api/v1/namespaces/going/configmaps",
        &json!({"metadata": {"name": "a"}}),
    );
    client.delete("/api/v1/namespaces/going");
    SERVER.wait_namespace_gone("going", SOON);
    assert_eq!(client.get("/api/v1/namespaces/going/configmaps/a"), None);
}
