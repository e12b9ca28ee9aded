//! Who owns what in an object: `metadata.managedFields`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fieldset::FieldSet;

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// By server-side apply.
    Apply,
    /// By anything else.
    Update,
}

/// What tells one manager from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Manager {
    /// The name that it gave, or that its user agent begins with.
    pub(crate) name: String,
    /// How it writes.
    pub(crate) operation: Operation,
    /// The subresource that it writes through; empty for the object itself.
    pub(crate) subresource: String,
    /// The version that it writes; empty for an applier, which stays the same over versions.
    pub(crate) version: String,
}

/// What a manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// Its fields.
    pub(crate) fields: FieldSet,
    /// The version at which it last wrote.
    pub(crate) version: String,
    /// When it last wrote, in seconds; a write through `scale` leaves none.
    pub(crate) time: Option<String>,
}

/// The managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Managers(pub(crate) BTreeMap<Manager, Ownership>);

/// The number of updaters that an object remembers; the oldest beyond it share one entry.
const MAX_UPDATERS: usize = 10;

// === impl Operation ===

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

// === impl Manager ===

impl Manager {
    /// As a conflict names it.
    pub(crate) fn describe(&self) -> String {
        let subresource = if self.subresource.is_empty() {
            String::new()
        } else {
            format!(" with subresource {:?}", self.subresource)
        };
        let version = if self.operation == Operation::Update {
            format!(" using {}", self.version)
        } else {
            String::new()
        };
        format!("{:?}{subresource}{version}", self.name)
    }
}

// === impl Managers ===

impl Managers {
    /// Reads `metadata.managedFields`; `None` if an entry is malformed, which includes the empty one that resets them.
    pub(crate) fn decode(entries: &[Value]) -> Option<Self> {
        let mut managers = BTreeMap::new();
        for entry in entries {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let operation = match entry.get("operation").and_then(Value::as_str)? {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            let version = text("apiVersion");
            let manager = Manager {
                name: text("manager"),
                operation,
                subresource: text("subresource"),
                version: if operation == Operation::Apply {
                    String::new()
                } else {
                    version.clone()
                },
            };
            let fields = entry.get("fieldsV1").map(FieldSet::decode).unwrap_or_default();
            let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
            managers.insert(manager, Ownership { fields, version, time });
        }
        Some(Self(managers))
    }

    /// The managers of `object`.
    pub(crate) fn of(object: &Value) -> Self {
        object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array)
            .and_then(|entries| Self::decode(entries))
            .unwrap_or_default()
    }

    /// Writes `metadata.managedFields`: appliers first, then by time.
    pub(crate) fn store(&self, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        if self.0.is_empty() {
            metadata.remove("managedFields");
            return;
        }
        metadata.insert("managedFields".to_owned(), self.encode());
    }

    fn encode(&self) -> Value {
        let mut entries: Vec<(&Manager, &Ownership)> = self.0.iter().collect();
        entries.sort_by(|(a, owned_a), (b, owned_b)| {
            (a.operation, &owned_a.time, &a.name, &owned_a.version, &a.subresource).cmp(&(
                b.operation,
                &owned_b.time,
                &b.name,
                &owned_b.version,
                &b.subresource,
            ))
        });
        let entries = entries.into_iter().map(|(manager, owned)| {
            let mut entry = Map::new();
            entry.insert("manager".to_owned(), manager.name.as_str().into());
            entry.insert("operation".to_owned(), manager.operation.as_str().into());
            entry.insert("apiVersion".to_owned(), owned.version.as_str().into());
            if let Some(time) = &owned.time {
                entry.insert("time".to_owned(), time.as_str().into());
            }
            entry.insert("fieldsType".to_owned(), json!("FieldsV1"));
            entry.insert("fieldsV1".to_owned(), owned.fields.encode());
            if !manager.subresource.is_empty() {
                entry.insert("subresource".to_owned(), manager.subresource.as_str().into());
            }
            Value::Object(entry)
        });
        Value::Array(entries.collect())
    }

    /// Drops the managers that own nothing.
    pub(crate) fn prune(&mut self) {
        self.0.retain(|_, owned| !owned.fields.is_empty());
    }

    /// Joins the oldest updaters beyond the limit into one entry for each version.
    pub(crate) fn cap(&mut self) {
        let mut updaters: Vec<(Option<String>, Manager)> = self
            .0
            .iter()
            .filter(|(manager, _)| manager.operation == Operation::Update && manager.subresource.is_empty())
            .map(|(manager, owned)| (owned.time.clone(), manager.clone()))
            .collect();
        if updaters.len() <= MAX_UPDATERS {
            return;
        }
        updaters.sort();
        let surplus = updaters.len() - MAX_UPDATERS + 1;
        for (_, manager) in updaters.into_iter().take(surplus) {
            let Some(owned) = self.0.remove(&manager) else { continue };
            let ancient = Manager {
                name: "ancient-changes".to_owned(),
                ..manager
            };
            let entry = self.0.entry(ancient).or_insert_with(|| Ownership {
                fields: FieldSet::default(),
                ..owned.clone()
            });
            entry.fields = std::mem::take(&mut entry.fields).union(&owned.fields);
            entry.time = entry.time.clone().max(owned.time);
        }
    }
}
