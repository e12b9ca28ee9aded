//! What of an object goes down: everything that its upstream decides, in one canonical form, and its hash.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};
use xxhash_rust::xxh3::Xxh3;

use crate::{hash_key::HashKey, marker::PayloadHash};

/// The labels, annotations and top-level members that go down, built once for all targets that get the same.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    labels: BTreeMap<Box<str>, Box<str>>,
    annotations: BTreeMap<Box<str>, Box<str>>,
    /// The members as `"data":{…},"immutable":true`: keys sorted at every depth, no white space, no braces around.
    members: Box<str>,
    hash: PayloadHash,
}

/// Why an object cannot be turned into a payload.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// A member is not JSON; the API server would not have sent that.
    #[error("member {member:?} is no valid JSON at column {column}")]
    Member {
        /// The top-level member.
        member: String,
        /// Where in it.
        column: usize,
    },
}

/// Top-level members that never go down: identity is written anew, status flows up.
const STAYS_UPSTREAM: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// Annotations outside of kcp's domain that are about the upstream object only.
const UPSTREAM_ANNOTATIONS: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
];

// === impl Payload ===

impl Payload {
    /// The payload of an object with these labels, annotations and top-level members.
    pub fn of<'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
        members: impl IntoIterator<Item = (&'a str, &'a RawValue)>,
    ) -> Result<Self, PayloadError> {
        let labels = going_down(labels);
        let annotations = going_down(annotations);
        let members = canonical_members(members)?;
        let hash = hash(&labels, &annotations, &members);
        Ok(Self {
            labels,
            annotations,
            members: members.into(),
            hash,
        })
    }

    /// The payload of a whole object in the form that the API server gave, or a transform left, it.
    pub fn of_value(object: &Value) -> Self {
        let pairs = |name: &str| {
            let map = object.pointer(name).and_then(Value::as_object);
            let text = |(key, value): (&String, &Value)| value.as_str().map(|value| (key.clone(), value.to_owned()));
            map.into_iter().flatten().filter_map(text).collect::<Vec<_>>()
        };
        let borrowed =
            |pairs: &[(String, String)]| going_down(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let labels = borrowed(&pairs("/metadata/labels"));
        let annotations = borrowed(&pairs("/metadata/annotations"));
        let members = object.as_object().into_iter().flatten();
        let sorted: BTreeMap<&str, &Value> = members
            .filter(|(member, value)| !STAYS_UPSTREAM.contains(&member.as_str()) && !value.is_null())
            .map(|(member, value)| (member.as_str(), value))
            .collect();
        let members = write_members(&sorted);
        let hash = hash(&labels, &annotations, &members);
        Self {
            labels,
            annotations,
            members: members.into(),
            hash,
        }
    }

    /// The same payload under a hash that nobody can guess values by: for Secrets.
    #[must_use]
    pub fn keyed(mut self, key: &HashKey) -> Self {
        let parts = [&self.labels, &self.annotations].map(|map| {
            map.iter().fold(String::new(), |mut text, (key, value)| {
                write_string(&mut text, key);
                write_string(&mut text, value);
                text
            })
        });
        let [labels, annotations] = &parts;
        self.hash = key.hash([labels.as_str(), annotations.as_str(), &self.members]);
        self
    }

    /// The labels that go down.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The annotations that go down.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.annotations.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The members as they stand in a body, without braces around; empty if there are none.
    pub fn members(&self) -> &str {
        &self.members
    }

    /// The same as a tree: labels and annotations in the metadata, and the members.
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        let mut tree: Value = serde_json::from_str(&format!("{{{}}}", self.members))?;
        let map = |map: &BTreeMap<Box<str>, Box<str>>| -> serde_json::Map<String, Value> {
            let pairs = map.iter();
            pairs
                .map(|(key, value)| (key.to_string(), Value::from(&**value)))
                .collect()
        };
        let mut metadata = serde_json::Map::new();
        for (name, pairs) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !pairs.is_empty() {
                metadata.insert(name.to_owned(), map(pairs).into());
            }
        }
        if let Some(members) = tree.as_object_mut()
            && !metadata.is_empty()
        {
            members.insert("metadata".to_owned(), metadata.into());
        }
        Ok(tree)
    }

    /// The hash over all of it.
    pub fn hash(&self) -> PayloadHash {
        self.hash
    }

    /// Roughly the bytes that it takes in memory, for a bounded cache.
    pub fn size(&self) -> usize {
        let map = |map: &BTreeMap<Box<str>, Box<str>>| -> usize {
            map.iter()
                .map(|(key, value)| key.len() + value.len() + 2 * size_of::<Box<str>>())
                .sum()
        };
        size_of::<Self>() + self.members.len() + map(&self.labels) + map(&self.annotations)
    }
}

