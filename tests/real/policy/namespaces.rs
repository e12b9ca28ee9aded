//! The namespaces that objects live in.

use std::time::Duration;

use serde_json::{Value, json};
use syncer_harness::{ApiServer, target_key};

use super::{
    scene::{Scene, config_maps, policy},
    things::{change, config_map, namespace_with, path, wait_gone, wait_that, wait_there},
};
use crate::objects::{SOON, namespace, text, uid, version};

const KEY_LABEL: &str = "/metadata/labels/internal.workload.kcp.io~1cluster";
const LOCATOR: &str = "/metadata/annotations/kcp.io~1namespace-locator";

fn at(name: &str) -> String {
    format!("/api/v1/namespaces/{name}")
}

fn spec(name: &str) -> Value {
    json!({"resources": config_maps(), "namespaces": {"names": [name]}})
}

/// The locator, written down as naming.md has it, independently of the product.
fn locator(scene: &Scene, cluster: &str, namespace: &str) -> String {
    format!(
        r#"{{"syncTarget":{{"cluster":"{}","name":"{}","uid":""}},"namespace":"{namespace}"}}"#,
        scene.upstream.id(),
        scene.target_name(cluster)
    )
}

/// The namespaces of `server` with the locator `locator`.
fn located(server: &ApiServer, locator: &str) -> Vec<Value> {
    let mut items = server.client().items("/api/v1/namespaces");
    items.retain(|item| text(item, LOCATOR) == locator);
    items
}

#[test]
fn labels_and_annotations_of_a_namespace_flow_down_and_the_policy_wins() {
    let mut scene = Scene::new("space");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let mut with_metadata = spec("space");
    with_metadata["namespaceMetadata"] = json!({
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        "annotations": {"owner": "platform"},
    });
    scene.write(&[east, west, policy("space", &with_metadata)]);
    namespace_with(
        up,
        "space",
        &json!({"team": "web", "pod-security.kubernetes.io/enforce": "privileged"}),
    );
    change(
        up,
        &at("space"),
        &json!({"metadata": {"annotations": {"note": "x", "owner": "tenant", "internal.kcp.io/y": "1"}}}),
    );
    scene.run(&[]);
    // Nothing is in it yet: it is made on demand.
    scene.syncer().wait_for_log(&["listed the target", "space-west"], SOON);
    assert_eq!(namespace(scene.east, "space"), None);

    config_map(up, "space", "web", &json!({}));
    for (cluster, server) in [("east", scene.east), ("west", scene.west)] {
        wait_there(server, &path("configmaps", "space", "web"));
        let seen = wait_there(server, &at("space"));
        assert_eq!(
            text(&seen, KEY_LABEL),
            target_key(&up.id(), &scene.target_name(cluster))
        );
        assert_eq!(text(&seen, LOCATOR), locator(&scene, cluster, "space"));
        assert_eq!(text(&seen, "/metadata/labels/team"), "web");
        assert_eq!(
            text(&seen, "/metadata/labels/pod-security.kubernetes.io~1enforce"),
            "restricted"
        );
        assert_eq!(text(&seen, "/metadata/annotations/note"), "x");
        assert_eq!(text(&seen, "/metadata/annotations/owner"), "platform");
        assert_eq!(text(&seen, "/metadata/annotations/internal.kcp.io~1y"), "");
    }
    let edit = json!({"metadata": {"labels": {"team": "api", "pod-security.kubernetes.io/enforce": "baseline"}, "annotations": {"note": null}}});
    change(up, &at("space"), &edit);
    for server in [scene.east, scene.west] {
        let seen = wait_that(server, &at("space"), |seen| {
            text(seen, "/metadata/labels/team") == "api" && text(seen, "/metadata/annotations/note").is_empty()
        });
        assert_eq!(
            text(&seen, "/metadata/labels/pod-security.kubernetes.io~1enforce"),
            "restricted"
        );
    }
    // Somebody weakens it downstream: it is taken back.
    change(
        scene.east,
        &at("space"),
        &json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}),
    );
    wait_that(scene.east, &at("space"), |seen| {
        text(seen, "/metadata/labels/pod-security.kubernetes.io~1enforce") == "restricted"
    });
    // S4: neither namespace nor object was written upstream.
    assert_eq!(format!("{:?}", scene.writes(up)), "[]");
    scene.end();
}

