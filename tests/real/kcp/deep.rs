//! The longest names in the deepest workspaces.

use serde_json::json;
use syncer_harness::{Patch, wait_for};

use super::{
    provider::KCP_SOON,
    scene::{CONFIG_MAPS, DEPLOYMENTS, Scene, copy, shared, target, wait_data, wait_gone},
    told::wait_told,
};

const LEVELS: usize = 4;
/// The longest name of a workspace.
const LONGEST_WORKSPACE: usize = 63;
/// The longest name of an object.
const LONGEST_NAME: usize = 253;

#[test]
fn objects_with_the_longest_names_in_a_deep_workspace_are_synced_told_of_and_deleted() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "deep");
    let mut path = "root".to_owned();
    for level in 0..LEVELS {
        path = kcp.create_workspace(&path, &format!("deep-{level}-{}", "w".repeat(LONGEST_WORKSPACE - 7)));
    }
    let team = scene
        .provider
        .consumer_under(&kcp, &path, &"t".repeat(LONGEST_WORKSPACE));
    let provider = scene.provider.clone();
    let by_path = json!({
        "resources": [{"resource": "configmaps"}, {"group": "apps", "resource": "deployments"}],
        "workspaces": {"paths": [team.path]},
        "transforms": [{"set": {"path": "data.at", "cel": "workspace.path"}, "resources": [{"resource": "configmaps"}]}],
    });
    provider.policy(&kcp, "deep", &by_path);
    scene.run_with_objects();
    let name = "n".repeat(LONGEST_NAME);
    scene.config_map(&team, &name, &json!({"v": "1"}));
    scene.deployment(&team, "web", 1);
    let long = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": "long"}},
            "template": {
                "metadata": {"labels": {"app": "long"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    });
    let client = team.client(&kcp);
    client.create("/apis/apps/v1/namespaces/default/deployments", &long);
    wait_data(&team, &name, &json!({"v": "1", "at": team.path}));
    for number in 0..2 {
        wait_for("the Deployment", KCP_SOON, || {
            copy(target(number), DEPLOYMENTS, &team, &name)
        });
    }

    // What happens to it is told under a name that is not too long.
    let held = copy(target(0), CONFIG_MAPS, &team, &name).unwrap();
    let namespace = held["metadata"]["namespace"].as_str().unwrap();
    target(0).client().patch(
        &format!("/api/v1/namespaces/{namespace}/configmaps/{name}"),
        Patch::Merge(&json!({"data": {"v": "somebody's"}})),
    );
    wait_told(&scene, &team.path, ("ConfigMap", &name), "DriftReverted");
    wait_data(&team, &name, &json!({"v": "1", "at": team.path}));

    client.delete(&format!("/apis/apps/v1/namespaces/default/deployments/{name}"));
    wait_gone(DEPLOYMENTS, &team, &name, KCP_SOON);
}
