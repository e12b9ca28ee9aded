//! JSON Merge Patch (RFC 7386).

use serde_json::{Map, Value};

use super::{Path, Step};

/// Merges `patch` into `target`.
pub(super) fn merge(target: &mut Value, patch: &Map<String, Value>) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        match value {
            Value::Null => {
                members.remove(key);
            }
            Value::Object(inner) => merge(members.entry(key.clone()).or_insert(Value::Null), inner),
            other => {
                members.insert(key.clone(), other.clone());
            }
        }
    }
}

/// The paths that it sets or removes.
pub(super) fn touched(patch: &Map<String, Value>) -> Vec<Path> {
    let mut found = Vec::new();
    collect(patch, &mut Vec::new(), &mut found);
    found
}

fn collect(patch: &Map<String, Value>, steps: &mut Vec<Step>, found: &mut Vec<Path>) {
    for (key, value) in patch {
        steps.push(Step::Key(key.as_str().into()));
        match value {
            Value::Object(inner) if !inner.is_empty() => collect(inner, steps, found),
            _ => found.push(Path::new(steps.clone())),
        }
        steps.pop();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_merge_as_the_rfc_says() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (
                json!({"a": 1}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ];
        for (mut target, patch, expected) in cases {
            merge(&mut target, patch.as_object().unwrap());
            assert_eq!(target, expected, "{patch}");
        }
    }

    #[test]
    fn its_leaves_are_what_it_touches() {
        let patch = json!({"spec": {"a": null, "b": [1], "c": {"d": 1}, "e": {}}});
        let touched: Vec<String> = touched(patch.as_object().unwrap())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(touched, ["spec.a", "spec.b", "spec.c.d", "spec.e"]);
    }
}
