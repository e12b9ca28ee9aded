//! What differs between two values under one shape.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{element::Element, fieldset::FieldSet};
use crate::schema::{Shape, Walk};

/// The paths by which a new value differs from an old one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    /// In the new value only.
    pub(crate) added: FieldSet,
    /// In both, with different values.
    pub(crate) modified: FieldSet,
    /// In the old value only.
    pub(crate) removed: FieldSet,
}

/// Compares `new` with `old`.
pub(crate) fn compare(shape: &Shape, old: &Value, new: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    Comparing {
        path: Vec::new(),
        result: &mut comparison,
    }
    .values(shape, Some(old), Some(new));
    comparison
}

struct Comparing<'a> {
    path: Vec<Element>,
    result: &'a mut Comparison,
}

// === impl Comparison ===

impl Comparison {
    /// What the new value set: added or modified.
    pub(crate) fn set(&self) -> FieldSet {
        self.modified.clone().union(&self.added)
    }
}

// === impl Comparing ===

impl Comparing<'_> {
    fn values(&mut self, shape: &Shape, old: Option<&Value>, new: Option<&Value>) {
        let (walk_old, walk_new) = (old.map(|old| shape.walk(old)), new.map(|new| shape.walk(new)));
        let leaf = match (&walk_old, &walk_new) {
            (Some(Walk::Leaf), _) | (_, Some(Walk::Leaf)) => true,
            // Two empty containers are leaves, so that "empty" and "not there" stay apart.
            _ => old.is_none_or(is_empty) && new.is_none_or(is_empty),
        };
        if leaf {
            // A map that becomes a leaf, or a leaf that becomes a map, owns its fields one by one on that side.
            if let (Some(value), Some(Walk::Fields)) = (old, &walk_old) {
                self.fields(shape, Some(value), None);
            }
            if let (Some(value), Some(Walk::Fields)) = (new, &walk_new) {
                self.fields(shape, None, Some(value));
            }
            self.leaf(old, new);
            return;
        }
        match walk_new.or(walk_old) {
            Some(Walk::Items(item, keys)) => {
                let elements = |value: Option<&Value>| {
                    let mut elements: BTreeMap<Element, Vec<Value>> = BTreeMap::new();
                    for item in value.and_then(Value::as_array).into_iter().flatten() {
                        if let Ok(element) = Element::of_item(keys, item) {
                            elements.entry(element).or_default().push(item.clone());
                        }
                    }
                    elements
                };
                self.items(item, &elements(old), &elements(new));
            }
            _ => self.fields(shape, old, new),
        }
        self.presence(old, new);
    }

    fn fields(&mut self, shape: &Shape, old: Option<&Value>, new: Option<&Value>) {
        let (old, new) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
        let names_old = old.into_iter().flat_map(|map| map.keys());
        let names_new = new
            .into_iter()
            .flat_map(|map| map.keys())
            .filter(|name| old.is_none_or(|old| !old.contains_key(*name)));
        for name in names_old.chain(names_new) {
            self.path.push(Element::field(name));
            self.values(
                shape.field(name),
                old.and_then(|map| map.get(name)),
                new.and_then(|map| map.get(name)),
            );
            self.path.pop();
        }
    }

    fn items(&mut self, item: &Shape, old: &BTreeMap<Element, Vec<Value>>, new: &BTreeMap<Element, Vec<Value>>) {
        for element in old
            .keys()
            .chain(new.keys().filter(|element| !old.contains_key(*element)))
        {
            let (old, new) = (
                old.get(element).map_or(&[][..], Vec::as_slice),
                new.get(element).map_or(&[][..], Vec::as_slice),
            );
            self.path.push(element.clone());
            match (old, new) {
                ([old], [new]) => self.values(item, Some(old), Some(new)),
                ([], [new]) => self.values(item, None, Some(new)),
                ([old], []) => self.values(item, Some(old), None),
                // The same key twice: the items are one leaf.
                ([], _) => self.result.added.insert(&self.path),
                (_, []) => self.result.removed.insert(&self.path),
                (old, new) if old != new => self.result.modified.insert(&self.path),
                _ => {}
            }
            self.path.pop();
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (Some(old), Some(new)) if old != new => self.result.modified.insert(&self.path),
            (Some(_), Some(_)) => {}
            _ => self.presence(old, new),
        }
    }

    fn presence(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, Some(_)) => self.result.added.insert(&self.path),
            (Some(_), None) => self.result.removed.insert(&self.path),
            _ => {}
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
