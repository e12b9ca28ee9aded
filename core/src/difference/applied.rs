//! What comes of a write that no API server can be asked about, because it follows one that was only tried: computed here. Defaults and
//! what admission does are not in it.

use serde_json::{Map, Value, json};

use crate::{
    ownership::{ManagedEntry, fields},
    transform,
};

/// What keys the items of a list of which nobody owns anything yet.
const USUAL_KEY: &str = "name";

/// `live` after a server-side apply of `desired` by `manager`: what that manager owned alone and leaves out goes, what it names is set. With
/// nothing there, `desired` is what is made.
pub fn applied(live: Option<&Value>, desired: &Value, manager: &str) -> Value {
    let Some(live) = live else {
        let mut made = desired.clone();
        if let Some(metadata) = made.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
        }
        return made;
    };
    let entries = ManagedEntry::all_of(live);
    let is_ours = |entry: &&ManagedEntry<'_>| {
        entry.manager == manager && entry.operation == "Apply" && entry.subresource.is_empty()
    };
    let mut after = live.clone();
    if let Some(ours) = entries.iter().find(is_ours) {
        let others: Vec<_> = entries
            .iter()
            .filter(|entry| !is_ours(entry))
            .map(|entry| entry.fields)
            .collect();
        take_out(&mut after, ours.fields, Some(desired), &others);
    }
    let nodes: Vec<_> = entries.iter().map(|entry| entry.fields).collect();
    put_in(&mut after, &of_users(desired), &nodes);
    after
}

/// `live` after the JSON Patch `operations`; what cannot be done is named.
pub fn patched(live: &Value, operations: &Value) -> Result<Value, String> {
    let mut after = live.clone();
    transform::patch(&mut after, operations)?;
    Ok(after)
}

/// The JSON Patch that makes of the content of `live` that of `after`, for this very object (S1).
pub fn operations(live: &Value, after: &Value) -> Value {
    const STAYS: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];
    let none = Map::new();
    let members = |object: &'_ Value| object.as_object().cloned().unwrap_or_default();
    let (before, now) = (members(live), members(after));
    let mut operations = vec![json!({"op": "test", "path": "/metadata/uid", "value": live.pointer("/metadata/uid")})];
    let mut exchange = |path: String, before: Option<&Value>, now: Option<&Value>| match (before, now) {
        (before, now) if before == now => {}
        (_, Some(now)) => operations.push(json!({"op": "add", "path": path, "value": now})),
        (_, None) => operations.push(json!({"op": "remove", "path": path})),
    };
    for member in before
        .keys()
        .chain(now.keys().filter(|member| !before.contains_key(*member)))
    {
        if !STAYS.contains(&member.as_str()) {
            exchange(format!("/{member}"), before.get(member), now.get(member));
        }
    }
    let metadata = |members: &Map<String, Value>| {
        members
            .get("metadata")
            .and_then(Value::as_object)
            .unwrap_or(&none)
            .clone()
    };
    let (before, now) = (metadata(&before), metadata(&now));
    for member in ["labels", "annotations"] {
        exchange(format!("/metadata/{member}"), before.get(member), now.get(member));
    }
    operations.into()
}

/// Of the metadata of an apply, only labels and annotations are content.
fn of_users(desired: &Value) -> Value {
    let mut desired = desired.clone();
    if let Some(metadata) = desired.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|member, _| matches!(member.as_str(), "labels" | "annotations"));
    }
    desired
}

/// Takes out what the FieldsV1 `owned` names, `desired` does not, and nobody of `others` owns.
fn take_out(live: &mut Value, owned: &Value, desired: Option<&Value>, others: &[&Value]) {
    for (name, child) in fields::children(owned) {
        let Some(step) = fields::step(name) else { continue };
        let wanted = desired.and_then(|desired| step.get(desired));
        let others: Vec<&Value> = others.iter().filter_map(|other| other.get(name)).collect();
        if wanted.is_none() && others.is_empty() {
            step.remove(live);
        } else if let Some(value) = step.get_mut(live)
            && !fields::is_leaf(child)
        {
            take_out(value, child, wanted, &others);
        }
    }
}

/// Sets what `desired` names; `nodes` show which lists have keys, and what is one value.
fn put_in(live: &mut Value, desired: &Value, nodes: &[&Value]) {
    match (live, desired) {
        (Value::Object(members), Value::Object(wanted)) => {
            // Owned as a whole by all who own anything of it: an atomic map.
            if !nodes.is_empty() && nodes.iter().all(|node| fields::is_whole(node)) {
                wanted.clone_into(members);
                return;
            }
            for (name, value) in wanted {
                let nodes: Vec<_> = nodes
                    .iter()
                    .filter_map(|node| fields::child_of_field(node, name))
                    .collect();
                match members.get_mut(name) {
                    Some(member) => put_in(member, value, &nodes),
                    None => drop(members.insert(name.clone(), value.clone())),
                }
            }
        }
        (Value::Array(items), Value::Array(wanted)) => put_in_items(items, wanted, nodes),
        (live, desired) => desired.clone_into(live),
    }
}

