//! JSON Patch (RFC 6902).

mod pointer;

use serde_json::{Map, Value};

pub(super) use self::pointer::Pointer;
use super::bounds;

/// One operation of a patch.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PatchOperation {
    /// Puts a value where nothing is, or before the item that is there, or in place of the member that is there.
    Add { path: Pointer, value: Value },
    /// Removes what has to be there.
    Remove { path: Pointer },
    /// Puts a value in place of what has to be there.
    Replace { path: Pointer, value: Value },
    /// Removes what has to be at `from`, and adds it at `path`.
    Move { from: Pointer, path: Pointer },
    /// Adds at `path` what has to be at `from`.
    Copy { from: Pointer, path: Pointer },
    /// Fails where something else is.
    Test { path: Pointer, value: Value },
}

/// Why an operation cannot be done; never quotes a value (S8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PatchFailure {
    pub(super) path: String,
    pub(super) message: &'static str,
}

// === impl PatchOperation ===

impl PatchOperation {
    /// Reads one operation as it stands in a policy.
    pub(super) fn compile(operation: &Value) -> Result<Self, String> {
        let members = operation
            .as_object()
            .ok_or("an operation is an object with op and path")?;
        let path = pointer(members, "path")?;
        match members.get("op").and_then(Value::as_str) {
            Some("add") => Ok(Self::Add {
                path,
                value: value(members)?,
            }),
            Some("remove") => Ok(Self::Remove { path }),
            Some("replace") => Ok(Self::Replace {
                path,
                value: value(members)?,
            }),
            Some("move") => Ok(Self::Move {
                from: pointer(members, "from")?,
                path,
            }),
            Some("copy") => Ok(Self::Copy {
                from: pointer(members, "from")?,
                path,
            }),
            Some("test") => Ok(Self::Test {
                path,
                value: value(members)?,
            }),
            Some(other) => Err(format!(
                "op {other:?} is none of add, remove, replace, move, copy and test"
            )),
            None => Err("op is missing".to_owned()),
        }
    }

    /// What it changes.
    pub(super) fn changes(&self) -> Vec<&Pointer> {
        match self {
            Self::Add { path, .. } | Self::Remove { path } | Self::Replace { path, .. } | Self::Copy { path, .. } => {
                vec![path]
            }
            Self::Move { from, path } => vec![from, path],
            Self::Test { .. } => Vec::new(),
        }
    }

    /// Does it.
    pub(super) fn apply(&self, object: &mut Value) -> Result<(), PatchFailure> {
        match self {
            Self::Add { path, value } => path.add(object, value.clone()),
            Self::Remove { path } => path.take(object).map(drop),
            Self::Replace { path, value } => {
                let place = path.get_mut(object).ok_or_else(|| path.absent())?;
                value.clone_into(place);
                Ok(())
            }
            Self::Move { from, path } => {
                let value = from.take(object)?;
                path.add(object, value)
            }
            Self::Copy { from, path } => {
                let value = from.get(object).ok_or_else(|| from.absent())?.clone();
                path.add(object, value)?;
                // Copies of copies double an object each time.
                bounds::within(object).map_err(|message| path.failure(message))
            }
            Self::Test { path, value } => {
                if path.get(object) == Some(value) {
                    return Ok(());
                }
                Err(path.failure("the test does not hold"))
            }
        }
    }
}

/// Does `operations`, a whole patch, to `object`; what cannot be read or done is named, without a value (S8).
pub(crate) fn patch(object: &mut Value, operations: &Value) -> Result<(), String> {
    let operations = operations.as_array().ok_or("a JSON patch is a list of operations")?;
    for operation in operations {
        let operation = PatchOperation::compile(operation)?;
        operation
            .apply(object)
            .map_err(|failure| format!("{}: {}", failure.path, failure.message))?;
    }
    Ok(())
}

fn pointer(members: &Map<String, Value>, member: &str) -> Result<Pointer, String> {
    let text = members
        .get(member)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{member} is missing"))?;
    Pointer::parse(text)
        .ok_or_else(|| format!("{member} {text:?} is no JSON pointer: it starts with /, ~ is written ~0"))
}

