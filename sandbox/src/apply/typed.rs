//! A value under its shape: whether it may be applied, and the paths that it sets.

use serde_json::Value;

use super::{
    element::Element,
    fieldset::{FieldSet, display},
};
use crate::schema::{ListKeys, Scalar, Shape, Unknown, Walk};

/// The paths that `value` sets.
pub(crate) fn fields_of(shape: &Shape, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    collect(shape, value, &mut Vec::new(), &mut set);
    set
}

fn collect(shape: &Shape, value: &Value, path: &mut Vec<Element>, set: &mut FieldSet) {
    match shape.walk(value) {
        Walk::Leaf => set.insert(path),
        Walk::Fields => {
            let Value::Object(map) = value else { return };
            for (name, value) in map {
                path.push(Element::field(name));
                collect(shape.field(name), value, path, set);
                let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
                if empty || !shape.declares(name) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        Walk::Items(item, keys) => {
            let Value::Array(items) = value else { return };
            for value in items {
                let Ok(element) = Element::of_item(keys, value) else {
                    continue;
                };
                path.push(element);
                collect(item, value, path, set);
                set.insert(path);
                path.pop();
            }
        }
    }
}

/// Whether `value` may be applied: its fields are declared, its leaves have the right types, its lists no item twice.
///
/// # Errors
/// The path and what is wrong with it, in the words of the API server.
pub(crate) fn check(shape: &Shape, value: &Value) -> Result<(), String> {
    check_at(shape, value, &mut Vec::new())
}

fn check_at(shape: &Shape, value: &Value, path: &mut Vec<Element>) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    match (shape, value) {
        (Shape::Any, _) => Ok(()),
        (Shape::Scalar(scalar), _) => match mismatch(*scalar, value) {
            Some(expected @ "numeric (int or float)") if value.is_string() => {
                Err(wrong(path, &format!("expected {expected}, got string")))
            }
            Some(expected) => Err(wrong(
                path,
                &format!("expected {expected}, got &{{{}}}", go_text(value)),
            )),
            None => Ok(()),
        },
        (Shape::Struct(_) | Shape::Map { .. }, Value::Object(map)) => {
            for (name, value) in map {
                path.push(Element::field(name));
                if let Shape::Struct(fields) = shape
                    && fields.unknown == Unknown::Pruned
                    && !fields.fields.contains_key(name.as_str())
                {
                    return Err(format!("{}: field not declared in schema", display(path)));
                }
                check_at(shape.field(name), value, path)?;
                path.pop();
            }
            Ok(())
        }
        (Shape::Struct(_) | Shape::Map { .. }, _) => {
            Err(wrong(path, &format!("expected map, got &{{{}}}", go_text(value))))
        }
        (Shape::List { item, keys }, Value::Array(items)) => {
            let mut seen = FieldSet::default();
            for (at, value) in items.iter().enumerate() {
                let step = match keys {
                    ListKeys::Atomic => Element::Index(i64::try_from(at).unwrap_or(i64::MAX)),
                    _ => Element::of_item(keys, value).map_err(|what| wrong(path, &format!("element {at}: {what}")))?,
                };
                if seen.has(&step) {
                    return Err(wrong(path, &format!("duplicate entries for key {step}")));
                }
                seen.insert(std::slice::from_ref(&step));
                path.push(step);
                check_at(item, value, path)?;
                path.pop();
            }
            Ok(())
        }
        (Shape::List { .. }, _) => Err(wrong(path, &format!("expected list, got &{{{}}}", go_text(value)))),
    }
}

fn wrong(path: &[Element], what: &str) -> String {
    format!("{}: {what}", display(path))
}

/// What the API server expected where `value` does not fit.
fn mismatch(scalar: Scalar, value: &Value) -> Option<&'static str> {
    match (scalar, value) {
        (Scalar::Text | Scalar::Bytes | Scalar::Time, Value::String(_))
        | (Scalar::Integer | Scalar::Number, Value::Number(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Quantity | Scalar::IntOrString, _) => None,
        (Scalar::Text | Scalar::Bytes | Scalar::Time, _) => Some("string"),
        (Scalar::Integer | Scalar::Number, _) => Some("numeric (int or float)"),
        (Scalar::Boolean, _) => Some("boolean"),
    }
}

/// A value as Go prints it.
fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_text).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(name, value)| format!("{name}:{}", go_text(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}
