//! Which objects go where.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, wait_for};

use super::{
    scene::{Scene, config_maps, policy},
    things::{
        assert_absent, change, collection, config_map, deployment, namespace_with, path, wait_gone, wait_that,
        wait_there,
    },
};
use crate::objects::{SOON, text, uid};

fn map(namespace: &str, name: &str) -> String {
    path("configmaps", namespace, name)
}

#[track_caller]
fn gone_with_its_uid(scene: &Scene, server: &ApiServer, path: &str, made: &Value) {
    wait_gone(server, path);
    // S2, on the wire.
    let name = text(made, "/metadata/name");
    let deletes = wait_for("the delete in the audit log", SOON, || {
        let writes = scene.writes(server).into_iter();
        let deletes: Vec<_> = writes
            .filter(|event| event.verb == "delete" && event.name == name)
            .collect();
        (!deletes.is_empty()).then_some(deletes)
    });
    for delete in deletes {
        assert_eq!(text(&delete.body, "/preconditions/uid"), uid(made), "{delete:?}");
    }
}

#[test]
fn resources_namespaces_and_labels_select_and_what_leaves_the_selection_goes() {
    let mut scene = Scene::new("select");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let selecting = json!({
        "resources": config_maps(),
        "namespaces": {"selector": {"matchLabels": {"team": "select"}}},
        "objects": {"matchLabels": {"sync": "yes"}},
    });
    scene.write(&[east, west, policy("select", &selecting)]);
    namespace_with(up, "select-in", &json!({"team": "select"}));
    namespace_with(up, "select-out", &json!({}));
    let yes = json!({"sync": "yes"});
    for namespace in ["select-in", "select-out"] {
        config_map(up, namespace, "yes", &yes);
        config_map(up, namespace, "no", &json!({}));
    }
    let service = json!({"metadata": {"name": "web", "labels": yes}, "spec": {"ports": [{"port": 80}]}});
    up.client().create(&collection("services", "select-in"), &service);
    scene.run(&[]);

    for server in [scene.east, scene.west] {
        let first = wait_there(server, &map("select-in", "yes"));
        assert_eq!(text(&first, "/data/key"), "1");
    }
    // The namespace's labels change: its objects come, and go.
    change(
        up,
        "/api/v1/namespaces/select-out",
        &json!({"metadata": {"labels": {"team": "select"}}}),
    );
    let made = wait_there(scene.east, &map("select-out", "yes"));
    wait_there(scene.west, &map("select-out", "yes"));
    change(
        up,
        "/api/v1/namespaces/select-out",
        &json!({"metadata": {"labels": {"team": null}}}),
    );
    gone_with_its_uid(&scene, scene.east, &map("select-out", "yes"), &made);
    wait_gone(scene.west, &map("select-out", "yes"));

    // So do the labels of an object.
    change(
        up,
        &map("select-in", "no"),
        &json!({"metadata": {"labels": {"sync": "yes"}}}),
    );
    let made = wait_there(scene.east, &map("select-in", "no"));
    change(
        up,
        &map("select-in", "no"),
        &json!({"metadata": {"labels": {"sync": "no"}}}),
    );
    gone_with_its_uid(&scene, scene.east, &map("select-in", "no"), &made);
    wait_gone(scene.west, &map("select-in", "no"));

    for server in [scene.east, scene.west] {
        assert_absent(server, &path("services", "select-in", "web"));
        assert_absent(server, &map("select-out", "no"));
        assert!(server.client().get(&map("select-in", "yes")).is_some());
    }
    scene.end();
}

#[test]
fn targets_are_named_or_selected_by_their_labels() {
    let mut scene = Scene::new("aim");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let by_name = json!({
        "resources": config_maps(),
        "namespaces": {"names": ["aim-name"]},
        "targets": {"names": ["aim-east"]},
    });
    let by_label = json!({
        "resources": config_maps(),
        "namespaces": {"names": ["aim-label"]},
        "targets": {"selector": {"matchExpressions": [{"key": "cluster", "operator": "NotIn", "values": ["east"]}]}},
    });
    scene.write(&[east, west, policy("name", &by_name), policy("label", &by_label)]);
    for namespace in ["aim-name", "aim-label"] {
        namespace_with(up, namespace, &json!({}));
        config_map(up, namespace, "web", &json!({}));
    }
    scene.run(&[]);
    wait_there(scene.east, &map("aim-name", "web"));
    wait_there(scene.west, &map("aim-label", "web"));
    scene.wait_objects("east", "synced", 2);
    scene.wait_objects("west", "synced", 2);
    assert_absent(scene.west, &map("aim-name", "web"));
    assert_absent(scene.east, &map("aim-label", "web"));
    assert_absent(scene.west, "/api/v1/namespaces/aim-name");
    scene.end();
}

