//! Reading a FieldsV1: the tree of what one manager owns.
//!
//! `f:name` is a field, `k:{…}` an item of a keyed list, `v:…` an item of a set, `.` the parent itself.

use std::{cell::OnceCell, collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value};

use crate::{field_path::Step, payload::write_string};

/// The children of a node, without the `.`.
pub(crate) fn children(node: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let children = node.as_object().into_iter().flatten();
    children
        .filter(|(name, _)| *name != ".")
        .map(|(name, child)| (name.as_str(), child))
}

/// Whether a node owns its value as a whole: a scalar, an atomic list or map. (With a `.` it owns the parent alone.)
pub(crate) fn is_whole(node: &Value) -> bool {
    node.as_object().is_none_or(Map::is_empty)
}

/// Whether nothing is owned beneath a node.
pub(crate) fn is_leaf(node: &Value) -> bool {
    children(node).next().is_none()
}

/// The step that a child stands for.
pub(crate) fn step(name: &str) -> Option<Step> {
    let (form, rest) = name.split_once(':')?;
    match form {
        "f" => Some(Step::Field(rest.into())),
        "k" => serde_json::from_str(rest).ok().map(Step::Item),
        "v" => serde_json::from_str(rest).ok().map(Step::Element),
        "i" => rest.parse().ok().map(Step::Index),
        _ => None,
    }
}

/// The child of `node` for the field `name`.
pub(crate) fn child_of_field<'f>(node: &'f Value, name: &str) -> Option<&'f Value> {
    node.get(format!("f:{name}"))
}

/// The child that stands for `item` of a list: `v:` for items of a set, `k:` for items of a keyed list.
pub(crate) fn child_of_item<'f>(node: &'f Map<String, Value>, item: &Value) -> Option<&'f Value> {
    Items::of(node).child(item).map(|(_, child)| child)
}

/// The step to `item`, in the terms of the list that `node` describes.
pub(crate) fn step_to_item(node: &Map<String, Value>, item: &Value) -> Option<Step> {
    let first = node.keys().find(|name| name.as_str() != ".")?;
    match first.split_once(':')?.0 {
        "k" => Items::of(node).key(item).map(Step::Item),
        "v" => Some(Step::Element(item.clone())),
        _ => None,
    }
}

/// A node that describes a list, to be asked for many items of that list: each costs no more than a look.
#[derive(Clone, Debug)]
pub(crate) struct Items<'f> {
    node: &'f Map<String, Value>,
    /// The names that key the list, sorted; none where it is no keyed list.
    names: Vec<String>,
    /// All children by what they stand for; read when an item is not found under the text that a server most likely wrote.
    parsed: OnceCell<Vec<(Step, &'f str, &'f Value)>>,
    /// The texts of those keys as we would write them, with their places.
    by_text: OnceCell<BTreeMap<String, usize>>,
}

// === impl Items ===

impl<'f> Items<'f> {
    pub(crate) fn of(node: &'f Map<String, Value>) -> Self {
        let key = node.keys().find_map(|name| name.strip_prefix("k:"));
        let key: Option<Map<String, Value>> = key.and_then(|key| serde_json::from_str(key).ok());
        let mut names: Vec<String> = key.into_iter().flatten().map(|(name, _)| name).collect();
        names.sort_unstable();
        Self {
            node,
            names,
            parsed: OnceCell::new(),
            by_text: OnceCell::new(),
        }
    }

    /// The child that stands for `item`, and its name.
    pub(crate) fn child(&self, item: &Value) -> Option<(&'f str, &'f Value)> {
        let (text, complete) = self.text(item);
        if let Some((name, child)) = self.node.get_key_value(&text) {
            return Some((name, child));
        }
        let parsed = self.parsed();
        let known = self.by_text().get(&text).and_then(|index| parsed.get(*index));
        // With every part of its key there is one text for it.
        if known.is_some() || complete == Completeness::Whole {
            return known.map(|(_, name, child)| (*name, *child));
        }
        let found = parsed.iter().find(|(step, _, _)| step.leads_to(item));
        found.map(|(_, name, child)| (*name, *child))
    }

