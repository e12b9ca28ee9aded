//! Whether a status has to be written, and what of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// What has to change: a merge patch (RFC 7396) of the status.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference(Value);

/// Fields that the upstream's API server does not keep, of one resource: learnt from its answers, so that an upstream
/// that is older than its targets is not written again and again for a field that it drops.
///
/// A field counts as dropped after it was dropped from a few objects and kept in none.
#[derive(Clone, Debug, Default)]
pub struct Pruning {
    dropped: BTreeMap<Box<str>, u8>,
    kept: BTreeSet<Box<str>>,
}

/// How many times a field has to be dropped before that counts.
const DROPPED_FOR_SURE: u8 = 3;
/// How many fields of one resource are remembered.
const FIELDS: usize = 64;

// === impl Difference ===

impl Difference {
    pub(super) fn between(current: &Value, desired: &Value, pruning: &Pruning) -> Option<Self> {
        if meaning(current, "", pruning) == meaning(desired, "", pruning) {
            return None;
        }
        let empty = Map::new();
        let patch = merge_patch(
            current.as_object().unwrap_or(&empty),
            desired.as_object().unwrap_or(&empty),
        );
        Some(Self(Value::Object(patch)))
    }

    /// The merge patch of the status.
    pub fn into_patch(self) -> Value {
        self.0
    }
}

/// Everything of `desired` that `current` has not, and null for what it has and should not have.
fn merge_patch(current: &Map<String, Value>, desired: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, value) in desired {
        match (current.get(key), value) {
            (Some(same), value) if same == value => {}
            (Some(Value::Object(current)), Value::Object(desired)) => {
                patch.insert(key.clone(), merge_patch(current, desired).into());
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in current.keys().filter(|key| !desired.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

/// A value without what says nothing: an API server writes a zero, an empty list or an empty map, or leaves it out, as
/// the type wants it.
fn meaning(value: &Value, path: &str, pruning: &Pruning) -> Option<Value> {
    match value {
        Value::Object(map) => {
            let map: Map<_, _> = map
                .iter()
                .filter_map(|(key, value)| {
                    let path = below(path, key);
                    if pruning.drops(&path) {
                        return None;
                    }
                    Some((key.clone(), meaning(value, &path, pruning)?))
                })
                .collect();
            (!map.is_empty()).then_some(Value::Object(map))
        }
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            let path = below(path, "[]");
            let items = items
                .iter()
                .map(|item| meaning(item, &path, pruning).unwrap_or_default());
            Some(Value::Array(items.collect()))
        }
        value if says_nothing(value) => None,
        value => Some(value.clone()),
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(says_nothing),
        Value::Bool(true) => false,
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        return key.to_owned();
    }
    format!("{path}.{key}")
}

// === impl Pruning ===

impl Pruning {
    /// The API server answered `kept` to a status of `sent`.
    pub fn learn(&mut self, sent: &Value, kept: &Value) {
        self.compare(sent, kept, "");
    }

    fn compare(&mut self, sent: &Value, kept: &Value, path: &str) {
        match (sent, kept) {
            (Value::Object(sent), Value::Object(kept)) => {
                for (key, value) in sent.iter().filter(|(_, value)| !says_nothing(value)) {
                    let path = below(path, key);
                    match kept.get(key) {
                        Some(kept) => {
                            self.keeps(&path);
                            self.compare(value, kept, &path);
                        }
                        None => self.dropped(&path),
                    }
                }
            }
            (Value::Array(sent), Value::Array(kept)) if sent.len() == kept.len() => {
                let path = below(path, "[]");
                for (sent, kept) in sent.iter().zip(kept) {
                    self.compare(sent, kept, &path);
                }
            }
            _ => {}
        }
    }

    fn keeps(&mut self, path: &str) {
        self.dropped.remove(path);
        if !self.kept.contains(path) && self.kept.len() < FIELDS {
            self.kept.insert(path.into());
        }
    }

    fn dropped(&mut self, path: &str) {
        // Kept once: it was dropped for a reason of that object.
        if self.kept.contains(path) {
            return;
        }
        if let Some(times) = self.dropped.get_mut(path) {
            *times = times.saturating_add(1);
        } else if self.dropped.len() < FIELDS {
            self.dropped.insert(path.into(), 1);
        }
    }

    fn drops(&self, path: &str) -> bool {
        !self.dropped.is_empty() && self.dropped.get(path).is_some_and(|times| *times >= DROPPED_FOR_SURE)
    }
}
