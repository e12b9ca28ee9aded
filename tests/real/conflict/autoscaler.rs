//! A real autoscaler on the target under `LastWriteWins`: the upstream follows it, unless a rule gives the field to the target.

use serde_json::{Value, json};
use syncer_harness::{ControllerManager, Patch, wait_for};

use super::trio::SOON;
use crate::down::{
    clusters::{Down, policy},
    object::{Object, deployment},
};

const FOLLOWED: &str = "followed";
const GIVEN: &str = "given";

fn autoscalers(namespace: &str) -> String {
    format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")
}

/// Makes an autoscaler for the Deployment `web`, which may not go below `least`.
fn autoscale(down: &Down, namespace: &str, least: u64) {
    let autoscaler = json!({
        "metadata": {"name": "web"},
        "spec": {
            "minReplicas": least, "maxReplicas": 20,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50},
            }}],
        },
    });
    down.east.client().create(&autoscalers(namespace), &autoscaler);
}

#[track_caller]
fn wait_replicas(down: &Down, object: &Object, [upstream, east]: [u64; 2]) {
    wait_for(
        &format!("{upstream} replicas upstream and {east} on the target"),
        SOON,
        || {
            let seen = [&down.upstream, &down.east].map(|server| object.read(server)["spec"]["replicas"].clone());
            if seen == [upstream, east] {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        },
    );
}

#[track_caller]
fn assert_no_fight(down: &Down, object: &Object) {
    let fights: Vec<Value> = down
        .events(object)
        .into_iter()
        .filter(|event| event["reason"] == "FightDetected" || event["reason"] == "DriftReverted")
        .collect();
    assert_eq!(fights, Vec::<Value>::new());
}

#[test]
fn the_upstream_follows_an_autoscaler_that_nobody_opposes_and_nobody_fights() {
    let rules = json!({"strategy": "LastWriteWins"});
    let mut given = rules.clone();
    given["fields"] = json!([{"resource": "deployments.apps", "path": "spec.replicas", "owner": "Downstream"}]);
    let policies = [
        policy(FOLLOWED, 0, &[FOLLOWED], &rules),
        policy(GIVEN, 0, &[GIVEN], &given),
    ];
    let down = Down::start("autoscaled", &policies);
    let _report = down.report();
    let _controller = ControllerManager::start(&down.east, "horizontal-pod-autoscaler-controller");
    let [followed, owned] = [FOLLOWED, GIVEN].map(|namespace| {
        down.namespace(namespace);
        let object = Object::deployment(namespace, "web");
        down.sync(&object, &deployment("example.org/web:1"));
        autoscale(&down, namespace, 2);
        object
    });
    wait_replicas(&down, &followed, [2, 2]);
    wait_replicas(&down, &owned, [1, 2]);

    // More often than a fight needs: it goes on from its own last word each time.
    for least in 3..8 {
        for namespace in [FOLLOWED, GIVEN] {
            let path = format!("{}/web", autoscalers(namespace));
            let change = json!({"spec": {"minReplicas": least}});
            down.east.client().patch(&path, Patch::Merge(&change));
        }
        wait_replicas(&down, &followed, [least, least]);
        wait_replicas(&down, &owned, [1, least]);
    }
    // An edit of another field upstream takes nothing back.
    for object in [&followed, &owned] {
        let image =
            json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "example.org/web:2"}]}}}});
        object.strategic(&down.upstream, &image);
        wait_for("the image", SOON, || {
            let held = object.read(&down.east);
            held["spec"]["template"]["spec"]["containers"][0]["image"] == "example.org/web:2"
        });
        assert_no_fight(&down, object);
    }
    wait_replicas(&down, &followed, [7, 7]);
    wait_replicas(&down, &owned, [1, 7]);
    let written = followed.read(&down.upstream)["metadata"]["annotations"]["workload.kcp.io/written-back"].clone();
    assert!(
        written
            .as_str()
            .is_some_and(|written| written.contains("spec.replicas")),
        "{written}"
    );
    down.comes_to_rest();
    down.stays_quiet(FOLLOWED, "beside an autoscaler that the upstream follows");
    down.stays_quiet(GIVEN, "beside an autoscaler that has its field");
}
