//! S7 and S9: whether targets hold what the upstream says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use syncer_core::marker::{CLUSTER_LABEL, ORIGIN_ANNOTATION, Origin};
use syncer_sandbox::{
    ApiServer, Fleet, Hand,
    scenario::{ObjectName, Script, pruned},
};

use crate::schedule::KINDS;

/// The differences between the upstream and the target `name`, in words; but for the objects `ignored`.
pub(crate) fn differences(
    script: &Script,
    fleet: &Fleet,
    name: &str,
    target: &ApiServer,
    ignored: &BTreeSet<ObjectName>,
) -> Vec<String> {
    let wanted = wanted(script, fleet);
    let held = held(target);
    let is_ignored = |object: &ObjectName| ignored.contains(object);
    let mut differences = Vec::new();
    for (object, (namespace, upstream)) in wanted.iter().filter(|(object, _)| !is_ignored(object)) {
        let key = (object.kind, namespace.clone(), object.name.clone());
        match held.get(&key) {
            None => differences.push(format!("{object} is not on {name}")),
            Some(copy) => {
                if let Some(at) = differs(
                    &pruned(object.kind, upstream.clone()),
                    &pruned(object.kind, copy.clone()),
                ) {
                    differences.push(format!("{object} on {name} differs in {at}"));
                }
            }
        }
    }
    let known: BTreeSet<_> = wanted
        .iter()
        .map(|(object, (namespace, _))| (object.kind, namespace.clone(), object.name.clone()))
        .collect();
    for (kind, namespace, own) in held.keys().filter(|key| !known.contains(*key)) {
        let gone = |object: &&ObjectName| object.kind == *kind && object.name == *own;
        if !ignored.iter().any(|object| gone(&object)) {
            differences.push(format!("{} {namespace}/{own} is still on {name}", kind.name()));
        }
    }
    differences
}

type Held = BTreeMap<(syncer_sandbox::scenario::Kind, String, String), Value>;

/// What the upstream says, by object: its namespace there, and the object.
fn wanted(script: &Script, fleet: &Fleet) -> BTreeMap<ObjectName, (String, Value)> {
    let hand = Hand::at(&fleet.upstream, "observer");
    let mut wanted = BTreeMap::new();
    for team in &script.teams {
        for kind in KINDS {
            for object in hand.list(&format!("{}{}", team.base, kind.path_in(&team.namespace))) {
                let name = text(&object, "/metadata/name");
                let is_deleting = object.pointer("/metadata/deletionTimestamp").is_some();
                if name == "kube-root-ca.crt" || is_deleting {
                    continue;
                }
                let key = ObjectName {
                    team: team.name.clone(),
                    kind,
                    name: name.to_owned(),
                };
                wanted.insert(key, (team.namespace.clone(), object));
            }
        }
    }
    wanted
}

/// What a target holds of ours, by the kind, namespace and name that it has upstream.
fn held(target: &ApiServer) -> Held {
    let hand = Hand::at(target, "observer");
    let mut held = BTreeMap::new();
    for kind in KINDS {
        for object in hand.list(&kind.path()) {
            let labels = object.pointer("/metadata/labels");
            if labels.is_none_or(|labels| labels.get(CLUSTER_LABEL).is_none()) {
                continue;
            }
            let annotations = object.pointer("/metadata/annotations");
            let origin = annotations.and_then(|annotations| annotations.get(ORIGIN_ANNOTATION)?.as_str());
            let namespace = origin.and_then(Origin::parse).map(|origin| origin.namespace);
            let key = (
                kind,
                namespace.unwrap_or_default(),
                text(&object, "/metadata/name").to_owned(),
            );
            held.insert(key, object);
        }
    }
    held
}

/// Where the copy lacks something of what is wanted, or has something of `data` that is not; `None` if nowhere.
fn differs(wanted: &Value, copy: &Value) -> Option<String> {
    for part in ["data", "type"] {
        if wanted.get(part) != copy.get(part) {
            return Some(part.to_owned());
        }
    }
    let of = |object: &Value, pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    ["/spec", "/metadata/labels"]
        .into_iter()
        .find_map(|pointer| lacks(&of(wanted, pointer), &of(copy, pointer), pointer))
}

/// The first place where `copy` does not have what `wanted` says. It may have more: what a server sets by itself.
fn lacks(wanted: &Value, copy: &Value, at: &str) -> Option<String> {
    match (wanted, copy) {
        (Value::Object(wanted), Value::Object(copy)) => wanted.iter().find_map(|(name, value)| {
            let below = format!("{at}/{name}");
            match copy.get(name) {
                Some(copy) => lacks(value, copy, &below),
                None => Some(below),
            }
        }),
        (Value::Array(wanted), Value::Array(copy)) if wanted.len() == copy.len() => wanted
            .iter()
            .zip(copy)
            .enumerate()
            .find_map(|(number, (value, copy))| lacks(value, copy, &format!("{at}/{number}"))),
        (Value::Null, _) => None,
        _ => (wanted != copy).then(|| at.to_owned()),
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
