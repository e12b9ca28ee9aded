//! Somebody on the target who takes a field back again and again, under `UpstreamWins` with default settings.

use std::time::Duration;

use serde_json::{Value, json};
use syncer_harness::{ControllerManager, wait_for};

use super::{
    clusters::{Down, policy},
    object::{Object, deployment},
};
use crate::objects::{SOON, text};

/// An autoscaler looks every 15 s, and three times make a fight.
const NOTICED_WITHIN: Duration = Duration::from_mins(4);

/// The condition `Synced` of the upstream object.
fn synced(down: &Down, object: &Object) -> Value {
    let conditions = object.read(&down.upstream)["status"]["conditions"].clone();
    let found = conditions.as_array().into_iter().flatten();
    found
        .into_iter()
        .find(|condition| condition["type"] == "workload.kcp.io/Synced")
        .cloned()
        .unwrap_or_default()
}

#[test]
fn an_autoscaler_without_a_rule_is_a_fight_under_default_settings_until_the_rule_is_added() {
    let down = Down::start("fights", &[policy("all", 0, &[], &json!({}))]);
    let _report = down.report();
    let controller = ControllerManager::start(&down.east, "horizontal-pod-autoscaler-controller");
    down.namespace("fought");
    let object = Object::deployment("fought", "web");
    down.sync(&object, &deployment("example.org/web:1"));
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
    let collection = "/apis/autoscaling/v2/namespaces/fought/horizontalpodautoscalers";
    down.east.client().create(collection, &autoscaler);

    let event = wait_for("a fight to be noticed", NOTICED_WITHIN, || {
        let events = down.events(&object);
        let found = events.iter().find(|event| event["reason"] == "FightDetected");
        found.cloned().ok_or_else(|| format!("{events:?}"))
    });
    let note = text(&event, "/message");
    assert!(
        note.contains("east") && note.contains("spec.replicas") && note.contains("kube-controller-manager"),
        "{note}"
    );
    wait_for("the autoscaler's replicas, and that it is said", NOTICED_WITHIN, || {
        let condition = synced(&down, &object);
        let replicas = object.read(&down.east)["spec"]["replicas"].clone();
        let said = condition["status"] == "False" && condition["reason"] == "Conflicted";
        let message = text(&condition, "/message");
        let named = message.contains("spec.replicas") && message.contains("kube-controller-manager");
        if said && named && replicas == 4 {
            Ok(())
        } else {
            Err(format!("{replicas} {condition}"))
        }
    });

    // All other fields are kept meanwhile: what the upstream changes, and what others change on the target.
    let image =
        |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}});
    let held = || object.read(&down.east);
    let container = || held()["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    object.strategic(&down.upstream, &image("example.org/web:2"));
    wait_for("the edit", SOON, || container() == "example.org/web:2");
    object.strategic(&down.east, &image("example.org/other:1"));
    wait_for("the revert", SOON, || container() == "example.org/web:2");
    assert_eq!(held()["spec"]["replicas"], 4, "it is left alone");
    let condition = synced(&down, &object);
    let message = text(&condition, "/message");
    assert!(
        message.contains("kube-controller-manager changes spec.replicas"),
        "it is said as long as it rests: {condition}"
    );

    // The rule ends it, without a restart.
    let replicas = json!([{"resource": "deployments.apps", "path": "spec.replicas", "owner": "Downstream"}]);
    down.follow(&[policy("all", 0, &[], &json!({"fields": replicas}))]);
    wait_for("the fight to be over", SOON, || {
        let condition = synced(&down, &object);
        if condition["status"] == "True" {
            Ok(())
        } else {
            Err(condition.to_string())
        }
    });
    down.stays_quiet("fought", "beside an autoscaler that has its field");
    assert_eq!(held()["spec"]["replicas"], 4);
    drop(controller);
}
