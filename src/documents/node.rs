//! YAML as values that know their lines.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use serde_saphyr::Spanned;
use syncer_core::config::check::{DocumentPath, Step};

/// A value and where it is written.
pub(super) type Node = Spanned<Content>;

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// An object, with the places of its keys.
    Fields(Vec<(Spanned<String>, Node)>),
    /// A list.
    Items(Vec<Node>),
    /// Anything else.
    Scalar(Value),
}

/// The plain value of `node`. Its depth is bounded by the parser.
pub(super) fn value(node: &Node) -> Value {
    match &node.value {
        Content::Fields(fields) => fields
            .iter()
            .map(|(key, node)| (key.value.clone(), value(node)))
            .collect(),
        Content::Items(items) => items.iter().map(value).collect(),
        Content::Scalar(scalar) => scalar.clone(),
    }
}

/// The node in field `name` of `node`.
pub(super) fn field<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    match &node.value {
        Content::Fields(fields) => fields.iter().find(|(key, _)| key.value == name).map(|(_, node)| node),
        _ => None,
    }
}

/// The line of `path` below `node`; what is not there is looked for where it would have to be.
pub(super) fn line(node: &Node, path: &DocumentPath) -> u64 {
    let (mut node, mut line) = (node, node.referenced.line());
    for step in path.steps() {
        let next = match (&node.value, step) {
            (Content::Fields(fields), Step::Field(name)) => fields
                .iter()
                .find(|(key, _)| key.value == *name)
                .map(|(key, node)| (node, key.referenced.line())),
            (Content::Items(items), Step::Item(index)) => items.get(*index).map(|node| (node, node.referenced.line())),
            _ => None,
        };
        let Some(next) = next else {
            break;
        };
        (node, line) = next;
    }
    line
}

// === impl Content ===

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Content::Items(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Content::Fields(fields))
    }
}
