//! Environment variables: the last of a name counts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Duplicate, Needed, duplicate, list};
use crate::field_path::FieldPath;

/// Leaves of each name the last, at its place.
pub(super) fn keep_last(container: &mut Map<String, Value>, path: &FieldPath) -> Result<(), Duplicate> {
    let variables = list(container, "env");
    let name_of = |variable: &Value| variable.get("name").and_then(Value::as_str).map(str::to_owned);
    let last: BTreeMap<String, usize> = variables
        .iter()
        .enumerate()
        .filter_map(|(index, variable)| Some((name_of(variable)?, index)))
        .collect();
    let stays: Vec<bool> = variables
        .iter()
        .enumerate()
        .map(|(index, variable)| name_of(variable).is_none_or(|name| last.get(&name) == Some(&index)))
        .collect();
    if stays.iter().all(|stays| *stays) {
        return Ok(());
    }
    refuse_references(variables, &last, &stays)
        .map_err(|(name, by)| duplicate(path, "env", &format!("name={name}"), Needed::ReferredBy { by }))?;
    if let Some(Value::Array(variables)) = container.get_mut("env") {
        let mut stays = stays.into_iter();
        variables.retain(|_| stays.next().unwrap_or(true));
    }
    Ok(())
}

/// A value sees what stands before it. The error is the name that is seen too early, and the variable that sees it.
fn refuse_references(
    variables: &[Value],
    last: &BTreeMap<String, usize>,
    stays: &[bool],
) -> Result<(), (String, String)> {
    // Names that have been given already by a variable that goes.
    let mut given: Vec<&str> = Vec::new();
    for (index, (variable, stays)) in variables.iter().zip(stays).enumerate() {
        let text = |member: &str| variable.get(member).and_then(Value::as_str);
        let name = text("name").unwrap_or_default();
        let value = text("value").filter(|_| *stays).unwrap_or_default();
        let early =
            references(value).find(|seen| given.contains(seen) && last.get(*seen).is_some_and(|last| *last >= index));
        if let Some(seen) = early {
            return Err((seen.to_owned(), name.to_owned()));
        }
        if !stays {
            given.push(name);
        }
    }
    Ok(())
}

/// The names in `$(NAME)`; `$$` is a dollar sign.
fn references(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find('$')?;
            let behind = rest.get(at + 1..)?;
            if let Some(escaped) = behind.strip_prefix('$') {
                rest = escaped;
                continue;
            }
            let Some(inside) = behind.strip_prefix('(') else {
                rest = behind;
                continue;
            };
            let (name, after) = inside.split_once(')')?;
            rest = after;
            return Some(name);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_the_kubelet_does() {
        let cases: [(&str, &[&str]); 6] = [
            ("$(A)/$(B)", &["A", "B"]),
            ("$$(A)", &[]),
            ("$$$(A)", &["A"]),
            ("$A (B)", &[]),
            ("$(A", &[]),
            ("", &[]),
        ];
        for (value, expected) in cases {
            assert_eq!(references(value).collect::<Vec<_>>(), expected, "{value}");
        }
    }
}
