//! How large and how deep a transform may make an object: past what any API server takes, and far from what would hurt.

use serde_json::Value;

/// The most bytes; an API server takes 3 MiB at most.
const MOST_BYTES: usize = 3 << 20;
/// The deepest nesting; what is read from an API server has at most 128 levels.
const DEEPEST: usize = 160;

/// Whether `object` stays within the bounds.
pub(super) fn within(object: &Value) -> Result<(), &'static str> {
    let mut left = MOST_BYTES;
    spend(object, DEEPEST, &mut left)
}

/// Whether `count` copies of `value` stay within the bounds.
pub(super) fn copies_within(value: &Value, count: usize) -> Result<(), &'static str> {
    let mut left = MOST_BYTES.checked_div(count).unwrap_or(MOST_BYTES);
    spend(value, DEEPEST, &mut left)
}

fn spend(value: &Value, levels: usize, left: &mut usize) -> Result<(), &'static str> {
    let levels = levels.checked_sub(1).ok_or("the object gets nested too deep")?;
    let bytes = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.len() + 2,
        Value::Object(members) => members.keys().map(|key| key.len() + 4).sum::<usize>() + 2,
    };
    *left = left.checked_sub(bytes).ok_or("the object gets too large")?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| spend(item, levels, left)),
        Value::Object(members) => members.values().try_for_each(|member| spend(member, levels, left)),
        _ => Ok(()),
    }
}
