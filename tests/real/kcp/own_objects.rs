//! SyncTargets and SyncPolicies of the provider that go, come back, and are wrong for a while.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Patch, stays, wait_for};

use super::{
    provider::{Consumer, KCP_SOON, is_true},
    scene::{CONFIG_MAPS, DEPLOYMENTS, QUIET, Scene, copy, shared, target, wait_data, wait_gone},
};
use crate::objects::uid;

const EAST: &str = "/apis/workload.kcp.io/v1alpha1/synctargets/east";
const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

/// All copies of the ConfigMap `name` of `consumer`, wherever they are.
fn copies(target: &ApiServer, consumer: &Consumer, name: &str) -> Vec<Value> {
    let mut all = target.client().items(CONFIG_MAPS);
    all.retain(|object| {
        let origin = object["metadata"]["annotations"]["workload.kcp.io/origin"].to_string();
        object["metadata"]["name"] == name && origin.contains(&consumer.cluster)
    });
    all
}

/// `kubectl delete` and `kubectl apply` of a SyncTarget: another object, with another UID, for the same cluster.
#[test]
fn a_synctarget_deleted_and_made_again_takes_up_what_its_cluster_holds() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "remade");
    let red = scene.consumer("remade-red");
    let provider = scene.provider.clone();
    let policy = json!({"resources": [{"resource": "configmaps"}, {"group": "apps", "resource": "deployments"}]});
    provider.policy(&kcp, "all", &policy);
    scene.run_with_objects();
    scene.config_map(&red, "web", &json!({"v": "1"}));
    scene.deployment(&red, "web", 1);
    wait_data(&red, "web", &json!({"v": "1"}));
    for number in 0..2 {
        wait_for("the Deployment", KCP_SOON, || {
            copy(target(number), DEPLOYMENTS, &red, "web")
        });
    }
    let before = uid(&copy(target(0), CONFIG_MAPS, &red, "web").unwrap()).to_owned();

    let operator = kcp.client(&provider.path);
    let spec = operator.read(EAST)["spec"].clone();
    operator.delete(EAST);
    scene.syncer().wait_for_log(&["what it holds stays", "east"], KCP_SOON);
    // It holds up nothing, and what it holds stays as it is.
    scene.edit(&red, "web", &json!({"v": "2"}));
    let people = red.client(&kcp);
    people.delete(WEB);
    wait_for("the end of the Deployment", KCP_SOON, || match people.get(WEB) {
        None => Ok(()),
        Some(seen) => Err(seen["metadata"].to_string()),
    });
    wait_for("the edit on west", KCP_SOON, || {
        copy(target(1), CONFIG_MAPS, &red, "web").is_some_and(|seen| seen["data"]["v"] == "2")
    });
    stays("as it was on east", QUIET, || {
        let map = copy(target(0), CONFIG_MAPS, &red, "web").is_some_and(|seen| seen["data"]["v"] == "1");
        map && copy(target(0), DEPLOYMENTS, &red, "web").is_some()
    });

    let again = json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": "east"}, "spec": spec,
    });
    let (collection, _) = EAST.rsplit_once('/').unwrap();
    operator.create(collection, &again);
    wait_data(&red, "web", &json!({"v": "2"}));
    provider.wait_own(&kcp, "synctargets", "east", |seen| is_true(seen, "Ready"));
    wait_gone(DEPLOYMENTS, &red, "web", KCP_SOON);
    let held = copies(target(0), &red, "web");
    let uids: Vec<_> = held.iter().map(uid).collect();
    assert_eq!(uids, [before.as_str()], "the same object, and no other: {held:?}");
}

/// From the first moment on: nothing is synced by it, nothing else waits for it, and mended it counts.
#[test]
fn a_policy_that_is_wrong_from_the_start_is_said_and_counts_once_it_is_mended() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "mended");
    let (red, blue) = (scene.consumer("mended-red"), scene.consumer("mended-blue"));
    let provider = scene.provider.clone();
    let of = |consumer: &Consumer, cel: &str| {
        json!({
            "resources": [{"resource": "configmaps"}],
            "workspaces": {"paths": [consumer.path]},
            "transforms": [{"set": {"path": "data.at", "cel": cel}}],
        })
    };
    provider.policy(&kcp, "red", &of(&red, "workspace.("));
    provider.policy(&kcp, "blue", &of(&blue, "workspace.name"));
    for consumer in [&red, &blue] {
        scene.config_map(consumer, "web", &json!({"v": "1"}));
    }
    scene.run_with_objects();
    wait_data(&blue, "web", &json!({"v": "1", "at": blue.cluster}));
    let seen = provider.wait_own(&kcp, "syncpolicies", "red", |seen| {
        let conditions = seen["status"]["conditions"].to_string();
        conditions.contains("Invalid") && !is_true(seen, "Ready")
    });
    assert!(
        seen["status"]["conditions"].to_string().contains("spec.transforms[0]"),
        "{seen}"
    );
    assert!(copies(target(0), &red, "web").is_empty());

    let path = "/apis/workload.kcp.io/v1alpha1/syncpolicies/red";
    let mended = json!({"spec": of(&red, "workspace.name")});
    kcp.client(&provider.path).patch(path, Patch::Merge(&mended));
    wait_data(&red, "web", &json!({"v": "1", "at": red.cluster}));
    provider.wait_own(&kcp, "syncpolicies", "red", |seen| is_true(seen, "Ready"));
}
