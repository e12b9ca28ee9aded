//! Between JSON and the values of the CEL interpreter.

use std::{collections::HashMap, sync::Arc};

use kube_cel::cel::{
    Value as Cel,
    objects::{Key, Map, OptionalValue},
};
use serde_json::{Number, Value};

/// How large a value is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Roughly the bytes that it takes as JSON.
    pub(super) bytes: usize,
    /// The items of its longest list or map.
    pub(super) most_items: usize,
}

/// A text.
pub(super) fn text(text: &str) -> Cel {
    Cel::String(Arc::new(text.to_owned()))
}

/// A map of texts.
pub(super) fn map<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Cel {
    of_members(entries.into_iter().map(|(key, value)| (key, text(value))))
}

/// A map of values.
pub(super) fn of_members<'a>(members: impl IntoIterator<Item = (&'a str, Cel)>) -> Cel {
    let members: HashMap<Key, Cel> = members
        .into_iter()
        .map(|(key, value)| (Key::String(Arc::new(key.to_owned())), value))
        .collect();
    Cel::Map(Map { map: Arc::new(members) })
}

/// `value` for the interpreter, and its size; `None` if it has more than `most` bytes.
pub(super) fn from_json(value: &Value, most: usize) -> Option<(Cel, Size)> {
    let mut size = Size::default();
    let value = convert(value, most, &mut size)?;
    Some((value, size))
}

fn convert(value: &Value, most: usize, size: &mut Size) -> Option<Cel> {
    let (bytes, items) = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => (8, 0),
        Value::String(text) => (text.len() + 2, 0),
        Value::Array(items) => (2 + items.len(), items.len()),
        Value::Object(members) => (
            members.keys().map(|key| key.len() + 4).sum::<usize>() + 2,
            members.len(),
        ),
    };
    size.bytes += bytes;
    size.most_items = size.most_items.max(items);
    if size.bytes > most {
        return None;
    }
    Some(match value {
        Value::Null => Cel::Null,
        Value::Bool(truth) => Cel::Bool(*truth),
        Value::Number(number) => from_number(number),
        Value::String(string) => text(string),
        Value::Array(items) => {
            let items: Option<Vec<Cel>> = items.iter().map(|item| convert(item, most, size)).collect();
            Cel::List(Arc::new(items?))
        }
        Value::Object(members) => {
            let members: Option<Vec<(&str, Cel)>> = members
                .iter()
                .map(|(key, member)| Some((key.as_str(), convert(member, most, size)?)))
                .collect();
            of_members(members?)
        }
    })
}

/// Whole numbers are signed where that is possible, as in Kubernetes: `object.spec.replicas + 1` has to work.
fn from_number(number: &Number) -> Cel {
    match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => Cel::Int(number),
        (None, Some(number)) => Cel::UInt(number),
        (None, None) => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// `value` as JSON. An optional value that is none is `null`.
pub(super) fn to_json(value: &Cel, most: usize) -> Result<Value, String> {
    let mut left = most;
    if let Cel::Opaque(_) = value {
        let optional = <&OptionalValue>::try_from(value).map_err(|_| NOT_JSON.to_owned())?;
        return optional.value().map_or(Ok(Value::Null), |value| give(value, &mut left));
    }
    give(value, &mut left)
}

const NOT_JSON: &str = "the result cannot stand in an object: it is no text, number, truth value, list or map";

fn give(value: &Cel, left: &mut usize) -> Result<Value, String> {
    let mut spend = |bytes: usize| {
        *left = left.checked_sub(bytes).ok_or("the result is too large")?;
        Ok::<(), String>(())
    };
    Ok(match value {
        Cel::Null => Value::Null,
        Cel::Bool(truth) => Value::Bool(*truth),
        Cel::Int(number) => (*number).into(),
        Cel::UInt(number) => (*number).into(),
        Cel::Float(number) => Number::from_f64(*number)
            .map(Value::Number)
            .ok_or("the result is no finite number")?,
        Cel::String(text) => {
            spend(text.len())?;
            Value::String((**text).clone())
        }
        Cel::List(items) => {
            spend(items.len() * 8)?;
            Value::Array(items.iter().map(|item| give(item, left)).collect::<Result<_, _>>()?)
        }
        Cel::Map(map) => {
            spend(map.map.len() * 8)?;
            let mut members: Vec<(&str, &Cel)> = Vec::with_capacity(map.map.len());
            for (key, member) in &*map.map {
                let Key::String(key) = key else {
                    return Err("a key of the result is no text".to_owned());
                };
                spend(key.len())?;
                members.push((key.as_str(), member));
            }
            members.sort_unstable_by_key(|(key, _)| *key);
            let members = members
                .into_iter()
                .map(|(key, member)| Ok((key.to_owned(), give(member, left)?)))
                .collect::<Result<_, String>>()?;
            Value::Object(members)
        }
        Cel::Bytes(_) => return Err("the result is bytes: use base64.encode".to_owned()),
        _ => return Err(NOT_JSON.to_owned()),
    })
}