fn put_in_items(items: &mut Vec<Value>, wanted: &[Value], nodes: &[&Value]) {
    let maps: Vec<&Map<String, Value>> = nodes.iter().filter_map(|node| node.as_object()).collect();
    let keyed = |item: &Value| {
        let step = maps.iter().find_map(|node| fields::step_to_item(node, item));
        let name = || Some(crate::field_path::Step::item(USUAL_KEY, item.get(USUAL_KEY)?.as_str()?));
        step.or_else(|| if maps.is_empty() { name() } else { None })
    };
    let steps: Option<Vec<_>> = wanted.iter().map(|item| Some((keyed(item)?, item))).collect();
    let Some(steps) = steps else {
        wanted.clone_into(items);
        return;
    };
    for (step, item) in steps {
        match items.iter_mut().find(|present| step.leads_to(present)) {
            Some(present) => {
                let nodes: Vec<_> = maps
                    .iter()
                    .filter_map(|node| fields::child_of_item(node, item))
                    .collect();
                put_in(present, item, &nodes);
            }
            None => items.push(item.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Value {
        json!({
            "metadata": {"name": "web", "uid": "u", "labels": {"app": "web", "theirs": "x"}, "managedFields": [
                {"manager": "tmc-syncer", "operation": "Apply", "fieldsV1": {
                    "f:metadata": {"f:labels": {"f:app": {}}},
                    "f:spec": {"f:replicas": {}, "f:strategy": {"f:rollingUpdate": {"f:maxSurge": {}}}, "f:selector": {}, "f:containers": {
                        "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}},
                        "k:{\"name\":\"old\"}": {".": {}, "f:name": {}, "f:image": {}},
                    }},
                }},
                {"manager": "kubectl", "operation": "Update", "fieldsV1": {
                    "f:metadata": {"f:labels": {"f:theirs": {}}},
                    "f:spec": {"f:replicas": {}, "f:containers": {"k:{\"name\":\"web\"}": {"f:tty": {}}}},
                }},
            ]},
            "spec": {
                "replicas": 3, "paused": false, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
                "selector": {"app": "web", "tier": "x"},
                "containers": [{"name": "web", "image": "a", "tty": true, "pull": "Always"}, {"name": "old", "image": "b"}],
            },
        })
    }

    #[test]
    fn an_apply_sets_what_it_names_and_takes_out_what_it_alone_owned() {
        let desired = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "uid": "u", "labels": {"app": "next"}},
            "spec": {
                "strategy": {"type": "Recreate"}, "selector": {"app": "web"},
                "containers": [{"name": "web", "image": "c"}, {"name": "new", "image": "d"}],
            },
        });
        let after = applied(Some(&live()), &desired, "tmc-syncer");
        assert_eq!(after["metadata"]["labels"], json!({"app": "next", "theirs": "x"}));
        assert_eq!(
            after["spec"],
            json!({
                "replicas": 3, "paused": false, "strategy": {"type": "Recreate"}, "selector": {"app": "web"},
                "containers": [{"name": "web", "image": "c", "tty": true, "pull": "Always"}, {"name": "new", "image": "d"}],
            }),
            "replicas are kept by a co-owner, the strategy's other arm and the old container go, an atomic map is one value"
        );
        assert_eq!(after["metadata"]["uid"], "u");
    }

    #[test]
    fn where_nothing_is_what_is_applied_is_made() {
        let desired = json!({"metadata": {"name": "web", "resourceVersion": "1"}, "data": {"k": "v"}});
        assert_eq!(
            applied(None, &desired, "tmc-syncer"),
            json!({"metadata": {"name": "web"}, "data": {"k": "v"}})
        );
    }

    #[test]
    fn the_operations_lead_from_one_content_to_the_other() {
        let after = json!({
            "metadata": {"name": "other", "uid": "v", "annotations": {"a": "b"}}, "spec": {"replicas": 1}, "data": {"k": "v"}, "status": {"x": 1},
        });
        let operations = operations(&live(), &after);
        let done = patched(&live(), &operations).unwrap();
        assert_eq!((&done["spec"], &done["data"]), (&after["spec"], &after["data"]));
        assert_eq!(done["metadata"]["annotations"], json!({"a": "b"}));
        assert_eq!(done["metadata"].get("labels"), None);
        assert_eq!(
            (&done["metadata"]["uid"], done.get("status")),
            (&json!("u"), None),
            "what it is, and its status, stay"
        );
        assert_eq!(
            super::operations(&live(), &live()).as_array().unwrap().len(),
            1,
            "nothing but the test"
        );
    }

    #[test]
    fn a_patch_is_done_or_says_where_it_fails() {
        let live = json!({"metadata": {"uid": "u"}, "data": {"a": "1", "b": "2"}});
        let ops = |uid: &str| json!([{"op": "test", "path": "/metadata/uid", "value": uid}, {"op": "remove", "path": "/data/a"}]);
        assert_eq!(patched(&live, &ops("u")).unwrap()["data"], json!({"b": "2"}));
        let failure = patched(&live, &ops("other")).unwrap_err();
        assert!(failure.contains("/metadata/uid"), "{failure}");
    }
}