#[test]
fn the_higher_priority_decides_then_the_first_name_and_the_other_is_told() {
    let mut scene = Scene::new("rank");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let marking = |priority: i64, namespace: &str, targets: &[&str]| {
        json!({
            "priority": priority,
            "resources": config_maps(),
            "namespaces": {"names": [namespace]},
            "targets": {"names": targets},
            "transforms": [{"set": {"path": "metadata.labels.by", "value": format!("{namespace}-{priority}")}}],
        })
    };
    let both = ["rank-east", "rank-west"];
    let mut third = marking(0, "rank-b", &both);
    third["transforms"][0]["set"]["value"] = json!("lexical");
    scene.write(&[
        east,
        west,
        policy("a-low", &marking(1, "rank-a", &both)),
        policy("z-high", &marking(7, "rank-a", &["rank-east"])),
        policy("first", &third),
        policy("second", &marking(0, "rank-b", &both)),
    ]);
    for namespace in ["rank-a", "rank-b"] {
        namespace_with(up, namespace, &json!({}));
        config_map(up, namespace, "web", &json!({}));
    }
    scene.run(&[]);
    let by = |server: &ApiServer, namespace: &str, by: &str| {
        wait_that(server, &map(namespace, "web"), |seen| {
            text(seen, "/metadata/labels/by") == by
        });
    };
    by(scene.east, "rank-a", "rank-a-7");
    by(scene.west, "rank-a", "rank-a-1");
    by(scene.east, "rank-b", "lexical");
    by(scene.west, "rank-b", "lexical");
    scene
        .syncer()
        .wait_for_log(&["shadowed", "a-low", "rank-east", "z-high"], SOON);
    scene
        .syncer()
        .wait_for_log(&["shadowed", "second", "rank-west", "first"], SOON);
    scene.wait_event("rank-a", "web", "Shadowed", &["rank-east", "a-low", "z-high"]);
    scene.end();
}

#[test]
fn suspended_refused_and_cordoned_keep_what_is_there() {
    let mut scene = Scene::new("rests");
    let up = scene.upstream;
    let spec = |suspend: bool| {
        json!({
            "suspend": suspend,
            "resources": [{"group": "", "resource": "configmaps"}, {"group": "apps", "resource": "deployments"}],
            "namespaces": {"names": ["rests"]},
        })
    };
    let refusing = scene.target("west", &json!({"refuse": ["deployments.apps"]}));
    let plain = scene.target("east", &json!({}));
    scene.write(&[plain.clone(), refusing.clone(), policy("rests", &spec(false))]);
    namespace_with(up, "rests", &json!({}));
    config_map(up, "rests", "old", &json!({}));
    up.client()
        .create(&collection("deployments.apps", "rests"), &deployment("web", "web:1"));
    scene.run(&[]);
    wait_there(scene.east, &path("deployments.apps", "rests", "web"));
    for server in [scene.east, scene.west] {
        wait_there(server, &map("rests", "old"));
    }
    assert_absent(scene.west, &path("deployments.apps", "rests", "web"));

    // Cordoned: it keeps and updates what it has, and gets nothing new.
    let cordoned = scene.target("east", &json!({"unschedulable": true}));
    scene.write(&[cordoned, refusing.clone(), policy("rests", &spec(false))]);
    scene.syncer().wait_for_log(&["other rules", "revision=2"], SOON);
    config_map(up, "rests", "new", &json!({}));
    change(up, &map("rests", "old"), &json!({"data": {"key": "2"}}));
    wait_there(scene.west, &map("rests", "new"));
    wait_that(scene.east, &map("rests", "old"), |seen| seen["data"]["key"] == "2");
    assert_absent(scene.east, &map("rests", "new"));
    wait_there(scene.east, &path("deployments.apps", "rests", "web"));

    // Schedulable again: it gets what it missed.
    scene.write(&[plain.clone(), refusing.clone(), policy("rests", &spec(false))]);
    wait_there(scene.east, &map("rests", "new"));

    // Suspended: nothing is written, and nothing goes.
    scene.write(&[plain.clone(), refusing.clone(), policy("rests", &spec(true))]);
    scene.syncer().wait_for_log(&["other rules", "revision=4"], SOON);
    change(up, &map("rests", "old"), &json!({"data": {"key": "3"}}));
    up.client().delete(&map("rests", "new"));
    scene.wait_objects("east", "unknown", 3);
    for server in [scene.east, scene.west] {
        assert_eq!(wait_there(server, &map("rests", "old"))["data"]["key"], "2");
        wait_there(server, &map("rests", "new"));
    }

    // Taken up again, a target that refuses from now on loses what it has of that resource.
    let east_refuses = scene.target("east", &json!({"refuse": ["deployments.apps"]}));
    scene.write(&[east_refuses, refusing, policy("rests", &spec(false))]);
    wait_gone(scene.east, &path("deployments.apps", "rests", "web"));
    for server in [scene.east, scene.west] {
        wait_that(server, &map("rests", "old"), |seen| seen["data"]["key"] == "3");
        wait_gone(server, &map("rests", "new"));
    }
    scene.end();
}
