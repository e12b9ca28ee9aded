//! Custom resources: their lists are told apart as their definitions say.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, FailureReport, Scratch, Syncer, wait_for};

use crate::{
    down::clusters::{arguments_between, policy},
    objects::{SOON, create_namespace},
    world::{BINARY, World},
};

const WIDGETS: &str = "/apis/example.org/v1/namespaces/custom/widgets";

/// Defines widgets: a list with two keys, of which one has a default, and a map that is one value.
fn define(server: &ApiServer) {
    let part = json!({"type": "object", "required": ["id"], "properties": {
        "id": {"type": "string"}, "side": {"type": "string", "default": "left"}, "size": {"type": "integer"},
    }});
    let spec = json!({"type": "object", "properties": {
        "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id", "side"], "items": part},
        "pick": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
    }});
    let definition = json!({
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": spec},
            }}}],
        },
    });
    let client = server.client();
    client.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition);
    wait_for("widgets to be served", SOON, || {
        client.call("GET", "/apis/example.org/v1/widgets", None).is_success()
    });
}

fn widgets(strategy: &str) -> Value {
    let mut policy = policy("all", 0, &[], &json!({"strategy": strategy}));
    policy["spec"]["resources"] = json!([{"group": "example.org", "resource": "widgets"}]);
    policy
}

fn spec(server: &ApiServer) -> Value {
    let held = server.client().get(&format!("{WIDGETS}/a")).unwrap_or_default();
    held["spec"].clone()
}

#[test]
fn the_lists_of_a_custom_resource_are_merged_by_the_keys_of_its_definition() {
    let world = World::start();
    let _report = world.report();
    for server in [&world.upstream, &world.east] {
        define(server);
    }
    create_namespace(&world.upstream, "custom");
    let scratch = Scratch::new("custom");
    let mut arguments = arguments_between(&world.upstream, &[("east", &world.east)]);
    let file = scratch.write("policies.yaml", &widgets("MergeChanges").to_string());
    arguments.extend(["-f".into(), file.into()]);
    let syncer = Syncer::start(BINARY, &arguments);
    let _log = FailureReport::on([syncer.process()]);
    let parts = json!([{"id": "a", "size": 1}, {"id": "b", "side": "right", "size": 1}]);
    let body = json!({
        "apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "a"},
        "spec": {"parts": parts, "pick": {"x": "1", "y": "1"}},
    });
    world.upstream.client().create(WIDGETS, &body);
    wait_for("the widget", SOON, || spec(&world.east)["parts"][1]["size"] == 1);

    // Each side changes one item, and adds one; both change the map that is one value.
    let kubectl = |server: &ApiServer, patch: &Value| {
        server.kubectl(&[
            "-n",
            "custom",
            "patch",
            "widget",
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
        let held = spec(&world.east);
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
