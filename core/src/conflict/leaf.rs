//! A leaf: the smallest part of an object that one side wins as a whole. How it is known, and how its value is compared.

use std::fmt;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::trail::Trail;
use crate::{
    field_path::{FieldPath, Step},
    hash_key::HashKey,
};

/// What a leaf is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeafKind {
    /// A field: a plain value, an atomic list or map.
    Value,
    /// An item of a keyed list or a set that one side added or removed.
    Item,
    /// The order of the items of a keyed list.
    Order,
    /// The arms of a union, by its name in the struct at the path.
    Union(&'static str),
}

/// Where a leaf is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeafPath {
    /// The field; of a union the struct that has its arms, of an order the list.
    pub path: FieldPath,
    /// What it is made of.
    pub kind: LeafKind,
}

/// Stands for a leaf: 40 bits of a hash of its path, keyed in Secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId(pub(super) u64);

/// Stands for the value of a leaf: 40 bits of a hash, keyed in Secrets (S8).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafHash(pub(super) u64);

/// How leaves are hashed.
#[derive(Clone, Copy, Debug)]
pub enum LeafHasher<'k> {
    /// In the open.
    Plain,
    /// Under a key, so that no guess at a value can be checked: for Secrets.
    Keyed(&'k HashKey),
}

/// The value of a leaf on one side.
#[derive(Clone, Debug)]
pub(super) enum Content<'v> {
    One(&'v Value),
    /// Arms of a union by name, sorted.
    Arms(Vec<(&'v str, &'v Value)>),
    /// The steps to the items of a list, in their order.
    Order(Vec<String>),
}

/// What of the 64 bits is kept.
pub(super) const MASK: u64 = 0xff_ffff_ffff;

/// What stands for the leaf at `path`: a field, or an item where the path leads to one.
pub fn leaf_id(hasher: LeafHasher<'_>, path: &FieldPath) -> LeafId {
    let kind = match path.steps().last() {
        Some(Step::Item(_) | Step::Element(_) | Step::Index(_)) => LeafKind::Item,
        Some(Step::Field(_)) | None => LeafKind::Value,
    };
    hasher.id(&Trail::of(path).text, kind)
}

// === impl LeafHash ===

impl LeafHash {
    /// Stands in a base for a value that was applied and that the target does not take.
    pub(super) const UNTAKEN: Self = Self(0);
}

// === impl LeafHasher ===

impl LeafHasher<'_> {
    /// Values are shown as hashes only.
    pub(super) fn is_keyed(self) -> bool {
        matches!(self, Self::Keyed(_))
    }

    fn hash(self, text: &str) -> u64 {
        let hash = match self {
            Self::Plain => xxh3_64(text.as_bytes()),
            #[expect(clippy::cast_possible_truncation, reason = "the lower bits are as good as any")]
            Self::Keyed(key) => key.hash([text]).0 as u64,
        };
        hash & MASK
    }

    pub(super) fn value(self, content: &Content<'_>) -> LeafHash {
        let mut text = String::with_capacity(64);
        content.write(&mut text);
        LeafHash(self.hash(&text))
    }

    /// `canonical` is the canonical text of the path.
    pub(super) fn id(self, canonical: &str, kind: LeafKind) -> LeafId {
        if kind == LeafKind::Value {
            return LeafId(self.hash(canonical));
        }
        let mut text = String::with_capacity(canonical.len() + 16);
        text.push_str(canonical);
        match kind {
            LeafKind::Value => {}
            LeafKind::Item => text.push_str("\u{2}item"),
            LeafKind::Order => text.push_str("\u{2}order"),
            LeafKind::Union(name) => {
                text.push('\u{2}');
                text.push_str(name);
            }
        }
        LeafId(self.hash(&text))
    }
}

// === impl Content ===

