//! SyncTargets and SyncPolicies as objects of the provider: which workspaces a policy means, and what its transforms know of them.

use serde_json::{Value, json};
use syncer_harness::{Patch, stays, wait_for};

use super::{
    provider::{Consumer, KCP_SOON},
    scene::{CONFIG_MAPS, QUIET, Scene, copy, shared, stay, target, wait_data},
};

/// A policy for ConfigMaps of `workspaces`, which says on each where it is from.
fn policy(workspaces: &Value) -> Value {
    json!({
        "resources": [{"resource": "configmaps"}],
        "namespaces": {"names": ["default"]},
        "workspaces": workspaces,
        "transforms": [
            {"set": {"path": "data.path", "cel": "workspace.path"}},
            {"set": {"path": "data.name", "cel": "workspace.name"}},
        ],
    })
}

fn told(consumer: &Consumer) -> Value {
    json!({"own": "1", "path": consumer.path, "name": consumer.cluster})
}

#[test]
fn policies_mean_workspaces_by_name_or_by_path_and_transforms_know_both() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "meant");
    let [red, blue, green] = ["red", "blue", "green"].map(|name| scene.consumer(&format!("meant-{name}")));
    for consumer in [&red, &blue, &green] {
        scene.config_map(consumer, "web", &json!({"own": "1"}));
    }
    let provider = scene.provider.clone();
    provider.policy(&kcp, "by-path", &policy(&json!({"paths": [red.path]})));
    provider.policy(&kcp, "by-name", &policy(&json!({"names": [blue.cluster]})));
    scene.run_with_objects();
    for consumer in [&red, &blue] {
        wait_data(consumer, "web", &told(consumer));
    }
    for name in ["by-path", "by-name"] {
        provider.wait_own(&kcp, "syncpolicies", name, |seen| {
            // The namespace goes along.
            seen["status"]["objects"]["synced"].as_u64() >= Some(1)
        });
    }
    let nowhere = || (0..2).all(|number| copy(target(number), CONFIG_MAPS, &green, "web").is_none());
    stays("in no policy", QUIET, nowhere);

    // Followed without restart.
    let wider = json!({"spec": {"workspaces": {"paths": [red.path, green.path]}}});
    let path = "/apis/workload.kcp.io/v1alpha1/syncpolicies/by-path";
    kcp.client(&provider.path).patch(path, Patch::Merge(&wider));
    wait_data(&green, "web", &told(&green));
    stay(&red, &["web"]);

    // What east holds is counted on its SyncTarget, with when it was last heard of.
    wait_for("the counts of east", KCP_SOON, || {
        let seen = kcp
            .client(&provider.path)
            .read("/apis/workload.kcp.io/v1alpha1/synctargets/east");
        let status = &seen["status"];
        let is_whole = status["objects"]["synced"].as_u64() >= Some(3) && status["objects"]["pending"] == 0;
        if is_whole && status["lastSyncerHeartbeatTime"].is_string() {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
}