    /// The values of `item` for the names that key the list; `None` where it is none.
    fn key(&self, item: &Value) -> Option<Map<String, Value>> {
        if self.names.is_empty() {
            return None;
        }
        let parts = self.names.iter();
        Some(
            parts
                .filter_map(|name| Some((name.clone(), part(item, name)?.clone())))
                .collect(),
        )
    }

    /// The name of the child for `item` as a server most likely wrote it.
    fn text(&self, item: &Value) -> (String, Completeness) {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(48);
        if self.names.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(text, "v:{item}");
            return (text, Completeness::Whole);
        }
        text.push_str("k:{");
        let mut complete = Completeness::Whole;
        for name in &self.names {
            let Some(value) = part(item, name) else {
                complete = Completeness::Defaulted;
                continue;
            };
            if !text.ends_with('{') {
                text.push(',');
            }
            write_string(&mut text, name);
            let _ = match value {
                Value::String(value) => {
                    text.push(':');
                    write_string(&mut text, value);
                    Ok(())
                }
                value => write!(text, ":{value}"),
            };
        }
        text.push('}');
        (text, complete)
    }

    fn parsed(&self) -> &[(Step, &'f str, &'f Value)] {
        self.parsed.get_or_init(|| {
            let named = self.node.iter();
            named
                .filter_map(|(name, child)| Some((step(name)?, name.as_str(), child)))
                .collect()
        })
    }

    fn by_text(&self) -> &BTreeMap<String, usize> {
        self.by_text.get_or_init(|| {
            let steps = self.parsed().iter().enumerate();
            let text = |step: &Step| match step {
                Step::Item(key) => Some(format!("k:{}", Value::Object(key.clone()))),
                Step::Element(value) => Some(format!("v:{value}")),
                Step::Field(_) | Step::Index(_) => None,
            };
            steps
                .filter_map(|(index, (step, _, _))| Some((text(step)?, index)))
                .collect()
        })
    }
}

/// Whether an item has all that keys its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Completeness {
    /// It has.
    Whole,
    /// The server filled in some of it.
    Defaulted,
}

/// What `item` has for the part `name` of its key.
fn part<'v>(item: &'v Value, name: &str) -> Option<&'v Value> {
    static TCP: LazyLock<Value> = LazyLock::new(|| "TCP".into());
    item.get(name).or_else(|| (name == "protocol").then(|| &*TCP))
}

/// Whether every leaf of the tree `part` is in `whole`.
pub(crate) fn is_within(part: &Value, whole: &Value) -> bool {
    children(part).all(|(name, child)| match whole.get(name) {
        Some(_) if is_leaf(child) => true,
        Some(within) => is_whole(within) || is_within(child, within),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_found_under_the_key_that_the_server_completed() {
        let node = json!({
            "k:{\"port\":53,\"protocol\":\"TCP\"}": {"f:name": {}},
            "k:{\"port\":53,\"protocol\":\"UDP\"}": {"f:port": {}},
        });
        let node = node.as_object().unwrap();
        assert_eq!(
            child_of_item(node, &json!({"port": 53})),
            Some(&json!({"f:name": {}})),
            "a protocol that is left out is TCP, whichever entry comes first"
        );
        assert_eq!(
            child_of_item(node, &json!({"port": 53, "protocol": "UDP"})),
            Some(&json!({"f:port": {}}))
        );
        assert_eq!(child_of_item(node, &json!({"port": 54})), None);
    }

    #[test]
    fn a_key_that_only_the_schema_can_complete_is_found_too() {
        let node = json!({"k:{\"host\":\"a\",\"path\":\"/\"}": {"f:host": {}}});
        assert!(child_of_item(node.as_object().unwrap(), &json!({"host": "a"})).is_some());
    }

    #[test]
    fn a_tree_is_within_another_that_has_all_its_leaves() {
        let whole = json!({"f:a": {".": {}, "f:b": {}, "f:c": {"f:d": {}}}});
        assert!(is_within(&json!({"f:a": {"f:b": {}}}), &whole));
        assert!(
            is_within(&json!({"f:a": {"f:b": {"f:x": {}}}}), &whole),
            "owned as a whole"
        );
        assert!(!is_within(&json!({"f:a": {"f:x": {}}}), &whole));
        assert!(!is_within(&json!({"f:e": {}}), &whole));
    }
}
