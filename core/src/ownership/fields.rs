//! Reading a FieldsV1: the tree of what one manager owns.
//!
//! `f:name` is a field, `k:{…}` an item of a keyed list, `v:…` an item of a set, `.` the parent itself.

use serde_json::{Map, Value};

use crate::field_path::{Step, has_key};

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
    // Nearly always the server wrote the key just so; only what it defaulted needs a look at every child.
    let exact = key_of_item(node, item).and_then(|key| node.get(&format!("k:{}", Value::Object(key))));
    exact.or_else(|| {
        node.iter().find_map(|(name, child)| {
            let stands_for_item = match step(name)? {
                Step::Element(value) => value == *item,
                Step::Item(key) => has_key(&key, item),
                Step::Field(_) | Step::Index(_) => false,
            };
            stands_for_item.then_some(child)
        })
    })
}

/// The step to `item`, in the terms of the list that `node` describes.
pub(crate) fn step_to_item(node: &Map<String, Value>, item: &Value) -> Option<Step> {
    let first = node.keys().find(|name| name.as_str() != ".")?;
    match first.split_once(':')?.0 {
        "k" => key_of_item(node, item).map(Step::Item),
        "v" => Some(Step::Element(item.clone())),
        _ => None,
    }
}

/// The values of `item` for the names that key the list.
fn key_of_item(node: &Map<String, Value>, item: &Value) -> Option<Map<String, Value>> {
    let key = node.keys().find_map(|name| name.strip_prefix("k:"))?;
    let names: Map<String, Value> = serde_json::from_str(key).ok()?;
    let value = |name: &str| match item.get(name) {
        Some(value) => Some(value.clone()),
        None => (name == "protocol").then(|| "TCP".into()),
    };
    Some(
        names
            .keys()
            .filter_map(|name| Some((name.clone(), value(name)?)))
            .collect(),
    )
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
