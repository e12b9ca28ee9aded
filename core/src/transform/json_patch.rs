//! JSON Patch (RFC 6902).

use serde_json::{Map, Value};

use super::{Path, Step, bounds};

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

/// A JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<Box<str>>);

/// Why an operation cannot be done; never quotes a value (S8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PatchFailure {
    pub(super) path: String,
    pub(super) message: &'static str,
}

const ABSENT: &str = "nothing is there";
const NO_PLACE: &str = "what it stands in is not there, or is no object or list";
const BEYOND: &str = "the list is shorter than the index";

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
                let place = path.get_mut(object).ok_or_else(|| path.failure(ABSENT))?;
                value.clone_into(place);
                Ok(())
            }
            Self::Move { from, path } => {
                let value = from.take(object)?;
                path.add(object, value)
            }
            Self::Copy { from, path } => {
                let value = from.get(object).ok_or_else(|| from.failure(ABSENT))?.clone();
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

// === impl Pointer ===

impl Pointer {
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let tokens = text.strip_prefix('/')?.split('/').map(unescaped);
        tokens.collect::<Option<_>>().map(Self)
    }

    /// Its tokens as keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|token| &**token)
    }

    /// The paths that it may mean: a number is an item's place or a member's name, and `-` is the list as a whole.
    pub(super) fn paths(&self) -> Vec<Path> {
        let mut paths: Vec<Vec<Step>> = vec![Vec::new()];
        for token in &self.0 {
            if **token == *"-" {
                break;
            }
            let mut as_items = Vec::new();
            if let Some(index) = index(token) {
                as_items.clone_from(&paths);
                for steps in &mut as_items {
                    steps.push(Step::Index(index));
                }
            }
            for steps in &mut paths {
                steps.push(Step::Key(token.clone()));
            }
            // Two meanings of one token double the paths; five such tokens are more than any kind has.
            if paths.len() <= 16 {
                paths.append(&mut as_items);
            }
        }
        paths.into_iter().map(Path::new).collect()
    }

    fn get<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(object, |here, token| match here {
            Value::Object(members) => members.get(&**token),
            Value::Array(items) => items.get(index(token)?),
            _ => None,
        })
    }

    fn get_mut<'a>(&self, object: &'a mut Value) -> Option<&'a mut Value> {
        self.keys().try_fold(object, step_into)
    }

    fn parent<'a, 'p>(&'p self, object: &'a mut Value) -> Option<(&'a mut Value, &'p str)> {
        let (last, before) = self.0.split_last()?;
        let parent = before.iter().map(|token| &**token).try_fold(object, step_into)?;
        Some((parent, last))
    }

    fn add(&self, object: &mut Value, value: Value) -> Result<(), PatchFailure> {
        let (parent, last) = self.parent(object).ok_or_else(|| self.failure(NO_PLACE))?;
        match parent {
            Value::Object(members) => {
                members.insert(last.to_owned(), value);
            }
            Value::Array(items) if last == "-" => items.push(value),
            Value::Array(items) => {
                let at = index(last)
                    .filter(|at| *at <= items.len())
                    .ok_or_else(|| self.failure(BEYOND))?;
                items.insert(at, value);
            }
            _ => return Err(self.failure(NO_PLACE)),
        }
        Ok(())
    }

    fn take(&self, object: &mut Value) -> Result<Value, PatchFailure> {
        let (parent, last) = self.parent(object).ok_or_else(|| self.failure(ABSENT))?;
        let taken = match parent {
            Value::Object(members) => members.remove(last),
            Value::Array(items) => index(last).filter(|at| *at < items.len()).map(|at| items.remove(at)),
            _ => None,
        };
        taken.ok_or_else(|| self.failure(ABSENT))
    }

    fn failure(&self, message: &'static str) -> PatchFailure {
        let path = self
            .0
            .iter()
            .map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")));
        PatchFailure {
            path: path.collect(),
            message,
        }
    }
}

fn step_into<'a>(here: &'a mut Value, token: &str) -> Option<&'a mut Value> {
    match here {
        Value::Object(members) => members.get_mut(token),
        Value::Array(items) => items.get_mut(index(token)?),
        _ => None,
    }
}

/// The place in a list; no sign, no leading zeros.
fn index(token: &str) -> Option<usize> {
    let well_formed = token == "0" || !token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit());
    if !well_formed {
        return None;
    }
    token.parse().ok()
}

fn unescaped(token: &str) -> Option<Box<str>> {
    let mut text = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        if character != '~' {
            text.push(character);
            continue;
        }
        match characters.next()? {
            '0' => text.push('~'),
            '1' => text.push('/'),
            _ => return None,
        }
    }
    Some(text.into())
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
