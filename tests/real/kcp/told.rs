//! What people are told in kcp: users on their objects in their own workspaces, the operator on the SyncTargets in the provider's.

use serde_json::{Value, json};
use syncer_harness::{ApiServerOptions, Patch, wait_for};

use super::{
    provider::{Consumer, KCP_SOON, is_true},
    scene::{CONFIG_MAPS, Scene, copy, shared, target, wait_data},
};
use crate::printed::{self, Side};

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

/// Waits for an Event of `reason` about `name` in the workspace at `path`; its text.
#[track_caller]
pub(super) fn wait_told(scene: &Scene<'_>, path: &str, (kind, name): (&str, &str), reason: &str) -> String {
    let client = scene.kcp.client(path);
    wait_for(
        &format!("the Event {reason} about {kind} {name} in {path}"),
        KCP_SOON,
        || {
            let events = client.items("/api/v1/namespaces/default/events");
            let found = events.iter().find(|event| {
                let about = &event["involvedObject"];
                event["reason"] == reason && about["kind"] == kind && about["name"] == name
            });
            let message = found.and_then(|event| event["message"].as_str()).map(str::to_owned);
            message.ok_or_else(|| format!("{events:?}"))
        },
    )
}

fn events(scene: &Scene<'_>, consumer: &Consumer) -> Vec<Value> {
    consumer.client(scene.kcp).items("/api/v1/events")
}

#[test]
fn users_are_told_on_their_objects_in_their_own_workspace() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "told");
    let (red, blue) = (scene.consumer("told-red"), scene.consumer("told-blue"));
    scene.run();

    // kcp lets pass what every target refuses: a selector that selects other pods.
    scene.deployment(&red, "web", 1);
    let client = red.client(&kcp);
    wait_for("the condition", KCP_SOON, || {
        let seen = client.read(WEB);
        if is_true(&seen, "workload.kcp.io/Synced") {
            Ok(())
        } else {
            Err(seen["status"].to_string())
        }
    });
    client.patch(
        WEB,
        Patch::Merge(&json!({"spec": {"template": {"metadata": {"labels": {"app": "other"}}}}})),
    );
    let told = wait_told(&scene, &red.path, ("Deployment", "web"), "SyncFailed");
    assert!(told.contains("east") || told.contains("west"), "{told}");
    wait_for("the condition", KCP_SOON, || {
        let seen = client.read(WEB);
        if is_true(&seen, "workload.kcp.io/Synced") {
            Err(seen["status"].to_string())
        } else {
            Ok(())
        }
    });
    // They take it back.
    client.patch(
        WEB,
        Patch::Merge(&json!({"spec": {"template": {"metadata": {"labels": {"app": "web"}}}}})),
    );
    wait_told(&scene, &red.path, ("Deployment", "web"), "Synced");

    // Somebody changes it on a target.
    scene.config_map(&red, "map", &json!({"of": "red"}));
    wait_data(&red, "map", &json!({"of": "red"}));
    let namespace = copy(target(0), CONFIG_MAPS, &red, "map").unwrap()["metadata"]["namespace"].clone();
    let path = format!("/api/v1/namespaces/{}/configmaps/map", namespace.as_str().unwrap());
    target(0)
        .client()
        .patch(&path, Patch::Merge(&json!({"data": {"of": "somebody"}})));
    let told = wait_told(&scene, &red.path, ("ConfigMap", "map"), "DriftReverted");
    assert!(told.contains("east") && !told.contains("somebody"), "{told}");
    wait_data(&red, "map", &json!({"of": "red"}));

    // Nobody else hears of it.
    assert_eq!(events(&scene, &blue), Vec::<Value>::new());
}

#[test]
fn the_operator_is_told_on_the_synctarget() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "operator");
    let team = scene.consumer("operator-team");
    let user = printed::user("operator");
    let server = ApiServerOptions::default().named("lost").user(&user).start();
    let mut server = printed::grant(server, Side::Target);
    let provider = scene.provider.clone();
    provider.target(&kcp, "lost", &server.kubeconfig_of(&user));
    provider.policy(&kcp, "all", &json!({"resources": [{"resource": "configmaps"}]}));
    scene.config_map(&team, "map", &json!({"a": "1"}));
    scene.run_with_objects();
    wait_data(&team, "map", &json!({"a": "1"}));
    provider.wait_own(&kcp, "synctargets", "lost", |seen| is_true(seen, "Ready"));

    server.kill();
    let told = wait_told(&scene, &provider.path, ("SyncTarget", "lost"), "TargetUnreachable");
    assert!(told.contains("cannot be reached"), "{told}");
    provider.wait_own(&kcp, "synctargets", "lost", |seen| {
        !is_true(seen, "Ready") && !is_true(seen, "Reachable")
    });
    // The others go on, and the users are not told of clusters that they do not know.
    scene.edit(&team, "map", &json!({"a": "2"}));
    wait_data(&team, "map", &json!({"a": "2"}));
    server.start_again();
    provider.wait_own(&kcp, "synctargets", "lost", |seen| is_true(seen, "Ready"));
    assert!(copy(&server, CONFIG_MAPS, &team, "map").is_some());
}
