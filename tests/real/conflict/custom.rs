//! Custom resources: their lists are told apart as their definitions say.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, FailureReport, Patch, Scratch, Syncer, wait_for};

use super::stage::Side;
use crate::{
    down::clusters::{arguments_between, policy},
    objects::{ENDS_WITHIN, SOON, create_namespace},
    world::{BINARY, World},
};

/// One group looks like one of the API server's own.
const GROUPS: [&str; 2] = ["example.org", "shop.example.k8s.io"];

fn widgets_of(group: &str) -> String {
    format!("/apis/{group}/v1/namespaces/custom/widgets")
}

fn define_all(world: &World) {
    for (server, side) in [(&world.upstream, Side::Upstream), (&world.east, Side::East)] {
        for group in GROUPS {
            define(server, group, side);
        }
    }
}

/// Defines widgets, upstream with one field more: a list with two keys, of which one has a default, and a map that is one value.
fn define(server: &ApiServer, group: &str, side: Side) {
    let part = json!({"type": "object", "required": ["id"], "properties": {
        "id": {"type": "string"}, "side": {"type": "string", "default": "left"}, "size": {"type": "integer"},
    }});
    let mut spec = json!({"type": "object", "properties": {
        "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id", "side"], "items": part},
        "pick": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
    }});
    if side == Side::Upstream {
        spec["properties"]["novelty"] = json!({"type": "string"});
    }
    let definition = json!({
        "metadata": {
            "name": format!("widgets.{group}"),
            "annotations": {"api-approved.kubernetes.io": "unapproved, experimental-only"},
        },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": spec},
            }}}],
        },
    });
    let client = server.client();
    client.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition);
    wait_for("widgets to be served", SOON, || {
        client
            .call("GET", &format!("/apis/{group}/v1/widgets"), None)
            .is_success()
    });
}

fn widgets(rules: &Value) -> Value {
    let mut policy = policy("all", 0, &[], rules);
    policy["spec"]["resources"] = json!(GROUPS.map(|group| json!({"group": group, "resource": "widgets"})));
    policy
}

fn spec(server: &ApiServer, group: &str) -> Value {
    let held = server
        .client()
        .get(&format!("{}/a", widgets_of(group)))
        .unwrap_or_default();
    held["spec"].clone()
}

#[test]
fn the_lists_of_a_custom_resource_are_merged_by_the_keys_of_its_definition() {
    let world = World::start();
    let _report = world.report();
    define_all(&world);
    create_namespace(&world.upstream, "custom");
    let scratch = Scratch::new("custom");
    let mut arguments = arguments_between(&world.upstream, &[("east", &world.east)]);
    let file = scratch.write(
        "policies.yaml",
        &widgets(&json!({"strategy": "MergeChanges"})).to_string(),
    );
    arguments.extend(["-f".into(), file.into()]);
    let syncer = Syncer::start(BINARY, &arguments);
    let _log = FailureReport::on([syncer.process()]);
    for group in GROUPS {
        merges_by_keys(&world, group);
    }
}

fn merges_by_keys(world: &World, group: &str) {
    let parts = json!([{"id": "a", "size": 1}, {"id": "b", "side": "right", "size": 1}]);
    let body = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": "a"},
        "spec": {"parts": parts, "pick": {"x": "1", "y": "1"}},
    });
    world.upstream.client().create(&widgets_of(group), &body);
    wait_for("the widget", SOON, || spec(&world.east, group)["parts"][1]["size"] == 1);

    // Each side changes one item, and adds one; both change the map that is one value.
    let kubectl = |server: &ApiServer, patch: &Value| {
        server.kubectl(&[
            "-n",
            "custom",
            "patch",
            &format!("widgets.{group}"),
            "a",
            "--type=json",
            "-p",
            &patch.to_string(),
        ]);
    };
    kubectl(
        &world.east,
        &json!([
            {"op": "replace", "path": "/spec/parts/0/size", "value": 2},
            {"op": "add", "path": "/spec/parts/-", "value": {"id": "of-east"}},
            {"op": "replace", "path": "/spec/pick/x", "value": "east"},
        ]),
    );
    kubectl(
        &world.upstream,
        &json!([
            {"op": "replace", "path": "/spec/parts/1/size", "value": 3},
            {"op": "add", "path": "/spec/parts/-", "value": {"id": "of-upstream", "side": "right"}},
            {"op": "replace", "path": "/spec/pick/y", "value": "upstream"},
        ]),
    );
    wait_for("both sides' items, and the upstream's map", SOON, || {
        let held = spec(&world.east, group);
        let size = |id: &str, side: &str| {
            let items = held["parts"].as_array().into_iter().flatten();
            let mut found = items.filter(|part| part["id"] == id && part["side"] == side);
            found.next().map(|part| part["size"].clone())
        };
        let merged = size("a", "left") == Some(json!(2))
            && size("b", "right") == Some(json!(3))
            && size("of-east", "left").is_some()
            && size("of-upstream", "right").is_some()
            && held["pick"] == json!({"x": "1", "y": "upstream"});
        if merged { Ok(()) } else { Err(held.to_string()) }
    });
}

#[test]
fn what_a_target_does_not_know_is_no_removal_by_it() {
    let world = World::start();
    let _report = world.report();
    define_all(&world);
    create_namespace(&world.upstream, "custom");
    let scratch = Scratch::new("unknown-last");
    let mut arguments = arguments_between(&world.upstream, &[("east", &world.east)]);
    let rules = json!({"strategy": "LastWriteWins", "onUnknownField": "Drop"});
    let file = scratch.write("policies.yaml", &widgets(&rules).to_string());
    arguments.extend(["-f".into(), file.into()]);
    let mut syncer = Syncer::start(BINARY, &arguments);
    let [group, _] = GROUPS;
    let path = format!("{}/a", widgets_of(group));
    let body = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": "a"},
        "spec": {"parts": [{"id": "a", "size": 1}], "novelty": "x"},
    });
    world.upstream.client().create(&widgets_of(group), &body);
    let size = |server: &ApiServer| spec(server, group)["parts"][0]["size"].clone();
    wait_for("the rest of the widget", SOON, || size(&world.east) == 1);
    // What the target's people write goes upstream, and takes nothing away there: also with a syncer that has not applied it itself.
    for (round, written) in (2..5).enumerate() {
        if round > 0 {
            let exit = syncer.terminate(ENDS_WITHIN);
            assert_eq!(exit.code, Some(0), "{}", syncer.log());
            syncer = Syncer::start(BINARY, &arguments);
        }
        if round == 2 {
            world
                .upstream
                .client()
                .patch(&path, Patch::Merge(&json!({"spec": {"novelty": "y"}})));
        }
        let edit = json!([{"op": "replace", "path": "/spec/parts/0/size", "value": written}]).to_string();
        let widget = format!("widgets.{group}");
        world
            .east
            .kubectl(&["-n", "custom", "patch", &widget, "a", "--type=json", "-p", &edit]);
        wait_for("it to be written back", SOON, || {
            let held = size(&world.upstream);
            if held == written { Ok(()) } else { Err(held.to_string()) }
        });
        let novelty = if round == 2 { "y" } else { "x" };
        assert_eq!(spec(&world.upstream, group)["novelty"], novelty, "{}", syncer.log());
        assert_eq!(spec(&world.east, group)["novelty"], Value::Null);
    }
}