#[test]
fn a_foreign_namespace_is_used_as_it_is_by_name_and_taken_by_hash() {
    let mut scene = Scene::new("used");
    let up = scene.upstream;
    let east = scene.target("east", &json!({"namespaceMapping": "Identity"}));
    let west = scene.target("west", &json!({"namespaceMapping": "Hashed"}));
    scene.write(&[east.clone(), policy("used", &spec("used"))]);
    let theirs = namespace_with(scene.east, "used", &json!({"theirs": "1"}));
    namespace_with(up, "used", &json!({"team": "web"}));
    config_map(up, "used", "web", &json!({}));
    scene.run(&[]);
    wait_there(scene.east, &path("configmaps", "used", "web"));
    assert_eq!(version(&namespace(scene.east, "used").unwrap()), version(&theirs));

    // West is asked for the name that it would give, by a syncer that learns it in an empty namespace.
    scene.write(&[east.clone(), west.clone(), policy("used", &spec("used"))]);
    let wanted = locator(&scene, "west", "used");
    let made = syncer_harness::wait_for("the hashed namespace", SOON, || located(scene.west, &wanted).pop());
    let hashed = text(&made, "/metadata/name").to_owned();
    assert!(hashed.starts_with("kcp-") && hashed.len() == 16, "{hashed}");
    wait_there(scene.west, &path("configmaps", &hashed, "web"));
    scene.end();
    // Now it is somebody else's.
    let markers = json!({"metadata": {
        "labels": {"internal.workload.kcp.io/cluster": null},
        "annotations": {"workload.kcp.io/origin": null, "workload.kcp.io/applied": null, "kcp.io/namespace-locator": null},
    }});
    change(scene.west, &at(&hashed), &markers);
    scene.west.client().delete(&path("configmaps", &hashed, "web"));
    let theirs = namespace(scene.west, &hashed).unwrap();
    scene.run(&[]);
    scene.wait_event("used", "web", "NameTaken", &["used-west"]);
    config_map(up, "used", "later", &json!({}));
    wait_there(scene.east, &path("configmaps", "used", "later"));
    assert_eq!(version(&namespace(scene.west, &hashed).unwrap()), version(&theirs));
    assert_eq!(scene.west.client().get(&path("configmaps", &hashed, "web")), None);
    scene.end();
}

#[test]
fn hashed_namespaces_from_end_to_end() {
    let mut scene = Scene::new("hashed");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let names = ["hashed-a", "hashed-b"];
    let both = json!({"resources": config_maps(), "namespaces": {"names": names}});
    scene.write(&[east, west, policy("hashed", &both)]);
    for name in names {
        namespace_with(up, name, &json!({"of": name}));
        config_map(up, name, "web", &json!({}));
    }
    // Under the upstream's name somebody else lives there.
    let theirs = namespace_with(scene.east, "hashed-a", &json!({}));
    scene.run(&["--namespace-mapping", "hashed"]);
    for (cluster, server) in [("east", scene.east), ("west", scene.west)] {
        for name in names {
            let wanted = locator(&scene, cluster, name);
            let made = syncer_harness::wait_for("the hashed namespace", SOON, || located(server, &wanted).pop());
            let hashed = text(&made, "/metadata/name").to_owned();
            assert_eq!(text(&made, "/metadata/labels/of"), name);
            let web = path("configmaps", &hashed, "web");
            wait_there(server, &web);
            // Drift is found there, edits arrive there.
            change(server, &web, &json!({"data": {"key": "drift"}}));
            wait_that(server, &web, |seen| seen["data"]["key"] == "1");
        }
    }
    change(
        up,
        &path("configmaps", "hashed-a", "web"),
        &json!({"data": {"key": "2"}}),
    );
    up.client().delete(&path("configmaps", "hashed-b", "web"));
    for (cluster, server) in [("east", scene.east), ("west", scene.west)] {
        let hashed =
            |name: &str| text(&located(server, &locator(&scene, cluster, name))[0], "/metadata/name").to_owned();
        wait_that(server, &path("configmaps", &hashed("hashed-a"), "web"), |seen| {
            seen["data"]["key"] == "2"
        });
        wait_gone(server, &path("configmaps", &hashed("hashed-b"), "web"));
    }
    assert_eq!(version(&namespace(scene.east, "hashed-a").unwrap()), version(&theirs));
    scene.end();
}

#[test]
fn a_namespace_goes_with_its_upstream_one_unless_something_of_others_is_in_it() {
    let mut scene = Scene::new("gone");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    scene.write(&[east, west, policy("gone", &spec("gone"))]);
    namespace_with(up, "gone", &json!({}));
    config_map(up, "gone", "web", &json!({}));
    scene.run(&[]);
    let web = path("configmaps", "gone", "web");
    for server in [scene.east, scene.west] {
        wait_there(server, &web);
    }
    let ours = namespace(scene.west, "gone").unwrap();
    let theirs = config_map(scene.east, "gone", "theirs", &json!({}));
    // No controller ends namespaces here: the test does what it would.
    up.client().delete(&web);
    up.client().delete(&at("gone"));
    let finalize =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gone"}, "spec": {"finalizers": []}});
    up.client().replace(&format!("{}/finalize", at("gone")), &finalize);
    wait_gone(up, &at("gone"));
    for server in [scene.east, scene.west] {
        wait_gone(server, &web);
    }
    let deleted = wait_that(scene.west, &at("gone"), |seen| {
        !text(seen, "/metadata/deletionTimestamp").is_empty()
    });
    assert_eq!(uid(&deleted), uid(&ours));
    let kept = namespace(scene.east, "gone").unwrap();
    assert_eq!(text(&kept, "/metadata/deletionTimestamp"), "");
    let there = wait_there(scene.east, &path("configmaps", "gone", "theirs"));
    assert_eq!(version(&there), version(&theirs));
    // Once theirs is gone, ours may go.
    scene.east.client().delete(&path("configmaps", "gone", "theirs"));
    syncer_harness::wait_for("the end of the namespace", Duration::from_mins(3), || {
        let seen = namespace(scene.east, "gone").unwrap();
        !text(&seen, "/metadata/deletionTimestamp").is_empty()
    });
    scene.end();
}
