//! One line of a watch.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Object, Status, object::Decoder, status::Words};

/// What a line says.
#[derive(Debug)]
pub(super) enum Line {
    /// ADDED or MODIFIED.
    Applied(Object),
    /// DELETED.
    Deleted(Object),
    /// Nothing changed up to this version.
    Bookmark {
        resource_version: Box<str>,
        ends_initial: bool,
    },
    /// The server gives up on this stream.
    Error(Status),
}

/// The types of lines.
enum Type {
    Applied,
    Deleted,
    Bookmark,
    Error,
    Unknown,
}

#[derive(Deserialize)]
struct Bookmark<'a> {
    #[serde(borrow)]
    metadata: BookmarkMetadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata<'a> {
    #[serde(borrow)]
    resource_version: Cow<'a, str>,
    #[serde(default)]
    annotations: Option<BookmarkAnnotations<'a>>,
}

#[derive(Deserialize)]
struct BookmarkAnnotations<'a> {
    #[serde(borrow, rename = "k8s.io/initial-events-end")]
    initial_events_end: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Type,
    Object,
    #[serde(other)]
    Other,
}

struct LineSeed<'a> {
    decoder: &'a mut Decoder,
    words: Words,
}

// === impl Line ===

impl Line {
    /// The event in `json`.
    pub(super) fn decode(json: &str, decoder: &mut Decoder, words: Words) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let line = LineSeed { decoder, words }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(line)
    }
}

// === impl LineSeed ===

impl LineSeed<'_> {
    fn of(&mut self, kind: &Type, object: &RawValue) -> Result<Line, serde_json::Error> {
        let json = object.get();
        match kind {
            Type::Applied => self.decoder.object(json).map(Line::Applied),
            Type::Deleted => self.decoder.object(json).map(Line::Deleted),
            Type::Bookmark => serde_json::from_str::<Bookmark<'_>>(json).map(|bookmark| Line::Bookmark {
                resource_version: bookmark.metadata.resource_version.into(),
                ends_initial: bookmark
                    .metadata
                    .annotations
                    .and_then(|all| all.initial_events_end)
                    .is_some_and(|end| end == "true"),
            }),
            Type::Error => Ok(Line::Error(
                Status::from_event(json, self.words).unwrap_or_else(|| Status::bare(500)),
            )),
            Type::Unknown => Err(serde_json::Error::custom("an unknown type of event")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for LineSeed<'_> {
    type Value = Line;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Line, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_> {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event of a watch")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Line, A::Error> {
        let mut kind = None;
        let mut raw: Option<&'de RawValue> = None;
        let mut line = None;
        while let Some(field) = map.next_key::<Field>()? {
            match (field, &kind) {
                (Field::Type, _) => kind = Some(map.next_value::<Type>()?),
                // Every known server writes the type first, so that the object needs no second look.
                (Field::Object, Some(Type::Applied)) => {
                    line = Some(Line::Applied(map.next_value_seed(&mut *self.decoder)?));
                }
                (Field::Object, Some(Type::Deleted)) => {
                    line = Some(Line::Deleted(map.next_value_seed(&mut *self.decoder)?));
                }
                (Field::Object, _) => raw = Some(map.next_value()?),
                (Field::Other, _) => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match (line, kind, raw) {
            (Some(line), ..) => Ok(line),
            (None, Some(kind), Some(object)) => self.of(&kind, object).map_err(A::Error::custom),
            _ => Err(A::Error::custom("an event without type or object")),
        }
    }
}

// === impl Type ===

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = Cow::<'de, str>::deserialize(deserializer)?;
        Ok(match &*kind {
            "ADDED" | "MODIFIED" => Self::Applied,
            "DELETED" => Self::Deleted,
            "BOOKMARK" => Self::Bookmark,
            "ERROR" => Self::Error,
            _ => Self::Unknown,
        })
    }
}
