//! Whether targets hold what the upstream says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use syncer_core::marker::{CLUSTER_LABEL, ORIGIN_ANNOTATION, Origin};

use super::{Kind, ObjectName, Script, pruned};
use crate::{ApiServer, Fleet, Hand};

/// The differences between the upstream and the target `name`, in words; but for the objects `ignored`.
pub fn differences(
    script: &Script,
    fleet: &Fleet,
    name: &str,
    target: &ApiServer,
    ignored: &BTreeSet<ObjectName>,
) -> Vec<String> {
    let wanted = wanted(script, fleet);
    let held = held(script, target);
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

// === impl Script ===

impl Script {
    /// What `object`, which was found on a target, says that it was made from, if that is an object of a team.
    pub(super) fn origin(&self, object: &Value) -> Option<Origin> {
        object.pointer("/metadata/labels")?.get(CLUSTER_LABEL)?;
        let annotations = object.pointer("/metadata/annotations")?;
        let origin = Origin::parse(annotations.get(ORIGIN_ANNOTATION)?.as_str()?)?;
        self.teams
            .iter()
            .any(|team| team.namespace == origin.namespace)
            .then_some(origin)
    }

    /// The object upstream, if it is there and not on its way out.
    pub fn object(&self, fleet: &Fleet, object: &ObjectName) -> Option<Value> {
        let found = Hand::at(&fleet.upstream, "observer").get(&self.path(object))?;
        found.pointer("/metadata/deletionTimestamp").is_none().then_some(found)
    }

    /// Where `object` on `target` is not what the upstream says; `None` if it is.
    pub fn difference(&self, fleet: &Fleet, object: &ObjectName, target: &str) -> Option<String> {
        let (_, server) = fleet.targets.iter().find(|(name, _)| name == target)?;
        let hand = Hand::at(server, "observer");
        let copy = self.copy(&hand, object).and_then(|path| hand.get(&path));
        match (self.object(fleet, object), copy) {
            (None, None) => None,
            (Some(upstream), Some(copy)) => differs(&pruned(object.kind, upstream), &pruned(object.kind, copy)),
            (Some(_), None) => Some("all of it".to_owned()),
            (None, Some(_)) => Some("its being there".to_owned()),
        }
    }
}

type Held = BTreeMap<(Kind, String, String), Value>;

/// What the upstream says, by object: its namespace there, and the object.
fn wanted(script: &Script, fleet: &Fleet) -> BTreeMap<ObjectName, (String, Value)> {
    let hand = Hand::at(&fleet.upstream, "observer");
    let mut wanted = BTreeMap::new();
    for team in &script.teams {
        for kind in script.kinds.iter().copied() {
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
fn held(script: &Script, target: &ApiServer) -> Held {
    let hand = Hand::at(target, "observer");
    let mut held = BTreeMap::new();
    for kind in script.kinds.iter().copied() {
        for object in hand.list(&kind.path()) {
            // What another syncer marked is none of ours.
            let Some(origin) = script.origin(&object) else { continue };
            let key = (kind, origin.namespace, text(&object, "/metadata/name").to_owned());
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
