//! What a kind looks like: fields, and who may own which part of a list or a map.

pub(crate) mod crd;
pub(crate) mod decode;
pub(crate) mod document;
pub(crate) mod kubernetes;
pub(crate) mod openapi;
pub(crate) mod quantity;
pub(crate) mod time;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

/// The shape of a value.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A leaf.
    Scalar(Scalar),
    /// Named fields.
    Struct(Struct),
    /// Free keys, all of one shape.
    Map {
        /// The shape of every value.
        value: Arc<Shape>,
        /// Owned and replaced as a whole.
        atomic: bool,
    },
    /// A list.
    List {
        /// The shape of every item.
        item: Arc<Shape>,
        /// How items are told apart.
        keys: ListKeys,
    },
    /// Whatever is there: maps by their keys, lists as a whole.
    Any,
}

/// The type of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// Base64.
    Bytes,
    /// A point in time, RFC 3339.
    Time,
    /// A Kubernetes quantity, kept in its canonical form.
    Quantity,
    /// A number or a text.
    IntOrString,
}

/// Named fields.
#[derive(Debug)]
pub(crate) struct Struct {
    /// The name of the type; empty inside a CRD.
    pub(crate) name: Box<str>,
    /// Its fields by name.
    pub(crate) fields: BTreeMap<Box<str>, Field>,
    /// Owned and replaced as a whole.
    pub(crate) atomic: bool,
    /// What happens to a field without a declaration.
    pub(crate) unknown: Unknown,
}

/// What happens to a field without a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It is dropped when an object is written, and refused by an apply.
    Pruned,
    /// It is kept as it is.
    Kept,
}

/// One field of a struct.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent remarks of one declaration, as OpenAPI has them"
)]
#[derive(Debug)]
pub(crate) struct Field {
    /// Its shape.
    pub(crate) shape: Arc<Shape>,
    /// What a strategic merge patch does with it.
    pub(crate) merge: Merge,
    /// A strategic merge patch may name the keys to retain.
    pub(crate) retain_keys: bool,
    /// Left out when it has the zero value of its type.
    pub(crate) omit_zero: bool,
    /// It must be there.
    pub(crate) required: bool,
    /// The value where there is none.
    pub(crate) default: Option<Value>,
    /// A null is kept rather than dropped.
    pub(crate) nullable: bool,
}

/// What a strategic merge patch does with a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// The patch's list takes the place of the old one.
    Replace,
    /// Scalars are added.
    Union,
    /// Items with the same value of this field are merged.
    By(Box<str>),
}

/// How the items of a list are told apart.
#[derive(Debug)]
pub(crate) enum ListKeys {
    /// Not at all: the list is one leaf.
    Atomic,
    /// By their value.
    Set,
    /// By the values of these fields.
    Map(Vec<ListKey>),
}

/// One of the fields that tell list items apart.
#[derive(Debug)]
pub(crate) struct ListKey {
    /// The field.
    pub(crate) name: Box<str>,
    /// What stands for it where an item has none.
    pub(crate) default: Option<Value>,
}

/// How a value is walked under a shape.
pub(crate) enum Walk<'a> {
    /// It is a leaf.
    Leaf,
    /// Key by key.
    Fields,
    /// Item by item.
    Items(&'a Arc<Shape>, &'a ListKeys),
}

// === impl Shape ===

impl Shape {
    /// How `value` is walked: a value whose type does not fit its shape is a leaf.
    pub(crate) fn walk(&self, value: &Value) -> Walk<'_> {
        match (self, value) {
            (
                Self::Struct(Struct { atomic: false, .. }) | Self::Map { atomic: false, .. },
                Value::Object(_) | Value::Null,
            )
            | (Self::Any, Value::Object(_)) => Walk::Fields,
            (
                Self::List {
                    keys: ListKeys::Atomic, ..
                },
                _,
            ) => Walk::Leaf,
            (Self::List { item, keys }, Value::Array(_) | Value::Null) => Walk::Items(item, keys),
            _ => Walk::Leaf,
        }
    }

    /// The shape of the field `name`.
    pub(crate) fn field(&self, name: &str) -> &Self {
        match self {
            Self::Struct(shape) => shape.fields.get(name).map_or(&Self::Any, |field| &*field.shape),
            Self::Map { value, .. } => value,
            _ => &Self::Any,
        }
    }

    /// The shape of the items of a list.
    pub(crate) fn item(&self) -> &Self {
        match self {
            Self::List { item, .. } => item,
            _ => &Self::Any,
        }
    }

    /// Whether `name` is a declared field.
    pub(crate) fn declares(&self, name: &str) -> bool {
        matches!(self, Self::Struct(shape) if shape.fields.contains_key(name))
    }

    /// The declaration of the field `name`.
    pub(crate) fn declaration(&self, name: &str) -> Option<&Field> {
        match self {
            Self::Struct(shape) => shape.fields.get(name),
            _ => None,
        }
    }
}

// === impl Field ===

impl Field {
    /// A field of this shape, without remarks.
    pub(crate) fn new(shape: Arc<Shape>) -> Self {
        Self {
            shape,
            merge: Merge::Replace,
            retain_keys: false,
            omit_zero: false,
            required: false,
            default: None,
            nullable: false,
        }
    }
}
