//! The merge of an applied body into the live object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::element::Element;
use crate::schema::{ListKeys, Shape, Walk};

/// `live` with everything that `applied` sets.
pub(crate) fn merge(shape: &Shape, live: &Value, applied: &Value) -> Value {
    match (shape.walk(live), shape.walk(applied)) {
        (_, Walk::Fields) => {
            let mut merged = match shape.walk(live) {
                Walk::Fields => live.as_object().cloned().unwrap_or_default(),
                _ => Map::new(),
            };
            let Value::Object(applied) = applied else {
                return applied.clone();
            };
            for (name, value) in applied {
                let value = match merged.get(name) {
                    Some(live) => merge(shape.field(name), live, value),
                    None => value.clone(),
                };
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        (Walk::Items(..), Walk::Items(item, keys)) => {
            let (Value::Array(live), Value::Array(applied)) = (live, applied) else {
                return applied.clone();
            };
            Value::Array(merge_items(item, keys, live, applied))
        }
        _ => applied.clone(),
    }
}

/// The applied items in their order, with the live items that are not applied where they were among the shared ones.
fn merge_items(shape: &Shape, keys: &ListKeys, live: &[Value], applied: &[Value]) -> Vec<Value> {
    let with_keys = |items: &[Value]| -> Vec<(Element, Value)> {
        items
            .iter()
            .filter_map(|item| Some((Element::of_item(keys, item).ok()?, item.clone())))
            .collect()
    };
    let (live, applied) = (with_keys(live), with_keys(applied));
    let applied_keys: BTreeSet<&Element> = applied.iter().map(|(key, _)| key).collect();
    let mut live_by_key: BTreeMap<&Element, Option<&Value>> = BTreeMap::new();
    for (key, item) in &live {
        // The same key twice: there is no one item to merge with.
        live_by_key
            .entry(key)
            .and_modify(|found| *found = None)
            .or_insert(Some(item));
    }
    let merged = |key: &Element, item: &Value| match live_by_key.get(key) {
        Some(Some(live)) => merge(shape, live, item),
        _ => item.clone(),
    };

    // What both have, in the order of the applied body: a live-only item stays behind the shared item that it followed.
    let mut shared = applied
        .iter()
        .map(|(key, _)| key)
        .filter(|key| live_by_key.contains_key(*key));
    let mut next_shared = shared.next();
    let mut done: BTreeSet<&Element> = BTreeSet::new();
    let mut out = Vec::with_capacity(live.len() + applied.len());
    let (mut live, mut applied) = (live.iter().peekable(), applied.iter().peekable());
    loop {
        if let (Some((live_key, _)), Some((key, item))) = (live.peek(), applied.peek()) {
            if live_key == key {
                out.push(merged(key, item));
                done.insert(key);
                live.next();
                applied.next();
                next_shared = shared.next();
                continue;
            }
            if applied_keys.contains(live_key) && next_shared.is_some_and(|next| next != live_key) {
                live.next();
                continue;
            }
        }
        if let Some((live_key, item)) = live.peek() {
            if !applied_keys.contains(live_key) {
                out.push(item.clone());
                live.next();
                continue;
            }
            if done.contains(live_key) {
                live.next();
            }
        }
        if let Some((key, item)) = applied.next() {
            out.push(merged(key, item));
            done.insert(key);
            if next_shared == Some(key) {
                next_shared = shared.next();
            }
        } else if live.peek().is_none() {
            return out;
        }
    }
}
