//! An autoscaler on the target, under a policy that gives it the replicas.

use serde_json::{Value, json};
use syncer_harness::{ControllerManager, wait_for};

use super::{
    clusters::Alone,
    object::{Object, deployment},
};
use crate::objects::SOON;

#[test]
fn an_autoscaler_keeps_its_replicas_and_edits_flow_on() {
    let mut down = Alone::here();
    let controller = ControllerManager::start(&down.east, "horizontal-pod-autoscaler-controller");
    down.namespace("autoscaled");
    let object = Object::deployment("autoscaled", "web");
    let held = down.sync(&object, &deployment("example.org/web:1"));
    assert_eq!(held["spec"]["replicas"], 1, "it begins with the upstream's value");

    let autoscaler = json!({
        "metadata": {"name": "web"},
        "spec": {
            "minReplicas": 4, "maxReplicas": 8,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50},
            }}],
        },
    });
    let collection = "/apis/autoscaling/v2/namespaces/autoscaled/horizontalpodautoscalers";
    down.east.client().create(collection, &autoscaler);
    let wait_ready = |image: &str| {
        wait_for("4 ready replicas", SOON, || {
            let held = object.read(&down.east);
            let status = &held["status"];
            let done = held["spec"]["replicas"] == 4
                && held["spec"]["template"]["spec"]["containers"][0]["image"] == image
                && status["observedGeneration"] == held["metadata"]["generation"]
                && status["replicas"] == 4
                && status["updatedReplicas"] == 4
                && status["availableReplicas"] == 4;
            if done { Ok(()) } else { Err(held.to_string()) }
        });
    };
    wait_ready("example.org/web:1");
    down.stays_quiet("autoscaled", "beside an autoscaler");

    // Neither an edit, nor one of the replicas, takes them back.
    let image = |image: &str| -> Value {
        json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})
    };
    object.strategic(&down.upstream, &image("example.org/web:2"));
    wait_ready("example.org/web:2");
    object.merge(&down.upstream, &json!({"spec": {"replicas": 2}}));
    object.strategic(&down.upstream, &image("example.org/web:3"));
    wait_ready("example.org/web:3");
    down.stays_quiet("autoscaled", "after edits beside an autoscaler");
    let reverted: Vec<_> = down
        .events(&object)
        .into_iter()
        .filter(|event| event["reason"] == "DriftReverted")
        .collect();
    assert_eq!(reverted, Vec::<Value>::new());

    down.restart();
    down.wait_turn("autoscaled", "later");
    assert_eq!(object.read(&down.east)["spec"]["replicas"], 4);
    down.stays_quiet("autoscaled", "after a restart beside an autoscaler");
    drop(controller);
}