impl Content<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::One(value) => crate::payload::write_canonical(out, value),
            Self::Arms(arms) => {
                out.push('{');
                for (name, value) in arms {
                    crate::payload::write_string(out, name);
                    out.push(':');
                    crate::payload::write_canonical(out, value);
                    out.push(',');
                }
                out.push('}');
            }
            Self::Order(steps) => {
                for step in steps {
                    crate::payload::write_string(out, step);
                }
            }
        }
    }

    /// Whether it is a map without anything in it.
    pub(super) fn is_empty_map(&self) -> bool {
        matches!(self, Self::One(Value::Object(map)) if map.is_empty())
    }

    /// Whether `live` has this value: in structs and unions the server's defaults beside it do not count.
    pub(super) fn is_met_by(&self, live: &Content<'_>) -> bool {
        match (self, live) {
            (Self::One(wanted), Content::One(live)) => is_within(wanted, live),
            (Self::Arms(wanted), Content::Arms(live)) => wanted.iter().all(|(name, value)| {
                let live = live.iter().find(|(arm, _)| arm == name);
                live.is_some_and(|(_, live)| is_within(value, live))
            }),
            (Self::Order(wanted), Content::Order(live)) => wanted == live,
            _ => false,
        }
    }

    /// The value as JSON.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::One(value) => (*value).clone(),
            Self::Arms(arms) => arms
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).clone()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Self::Order(steps) => steps.iter().map(|step| Value::from(step.as_str())).collect(),
        }
    }

    /// As people may see it: short, and of a Secret the hash alone (S8).
    pub(super) fn shown(&self, hasher: LeafHasher<'_>) -> Box<str> {
        const LONGEST: usize = 64;
        if hasher.is_keyed() {
            return format!("#{:010x}", hasher.value(self).0).into();
        }
        let mut text = String::new();
        match self {
            // As people call the items; the steps are for hashes.
            Self::Order(steps) => {
                let names = steps
                    .iter()
                    .map(|step| step.trim_start_matches("\u{1}k").trim_end_matches(','));
                text.push_str(&names.collect::<Vec<_>>().join(", "));
            }
            Self::One(_) | Self::Arms(_) => self.write(&mut text),
        }
        if text.chars().count() > LONGEST {
            text = text.chars().take(LONGEST).chain(['…']).collect();
        }
        text.into()
    }
}

/// Whether all that `wanted` says is in `live`; lists and plain values are compared as they are.
fn is_within(wanted: &Value, live: &Value) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => wanted
            .iter()
            .filter(|(_, value)| !value.is_null())
            .all(|(name, value)| live.get(name).is_some_and(|live| is_within(value, live))),
        _ => wanted == live,
    }
}

impl fmt::Display for LeafPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            LeafKind::Value | LeafKind::Item => fmt::Display::fmt(&self.path, f),
            LeafKind::Order => write!(f, "{} (order)", self.path),
            LeafKind::Union(name) => write!(f, "{} ({name})", self.path),
        }
    }
}

/// Hashes only: the value may be a Secret's (S8).
impl fmt::Debug for LeafHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_shown_as_a_hash_that_depends_on_the_key() {
        let value = json!("aHVudGVyMg==");
        let content = Content::One(&value);
        let (one, other) = (HashKey::new(b"one"), HashKey::new(b"other"));
        let shown = content.shown(LeafHasher::Keyed(&one));
        assert!(shown.starts_with('#') && !shown.contains("aHVu"), "{shown}");
        assert_ne!(shown, content.shown(LeafHasher::Keyed(&other)));
        assert_eq!(&*content.shown(LeafHasher::Plain), "\"aHVudGVyMg==\"");
    }

    #[test]
    fn the_defaults_of_a_server_are_no_other_value() {
        let (wanted, live) = (json!({"name": "x"}), json!({"name": "x", "defaultMode": 420}));
        let content = |value| Content::Arms(vec![("configMap", value)]);
        assert!(content(&wanted).is_met_by(&content(&live)));
        assert!(!content(&live).is_met_by(&content(&wanted)));
        assert!(!Content::One(&json!([1])).is_met_by(&Content::One(&json!([1, 2]))));
    }
}
