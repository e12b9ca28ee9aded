//! One page of a list.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Decoder, Object};

/// One page of a list: its objects, the version of the whole list, and how to go on.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) resource_version: Box<str>,
    /// The token for the next page; empty on the last one.
    pub(crate) next: Box<str>,
    pub(crate) items: Vec<Object>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: Option<Box<str>>,
    #[serde(rename = "continue")]
    next: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    Metadata,
    Items,
    #[serde(other)]
    Other,
}

struct PageSeed<'a>(&'a mut Decoder);
struct ItemsSeed<'a>(&'a mut Decoder);

// === impl Page ===

impl Page {
    /// The page in `json`. An answer without `items` is no list, and must never pass for an empty one (S3).
    pub(crate) fn decode(json: &str, decoder: &mut Decoder) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let page = PageSeed(decoder).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(page)
    }
}

// === impl PageSeed ===

impl<'de> DeserializeSeed<'de> for PageSeed<'_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let mut metadata = ListMeta::default();
        let mut items = None;
        while let Some(field) = map.next_key::<Field>()? {
            match field {
                Field::Metadata => metadata = map.next_value()?,
                Field::Items => items = Some(map.next_value_seed(ItemsSeed(self.0))?),
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Page {
            resource_version: metadata.resource_version.unwrap_or_default(),
            next: metadata.next.unwrap_or_default(),
            items: items.ok_or_else(|| A::Error::custom("no items"))?,
        })
    }
}

// === impl ItemsSeed ===

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_> {
    type Value = Vec<Object>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Object>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_> {
    type Value = Vec<Object>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    /// Go encodes an empty list as `null` here and there.
    fn visit_unit<E>(self) -> Result<Vec<Object>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Object>, A::Error> {
        let mut items = Vec::new();
        while let Some(object) = seq.next_element_seed(&mut *self.0)? {
            items.push(object);
        }
        Ok(items)
    }
}
