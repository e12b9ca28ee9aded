//! A value without the paths of a set.

use serde_json::{Map, Value};

use super::{element::Element, fieldset::FieldSet};
use crate::schema::{Shape, Walk};

/// `value` without what is in `paths`. A container that loses all it has is left as a null: it may be owned, though nothing is in it.
pub(crate) fn remove(shape: &Shape, value: &Value, paths: &FieldSet) -> Value {
    if paths.is_empty() {
        return value.clone();
    }
    match (shape.walk(value), value) {
        (Walk::Fields, Value::Object(map)) => {
            let mut kept = Map::new();
            for (name, value) in map {
                let element = Element::field(name);
                if paths.has(&element) {
                    continue;
                }
                let below = paths.below(&element);
                kept.insert(
                    name.clone(),
                    below.map_or_else(|| value.clone(), |below| remove(shape.field(name), value, below)),
                );
            }
            if kept.is_empty() && !map.is_empty() {
                Value::Null
            } else {
                Value::Object(kept)
            }
        }
        (Walk::Items(item, keys), Value::Array(items)) => {
            let kept: Vec<Value> = items
                .iter()
                .filter_map(|value| {
                    let Ok(element) = Element::of_item(keys, value) else {
                        return Some(value.clone());
                    };
                    if paths.has(&element) {
                        return None;
                    }
                    Some(
                        paths
                            .below(&element)
                            .map_or_else(|| value.clone(), |below| remove(item, value, below)),
                    )
                })
                .collect();
            if kept.is_empty() && !items.is_empty() {
                Value::Null
            } else {
                Value::Array(kept)
            }
        }
        _ => value.clone(),
    }
}