/// Sizes only: a payload may be that of a Secret (S8).
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payload")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

fn going_down<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<Box<str>, Box<str>> {
    pairs
        .into_iter()
        .filter(|(key, _)| goes_down(key))
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

/// Whether a label or annotation goes down: those of kcp's domain and a few others mean something upstream only.
fn goes_down(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let of_kcp = domain == "kcp.io" || domain.ends_with(".kcp.io");
    !of_kcp && !UPSTREAM_ANNOTATIONS.contains(&key)
}

fn canonical_members<'a>(members: impl IntoIterator<Item = (&'a str, &'a RawValue)>) -> Result<String, PayloadError> {
    let mut sorted: BTreeMap<&str, Value> = BTreeMap::new();
    for (member, raw) in members {
        if STAYS_UPSTREAM.contains(&member) {
            continue;
        }
        let value: Value = serde_json::from_str(raw.get()).map_err(|error| PayloadError::Member {
            member: member.to_owned(),
            column: error.column(),
        })?;
        if !value.is_null() {
            sorted.insert(member, value);
        }
    }
    Ok(write_members(&sorted))
}

fn write_members<V: std::borrow::Borrow<Value>>(sorted: &BTreeMap<&str, V>) -> String {
    let mut canonical = String::new();
    for (member, value) in sorted {
        if !canonical.is_empty() {
            canonical.push(',');
        }
        write_string(&mut canonical, member);
        canonical.push(':');
        write_canonical(&mut canonical, value.borrow());
    }
    canonical
}

/// Writes with sorted keys. Spelled out, because a feature of `serde_json` that any dependency may switch on
/// (`preserve_order`) would otherwise change every hash.
pub(crate) fn write_canonical(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => write_array(out, items),
        Value::Object(map) => write_object(out, map),
    }
}

fn write_array(out: &mut String, items: &[Value]) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_canonical(out, item);
    }
    out.push(']');
}

fn write_object(out: &mut String, map: &serde_json::Map<String, Value>) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    out.push('{');
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, key);
        out.push(':');
        write_canonical(out, value);
    }
    out.push('}');
}

