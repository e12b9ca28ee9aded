//! What others put in the place of ours, so that neither goes beside the other, under `UpstreamWins`.

use serde_json::{Value, json};
use syncer_harness::Patch;

use super::{clusters::Alone, object::Object};

#[test]
fn what_does_not_go_beside_the_upstreams_part_is_exchanged_for_it() {
    let down = Alone::here();
    let _report = down.report();
    down.namespace("exchanges");
    let service = Object::service("exchanges", "web");
    let ports = json!([{"name": "http", "port": 80}, {"name": "more", "port": 81}]);
    down.sync(&service, &json!({"spec": {"selector": {"app": "web"}, "ports": ports}}));
    let map = Object::config_map("exchanges", "web");
    down.sync(&map, &json!({"data": {"a": "1", "b": "1"}}));

    // Another item under a name that is taken; then all items.
    for changed in [&[0][..], &[0, 1]] {
        let change: Vec<_> = changed
            .iter()
            .map(|n| json!({"op": "replace", "path": format!("/spec/ports/{n}/protocol"), "value": "UDP"}))
            .collect();
        down.east
            .client()
            .patch(&service.path(), Patch::Json(&Value::from(change)));
        down.wait_alike(&service);
    }
    down.wait_event(&service, "DriftReverted", &["east", "spec.ports"]);
    // A key that is in the other map.
    map.merge(&down.east, &json!({"data": {"a": null}, "binaryData": {"a": "AAEC"}}));
    down.wait_alike(&map);
    down.wait_event(&map, "DriftReverted", &["east", "data.a"]);

    // What the upstream takes away afterwards goes, though a patch of ours put it there.
    service.strategic(
        &down.upstream,
        &json!({"spec": {"ports": [{"port": 81, "$patch": "delete"}]}}),
    );
    map.merge(&down.upstream, &json!({"data": {"a": null}}));
    down.wait_alike(&service);
    down.wait_alike(&map);
    down.stays_quiet("exchanges", "after exchanges");
}

#[test]
fn a_map_of_any_form_that_lost_all_its_parts_is_put_right() {
    let down = Alone::here();
    let _report = down.report();
    down.namespace("drift-free-form");
    let object = Object::widget("drift-free-form", "web");
    let settings = json!({"a": "1", "deep": {"b": 1.5, "c": [1, 2]}, "none": {}});
    down.sync(&object, &json!({"spec": {"size": "s", "settings": settings}}));
    let others = [
        json!({"a": "2", "deep": {"b": 2.5, "c": {"d": 1}}}),
        json!({"a": null, "deep": null}),
        json!({"deep": {"b": null, "c": null}}),
        json!({"none": {"more": "1"}}),
    ];
    for theirs in others {
        object.merge(&down.east, &json!({"spec": {"settings": theirs}}));
        down.wait_alike(&object);
    }
    let emptied = json!([{"op": "replace", "path": "/spec/settings", "value": {}}]);
    down.east.client().patch(&object.path(), Patch::Json(&emptied));
    down.wait_alike(&object);
    down.wait_event(&object, "DriftReverted", &["east", "spec.settings"]);
    down.stays_quiet("drift-free-form", "after all parts were lost");
}
