//! JSON patch (RFC 6902).

use serde::Deserialize;
use serde_json::Value;

use crate::schema::decode::type_name;

/// Why a patch was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JsonPatchError {
    /// It is no list of operations.
    Malformed(String),
    /// An operation does not fit the object, or a test failed.
    Failed,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Operation {
    Add {
        path: String,
        value: Value,
    },
    Remove {
        path: String,
    },
    Replace {
        path: String,
        value: Value,
    },
    Move {
        from: String,
        path: String,
    },
    Copy {
        from: String,
        path: String,
    },
    Test {
        path: String,
        #[serde(default)]
        value: Value,
    },
}

/// Changes `target` by the operations of `patch`, all or none of them.
///
/// # Errors
/// The patch is malformed, or an operation fails.
pub(crate) fn apply(target: &Value, patch: &[u8]) -> Result<Value, JsonPatchError> {
    let patch: Value = serde_json::from_slice(patch).map_err(|error| JsonPatchError::Malformed(error.to_string()))?;
    let Value::Array(operations) = patch else {
        let found = type_name(&patch);
        let what = format!("json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp");
        return Err(JsonPatchError::Malformed(what));
    };
    let mut changed = target.clone();
    for operation in operations {
        // What is no operation is found when it is its turn.
        let operation = Operation::deserialize(operation).map_err(|_| JsonPatchError::Failed)?;
        operation.run(&mut changed).ok_or(JsonPatchError::Failed)?;
    }
    Ok(changed)
}

// === impl Operation ===

impl Operation {
    fn run(self, target: &mut Value) -> Option<()> {
        match self {
            Self::Add { path, value } => add(target, &path, value),
            Self::Remove { path } => remove(target, &path).map(drop),
            Self::Replace { path, value } => {
                *target.pointer_mut(&path)? = value;
                Some(())
            }
            Self::Move { from, path } => {
                let value = remove(target, &from)?;
                add(target, &path, value)
            }
            Self::Copy { from, path } => {
                let value = target.pointer(&from)?.clone();
                add(target, &path, value)
            }
            // A missing value equals null, as in the library of the API server.
            Self::Test { path, value } => (target.pointer(&path).unwrap_or(&Value::Null) == &value).then_some(()),
        }
    }
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(map) => {
            map.insert(last, value);
        }
        Value::Array(items) => {
            let at = if last == "-" { items.len() } else { last.parse().ok()? };
            if at > items.len() {
                return None;
            }
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(map) => map.remove(&last),
        Value::Array(items) => {
            let at: usize = last.parse().ok()?;
            (at < items.len()).then(|| items.remove(at))
        }
        _ => None,
    }
}

/// The pointer to the parent, and the last step.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(target: &Value, patch: &Value) -> Result<Value, JsonPatchError> {
        apply(target, patch.to_string().as_bytes())
    }

    #[test]
    fn operations_change_the_object() {
        let target = json!({"a": {"b": [1, 2]}, "x/y": 1});
        let cases = [
            (
                json!([{"op": "add", "path": "/a/b/1", "value": 9}]),
                json!({"a": {"b": [1, 9, 2]}, "x/y": 1}),
            ),
            (
                json!([{"op": "add", "path": "/a/b/-", "value": 9}]),
                json!({"a": {"b": [1, 2, 9]}, "x/y": 1}),
            ),
            (json!([{"op": "remove", "path": "/x~1y"}]), json!({"a": {"b": [1, 2]}})),
            (
                json!([{"op": "replace", "path": "/a", "value": null}]),
                json!({"a": null, "x/y": 1}),
            ),
            (
                json!([{"op": "move", "from": "/a/b", "path": "/c"}]),
                json!({"a": {}, "c": [1, 2], "x/y": 1}),
            ),
            (
                json!([{"op": "copy", "from": "/a/b/0", "path": "/c"}]),
                json!({"a": {"b": [1, 2]}, "c": 1, "x/y": 1}),
            ),
            (json!([{"op": "test", "path": "/a/b/0", "value": 1}]), target.clone()),
            (json!([{"op": "test", "path": "/none", "value": null}]), target.clone()),
        ];
        for (patch, expected) in cases {
            assert_eq!(run(&target, &patch), Ok(expected), "{patch}");
        }
    }

    #[test]
    fn what_does_not_fit_fails() {
        let target = json!({"a": [1]});
        for patch in [
            json!([{"op": "remove", "path": "/b"}]),
            json!([{"op": "replace", "path": "/b", "value": 1}]),
            json!([{"op": "add", "path": "/a/3", "value": 1}]),
            json!([{"op": "add", "path": "/b/c", "value": 1}]),
            json!([{"op": "test", "path": "/a/0", "value": 2}]),
        ] {
            assert_eq!(run(&target, &patch), Err(JsonPatchError::Failed), "{patch}");
        }
        assert!(matches!(run(&target, &json!({})), Err(JsonPatchError::Malformed(_))));
    }
}
