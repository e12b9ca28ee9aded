//! Objects that use what their kinds offer arrive as they were written, work, and are left alone.

pub(crate) mod documents;

use serde_json::{Value, json};
use syncer_harness::{RequestCounts, Scratch, wait_for};

use super::{clusters::Down, object::Object};
use crate::{
    objects::{SOON, uid},
    world::writes,
};

const NAMESPACE: &str = "whole";

/// By when pods are ready on a loaded machine.
const READY_WITHIN: std::time::Duration = std::time::Duration::from_mins(3);

#[test]
fn the_four_kinds_arrive_whole_get_ready_and_are_not_written_again() {
    let mut down = Down::start("whole", &[]);
    down.namespace(NAMESPACE);
    let documents = documents::all();
    let scratch = Scratch::new("whole");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": documents});
    let file = scratch.write("everything.json", &list.to_string());
    down.upstream
        .kubectl(&["apply", "-n", NAMESPACE, "-f", file.to_str().unwrap()]);

    for document in &documents {
        let object = Object::of(document, NAMESPACE);
        let held = down.wait_alike(&object);
        let wanted = object.read(&down.upstream);
        let mut differing = Vec::new();
        user_set("", document, &wanted, &held, &mut differing);
        assert_eq!(differing, Vec::<String>::new(), "{}", object.path());
        assert_own_values(&object, document, &held);
    }
    wait_ready(&down);

    down.stays_quiet(NAMESPACE, "at rest");
    assert_no_refusals(&down);

    // S5: after a restart neither a write nor a read of any object.
    let (written, read, log) = (down.written(), down.reads(), writes(&down.east).len());
    down.restart();
    down.wait_turn(NAMESPACE, "later");
    down.stays_quiet(NAMESPACE, "after a restart");
    let kinds: Vec<_> = down
        .written()
        .since(&written)
        .iter()
        .map(|(kind, count)| (kind.verb.clone(), kind.resource.clone(), count))
        .collect();
    assert_eq!(kinds, [("APPLY".to_owned(), "configmaps".to_owned(), 1)]);
    assert_eq!(writes(&down.east).len(), log + 1);
    // Without a key, Secrets are compared by value.
    let read = down.reads().since(&read).only(|kind| kind.resource != "secrets");
    assert_eq!(read, RequestCounts::default());
    an_edit_costs_one_write_and_no_read(&down);
}

/// Of a Deployment that its controllers write to, too.
fn an_edit_costs_one_write_and_no_read(down: &Down) {
    let object = Object::deployment(NAMESPACE, "plain");
    let (written, read) = (down.written(), down.reads());
    let image = "example.org/plain:2";
    let change = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}});
    object.strategic(&down.upstream, &change);
    wait_for("the edit", SOON, || {
        let query = format!("{}?fieldSelector=metadata.name%3Dplain", object.collection());
        let items = down.east.client().items(&query);
        items[0]["spec"]["template"]["spec"]["containers"][0]["image"] == image
    });
    wait_ready(down);
    let ours = |counts: RequestCounts| {
        counts
            .only(|kind| matches!(&*kind.verb, "APPLY" | "PATCH" | "GET"))
            .total()
    };
    assert_eq!(ours(down.written().since(&written)), 1);
    assert_eq!(ours(down.reads().since(&read)), 0);
}

/// Whether target and upstream agree on each leaf that is in `document`.
fn user_set(path: &str, document: &Value, wanted: &Value, held: &Value, differing: &mut Vec<String>) {
    match document {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                if !matches!((path, name.as_str()), ("", "apiVersion" | "kind")) {
                    user_set(&format!("{path}/{name}"), member, &wanted[name], &held[name], differing);
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                user_set(
                    &format!("{path}/{index}"),
                    item,
                    &wanted[index],
                    &held[index],
                    differing,
                );
            }
        }
        _ if wanted == held && (!held.is_null() || documents::is_dropped(document)) => {}
        _ => differing.push(format!("{path}: {held} instead of {wanted}")),
    }
}

/// What the user left to the cluster is the target's own; what the user set is there.
#[track_caller]
fn assert_own_values(object: &Object, document: &Value, held: &Value) {
    if document["kind"] != "Service" || document["spec"]["type"] == "ExternalName" {
        return;
    }
    let address = held["spec"]["clusterIP"].as_str().unwrap_or_default();
    match document["spec"]["clusterIP"].as_str() {
        Some(wanted) => assert_eq!(address, wanted),
        None => assert!(address.starts_with("10.96."), "{}: {held}", object.path()),
    }
    let wanted = document["spec"]["ports"].as_array().into_iter().flatten();
    for (wanted, held) in wanted.zip(held["spec"]["ports"].as_array().into_iter().flatten()) {
        if let Some(port) = wanted["nodePort"].as_i64() {
            assert_eq!(held["nodePort"], port);
        }
    }
}

/// Waits until all replicas of each Deployment are ready on the target.
fn wait_ready(down: &Down) {
    let deployments = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments");
    wait_for("all Deployments to be ready", READY_WITHIN, || {
        let items = down.east.client().items(&deployments);
        let waiting: Vec<_> = items
            .iter()
            .filter(|item| item["status"]["readyReplicas"] != item["spec"]["replicas"])
            .map(|item| item["status"].to_string())
            .collect();
        if waiting.is_empty() && !items.is_empty() {
            Ok(())
        } else {
            Err(format!("{waiting:?}"))
        }
    });
}

/// Everything was applied at the first attempt.
fn assert_no_refusals(down: &Down) {
    let refused: Vec<_> = writes(&down.east)
        .into_iter()
        .filter(|event| event.code >= 400)
        .map(|event| format!("{event:?}"))
        .collect();
    assert_eq!(refused, Vec::<String>::new());
}

/// An object that was made again upstream is the same one on the target.
#[test]
fn a_replaced_object_is_bound_in_place() {
    let down = super::clusters::Alone::here();
    let _report = down.report();
    down.namespace("replaced");
    let object = Object::config_map("replaced", "web");
    let first = down.sync(&object, &json!({"data": {"n": "1"}}));
    let scratch = Scratch::new("replaced");
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "replaced"}, "data": {"n": "2"},
    });
    let file = scratch.write("web.json", &body.to_string());

    // Both changes are there when it looks: what it would read in between is another matter.
    down.syncer.pause();
    let old = uid(&object.read(&down.upstream)).to_owned();
    down.upstream
        .kubectl(&["replace", "--force", "-f", file.to_str().unwrap()]);
    let new = uid(&object.read(&down.upstream)).to_owned();
    down.syncer.resume();
    assert_ne!(old, new);

    let held = down.wait_alike(&object);
    assert_eq!(uid(&held), uid(&first));
    wait_for("the new UID in the marker", SOON, || {
        let held = object.read(&down.east).to_string();
        if held.contains(&new) && !held.contains(&old) {
            Ok(())
        } else {
            Err(held)
        }
    });
    let deletes = writes(&down.east)
        .into_iter()
        .filter(|event| event.verb == "delete" && event.namespace == "replaced");
    assert_eq!(deletes.count(), 0);
}
