//! Paths and expressions of a policy: whatever compiles is taken.

use serde_json::Value;

use super::{DocumentPath, Problem};
use crate::{
    config::Transform,
    transform::{Path, Program},
};

/// How many items are looked at.
const MOST: usize = 256;

/// Says which transforms and paths of the policy at `spec` do not compile. What is reported already is not compiled.
pub(super) fn check(spec: &Value, path: &DocumentPath, problems: &mut Vec<Problem>) {
    let mut found = Vec::new();
    for (index, transform) in items(spec.get("transforms")) {
        let path = path.field("transforms").item(index);
        if problems.iter().any(|problem| problem.path.is_within(&path)) {
            continue;
        }
        let Ok(transform) = serde_json::from_value::<Transform>(transform.clone()) else {
            continue;
        };
        let errors = Program::compile(&[transform]).err().unwrap_or_default();
        found.extend(
            errors
                .into_iter()
                .map(|error| path.below(&error.member).problem(error.message)),
        );
    }
    let fields = spec.get("conflict").and_then(|conflict| conflict.get("fields"));
    for (index, rule) in items(fields) {
        let Some(Err(error)) = rule.get("path").and_then(Value::as_str).map(Path::parse) else {
            continue;
        };
        let path = path.field("conflict").field("fields").item(index).field("path");
        if !problems.iter().any(|problem| problem.path == path) {
            found.push(path.problem(error.to_string()));
        }
    }
    problems.extend(found);
}

/// The items of a list; those beyond what any list may hold are reported already, and not worth the time to compile.
fn items(list: Option<&Value>) -> impl Iterator<Item = (usize, &Value)> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.enumerate().take(MOST)
}
