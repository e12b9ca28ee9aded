//! What is deleted and made again under its name: a binding with other claims, a workspace.

use serde_json::json;
use syncer_harness::{stays, wait_for};

use super::{
    provider::KCP_SOON,
    scene::{CONFIG_MAPS, DEPLOYMENTS, QUIET, Scene, copy, shared, stay, target, wait_data, wait_gone},
};

#[test]
fn a_binding_made_again_with_other_claims_brings_what_these_allow_and_nothing_else() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "rebound");
    let (red, blue) = (scene.consumer("rebound-red"), scene.consumer("rebound-blue"));
    scene.run();
    for consumer in [&red, &blue] {
        scene.config_map(consumer, "web", &json!({"v": "1"}));
        scene.deployment(consumer, "web", 1);
        wait_data(consumer, "web", &json!({"v": "1"}));
        wait_for("the Deployment", KCP_SOON, || {
            copy(target(0), DEPLOYMENTS, consumer, "web")
        });
    }
    scene.delete_binding(&red);
    scene.wait_unbound(&red);
    // The ConfigMap is the workspace's own, and still there; nobody lets the syncer see it any more.
    let red = scene.provider.bind_without(&kcp, &red.path, "configmaps");
    scene.deployment(&red, "again", 1);
    for number in 0..2 {
        wait_for("the new Deployment", KCP_SOON, || {
            copy(target(number), DEPLOYMENTS, &red, "again")
        });
    }
    for collection in [CONFIG_MAPS, DEPLOYMENTS] {
        wait_gone(collection, &red, "web", KCP_SOON);
    }
    scene.edit(&red, "web", &json!({"v": "2"}));
    let nowhere = || copy(target(0), CONFIG_MAPS, &red, "web").is_none();
    stays("without the ConfigMap", QUIET, nowhere);

    // Their claim accepted, ConfigMaps are back.
    scene.provider.accept_all(&kcp, &red);
    wait_data(&red, "web", &json!({"v": "2"}));
    stay(&blue, &["web"]);
}

/// A path says nothing of who is there: the new workspace's objects are new ones, and its namesake's leave.
#[test]
fn a_workspace_made_again_under_its_path_is_another_one() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "phoenix");
    let old = scene.consumer("phoenix-red");
    let provider = scene.provider.clone();
    let by_path = json!({
        "resources": [{"resource": "configmaps"}, {"group": "apps", "resource": "deployments"}],
        "workspaces": {"paths": [old.path]},
    });
    provider.policy(&kcp, "by-path", &by_path);
    scene.run_with_objects();
    scene.config_map(&old, "web", &json!({"of": "the old one"}));
    scene.deployment(&old, "web", 1);
    wait_data(&old, "web", &json!({"of": "the old one"}));
    let namespace = copy(target(0), CONFIG_MAPS, &old, "web").unwrap()["metadata"]["namespace"].clone();

    let (parent, name) = old.path.rsplit_once(':').unwrap();
    let workspace = format!("/apis/tenancy.kcp.io/v1alpha1/workspaces/{name}");
    let parent = kcp.client(parent);
    parent.delete(&workspace);
    wait_for("the end of the workspace", KCP_SOON, || match parent.get(&workspace) {
        None => Ok(()),
        Some(workspace) => Err(workspace["status"].to_string()),
    });
    let new = scene.consumer("phoenix-red");
    assert_ne!(old.cluster, new.cluster);
    scene.config_map(&new, "web", &json!({"of": "the new one"}));
    wait_data(&new, "web", &json!({"of": "the new one"}));
    let found = copy(target(0), CONFIG_MAPS, &new, "web").unwrap();
    assert_ne!(found["metadata"]["namespace"], namespace);
    for collection in [CONFIG_MAPS, DEPLOYMENTS] {
        wait_gone(collection, &old, "web", KCP_SOON);
    }
    let namespace = format!("/api/v1/namespaces/{}", namespace.as_str().unwrap());
    wait_for("the old namespace to go", KCP_SOON, || {
        target(0)
            .client()
            .get(&namespace)
            .is_none_or(|seen| seen["metadata"]["deletionTimestamp"].is_string())
    });
    stay(&new, &["web"]);
}
