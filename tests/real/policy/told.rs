//! What owners are told of: failures once, and that they are over.

use serde_json::json;

use super::{
    scene::{Scene, config_maps, policy},
    things::{collection, config_map, namespace_with, path, wait_that, wait_there},
};

#[test]
fn failures_are_told_once_and_so_is_their_end() {
    let mut scene = Scene::new("told");
    let up = scene.upstream;
    let spec = json!({
        "resources": config_maps(),
        "namespaces": {"names": ["told"]},
        "conflict": {"onImmutable": "Report"},
    });
    scene.write(&[scene.target("east", &json!({})), policy("told", &spec)]);
    for server in [up, scene.east] {
        namespace_with(server, "told", &json!({}));
    }
    let fixed = |value: &str| json!({"metadata": {"name": "fixed"}, "immutable": true, "data": {"key": value}});
    let [fixed_path, foreign] = ["fixed", "foreign"].map(|name| path("configmaps", "told", name));
    up.client().create(&collection("configmaps", "told"), &fixed("1"));
    config_map(up, "told", "foreign", &json!({}));
    config_map(scene.east, "told", "foreign", &json!({"theirs": "1"}));
    scene.run(&[]);
    wait_there(scene.east, &fixed_path);
    scene.wait_event("told", "foreign", "AdoptionRefused", &["told-east"]);
    scene.wait_objects("east", "conflicted", 1);
    scene.end();

    // Made again under its name while nobody looks: the target does not let the value change.
    up.client().delete(&fixed_path);
    up.client().create(&collection("configmaps", "told"), &fixed("2"));
    scene.run(&[]);
    scene.wait_event("told", "fixed", "ImmutableField", &["told-east"]);
    scene.wait_objects("east", "failed", 1);

    // Somebody makes room for both.
    for path in [&fixed_path, &foreign] {
        scene.east.client().delete(path);
    }
    wait_that(scene.east, &fixed_path, |seen| seen["data"]["key"] == "2");
    wait_there(scene.east, &foreign);
    for name in ["fixed", "foreign"] {
        scene.wait_event("told", name, "Synced", &["told-east"]);
    }
    scene.wait_objects("east", "failed", 0);
    scene.wait_objects("east", "conflicted", 0);
    let events = up.client().items("/api/v1/namespaces/told/events");
    assert!(events.len() <= 6, "{events:?}");
    scene.end();
}
