//! What is applied: what is desired, without the leaves that are the target's.

use serde_json::{Map, Value};

use super::{
    leaf::{LeafKind, LeafPath},
    trail::write_step,
};
use crate::field_path::{FieldPath, Step, Token, has_key};

/// A leaf that is left out, with the names of its arms if it is a union.
pub(super) struct LeftOut {
    pub(super) path: LeafPath,
    /// The arms of the union that are desired; of an order the target's.
    pub(super) names: Vec<String>,
}

/// `desired` without what is left out. Structs and lists that have nothing else are left out too.
pub(super) fn claim(desired: &Value, left_out: &[LeftOut]) -> Value {
    let mut claim = desired.clone();
    for leaf in left_out {
        match leaf.path.kind {
            LeafKind::Value | LeafKind::Item => remove(&mut claim, &leaf.path.path),
            LeafKind::Union(_) => {
                for arm in &leaf.names {
                    let mut path = leaf.path.path.clone();
                    path.push(Step::Field(arm.as_str().into()));
                    remove(&mut claim, &path);
                }
            }
            LeafKind::Order => reorder(&mut claim, &leaf.path.path, &leaf.names),
        }
    }
    claim
}

/// What `live` has at `paths`, and nothing else but the keys of the items on the way: the body of an apply that hands fields over.
pub fn excerpt<'p>(live: &Value, paths: impl IntoIterator<Item = &'p FieldPath>) -> Value {
    let mut excerpt = Value::Object(Map::new());
    // In the order of `live`: an apply puts the items of lists into its own.
    let mut found: Vec<_> = paths
        .into_iter()
        .filter_map(|path| Some((path.tokens(live)?, path)))
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (_, path) in found {
        if let Some(value) = path.find(live) {
            put(&mut excerpt, path.steps(), value);
        }
    }
    excerpt
}

fn put(target: &mut Value, steps: &[Step], value: &Value) {
    let Some((step, rest)) = steps.split_first() else {
        *target = value.clone();
        return;
    };
    match step {
        Step::Field(name) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            if let Some(map) = target.as_object_mut() {
                put(map.entry(name.to_string()).or_insert(Value::Null), rest, value);
            }
        }
        Step::Item(_) | Step::Element(_) | Step::Index(_) => {
            if !target.is_array() {
                *target = Value::Array(Vec::new());
            }
            let Some(items) = target.as_array_mut() else { return };
            let known = items.iter().position(|item| step.leads_to(item));
            let index = known.unwrap_or(items.len());
            if known.is_none() {
                items.push(match step {
                    Step::Item(key) => Value::Object(key.clone()),
                    _ => Value::Null,
                });
            }
            if let Some(item) = items.get_mut(index) {
                put(item, rest, value);
            }
        }
    }
}

/// Removes what is at `path`, and what is empty around it then.
fn remove(root: &mut Value, path: &FieldPath) {
    let Some(tokens) = path.tokens(root) else { return };
    let mut tokens: Vec<Place> = tokens.iter().map(Place::of).collect();
    while let Some(last) = tokens.pop() {
        let Some(parent) = find_mut(root, &tokens) else { return };
        match (parent, last) {
            (Value::Object(map), Place::Key(key)) => {
                map.remove(&key);
                if !map.is_empty() {
                    return;
                }
            }
            (Value::Array(items), Place::Index(index)) if index < items.len() => {
                items.remove(index);
                if !items.is_empty() {
                    return;
                }
            }
            _ => return,
        }
        if tokens.is_empty() {
            return;
        }
    }
}

/// Puts the items of the list at `path` into the order of `names`; what is not named stays behind, in its own order.
pub(super) fn reorder(root: &mut Value, path: &FieldPath, names: &[String]) {
    let Some(tokens) = path.tokens(root) else { return };
    let tokens: Vec<Place> = tokens.iter().map(Place::of).collect();
    let Some(Value::Array(items)) = find_mut(root, &tokens) else {
        return;
    };
    items.sort_by_cached_key(|item| {
        let found = names.iter().position(|name| is_called(item, name));
        found.unwrap_or(names.len())
    });
}

/// Whether `name` is the text of the step to `item`, whose defaulted keys may be left out of it.
fn is_called(item: &Value, name: &str) -> bool {
    let Some(mut rest) = name.strip_prefix("\u{1}k") else {
        let mut text = String::new();
        write_step(&mut text, &Step::Element(item.clone()));
        return text == name;
    };
    let mut key = Map::new();
    while let Some((field, after)) = rest.split_once('=') {
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else { return false };
        key.insert(field.to_owned(), value);
        rest = after
            .get(values.byte_offset()..)
            .and_then(|rest| rest.strip_prefix(','))
            .unwrap_or_default();
    }
    has_key(&key, item)
}

/// A token that does not borrow.
pub(super) enum Place {
    Key(String),
    Index(usize),
}

// === impl Place ===

impl Place {
    pub(super) fn of(token: &Token<'_>) -> Self {
        match token {
            Token::Index(index) => Self::Index(*index),
            Token::Key(key) => Self::Key((*key).to_owned()),
        }
    }
}

pub(super) fn find_mut<'v>(root: &'v mut Value, tokens: &[Place]) -> Option<&'v mut Value> {
    tokens.iter().try_fold(root, |value, token| match token {
        Place::Key(key) => value.get_mut(key),
        Place::Index(index) => value.get_mut(*index),
    })
}
