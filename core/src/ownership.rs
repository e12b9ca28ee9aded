//! Whether our entry in managedFields still owns what we applied: the oracle for drift.

mod entry;
pub(crate) mod fields;
mod handover;
mod order;

use serde_json::{Map, Value};

pub use entry::{HANDOVER_MANAGER, ManagedEntry};
pub use handover::kept_of_handover;
pub(crate) use handover::{leaves_of_entry, leaves_of_handover};
pub(crate) use order::owned_items;
pub use order::{has_keyed_items, order_of};

/// The first leaf of `desired` that the managedFields entry `fields` (a FieldsV1) does not own, as a path such as
/// `data.color`, or `None` if it owns all of them.
///
/// No schema is needed: the shape of the entry says which maps and lists are atomic and which lists have keys. Of the
/// metadata only labels and annotations are looked at; the API server tracks nothing else of ours there.
pub fn first_leaf_not_owned(fields: &Value, desired: &Value) -> Option<String> {
    let (Some(fields), Some(desired)) = (fields.as_object(), desired.as_object()) else {
        return Some(String::new());
    };
    let members = desired
        .iter()
        .filter(|(member, _)| !matches!(member.as_str(), "apiVersion" | "kind" | "metadata"));
    first_in_pairs(fields, members, &Path::Root).or_else(|| {
        let metadata = desired.get("metadata")?.as_object()?;
        let tracked = metadata
            .iter()
            .filter(|(member, _)| matches!(member.as_str(), "labels" | "annotations"));
        let fields = fields.get("f:metadata").and_then(Value::as_object);
        let none = Map::new();
        first_in_pairs(fields.unwrap_or(&none), tracked, &Path::Field(&Path::Root, "metadata"))
    })
}

/// Whether `fields` owns a map of `desired` that has parts as one leaf: an atomic map, or, in an object without a schema, one of which nothing
/// but the map itself is left to us. Only the live object tells.
pub fn owns_a_map_as_one(fields: &Value, desired: &Value) -> bool {
    let (Some(children), Value::Object(map)) = (fields.as_object(), desired) else {
        return false;
    };
    map.iter()
        .any(|(key, value)| match (children.get(&format!("f:{key}")), value) {
            (Some(child), Value::Object(parts)) if !parts.is_empty() => {
                fields::is_whole(child) || owns_a_map_as_one(child, value)
            }
            _ => false,
        })
}

/// Where in the object; written out only when something is found.
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

fn first_in_value(fields: &Value, desired: &Value, path: &Path<'_>) -> Option<String> {
    // An entry without children owns the value as a whole: a scalar, an atomic list or map.
    let children = fields.as_object().filter(|children| !children.is_empty())?;
    match desired {
        Value::Object(map) => first_in_pairs(children, map.iter(), path),
        Value::Array(items) => first_in_items(children, items, path),
        _ => None,
    }
}

fn first_in_pairs<'v>(
    fields: &Map<String, Value>,
    desired: impl Iterator<Item = (&'v String, &'v Value)>,
    path: &Path<'_>,
) -> Option<String> {
    desired.filter(|(_, value)| !value.is_null()).find_map(|(key, value)| {
        let path = Path::Field(path, key);
        match fields.get(&format!("f:{key}")) {
            Some(child) => first_in_value(child, value, &path),
            None => Some(path.to_string()),
        }
    })
}

fn first_in_items(fields: &Map<String, Value>, items: &[Value], path: &Path<'_>) -> Option<String> {
    let owned = fields::Items::of(fields);
    items.iter().enumerate().find_map(|(index, item)| {
        let path = Path::Item(path, index);
        match owned.child(item) {
            Some((_, child)) => first_in_value(child, item, &path),
            None => Some(path.to_string()),
        }
    })
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => f.write_str(name),
            Path::Field(parent, name) => write!(f, "{parent}.{name}"),
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_map_that_is_owned_as_one_is_seen_at_any_depth() {
        let desired = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"e": {"a": 1}, "l": [1], "n": {}}});
        let cases = [
            (json!({"f:spec": {}}), true),
            (json!({"f:spec": {".": {}, "f:e": {}}}), true),
            (json!({"f:spec": {"f:e": {"f:a": {}}, "f:l": {}, "f:n": {}}}), false),
            (json!({"f:spec": {"f:e": {".": {}}}}), false),
            (json!({}), false),
        ];
        for (fields, expected) in cases {
            assert_eq!(owns_a_map_as_one(&fields, &desired), expected, "{fields}");
        }
    }

    #[test]
    fn an_entry_owns_what_was_applied_or_names_the_first_leaf_that_it_lost() {
        let desired = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "uid": "d1", "labels": {"app": "web"}, "annotations": {"a/b": "c"}},
            "spec": {
                "replicas": 2, "paused": null, "selector": {"matchLabels": {"app": "web"}},
                "finalizers": ["x"],
                "template": {"spec": {"containers": [
                    {"name": "web", "image": "nginx", "args": ["a"], "ports": [{"containerPort": 80}]},
                ]}},
            },
        });
        let owned = json!({
            "f:metadata": {"f:labels": {"f:app": {}}, "f:annotations": {"f:a/b": {}}},
            "f:spec": {
                "f:replicas": {}, "f:selector": {}, "f:finalizers": {"v:\"x\"": {}},
                "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                    ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
                }}}},
            },
        });
        assert_eq!(first_leaf_not_owned(&owned, &desired), None);

        let lost = [
            ("/f:metadata/f:labels/f:app", "metadata.labels.app"),
            ("/f:metadata/f:annotations/f:a~1b", "metadata.annotations.a/b"),
            ("/f:metadata", "metadata.annotations"),
            ("/f:spec/f:replicas", "spec.replicas"),
            ("/f:spec/f:finalizers/v:\"x\"", "spec.finalizers[0]"),
            (
                "/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"web\"}/f:image",
                "spec.template.spec.containers[0].image",
            ),
            (
                "/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"web\"}/f:ports/k:{\"containerPort\":80,\"protocol\":\"TCP\"}",
                "spec.template.spec.containers[0].ports[0]",
            ),
            ("/f:spec", "spec"),
        ];
        for (pointer, path) in lost {
            let mut fields = owned.clone();
            let (parent, child) = pointer.rsplit_once('/').unwrap();
            let siblings = fields.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            siblings.remove(&child.replace("~1", "/")).unwrap();
            // The server leaves no empty parents behind in an entry.
            if siblings.is_empty() {
                siblings.insert("f:other".into(), json!({}));
            }
            assert_eq!(
                first_leaf_not_owned(&fields, &desired).as_deref(),
                Some(path),
                "{pointer}"
            );
        }
    }

    #[test]
    fn no_entry_owns_nothing() {
        assert_eq!(
            first_leaf_not_owned(&json!(null), &json!({"data": {"k": "v"}})).as_deref(),
            Some("")
        );
        assert_eq!(
            first_leaf_not_owned(&json!({}), &json!({"data": {"k": "v"}})).as_deref(),
            Some("data")
        );
    }

    #[test]
    fn an_empty_map_is_owned_by_its_field() {
        let desired = json!({"data": {}});
        assert_eq!(first_leaf_not_owned(&json!({"f:data": {}}), &desired), None);
        assert_eq!(first_leaf_not_owned(&json!({"f:data": {"f:x": {}}}), &desired), None);
    }
}
