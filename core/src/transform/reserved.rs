//! What no transform may change: who an object is, what its server keeps, its status, and our markers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Path, Step, cel::Disclosure};

/// Where a label or annotation may stand in the metadata; nothing else of it may be changed.
const CHANGEABLE: [&str; 2] = ["labels", "annotations"];

/// The labels and annotations of kcp's domain that an object had before it was transformed.
#[derive(Debug, Default)]
pub(super) struct OfKcp(BTreeMap<(&'static str, String), Value>);

/// A label or annotation that cannot be.
#[derive(Debug)]
pub(super) struct Malformed {
    /// The map that it is in.
    map: Path,
    /// Its key; `None` for the map as a whole.
    key: Option<Box<str>>,
    pub(super) message: &'static str,
}

/// Why a path whose first members are `keys` may not be changed; `None` stands for a step into a list.
pub(super) fn refusal<'a>(mut keys: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let Some(Some(first)) = keys.next() else {
        return Some("the whole object cannot be changed at once".to_owned());
    };
    match first {
        "apiVersion" | "kind" => return Some(format!("{first} says what the object is and cannot be changed")),
        "status" => return Some("status flows up and cannot be changed on the way down".to_owned()),
        "metadata" => {}
        _ => return None,
    }
    match keys.next() {
        None => Some("of metadata only labels and annotations can be changed".to_owned()),
        Some(member) if !member.is_some_and(|member| CHANGEABLE.contains(&member)) => Some(format!(
            "metadata.{} cannot be changed, only labels and annotations",
            member.unwrap_or("[…]")
        )),
        Some(_) => {
            let key = keys.next()?;
            if keys.next().is_some() {
                return Some("labels and annotations are texts: keys with points are written [\"a.b/c\"]".to_owned());
            }
            key_refusal(key)
        }
    }
}

/// Why the label or annotation `key` may not be changed.
fn key_refusal(key: Option<&str>) -> Option<String> {
    let Some(key) = key else {
        return Some("labels and annotations are no lists".to_owned());
    };
    is_of_kcp(key).then(|| format!("{key:?} is of kcp's domain, which is ours to write"))
}

/// Why a transform may not change what `path` names.
pub(super) fn path_refusal(path: &Path) -> Option<String> {
    refusal(path.steps().iter().map(|step| match step {
        Step::Key(key) => Some(&**key),
        _ => None,
    }))
}

/// Whether a label or annotation is of kcp's domain: `kcp.io` or below it.
pub fn is_of_kcp(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    domain == "kcp.io" || domain.ends_with(".kcp.io")
}

// === impl Malformed ===

impl Malformed {
    /// Where it is. A key that an expression computed may be a value of a Secret: then only its map is named (S8).
    pub(super) fn path(&self, disclosure: Disclosure) -> String {
        let key = self.key.clone().filter(|_| disclosure == Disclosure::Open);
        let steps = self.map.steps().iter().cloned().chain(key.map(Step::Key));
        Path::new(steps.collect()).to_string()
    }
}

// === impl OfKcp ===

impl OfKcp {
    /// Notes those of `object`.
    pub(super) fn of(object: &Value) -> Self {
        let noted = CHANGEABLE.iter().filter_map(|kind| Some((*kind, map(object, kind)?)));
        let noted = noted.flat_map(|(kind, map)| {
            let of_kcp = map.iter().filter(|(key, _)| is_of_kcp(key));
            of_kcp.map(move |(key, value)| ((kind, key.clone()), value.clone()))
        });
        Self(noted.collect())
    }

    /// What is wrong with the labels and annotations of a transformed object.
    pub(super) fn check(&self, object: &Value) -> Result<(), Malformed> {
        for kind in CHANGEABLE {
            let found = object.get("metadata").and_then(|metadata| metadata.get(kind));
            if !matches!(found, None | Some(Value::Null | Value::Object(_))) {
                return Err(Malformed {
                    map: Path::new(vec![Step::Key("metadata".into()), Step::Key(kind.into())]),
                    key: None,
                    message: "it has to be a map of texts",
                });
            }
            for (key, value) in map(object, kind).into_iter().flatten() {
                let ours = is_of_kcp(key) && self.0.get(&(kind, key.clone())) != Some(value);
                let message = match (value.is_string(), ours) {
                    (false, _) => "its value has to be a text",
                    (true, true) => "keys of kcp's domain are ours to write",
                    (true, false) => continue,
                };
                return Err(Malformed {
                    map: Path::new(vec![Step::Key("metadata".into()), Step::Key(kind.into())]),
                    key: Some(key.as_str().into()),
                    message,
                });
            }
        }
        Ok(())
    }
}

fn map<'a>(object: &'a Value, kind: &str) -> Option<&'a Map<String, Value>> {
    object.get("metadata")?.get(kind)?.as_object()
}

/// Makes the maps of labels and annotations where they are missing, so that a patch can add to them.
pub(super) fn make_maps(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    for kind in CHANGEABLE {
        let map = metadata.entry(kind).or_insert(Value::Null);
        if map.is_null() {
            *map = Value::Object(Map::new());
        }
    }
}

/// Takes the maps away again where they are empty.
pub(super) fn drop_empty_maps(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    for kind in CHANGEABLE {
        let empty = metadata.get(kind).and_then(Value::as_object).is_some_and(Map::is_empty);
        if empty {
            metadata.remove(kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_status_and_markers_are_refused() {
        let cases = [
            ("apiVersion", true),
            ("kind", true),
            ("status", true),
            ("status.replicas", true),
            ("metadata", true),
            ("metadata.name", true),
            ("metadata.namespace", true),
            ("metadata.uid", true),
            ("metadata.finalizers[0]", true),
            ("metadata.ownerReferences", true),
            ("metadata[0].name", true),
            ("[*].name", true),
            ("metadata.labels[\"internal.workload.kcp.io/cluster\"]", true),
            ("metadata.annotations[\"workload.kcp.io/origin\"]", true),
            ("metadata.annotations.kcp.io/x", true),
            ("metadata.labels[0]", true),
            ("metadata.annotations[\"kcp.io/x\"]", true),
            ("metadata.labels", false),
            ("metadata.labels.zone", false),
            ("metadata.annotations[\"kcp.io\"]", false),
            ("metadata.annotations[\"notkcp.io/x\"]", false),
            ("spec", false),
            ("data.status", false),
        ];
        for (text, refused) in cases {
            let path = Path::parse(text).unwrap();
            assert_eq!(path_refusal(&path).is_some(), refused, "{text}");
        }
    }
}
