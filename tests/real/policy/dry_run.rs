//! `--dry-run`: plans and reports, and writes nothing.

use serde_json::json;

use super::{
    scene::{Scene, config_maps, policy},
    things::{change, config_map, namespace_with, path, wait_there},
};
use crate::objects::SOON;

#[test]
fn a_dry_run_reports_and_writes_nothing_at_all() {
    let mut scene = Scene::new("dry");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let spec = json!({"resources": config_maps(), "namespaces": {"names": ["dry", "dry-new"]}});
    scene.write(&[east, west, policy("dry", &spec)]);
    namespace_with(up, "dry", &json!({}));
    for name in ["changed", "deleted", "drifted", "kept"] {
        config_map(up, "dry", name, &json!({}));
    }
    let map = |name: &str| path("configmaps", "dry", name);
    scene.run(&[]);
    for server in [scene.east, scene.west] {
        for name in ["changed", "deleted", "drifted", "kept"] {
            wait_there(server, &map(name));
        }
    }
    scene.end();
    let before = [up, scene.east, scene.west].map(|server| scene.requests(server).len());

    change(up, &map("changed"), &json!({"data": {"key": "2"}}));
    up.client().delete(&map("deleted"));
    change(scene.east, &map("drifted"), &json!({"data": {"key": "drift"}}));
    config_map(up, "dry", "created", &json!({}));
    namespace_with(up, "dry-new", &json!({}));
    config_map(up, "dry-new", "web", &json!({}));
    scene.run(&["--dry-run"]);
    for target in ["dry-east", "dry-west"] {
        for name in [
            "name=created",
            "name=changed",
            "name=deleted",
            "name=dry-new",
            "namespace=dry-new",
        ] {
            scene.syncer().wait_for_log(&["dry run", name, target], SOON);
        }
    }
    scene
        .syncer()
        .wait_for_log(&["dry run", "name=drifted", "dry-east"], SOON);
    // What changes while it runs is reported too.
    change(up, &map("kept"), &json!({"data": {"key": "3"}}));
    scene.syncer().wait_for_log(&["dry run", "name=kept", "dry-west"], SOON);
    scene.end();

    for (server, before) in [up, scene.east, scene.west].into_iter().zip(before) {
        let asked = scene.requests(server);
        let written: Vec<_> = asked.iter().skip(before).filter(|event| event.is_write()).collect();
        assert!(asked.len() > before);
        assert_eq!(format!("{written:?}"), "[]");
    }
}
