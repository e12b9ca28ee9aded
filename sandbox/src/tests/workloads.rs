use std::time::Duration;

use serde_json::json;

use super::client::{DEPLOYMENTS, MERGE, Watch, deployment, get, patch, post, server};
use crate::{Round, WorkloadPlan, Workloads};

#[tokio::test(start_paused = true)]
async fn deployments_progress_and_their_changes_roll_out() {
    let server = server();
    let controller = tokio::spawn(Workloads::new(&server, WorkloadPlan::default()).run());
    post(&server, DEPLOYMENTS, &deployment("web")).await;
    let path = format!("{DEPLOYMENTS}/web");
    let mut watch = Watch::open(&server, &format!("{DEPLOYMENTS}?watch=1")).await;
    let mut ready = async |generation: i64, replicas: i64| loop {
        let (_, object) = watch.next().await.unwrap().unwrap();
        let status = &object["status"];
        if status["observedGeneration"] == generation
            && status["updatedReplicas"] == replicas
            && status["availableReplicas"] == replicas
        {
            break;
        }
    };
    ready(1, 1).await;
    patch(&server, &path, MERGE, &json!({"spec": {"replicas": 3}})).await;
    ready(2, 3).await;
    let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "nginx:2"}]);
    patch(&server, &path, super::client::JSON_PATCH, &image).await;
    ready(3, 3).await;
    let object = get(&server, &path).await.json();
    let managers = object["metadata"]["managedFields"].to_string();
    assert!(
        managers.contains("kube-controller-manager") && managers.contains("\"subresource\":\"status\""),
        "{managers}"
    );
    controller.abort();
}

#[tokio::test(start_paused = true)]
async fn at_rest_the_controller_writes_nothing() {
    let server = server();
    post(&server, DEPLOYMENTS, &deployment("web")).await;
    let mut workloads = Workloads::new(&server, WorkloadPlan::default());
    let mut rounds = 0;
    while workloads.round() == Round::Moving {
        rounds += 1;
        assert!(rounds < 50);
    }
    let version = server.resource_version();
    tokio::spawn(workloads.run());
    tokio::time::sleep(Duration::from_mins(30)).await;
    assert_eq!(server.resource_version(), version);
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_gets_its_address() {
    let server = server();
    let services = "/api/v1/namespaces/default/services";
    post(
        &server,
        services,
        &json!({"metadata": {"name": "s"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    )
    .await;
    Workloads::new(&server, WorkloadPlan::default()).round();
    let ingress = get(&server, &format!("{services}/s")).await.json()["status"]["loadBalancer"]["ingress"][0].clone();
    assert_eq!(ingress["ipMode"], "VIP");
    assert!(ingress["ip"].as_str().unwrap().starts_with("198.18."));
}
