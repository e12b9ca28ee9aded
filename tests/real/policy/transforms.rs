//! What is changed on the way down.

use serde_json::json;

use super::{
    scene::{Scene, policy},
    things::{change, collection, config_map, deployment, namespace_with, path, wait_that, wait_there},
};
use crate::objects::text;

#[test]
fn every_kind_of_transform_for_some_targets_and_some_resources() {
    let mut scene = Scene::new("cells");
    let up = scene.upstream;
    let east = scene.target("east", &json!({"cells": {"zone": "1"}}));
    let west = scene.target("west", &json!({"cells": {"zone": "2"}}));
    let deployments = json!([{"group": "apps", "resource": "deployments"}]);
    let spec = json!({
        "resources": [{"group": "", "resource": "configmaps"}, {"group": "apps", "resource": "deployments"}],
        "namespaces": {"names": ["cells"]},
        "transforms": [
            {"set": {"path": "spec.replicas", "value": 2}, "targets": {"names": ["cells-east"]}, "resources": deployments},
            {"set": {"path": "metadata.labels.zone", "cel": "target.cells.zone"}},
            {"set": {"path": "metadata.labels.whole", "cel": "target.name + '.' + namespace + '.' + object.metadata.name"}},
            {"remove": ["spec.template.spec.nodeSelector"], "resources": deployments},
            {"imageRegistry": {"from": "docker.io", "to": "mirror.example.org/hub"}},
            {"jsonPatch": [{"op": "add", "path": "/metadata/annotations/team", "value": "web"}], "resources": deployments},
            {"mergePatch": {"spec": {"revisionHistoryLimit": 2}}, "resources": deployments},
            {"mergePatch": {"data": {"where": "west"}}, "targets": {"selector": {"matchLabels": {"cluster": "west"}}},
             "resources": [{"group": "", "resource": "configmaps"}]},
        ],
    });
    scene.write(&[east.clone(), west.clone(), policy("cells", &spec)]);
    namespace_with(up, "cells", &json!({}));
    config_map(up, "cells", "web", &json!({}));
    let mut web = deployment("web", "nginx:1");
    web["metadata"]["annotations"] = json!({"kept": "1"});
    web["spec"]["template"]["spec"]["nodeSelector"] = json!({"disk": "fast"});
    web["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "first", "image": "quay.io/org/first:1"}]);
    up.client().create(&collection("deployments.apps", "cells"), &web);
    scene.run(&[]);

    for (server, name, zone, replicas) in [(scene.east, "cells-east", "1", 2), (scene.west, "cells-west", "2", 1)] {
        let seen = wait_there(server, &path("deployments.apps", "cells", "web"));
        assert_eq!(seen["spec"]["replicas"], replicas, "{name}");
        assert_eq!(text(&seen, "/metadata/labels/zone"), zone);
        assert_eq!(text(&seen, "/metadata/labels/whole"), format!("{name}.cells.web"));
        assert_eq!(text(&seen, "/metadata/annotations/team"), "web");
        assert_eq!(text(&seen, "/metadata/annotations/kept"), "1");
        assert_eq!(seen["spec"]["revisionHistoryLimit"], 2);
        let pod = &seen["spec"]["template"]["spec"];
        assert_eq!(pod["nodeSelector"], json!(null));
        assert_eq!(pod["containers"][0]["image"], "mirror.example.org/hub/library/nginx:1");
        assert_eq!(pod["initContainers"][0]["image"], "quay.io/org/first:1");
        let seen = wait_there(server, &path("configmaps", "cells", "web"));
        assert_eq!(text(&seen, "/metadata/labels/zone"), zone);
        let expected = if name == "cells-west" {
            json!("west")
        } else {
            json!(null)
        };
        assert_eq!(seen["data"]["where"], expected, "{name}");
    }

    // A cell changes: what is computed from it follows, nothing else.
    let moved = scene.target("east", &json!({"cells": {"zone": "9"}}));
    scene.write(&[moved, west, policy("cells", &spec)]);
    wait_that(scene.east, &path("configmaps", "cells", "web"), |seen| {
        text(seen, "/metadata/labels/zone") == "9"
    });
    scene.end();
}

/// S11.
#[test]
fn a_transform_that_fails_leaves_what_went_down_last_and_tells_the_owner() {
    let mut scene = Scene::new("events");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let spec = json!({
        "resources": [{"group": "", "resource": "configmaps"}],
        "namespaces": {"names": ["events"]},
        "transforms": [{"set": {"path": "metadata.labels.copy", "cel": "object.data.key"}}],
    });
    scene.write(&[east, west, policy("events", &spec)]);
    namespace_with(up, "events", &json!({}));
    config_map(up, "events", "web", &json!({}));
    scene.run(&[]);
    let web = path("configmaps", "events", "web");
    for server in [scene.east, scene.west] {
        wait_that(server, &web, |seen| text(seen, "/metadata/labels/copy") == "1");
    }
    change(up, &web, &json!({"data": {"key": null, "other": "1"}}));
    scene.wait_event("events", "web", "TransformFailed", &["events"]);
    for server in [scene.east, scene.west] {
        assert_eq!(wait_there(server, &web)["data"], json!({"key": "1"}));
    }
    change(up, &web, &json!({"data": {"key": "2"}}));
    for server in [scene.east, scene.west] {
        wait_that(server, &web, |seen| {
            text(seen, "/metadata/labels/copy") == "2" && seen["data"] == json!({"key": "2", "other": "1"})
        });
    }
    scene.end();
}
