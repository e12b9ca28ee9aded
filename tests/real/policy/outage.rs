//! Three targets, one of them dead.

use serde_json::json;
use syncer_harness::ApiServer;

use super::{
    scene::{Scene, config_maps, policy, start},
    things::{change, config_map, namespace_with, path, wait_gone, wait_that, wait_there},
};
use crate::objects::SOON;

const OBJECTS: usize = 30;

#[test]
fn a_dead_target_delays_no_other_and_catches_up_when_it_is_back() {
    let [mut south] = start(["south"]);
    let mut scene = Scene::new("outage");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let third = scene.target("south", &json!({}));
    scene.kubeconfig("south", &south.kubeconfig_of(&scene.user()));
    let spec = json!({"resources": config_maps(), "namespaces": {"names": ["outage"]}});
    scene.write(&[east, west, third, policy("outage", &spec)]);
    namespace_with(up, "outage", &json!({}));
    let map = |n: usize| path("configmaps", "outage", &format!("web-{n}"));
    for n in 0..OBJECTS {
        config_map(up, "outage", &format!("web-{n}"), &json!({}));
    }
    scene.run(&[]);
    for cluster in ["east", "west", "south"] {
        scene.wait_objects(cluster, "synced", 31);
    }

    south.kill();
    let edited = |server: &ApiServer, n: usize| wait_that(server, &map(n), |seen| seen["data"]["key"] == "2");
    for n in 0..10 {
        change(up, &map(n), &json!({"data": {"key": "2"}}));
        for server in [scene.east, scene.west] {
            edited(server, n);
        }
    }
    for n in 10..15 {
        up.client().delete(&map(n));
    }
    config_map(up, "outage", "new", &json!({}));
    for server in [scene.east, scene.west] {
        for n in 10..15 {
            wait_gone(server, &map(n));
        }
        wait_there(server, &path("configmaps", "outage", "new"));
    }
    scene.syncer().wait_for_log(&["outage-south", "refused"], SOON);
    // What the others were asked is what there was to do: one write each.
    for server in [scene.east, scene.west] {
        assert_eq!(scene.writes(server).len(), 31 + 10 + 5 + 1);
    }

    south.start_again();
    for n in 0..10 {
        edited(&south, n);
    }
    for n in 10..15 {
        wait_gone(&south, &map(n));
    }
    wait_there(&south, &path("configmaps", "outage", "new"));
    let mut writes = scene.writes(&south);
    // Right after its start a server does not know yet who may do what, and may not be ready for all.
    writes.retain(|event| !event.forbidden && event.code != 429 && event.code < 500);
    assert_eq!(writes.len(), 31 + 10 + 5 + 1, "asked once: {writes:?}");
    scene.end();
}
