//! What has to wait: for somebody else's finalizer, for the end of a namespace, for the end of a pause.

use serde_json::{Value, json};
use syncer_harness::wait_for;

use super::{
    clusters::{Alone, Beside},
    object::{Object, deployment},
};
use crate::objects::{SOON, namespace, uid, version};

const PAUSED: &str = "workload.kcp.io/paused";

#[test]
fn an_object_that_is_being_deleted_on_the_target_is_made_again_when_it_is_gone() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("terminating");
    let object = Object::config_map("terminating", "web");
    down.sync(&object, &json!({"data": {"n": "1"}}));
    let finalizer = json!({"metadata": {"finalizers": ["example.org/theirs"]}});
    object.merge(&down.east, &finalizer);
    object.delete(&down.east);
    let leaving = object.read(&down.east);
    assert_ne!(leaving["metadata"]["deletionTimestamp"], Value::Null);

    object.merge(&down.upstream, &json!({"data": {"n": "2"}}));
    down.wait_turn("terminating", "later");
    assert_eq!(version(&object.read(&down.east)), version(&leaving));
    object.merge(&down.east, &json!({"metadata": {"finalizers": null}}));
    wait_for("another one", SOON, || {
        let held = object.get(&down.east).ok_or("nothing")?;
        let new = uid(&held) != uid(&leaving) && held["data"] == json!({"n": "2"});
        if new { Ok(()) } else { Err("the old one") }
    });
}

#[test]
fn a_namespace_that_is_deleted_on_the_target_is_made_again_with_all_that_was_in_it() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("ending");
    let objects = [
        Object::config_map("ending", "web"),
        Object::secret("ending", "web"),
        Object::deployment("ending", "web"),
    ];
    let bodies = [
        json!({"data": {"n": "1"}}),
        json!({"data": {"n": "MQ=="}}),
        deployment("example.org/web:1"),
    ];
    for (object, body) in objects.iter().zip(&bodies) {
        down.sync(object, body);
    }
    // Somebody else's object keeps it for a while.
    let keeper = Object::config_map("ending", "keeper");
    keeper.create(&down.east, &json!({"metadata": {"finalizers": ["example.org/theirs"]}}));
    let old = uid(&namespace(&down.east, "ending").unwrap()).to_owned();
    down.east.client().delete("/api/v1/namespaces/ending");
    wait_for("the end of what was ours", SOON, || {
        objects[0].get(&down.east).is_none()
    });
    objects[0].merge(&down.upstream, &json!({"data": {"n": "2"}}));
    keeper.merge(&down.east, &json!({"metadata": {"finalizers": null}}));
    wait_for("another namespace", SOON, || {
        namespace(&down.east, "ending").is_some_and(|held| uid(&held) != old)
    });
    for object in &objects {
        down.wait_alike(object);
    }
}

/// A person may take an object out of our hands, on either side.
#[test]
fn nothing_is_written_to_a_paused_object() {
    let down = Alone::here();
    let _report = down.report();
    down.namespace("paused");
    let [here, there] = ["here", "there"].map(|name| Object::config_map("paused", name));
    for object in [&here, &there] {
        down.sync(object, &json!({"data": {"n": "1"}}));
    }
    let pause = |value: Option<&str>| json!({"metadata": {"annotations": {PAUSED: value}}});
    here.merge(&down.upstream, &pause(Some("true")));
    there.merge(&down.east, &pause(Some("true")));
    down.wait_turn("paused", "later");
    for object in [&here, &there] {
        object.merge(&down.upstream, &json!({"data": {"n": "2"}}));
        object.merge(&down.east, &json!({"data": {"drift": "1"}}));
    }
    down.wait_turn("paused", "later-still");
    for object in [&here, &there] {
        assert_eq!(
            object.read(&down.east)["data"],
            json!({"n": "1", "drift": "1"}),
            "{object:?}"
        );
    }
    down.stays_quiet("paused", "while it is paused");

    here.merge(&down.upstream, &pause(None));
    there.merge(&down.east, &pause(None));
    for object in [&here, &there] {
        down.wait_alike(object);
    }
}
