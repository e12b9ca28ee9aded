//! Who owns which fields: as much of `managedFields` as the caller asks for.

use std::fmt;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// What of `managedFields` is decoded. They are half of an object's cost, so the less the better.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FieldsV1Kept {
    /// Nothing.
    #[default]
    None,
    /// The entries of one manager.
    Of {
        /// The field manager.
        manager: Box<str>,
    },
    /// Everything.
    All,
}

/// One entry of `managedFields`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedFields {
    /// The field manager.
    pub manager: Box<str>,
    /// How it wrote: `Apply` or `Update`.
    pub operation: Box<str>,
    /// The subresource it wrote through, such as `status`; empty for the object itself.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub subresource: Box<str>,
    /// The version that the paths are of.
    pub api_version: Box<str>,
    /// When it last changed what it owns, by the server's clock.
    pub time: Option<Timestamp>,
    /// `FieldsV1`, as it came.
    #[serde(rename = "fieldsV1")]
    pub fields: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry<'a> {
    #[serde(borrow, default)]
    manager: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    operation: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    subresource: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    api_version: std::borrow::Cow<'a, str>,
    time: Option<Timestamp>,
    #[serde(borrow, rename = "fieldsV1")]
    fields: Option<&'a RawValue>,
}

/// Reads the list of entries, and keeps those asked for.
pub(super) struct Entries<'k>(pub(super) &'k FieldsV1Kept);

// === impl FieldsV1Kept ===

impl FieldsV1Kept {
    /// Keeps the entries of `manager`.
    pub fn of(manager: &str) -> Self {
        Self::Of {
            manager: manager.into(),
        }
    }

    fn keeps(&self, manager: &str) -> bool {
        match self {
            Self::None => false,
            Self::Of { manager: kept } => &**kept == manager,
            Self::All => true,
        }
    }
}

// === impl ManagedFields ===

/// Without the fields: their paths hold values of lists (S8).
impl fmt::Debug for ManagedFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedFields")
            .field("manager", &self.manager)
            .field("operation", &self.operation)
            .field("subresource", &self.subresource)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

// === impl Entries ===

impl<'de> serde::de::DeserializeSeed<'de> for Entries<'_> {
    type Value = Box<[ManagedFields]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if *self.0 == FieldsV1Kept::None {
            deserializer.deserialize_ignored_any(IgnoredAny)?;
            return Ok(Box::default());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Box<[ManagedFields]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of managed fields")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Box::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(entry) = seq.next_element::<RawEntry<'de>>()? {
            let Some(fields) = entry.fields.filter(|_| self.0.keeps(&entry.manager)) else {
                continue;
            };
            kept.push(ManagedFields {
                manager: entry.manager.into(),
                operation: entry.operation.into(),
                subresource: entry.subresource.into(),
                api_version: entry.api_version.into(),
                time: entry.time,
                fields: fields.to_owned(),
            });
        }
        Ok(kept.into())
    }
}
