//! Which lists of a kind have keys, which maps are one value, and which fields are the arms of a union.

mod built_in;
mod open_api;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    leaf::LeafKind,
    trail::{ITEM, write_key, write_step},
};
use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
};

/// What is known of the shape of a kind, beside what managedFields show.
#[derive(Clone, Debug)]
pub enum Schema {
    /// One of the API server's own kinds: tables say it.
    BuiltIn,
    /// A custom resource whose OpenAPI schema was read.
    Given(Shape),
    /// Nothing: lists have keys only where managedFields show so.
    Unknown,
}

/// A node of a structural schema, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    fields: BTreeMap<Box<str>, Shape>,
    /// The shape of what is not named: the values of a map, the items of a list.
    rest: Option<Box<Shape>>,
    list: ListKind,
    map: MapKind,
}

/// How the items of a list are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListKind {
    /// Not at all: the list is one value.
    #[default]
    Atomic,
    /// By their values, which are plain.
    Set,
    /// By the values of these fields.
    Keyed(Vec<Key>),
}

/// One of the fields by which the items of a list are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The field.
    pub name: Box<str>,
    /// What stands for it where an item has none.
    pub default: Option<Value>,
}

/// How a map or struct is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapKind {
    /// Field by field.
    #[default]
    Granular,
    /// As a whole.
    Atomic,
}

/// What the walk knows at one place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hint<'s> {
    BuiltIn,
    Given(&'s Shape),
    Unknown,
}

/// Whether `name` is an arm of the union `kind` in the struct at `path`, in any built-in kind.
pub(super) fn is_arm(path: &FieldPath, name: &str, kind: LeafKind) -> bool {
    let LeafKind::Union(union) = kind else { return false };
    // Only Services have a union in their spec itself.
    built_in::union(&Gvr::new("", "v1", "services"), path, name) == Some(union)
}

// === impl Schema ===

impl Schema {
    /// What is known of `gvr` without its schema.
    pub fn of(gvr: &Gvr) -> Self {
        if gvr.is_built_in() {
            Self::BuiltIn
        } else {
            Self::Unknown
        }
    }

    /// Whether an API server's OpenAPI has to be asked about `gvr`.
    pub fn has_to_be_read(gvr: &Gvr) -> bool {
        !gvr.is_built_in()
    }

    /// What the OpenAPI document of the group and version of `gvr` says of `kind`, with its `x-kubernetes-list-type`,
    /// `x-kubernetes-list-map-keys` and `x-kubernetes-map-type`; `None` if it does not describe it.
    pub fn of_open_api(document: &Value, gvr: &Gvr, kind: &str) -> Option<Self> {
        open_api::shape(document, gvr, kind).map(Self::Given)
    }

    pub(super) fn root(&self) -> Hint<'_> {
        match self {
            Self::BuiltIn => Hint::BuiltIn,
            Self::Given(shape) => Hint::Given(shape),
            Self::Unknown => Hint::Unknown,
        }
    }
}

// === impl ListKind ===

impl ListKind {
    fn read(schema: &Value) -> Self {
        match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => Self::Set,
            Some("map") => {
                let names = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                let names = names.into_iter().flatten().filter_map(Value::as_str);
                let default = |name: &str| {
                    let field = schema.pointer("/items/properties").and_then(|fields| fields.get(name));
                    field.and_then(|field| field.get("default")).cloned()
                };
                Self::keyed(names.map(|name| (name, default(name))))
            }
            _ => Self::Atomic,
        }
    }

    pub(super) fn keyed<'a>(keys: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> Self {
        let keys = keys.into_iter().map(|(name, default)| Key {
            name: name.into(),
            default,
        });
        let mut keys: Vec<Key> = keys.collect();
        keys.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Self::Keyed(keys)
    }

    /// The text of the step to `item`; `None` as in [`Self::step_to`].
    pub(super) fn text_of(&self, item: &Value) -> Option<String> {
        let Self::Keyed(keys) = self else {
            let mut text = String::new();
            write_step(&mut text, &self.step_to(item)?);
            return Some(text);
        };
        let item = item.as_object()?;
        let mut text = String::with_capacity(32);
        text.push_str(ITEM);
        for key in keys {
            let own = item.get(&*key.name).filter(|value| !value.is_null());
            if let Some(value) = own.or(key.default.as_ref()) {
                write_key(&mut text, &key.name, value);
            }
        }
        (text.len() > ITEM.len()).then_some(text)
    }

    /// The step to `item`; `None` where it has no key, so that the list cannot be told apart.
    pub(super) fn step_to(&self, item: &Value) -> Option<Step> {
        match self {
            Self::Atomic => None,
            Self::Set => (!item.is_object() && !item.is_array()).then(|| Step::Element(item.clone())),
            Self::Keyed(keys) => {
                let item = item.as_object()?;
                let value = |key: &Key| {
                    let own = item.get(&*key.name).filter(|value| !value.is_null());
                    own.or(key.default.as_ref()).cloned()
                };
                let step: Map<String, Value> = keys
                    .iter()
                    .filter_map(|key| Some((key.name.to_string(), value(key)?)))
                    .collect();
                (!step.is_empty()).then_some(Step::Item(step))
            }
        }
    }
}

// === impl Hint ===

impl Hint<'_> {
    pub(super) fn field(self, name: &str) -> Self {
        match self {
            Self::Given(shape) => {
                let child = shape.fields.get(name).or(shape.rest.as_deref());
                child.map_or(Self::Unknown, Self::Given)
            }
            other => other,
        }
    }

    pub(super) fn item(self) -> Self {
        match self {
            Self::Given(shape) => shape.rest.as_deref().map_or(Self::Unknown, Self::Given),
            other => other,
        }
    }

    /// How the list at `path` is told apart, where managedFields show nothing of it.
    pub(super) fn list(self, gvr: &Gvr, path: &FieldPath) -> ListKind {
        match self {
            Self::BuiltIn => built_in::list(gvr, path),
            Self::Given(shape) => shape.list.clone(),
            Self::Unknown => ListKind::Atomic,
        }
    }

    /// How the map or struct at `path` is replaced.
    pub(super) fn map(self, path: &FieldPath) -> MapKind {
        match self {
            Self::BuiltIn => built_in::map(path),
            Self::Given(shape) => shape.map,
            Self::Unknown => MapKind::Granular,
        }
    }

    /// The union of which the field `name` of the struct at `path` is an arm.
    pub(super) fn union(self, gvr: &Gvr, path: &FieldPath, name: &str) -> Option<&'static str> {
        match self {
            Self::BuiltIn => built_in::union(gvr, path, name),
            Self::Given(_) | Self::Unknown => None,
        }
    }
}
