//! Strategic merge patch: a merge patch that knows keyed lists and takes directives.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::schema::{Merge, Shape};

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// Changes `target` by `patch`.
///
/// # Errors
/// A directive or a keyed item that cannot be understood.
pub(crate) fn apply(shape: &Shape, target: &mut Value, patch: &Value) -> Result<(), String> {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return Ok(());
    };
    match patch.get(PATCH).and_then(Value::as_str) {
        Some("replace") => {
            let mut patch = patch.clone();
            patch.remove(PATCH);
            *target = Value::Object(patch);
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(format!("unknown patch type: {other}")),
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return Ok(());
    };
    if let Some(Value::Array(keys)) = patch.get(RETAIN_KEYS) {
        map.retain(|name, _| keys.iter().any(|key| key == name.as_str()));
    }
    for (name, unwanted) in directives(patch, DELETE_FROM) {
        if let Some(Value::Array(items)) = map.get_mut(name) {
            items.retain(|item| !unwanted.contains(item));
        }
    }
    // The lists that the patch changes, as they were.
    let mut orders: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (name, value) in patch.iter().filter(|(name, _)| !name.starts_with('$')) {
        if value.is_null() {
            map.remove(name);
            continue;
        }
        let declaration = shape.declaration(name);
        let merge = declaration.map_or(&Merge::Replace, |field| &field.merge);
        match (value, merge) {
            (Value::Array(items), Merge::By(key)) => {
                let old = take_array(map, name);
                let mut merged = merge_items(shape.field(name).item(), key, &old, items)?;
                sort(&mut merged, items, &old, merge);
                orders.insert(name.clone(), old);
                map.insert(name.clone(), Value::Array(merged));
            }
            (Value::Array(items), Merge::Union) => {
                let old = take_array(map, name);
                let mut merged = old.clone();
                for item in items {
                    if !merged.contains(item) {
                        merged.push(item.clone());
                    }
                }
                sort(&mut merged, items, &old, merge);
                orders.insert(name.clone(), old);
                map.insert(name.clone(), Value::Array(merged));
            }
            (Value::Object(patch), _)
                if !map.contains_key(name) && patch.get(PATCH).and_then(Value::as_str) == Some("delete") => {}
            (Value::Object(_), _) => apply(shape.field(name), map.entry(name.clone()).or_insert(Value::Null), value)?,
            _ => {
                map.insert(name.clone(), value.clone());
            }
        }
    }
    for (name, order) in directives(patch, ORDER) {
        let merge = shape.declaration(name).map_or(&Merge::Replace, |field| &field.merge);
        if let Some(Value::Array(items)) = map.get_mut(name) {
            let before = orders.remove(name).unwrap_or_else(|| items.clone());
            sort(items, order, &before, merge);
        }
    }
    Ok(())
}

fn directives<'a>(patch: &'a Map<String, Value>, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Vec<Value>)> {
    patch
        .iter()
        .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_array()?)))
}

fn take_array(map: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    match map.get_mut(name).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn merge_items(shape: &Shape, key: &str, old: &[Value], patch: &[Value]) -> Result<Vec<Value>, String> {
    let replace = |item: &Value| item.get(PATCH).and_then(Value::as_str) == Some("replace");
    if patch.iter().any(|item| replace(item) && item.get(key).is_none()) {
        return Ok(patch.iter().filter(|item| !replace(item)).cloned().collect());
    }
    let mut merged = old.to_vec();
    for item in patch {
        let id = item
            .get(key)
            .ok_or_else(|| format!("map: {item} does not contain declared merge key: {key}"))?;
        if item.get(PATCH).and_then(Value::as_str) == Some("delete") {
            merged.retain(|old| old.get(key) != Some(id));
            continue;
        }
        // Two new items with the same key are both kept: only old ones are merged with.
        let was_there = old.iter().any(|old| old.get(key) == Some(id));
        if let Some(old) = merged.iter_mut().find(|old| was_there && old.get(key) == Some(id)) {
            apply(shape, old, item)?;
        } else {
            let mut new = Value::Object(Map::new());
            apply(shape, &mut new, item)?;
            merged.push(new);
        }
    }
    Ok(merged)
}

/// Puts the items that `order` names in that order. The others keep theirs; of both kinds, what came first `before` comes first, and what is
/// new comes before what is not named.
fn sort(items: &mut Vec<Value>, order: &[Value], before: &[Value], merge: &Merge) {
    let id = |item: &Value| match merge {
        Merge::By(key) => item.get(&**key).cloned().unwrap_or_default().to_string(),
        _ => item.to_string(),
    };
    let places = |items: &[Value]| -> BTreeMap<String, usize> {
        items.iter().enumerate().map(|(at, item)| (id(item), at)).collect()
    };
    let (wanted, before) = (places(order), places(before));
    let (mut named, others): (Vec<_>, Vec<_>) = std::mem::take(items)
        .into_iter()
        .partition(|item| wanted.contains_key(&id(item)));
    named.sort_by_key(|item| wanted.get(&id(item)).copied());
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    while let (Some(one), Some(other)) = (named.peek(), others.peek()) {
        let was_first = before
            .get(&id(one))
            .zip(before.get(&id(other)))
            .is_some_and(|(one, other)| other < one);
        items.extend(if was_first { others.next() } else { named.next() });
    }
    items.extend(named.chain(others));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::kubernetes::shape;

    fn patched(target: &Value, patch: &Value) -> Value {
        let mut target = target.clone();
        apply(&shape("Deployment"), &mut target, patch).unwrap();
        target
    }

    fn containers(list: &Value) -> Value {
        json!({"spec": {"template": {"spec": {"containers": list}}}})
    }

    #[test]
    fn keyed_items_are_merged_added_and_deleted() {
        let target =
            containers(&json!([{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]));
        let patch = containers(
            &json!([{"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}]}, {"$patch": "delete", "name": "b"}, {"name": "c"}]),
        );
        let expected = containers(
            &json!([{"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}]}, {"name": "c"}]),
        );
        assert_eq!(patched(&target, &patch), expected);
    }

    #[test]
    fn the_order_of_items_can_be_set() {
        let target = containers(&json!([{"name": "a"}, {"name": "s"}, {"name": "b"}]));
        let patch = json!({"spec": {"template": {"spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}, {"name": "a"}], "containers": [{"name": "c"}]}}}});
        let found = patched(&target, &patch);
        let names: Vec<&str> = found
            .pointer("/spec/template/spec/containers")
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        let place = |name: &str| names.iter().position(|found| *found == name).unwrap();
        assert!(
            place("c") < place("b") && place("b") < place("a") && names.len() == 4,
            "{names:?}"
        );
    }

    #[test]
    fn keys_can_be_retained_and_maps_replaced() {
        let target = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}, "selector": {"a": "b"}}});
        let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}, "selector": {"$patch": "replace", "c": "d"}}});
        assert_eq!(
            patched(&target, &patch),
            json!({"spec": {"strategy": {"type": "Recreate"}, "selector": {"c": "d"}}})
        );
    }

    #[test]
    fn primitive_lists_are_united_and_items_removed() {
        let target = json!({"metadata": {"finalizers": ["a/1", "b/2"], "labels": {"x": "1"}}});
        let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/1"], "finalizers": ["c/3", "b/2"], "labels": {"x": null}}});
        assert_eq!(
            patched(&target, &patch),
            json!({"metadata": {"finalizers": ["c/3", "b/2"], "labels": {}}})
        );
    }
}
