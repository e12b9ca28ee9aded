//! The mass-deletion guard (S3), where documents change.

use std::time::Duration;

use serde_json::{Value, json};
use syncer_harness::{ApiServer, stays, wait_for};

use super::{
    scene::{Scene, config_maps, policy},
    things::{change, config_map, namespace_with, path, wait_gone, wait_that, wait_there},
};
use crate::objects::SOON;

const OBJECTS: usize = 20;

fn map(namespace: &str, n: usize) -> String {
    path("configmaps", namespace, &format!("web-{n}"))
}

fn count(server: &ApiServer, namespace: &str) -> usize {
    let items = server
        .client()
        .items(&format!("/api/v1/namespaces/{namespace}/configmaps"));
    items.len()
}

fn selecting(namespace: &str, team: &str) -> Value {
    json!({
        "resources": config_maps(),
        "namespaces": {"names": [namespace]},
        "objects": {"matchLabels": {"team": team}},
    })
}

#[test]
fn a_typo_in_a_selector_empties_nothing_and_goes_on_when_corrected() {
    let mut scene = Scene::new("typo");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let with = |team: &str| [east.clone(), west.clone(), policy("typo", &selecting("typo", team))];
    scene.write(&with("web"));
    namespace_with(up, "typo", &json!({}));
    for n in 0..OBJECTS {
        config_map(up, "typo", &format!("web-{n}"), &json!({"team": "web"}));
    }
    scene.run(&[]);
    for cluster in ["east", "west"] {
        scene.wait_objects(cluster, "synced", 21);
    }

    scene.write(&with("wbe"));
    for cluster in ["east", "west"] {
        scene.wait_objects(cluster, "held", 20);
        let target = scene.target_name(cluster);
        scene
            .syncer()
            .wait_for_log(&["ERROR", &target, "typo", "held=20"], SOON);
    }
    stays("held", Duration::from_secs(3), || {
        [scene.east, scene.west]
            .iter()
            .all(|server| count(server, "typo") == OBJECTS)
    });
    // What is held is not written either; other objects go on being looked at.
    change(up, &map("typo", 0), &json!({"data": {"key": "2"}}));
    config_map(up, "typo", "other", &json!({"team": "wbe"}));
    for server in [scene.east, scene.west] {
        wait_there(server, &path("configmaps", "typo", "other"));
        assert_eq!(wait_there(server, &map("typo", 0))["data"]["key"], "1");
    }

    scene.write(&with("web"));
    for (cluster, server) in [("east", scene.east), ("west", scene.west)] {
        scene.wait_objects(cluster, "held", 0);
        wait_that(server, &map("typo", 0), |seen| seen["data"]["key"] == "2");
        wait_gone(server, &path("configmaps", "typo", "other"));
        scene.wait_objects(cluster, "synced", 21);
    }
    let writes = scene.writes(scene.east);
    let deleted: Vec<_> = writes
        .iter()
        .filter(|event| event.verb == "delete")
        .map(|event| &event.name)
        .collect();
    assert_eq!(deleted, ["other"]);
    scene.end();
}

#[test]
fn a_policy_taken_out_of_the_file_or_a_label_off_the_namespace_is_held_too() {
    let mut scene = Scene::new("leave");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let kept = json!({"resources": config_maps(), "namespaces": {"names": ["leave-kept"]}});
    let away = json!({"resources": config_maps(), "namespaces": {"selector": {"matchLabels": {"leave": "web"}}}});
    let all = [east, west, policy("kept", &kept), policy("leaving", &away)];
    scene.write(&all);
    namespace_with(up, "leave-kept", &json!({}));
    namespace_with(up, "leave-away", &json!({"leave": "web"}));
    config_map(up, "leave-kept", "web", &json!({}));
    for n in 0..OBJECTS {
        config_map(up, "leave-away", &format!("web-{n}"), &json!({}));
    }
    scene.run(&[]);
    for cluster in ["east", "west"] {
        scene.wait_objects(cluster, "synced", 23);
    }

    let without: Vec<Value> = all.iter().take(3).cloned().collect();
    scene.write(&without);
    for cluster in ["east", "west"] {
        scene.wait_objects(cluster, "held", 20);
    }
    change(
        up,
        &path("configmaps", "leave-kept", "web"),
        &json!({"data": {"key": "2"}}),
    );
    wait_that(scene.east, &path("configmaps", "leave-kept", "web"), |seen| {
        seen["data"]["key"] == "2"
    });
    assert_eq!(count(scene.east, "leave-away"), OBJECTS);
    // A restart does not forget that; it may take their namespace, which nobody named yet, for one more.
    scene.kill();
    scene.run(&[]);
    for cluster in ["east", "west"] {
        wait_for("they are held", SOON, || scene.objects(cluster, "held") >= 20);
    }
    scene.write(&all);
    for cluster in ["east", "west"] {
        scene.wait_objects(cluster, "held", 0);
        scene.wait_objects(cluster, "synced", 23);
    }

    change(
        up,
        "/api/v1/namespaces/leave-away",
        &json!({"metadata": {"labels": {"leave": null}}}),
    );
    for cluster in ["east", "west"] {
        scene.wait_objects(cluster, "held", 20);
    }
    assert_eq!(
        (count(scene.east, "leave-away"), count(scene.west, "leave-away")),
        (OBJECTS, OBJECTS)
    );
    // Deleted one by one upstream they go: each deletion is seen.
    for n in 0..OBJECTS {
        up.client().delete(&map("leave-away", n));
    }
    for server in [scene.east, scene.west] {
        for n in 0..OBJECTS {
            wait_gone(server, &map("leave-away", n));
        }
    }
    scene.end();
}
