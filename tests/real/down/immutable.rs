//! Fields that never change, and what the policy says then.

use serde_json::{Value, json};
use syncer_harness::{Scratch, wait_for};

use super::{
    clusters::{Beside, Down},
    object::{Object, deployment},
};
use crate::objects::{SOON, uid, version};

/// A Deployment whose selector is `app`.
fn selecting(app: &str) -> Value {
    let mut body = deployment("example.org/web:1");
    body["spec"]["selector"]["matchLabels"]["app"] = json!(app);
    body["spec"]["template"]["metadata"]["labels"]["app"] = json!(app);
    body
}

/// Makes `object` again upstream, as `body`.
#[track_caller]
fn replace(down: &Down, object: &Object, kind: &str, api_version: &str, body: &Value) {
    let mut body = body.clone();
    body["apiVersion"] = json!(api_version);
    body["kind"] = json!(kind);
    body["metadata"] = json!({"name": object.name, "namespace": object.namespace});
    let scratch = Scratch::new("replace");
    let file = scratch.write("body.json", &body.to_string());
    down.upstream
        .kubectl(&["replace", "--force", "-f", file.to_str().unwrap()]);
}

/// A selector cannot be edited upstream either, only made again; the same downstream object would have to change. Both
/// changes are seen at once: seen one by one, the first is a deletion.
fn change_selector(namespace: &str) -> (super::clusters::Alone, Object, Value) {
    let down = super::clusters::Alone::here();
    down.namespace(namespace);
    let object = Object::deployment(namespace, "web");
    let before = down.sync(&object, &selecting("web"));
    down.syncer.pause();
    replace(&down, &object, "Deployment", "apps/v1", &selecting("other"));
    down.syncer.resume();
    (down, object, before)
}

#[test]
fn a_changed_selector_is_reported() {
    for namespace in ["immutable-auto", "immutable-report"] {
        let (down, object, before) = change_selector(namespace);
        let _report = down.report();
        down.wait_event(&object, "ImmutableField", &["east", "spec.selector", "onImmutable"]);
        let held = object.read(&down.east);
        assert_eq!((uid(&held), &held["spec"]), (uid(&before), &before["spec"]), "S11");
    }
}

#[test]
fn a_changed_selector_is_made_again_where_the_policy_says_so() {
    let (down, object, before) = change_selector("immutable-recreate");
    let _report = down.report();
    assert_ne!(uid(&down.wait_alike(&object)), uid(&before));
}

#[test]
fn an_immutable_config_map_or_secret_is_made_again() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("immutable-data");
    let map = Object::config_map("immutable-data", "web");
    let first = down.sync(&map, &json!({"immutable": true, "data": {"a": "1"}}));
    replace(
        &down,
        &map,
        "ConfigMap",
        "v1",
        &json!({"immutable": true, "data": {"a": "2"}}),
    );
    assert_ne!(uid(&down.wait_alike(&map)), uid(&first));

    let secret = Object::secret("immutable-data", "web");
    let first = down.sync(&secret, &json!({"type": "Opaque", "data": {"a": "MQ=="}}));
    let typed = json!({"type": "example.org/other", "data": {"a": "MQ=="}});
    replace(&down, &secret, "Secret", "v1", &typed);
    assert_ne!(uid(&down.wait_alike(&secret)), uid(&first));
}

#[test]
fn an_immutable_config_map_is_reported_where_the_policy_says_so() {
    let down = super::clusters::Alone::here();
    let _report = down.report();
    // The other test of this policy may have made it.
    if crate::objects::namespace(&down.upstream, "immutable-report").is_none() {
        down.namespace("immutable-report");
    }
    let map = Object::config_map("immutable-report", "fixed");
    let first = down.sync(&map, &json!({"immutable": true, "data": {"a": "1"}}));
    down.syncer.pause();
    replace(&down, &map, "ConfigMap", "v1", &json!({"data": {"a": "2"}}));
    down.syncer.resume();
    down.wait_event(&map, "ImmutableField", &["immutable"]);
    assert_eq!(version(&map.read(&down.east)), version(&first));
    // What is put right upstream is followed again.
    map.merge(&down.upstream, &json!({"immutable": true, "data": {"a": "1"}}));
    wait_for("the marker of the new one", SOON, || {
        let made = uid(&map.read(&down.upstream)).to_owned();
        map.read(&down.east).to_string().contains(&made)
    });
}
