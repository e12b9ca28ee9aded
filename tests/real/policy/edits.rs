//! The documents change while the syncer runs.

use serde_json::json;
use syncer_harness::{User, stays};

use super::{
    scene::{Scene, config_maps, policy},
    things::{assert_absent, change, config_map, namespace_with, path, wait_gone, wait_that, wait_there},
};
use crate::objects::{SOON, text};

fn map(namespace: &str) -> String {
    path("configmaps", namespace, "web")
}

#[test]
fn policies_and_targets_come_change_and_go() {
    let mut scene = Scene::new("change");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let spec = |namespace: &str, mark: &str| {
        json!({
            "resources": config_maps(),
            "namespaces": {"names": [namespace]},
            "transforms": [{"set": {"path": "metadata.labels.mark", "value": mark}}],
        })
    };
    for namespace in ["change-a", "change-b"] {
        namespace_with(up, namespace, &json!({}));
        config_map(up, namespace, "web", &json!({}));
    }
    scene.write(&[east.clone(), policy("a", &spec("change-a", "1"))]);
    scene.run(&[]);
    wait_there(scene.east, &map("change-a"));

    // A policy comes.
    scene.write(&[
        east.clone(),
        policy("a", &spec("change-a", "1")),
        policy("b", &spec("change-b", "1")),
    ]);
    wait_there(scene.east, &map("change-b"));

    // A policy changes: what it did not change is not written.
    let before = wait_there(scene.east, &map("change-a"));
    scene.write(&[
        east.clone(),
        policy("a", &spec("change-a", "1")),
        policy("b", &spec("change-b", "2")),
    ]);
    wait_that(scene.east, &map("change-b"), |seen| {
        text(seen, "/metadata/labels/mark") == "2"
    });
    assert_eq!(wait_there(scene.east, &map("change-a")), before);

    // A target comes.
    scene.write(&[
        east.clone(),
        west.clone(),
        policy("a", &spec("change-a", "1")),
        policy("b", &spec("change-b", "2")),
    ]);
    for namespace in ["change-a", "change-b"] {
        wait_there(scene.west, &map(namespace));
    }

    // A policy goes, and with it what it placed.
    scene.write(&[east.clone(), west, policy("a", &spec("change-a", "1"))]);
    for server in [scene.east, scene.west] {
        wait_gone(server, &map("change-b"));
    }

    // A target goes: it keeps what it has.
    scene.write(&[east.clone(), policy("a", &spec("change-a", "1"))]);
    scene.syncer().wait_for_log(&["other rules", "revision=6"], SOON);
    change(up, &map("change-a"), &json!({"data": {"key": "2"}}));
    wait_that(scene.east, &map("change-a"), |seen| seen["data"]["key"] == "2");
    assert_eq!(wait_there(scene.west, &map("change-a"))["data"]["key"], "1");
    scene.end();
}

#[test]
fn a_changed_kubeconfig_file_connects_its_target_anew() {
    let mut scene = Scene::new("switch");
    let up = scene.upstream;
    let spec = json!({"resources": config_maps(), "namespaces": {"names": ["switch"]}});
    scene.write(&[scene.target("east", &json!({})), policy("switch", &spec)]);
    // At first the file is of somebody whom the server does not know.
    scene.kubeconfig("east", &scene.east.kubeconfig_of(&User::new("stranger")));
    namespace_with(up, "switch", &json!({}));
    config_map(up, "switch", "web", &json!({}));
    scene.run(&[]);
    scene.syncer().wait_for_log(&["switch-east", "401"], SOON);
    scene.kubeconfig("east", &scene.east.kubeconfig_of(&scene.user()));
    wait_there(scene.east, &map("switch"));
    // Then it names another cluster under the same name.
    scene.kubeconfig("east", &scene.west.kubeconfig_of(&scene.user()));
    wait_there(scene.west, &map("switch"));
    change(up, &map("switch"), &json!({"data": {"key": "2"}}));
    wait_that(scene.west, &map("switch"), |seen| seen["data"]["key"] == "2");
    assert_eq!(wait_there(scene.east, &map("switch"))["data"]["key"], "1");
    scene.end();
}

/// S11.
#[test]
fn broken_documents_keep_the_last_good_set_and_each_problem_is_said_once() {
    let mut scene = Scene::new("broken");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let spec = json!({"resources": config_maps(), "namespaces": {"names": ["broken"]}});
    let good = [east, west, policy("broken", &spec)];
    scene.write(&good);
    namespace_with(up, "broken", &json!({}));
    config_map(up, "broken", "web", &json!({}));
    scene.run(&[]);
    for server in [scene.east, scene.west] {
        wait_there(server, &map("broken"));
    }
    scene.write_text("kind: SyncPolicy\nspec: {resources: [unclosed\n");
    scene
        .syncer()
        .wait_for_log(&["the configuration is wrong", "documents.yaml"], SOON);
    change(up, &map("broken"), &json!({"data": {"key": "2"}}));
    config_map(up, "broken", "later", &json!({}));
    for server in [scene.east, scene.west] {
        wait_that(server, &map("broken"), |seen| seen["data"]["key"] == "2");
        wait_there(server, &path("configmaps", "broken", "later"));
    }
    let said = || scene.syncer().log().matches("the configuration is wrong").count();
    // Longer than two looks at the files.
    stays("said once", std::time::Duration::from_secs(5), || said() == 1);

    // Every problem of one version is said, each once.
    let wrong = json!({"resources": [], "priorty": 1, "targets": {"names": [7]}});
    scene.write(&[good[0].clone(), policy("broken", &wrong)]);
    scene
        .syncer()
        .wait_for_log(&["the configuration is wrong", "priorty"], SOON);
    let first = scene.syncer().log().matches("priorty").count();
    scene.write(&good);
    let fewer =
        json!({"resources": config_maps(), "namespaces": {"names": ["broken"]}, "targets": {"names": ["broken-east"]}});
    scene.write(&[good[0].clone(), good[1].clone(), policy("broken", &fewer)]);
    wait_gone(scene.west, &map("broken"));
    wait_there(scene.east, &map("broken"));
    assert_eq!(scene.syncer().log().matches("priorty").count(), first);
    assert_absent(scene.west, &path("configmaps", "broken", "later"));
    scene.end();
}