fn value(members: &Map<String, Value>) -> Result<Value, String> {
    members
        .get("value")
        .cloned()
        .ok_or_else(|| "value is missing".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(object: &Value, operation: &Value) -> Result<Value, String> {
        let mut object = object.clone();
        let operation = PatchOperation::compile(operation)?;
        operation
            .apply(&mut object)
            .map_err(|failure| format!("{}: {}", failure.path, failure.message))?;
        Ok(object)
    }

    #[test]
    fn every_operation_does_what_the_rfc_says() {
        let cases = [
            (
                json!({"a": 1}),
                json!({"op": "add", "path": "/b", "value": 2}),
                json!({"a": 1, "b": 2}),
            ),
            (
                json!({"a": 1}),
                json!({"op": "add", "path": "/a", "value": null}),
                json!({"a": null}),
            ),
            (
                json!({"a": [1, 3]}),
                json!({"op": "add", "path": "/a/1", "value": 2}),
                json!({"a": [1, 2, 3]}),
            ),
            (
                json!({"a": [1]}),
                json!({"op": "add", "path": "/a/1", "value": 2}),
                json!({"a": [1, 2]}),
            ),
            (
                json!({"a": [1]}),
                json!({"op": "add", "path": "/a/-", "value": 2}),
                json!({"a": [1, 2]}),
            ),
            (
                json!({"a/b": {"c~d": 1}}),
                json!({"op": "add", "path": "/a~1b/c~0d", "value": 2}),
                json!({"a/b": {"c~d": 2}}),
            ),
            (
                json!({"": {"": 1}}),
                json!({"op": "remove", "path": "//"}),
                json!({"": {}}),
            ),
            (
                json!({"a": [1, 2]}),
                json!({"op": "remove", "path": "/a/0"}),
                json!({"a": [2]}),
            ),
            (
                json!({"a": {"0": 1}}),
                json!({"op": "remove", "path": "/a/0"}),
                json!({"a": {}}),
            ),
            (
                json!({"a": 1}),
                json!({"op": "replace", "path": "/a", "value": [2]}),
                json!({"a": [2]}),
            ),
            (
                json!({"a": {"b": 1}}),
                json!({"op": "move", "from": "/a/b", "path": "/c"}),
                json!({"a": {}, "c": 1}),
            ),
            (
                json!({"a": [1, 2]}),
                json!({"op": "move", "from": "/a/0", "path": "/a/1"}),
                json!({"a": [2, 1]}),
            ),
            (
                json!({"a": {"b": 1}}),
                json!({"op": "copy", "from": "/a", "path": "/a/c"}),
                json!({"a": {"b": 1, "c": {"b": 1}}}),
            ),
            (
                json!({"a": [1]}),
                json!({"op": "test", "path": "/a", "value": [1]}),
                json!({"a": [1]}),
            ),
        ];
        for (object, operation, expected) in cases {
            assert_eq!(run(&object, &operation), Ok(expected), "{operation}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_named_without_values() {
        let object = json!({"a": ["hunter2"], "b": "hunter2"});
        let cases = [
            (
                json!({"op": "add", "path": "/x/y", "value": 1}),
                "/x/y: what it stands in",
            ),
            (
                json!({"op": "add", "path": "/b/y", "value": 1}),
                "/b/y: what it stands in",
            ),
            (
                json!({"op": "add", "path": "/a/2", "value": 1}),
                "/a/2: the list is shorter",
            ),
            (
                json!({"op": "add", "path": "/a/01", "value": 1}),
                "/a/01: the list is shorter",
            ),
            (
                json!({"op": "add", "path": "/a/99999999999999999999", "value": 1}),
                "the list is shorter",
            ),
            (json!({"op": "remove", "path": "/x"}), "/x: nothing is there"),
            (json!({"op": "remove", "path": "/a/1"}), "/a/1: nothing is there"),
            (json!({"op": "remove", "path": "/a/-"}), "/a/-: nothing is there"),
            (
                json!({"op": "replace", "path": "/x", "value": 1}),
                "/x: nothing is there",
            ),
            (
                json!({"op": "move", "from": "/x~1y", "path": "/c"}),
                "/x~1y: nothing is there",
            ),
            (
                json!({"op": "copy", "from": "/x", "path": "/c"}),
                "/x: nothing is there",
            ),
            (
                json!({"op": "test", "path": "/b", "value": "other"}),
                "/b: the test does not hold",
            ),
        ];
        for (operation, part) in cases {
            let error = run(&object, &operation).unwrap_err();
            assert!(error.contains(part), "{operation}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_is_no_operation_is_refused() {
        for wrong in [
            json!(null),
            json!({"path": "/a"}),
            json!({"op": "merge", "path": "/a"}),
            json!({"op": "add", "path": "/a"}),
            json!({"op": "add", "value": 1}),
            json!({"op": "add", "path": "a", "value": 1}),
            json!({"op": "add", "path": "/a~2", "value": 1}),
            json!({"op": "add", "path": "/a~", "value": 1}),
            json!({"op": "move", "path": "/a"}),
        ] {
            assert!(PatchOperation::compile(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn copies_of_copies_end() {
        let mut object = json!({"a": {"b": "x".repeat(1000)}});
        let copy = PatchOperation::compile(&json!({"op": "copy", "from": "/a", "path": "/a/c"})).unwrap();
        let failed = (0..200).find_map(|_| copy.apply(&mut object).err());
        assert!(failed.is_some());
        let wide = PatchOperation::compile(&json!({"op": "copy", "from": "/l", "path": "/l/-"})).unwrap();
        let mut object = json!({"l": ["x".repeat(1000)]});
        assert!((0..100).find_map(|_| wide.apply(&mut object).err()).is_some());
    }

    #[test]
    fn a_number_may_be_a_place_or_a_name() {
        let pointer = Pointer::parse("/spec/containers/0/image").unwrap();
        let paths: Vec<String> = pointer.paths().iter().map(ToString::to_string).collect();
        assert_eq!(paths, ["spec.containers.0.image", "spec.containers[0].image"]);
        let end = Pointer::parse("/spec/args/-").unwrap();
        assert_eq!(
            end.paths().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["spec.args"]
        );
    }
}
