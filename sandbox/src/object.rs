//! Small steps on JSON objects.

use serde_json::{Map, Value};

/// Sets the field `name` of `target`, which becomes an object if it is none.
pub(crate) fn put(target: &mut Value, name: &str, value: impl Into<Value>) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Some(map) = target.as_object_mut() {
        map.insert(name.to_owned(), value.into());
    }
}

/// The field `name` of `target`, created as an empty object if it is not there.
pub(crate) fn child<'a>(target: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    let map = target.as_object_mut()?;
    map.entry(name)
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
}
