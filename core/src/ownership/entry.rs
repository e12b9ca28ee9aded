//! An entry of managedFields as plain data.

use std::fmt;

use serde_json::Value;

use crate::marker::FIELD_MANAGER;

pub use crate::marker::HANDOVER_MANAGER;

/// One entry of `metadata.managedFields`.
#[derive(Clone, Copy)]
pub struct ManagedEntry<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// How it wrote: `Apply` or `Update`.
    pub operation: &'a str,
    /// The subresource it wrote through; empty for the object itself.
    pub subresource: &'a str,
    /// When it last changed what it owns, as the server writes times.
    pub time: Option<&'a str>,
    /// The FieldsV1.
    pub fields: &'a Value,
}

// === impl ManagedEntry ===

impl<'a> ManagedEntry<'a> {
    /// Whether it is the one entry that our applies keep.
    pub fn is_our_apply(&self) -> bool {
        self.manager == FIELD_MANAGER && self.operation == "Apply" && self.subresource.is_empty()
    }

    /// Whether what it owns stays when our apply leaves it out, against what the upstream decides: others do that, and
    /// our own JSON Patches.
    pub fn keeps(&self) -> bool {
        !self.is_our_apply() && self.manager != HANDOVER_MANAGER && self.subresource.is_empty()
    }

    /// The entries of `object`, which has to be whole: `metadata.managedFields` included. What is malformed is skipped.
    pub fn all_of(object: &'a Value) -> Vec<Self> {
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        entries.into_iter().flatten().filter_map(Self::read).collect()
    }

    fn read(entry: &'a Value) -> Option<Self> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        Some(Self {
            manager: text("manager").unwrap_or_default(),
            operation: text("operation").unwrap_or_default(),
            subresource: text("subresource").unwrap_or_default(),
            time: text("time"),
            fields: entry.get("fieldsV1")?,
        })
    }
}

/// Without the fields: the items of a set stand there by value (S8).
impl fmt::Debug for ManagedEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedEntry")
            .field("manager", &self.manager)
            .field("operation", &self.operation)
            .field("subresource", &self.subresource)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}