/// Writes a JSON string.
pub(crate) fn write_string(out: &mut String, text: &str) {
    // Nearly every text is its own JSON, but for the quotes.
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\' && byte != 0x7f;
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// Every part carries its length before it, so that no two payloads share a byte sequence.
fn hash(
    labels: &BTreeMap<Box<str>, Box<str>>,
    annotations: &BTreeMap<Box<str>, Box<str>>,
    members: &str,
) -> PayloadHash {
    let mut hasher = Xxh3::new();
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for map in [labels, annotations] {
        part(&map.len().to_string());
        for (key, value) in map {
            part(key);
            part(value);
        }
    }
    part(members);
    PayloadHash(hasher.digest128())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payload(labels: &[(&str, &str)], annotations: &[(&str, &str)], object: &str) -> Payload {
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(object).unwrap();
        Payload::of(
            labels.iter().copied(),
            annotations.iter().copied(),
            members.iter().map(|(member, raw)| (member.as_str(), &**raw)),
        )
        .unwrap()
    }

    #[test]
    fn identity_and_status_stay_upstream() {
        let object = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"uid":"1"},"status":{},"data":{"b":"2","a":"1"},
            "immutable":true,"binaryData":null}"#;
        assert_eq!(
            payload(&[], &[], object).members(),
            r#""data":{"a":"1","b":"2"},"immutable":true"#
        );
    }

    #[test]
    fn labels_and_annotations_of_kcp_and_of_the_upstream_alone_stay() {
        let cases = [
            ("app", true),
            ("example.org/x", true),
            ("notkcp.io/x", true),
            ("kcp.io.example.org/x", true),
            ("kcp.io", true),
            ("kcp.io/cluster", false),
            ("workload.kcp.io/origin", false),
            ("claimed.internal.apis.kcp.io/abc", false),
            ("internal.workload.kcp.io/cluster", false),
            ("kubectl.kubernetes.io/last-applied-configuration", false),
            ("deployment.kubernetes.io/revision", false),
            ("kubectl.kubernetes.io/restartedAt", true),
        ];
        for (key, down) in cases {
            assert_eq!(
                payload(&[], &[(key, "v")], "{}").annotations().count(),
                usize::from(down),
                "{key}"
            );
            assert_eq!(
                payload(&[(key, "v")], &[], "{}").labels().count(),
                usize::from(down),
                "{key}"
            );
        }
    }

    #[test]
    fn white_space_and_key_order_do_not_change_the_hash() {
        let one = payload(&[], &[], r#"{"spec":{"a":1,"b":[{"x":1,"y":2}]},"data":{"k":"v"}}"#);
        let other = payload(&[], &[], r#"{ "data":{"k":"v"}, "spec":{"b":[ {"y":2,"x":1}],"a":1} }"#);
        assert_eq!(one, other);
    }

    #[test]
    fn what_matters_changes_the_hash() {
        let base = payload(&[("a", "b")], &[], r#"{"data":{"k":"v"}}"#);
        let others = [
            payload(&[], &[("a", "b")], r#"{"data":{"k":"v"}}"#),
            payload(&[("a", "c")], &[], r#"{"data":{"k":"v"}}"#),
            payload(&[("ab", "")], &[], r#"{"data":{"k":"v"}}"#),
            payload(&[("a", "b")], &[], r#"{"data":{"k":"w"}}"#),
            payload(&[("a", "b")], &[], r#"{"data":{"k":"v","l":""}}"#),
            payload(&[("a", "b")], &[], r#"{"binaryData":{"k":"v"}}"#),
        ];
        for other in others {
            assert_ne!(base.hash(), other.hash());
        }
    }

    #[test]
    fn a_whole_object_gives_the_same_payload_as_its_parts() {
        let members =
            r#"{"apiVersion":"v1","kind":"ConfigMap","data":{"b":"2","a":"1"},"status":{},"binaryData":null}"#;
        let mut object: Value = serde_json::from_str(members).unwrap();
        object["metadata"] =
            serde_json::json!({"name": "x", "labels": {"a": "b", "kcp.io/x": "y"}, "annotations": {"c": "d"}});
        assert_eq!(
            Payload::of_value(&object),
            payload(&[("a", "b")], &[("c", "d")], members)
        );
    }

    #[test]
    fn a_tree_of_a_payload_gives_the_same_payload() {
        let object = r#"{"data":{"b":"2","a":"1"},"immutable":true}"#;
        let payload = payload(&[("a", "b")], &[("c", "d/e")], object);
        assert_eq!(Payload::of_value(&payload.to_value().unwrap()), payload);
    }

    #[test]
    fn a_keyed_hash_depends_on_the_key_and_on_everything_else() {
        let (one, other) = (HashKey::new(b"one"), HashKey::new(b"other"));
        let base = payload(&[("a", "b")], &[], r#"{"data":{"k":"v"}}"#);
        let edited = payload(&[("a", "b")], &[], r#"{"data":{"k":"w"}}"#);
        let relabelled = payload(&[], &[("a", "b")], r#"{"data":{"k":"v"}}"#);
        assert_eq!(base.clone().keyed(&one).hash(), base.clone().keyed(&one).hash());
        assert_ne!(base.clone().keyed(&one).hash(), base.clone().keyed(&other).hash());
        assert_ne!(base.clone().keyed(&one).hash(), edited.keyed(&one).hash());
        assert_ne!(base.clone().keyed(&one).hash(), relabelled.keyed(&one).hash());
        assert_ne!(base.clone().keyed(&one).hash(), base.hash());
    }

    #[test]
    fn list_order_counts() {
        let one = payload(&[], &[], r#"{"spec":{"args":["a","b"]}}"#);
        let other = payload(&[], &[], r#"{"spec":{"args":["b","a"]}}"#);
        assert_ne!(one.hash(), other.hash());
    }

    #[test]
    fn the_hash_is_the_same_for_ever() {
        let fixed = payload(&[("app", "web")], &[("team", "a")], r#"{"data":{"k":"v"}}"#);
        assert_eq!(format!("{:?}", fixed.hash()), "40df791c0a7b1b6409fc6fcd2815251b");
    }

    #[test]
    fn debug_shows_no_value() {
        let secret = payload(&[], &[], r#"{"data":{"password":"aHVudGVyMg=="}}"#);
        assert!(!format!("{secret:?}").contains("aHVudGVyMg"));
    }

    proptest! {
        #[test]
        fn members_are_the_same_json(text in ".{0,40}", number in any::<i64>(), float in any::<f64>()) {
            let float = if float.is_finite() { Value::from(float) } else { Value::Null };
            let value = serde_json::json!({"data": {text.clone(): text, "n": number, "f": [float, true, {}]}});
            let payload = payload(&[], &[], &value.to_string());
            let read: Value = serde_json::from_str(&format!("{{{}}}", payload.members())).unwrap();
            prop_assert_eq!(read, value);
        }
    }

    #[test]
    fn a_string_is_written_as_its_json() {
        for code in (0..0x180).chain([0x2028, 0xfeff, 0x1_f600]) {
            let text = format!("a{}b", char::from_u32(code).unwrap());
            let mut written = String::new();
            write_string(&mut written, &text);
            assert_eq!(written, Value::from(text).to_string(), "{code:x}");
        }
    }
}
