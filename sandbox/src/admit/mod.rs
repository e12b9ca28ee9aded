//! What the API server makes of an object on its way in: defaults, allocations, refusals.

pub(crate) mod defaults;
pub(crate) mod names;
pub(crate) mod pods;
pub(crate) mod service;
pub(crate) mod validate;

use serde_json::{Map, Value};

/// Sets `name` where it has no value.
pub(crate) fn default(map: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    if map.get(name).is_none_or(Value::is_null) {
        map.insert(name.to_owned(), value.into());
    }
}
