//! Objects that are not ours (S1).

use serde_json::json;
use syncer_harness::ApiServer;

use super::shared::Shared;
use crate::{
    objects::{ConfigMap, create_namespace, namespace, uid, version},
    world::writes,
};

/// What the syncer has changed of `object` on `server`: attempts that were refused changed nothing.
fn changes(server: &ApiServer, object: &ConfigMap) -> Vec<String> {
    let ours = |namespace: &str, name: &str| namespace == object.namespace && name == object.name;
    let changed = writes(server)
        .into_iter()
        .filter(|e| ours(&e.namespace, &e.name) && e.code < 300);
    changed.map(|event| format!("{event:?}")).collect()
}

#[test]
fn a_foreign_object_of_the_same_name_is_never_touched() {
    let Shared { world, .. } = &Shared::get();
    create_namespace(&world.upstream, "foreign");
    create_namespace(&world.east, "foreign");
    let object = ConfigMap::new("foreign", "web");
    let theirs = object.create(&world.east, &json!({"theirs": "1"}));

    object.create(&world.upstream, &json!({"ours": "1"}));
    object.wait_data(&world.west, &json!({"ours": "1"}));
    // Made later: when it has arrived on east, the other one was tried there.
    let later = ConfigMap::new("foreign", "later");
    later.create(&world.upstream, &json!({"a": "1"}));
    later.wait_data(&world.east, &json!({"a": "1"}));

    object.delete(&world.upstream);
    object.wait_gone(&world.west);
    later.delete(&world.upstream);
    later.wait_gone(&world.east);

    let seen = object.get(&world.east).unwrap();
    assert_eq!((uid(&seen), version(&seen)), (uid(&theirs), version(&theirs)));
    assert_eq!(changes(&world.east, &object), Vec::<String>::new());
}

#[test]
fn an_object_with_our_label_but_without_our_marker_is_foreign() {
    let Shared { world, .. } = &Shared::get();
    create_namespace(&world.upstream, "labelled");
    create_namespace(&world.east, "labelled");
    let first = ConfigMap::new("labelled", "first");
    first.create(&world.upstream, &json!({"a": "1"}));
    let ours = first.wait_data(&world.east, &json!({"a": "1"}));

    // As a controller copies it: the label and the annotations of another object.
    let mut copy = ours.clone();
    copy["metadata"] = json!({
        "name": "copy",
        "labels": ours["metadata"]["labels"],
        "annotations": ours["metadata"]["annotations"],
    });
    let copied = world
        .east
        .client()
        .create("/api/v1/namespaces/labelled/configmaps", &copy);

    first.delete(&world.upstream);
    first.wait_gone(&world.east);
    let later = ConfigMap::new("labelled", "later");
    later.create(&world.upstream, &json!({"a": "1"}));
    later.wait_data(&world.east, &json!({"a": "1"}));

    let copy = ConfigMap::new("labelled", "copy");
    assert_eq!(version(&copy.get(&world.east).unwrap()), version(&copied));
}

#[test]
fn a_namespace_that_is_there_is_used_as_it_is() {
    let Shared { world, .. } = &Shared::get();
    let theirs = create_namespace(&world.east, "used");
    create_namespace(&world.upstream, "used");
    let object = ConfigMap::new("used", "web");
    object.create(&world.upstream, &json!({"a": "1"}));
    world.wait_data(&object, &json!({"a": "1"}));
    assert_eq!(version(&namespace(&world.east, "used").unwrap()), version(&theirs));
}
