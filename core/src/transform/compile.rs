//! Reading transforms: all that can be found wrong before there is an object.

use serde_json::{Value, json};

use super::{
    Path, PathError,
    action::Action,
    bounds,
    cel::{Disclosure, Expression},
    image::Rewrite,
    json_patch::PatchOperation,
    merge_patch,
    reserved::{self, OfKcp},
};
use crate::config::{Operation, SetValue, Transform};

/// A member of a transform and what is wrong with it.
pub(super) type Mistake = (String, String);

// === impl Action ===

impl Action {
    /// What `transform` does, or all that is wrong with it.
    pub(super) fn compile(transform: &Transform) -> Result<Self, Vec<Mistake>> {
        let operation = transform.operation().ok_or_else(|| {
            let message = "it needs exactly one of set, remove, imageRegistry, jsonPatch and mergePatch";
            vec![(String::new(), message.to_owned())]
        })?;
        match operation {
            Operation::Set(set) => compile_set(set),
            Operation::Remove(paths) => {
                let each = |(index, text): (usize, &String)| path(&format!("remove[{index}]"), text);
                all(paths.iter().enumerate().map(each)).map(Self::Remove)
            }
            Operation::ImageRegistry(rule) => {
                let rewrite = Rewrite::compile(rule).map(Self::ImageRegistry);
                rewrite.map_err(|message| vec![("imageRegistry".to_owned(), message)])
            }
            Operation::JsonPatch(operations) => {
                all(operations.iter().enumerate().map(compile_patch_operation)).map(Self::JsonPatch)
            }
            Operation::MergePatch(patch) => compile_merge_patch(patch),
        }
    }
}

/// All results, or all mistakes.
fn all<T>(results: impl Iterator<Item = Result<T, Mistake>>) -> Result<Vec<T>, Vec<Mistake>> {
    let mut good = Vec::new();
    let mut mistakes = Vec::new();
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(good) } else { Err(mistakes) }
}

fn path(member: &str, text: &str) -> Result<Path, Mistake> {
    let mistake = |message: String| (member.to_owned(), message);
    let path = Path::parse(text).map_err(|error: PathError| mistake(error.to_string()))?;
    match reserved::path_refusal(&path) {
        Some(refusal) => Err(mistake(refusal)),
        None => Ok(path),
    }
}

fn compile_set(set: &SetValue) -> Result<Action, Vec<Mistake>> {
    let path = path("set.path", &set.path);
    let mistake = |member: &str, message: String| (member.to_owned(), message);
    let make: Result<Box<dyn FnOnce(Path) -> Action>, Mistake> = match (&set.value, &set.cel) {
        (Some(value), None) => match value_mistake(path.as_ref().ok(), value) {
            None => Ok(Box::new(|path| Action::Set(path, value.clone()))),
            Some(message) => Err(mistake("set.value", message)),
        },
        (None, Some(text)) => match Expression::compile(text) {
            Ok(expression) => Ok(Box::new(|path| Action::Compute(path, Box::new(expression)))),
            Err(message) => Err(mistake("set.cel", message)),
        },
        _ => Err(mistake(
            "set",
            "it needs exactly one of value and cel; remove takes a field away".to_owned(),
        )),
    };
    match (path, make) {
        (Ok(path), Ok(make)) => Ok(make(path)),
        (path, make) => Err(path.err().into_iter().chain(make.err()).collect()),
    }
}

/// Why `value` can never stand at `path`.
fn value_mistake(path: Option<&Path>, value: &Value) -> Option<String> {
    if let Err(message) = bounds::within(value) {
        return Some(message.to_owned());
    }
    let mut tried = json!({"metadata": {}});
    path?.set(&mut tried, value).ok()?;
    label_mistake(&tried)
}

/// What is wrong with the labels and annotations that a transform makes out of none.
fn label_mistake(made: &Value) -> Option<String> {
    let malformed = OfKcp::default().check(made).err()?;
    Some(format!("{}: {}", malformed.path(Disclosure::Open), malformed.message))
}

fn compile_patch_operation((index, operation): (usize, &Value)) -> Result<PatchOperation, Mistake> {
    let mistake = |message: String| (format!("jsonPatch[{index}]"), message);
    bounds::within(operation).map_err(|message| mistake(message.to_owned()))?;
    let operation = PatchOperation::compile(operation).map_err(mistake)?;
    let refusal = operation
        .changes()
        .into_iter()
        .find_map(|pointer| reserved::refusal(pointer.keys().map(Some)));
    match refusal {
        Some(refusal) => Err((format!("jsonPatch[{index}]"), refusal)),
        None => Ok(operation),
    }
}

fn compile_merge_patch(patch: &Value) -> Result<Action, Vec<Mistake>> {
    let mistake = |message: String| ("mergePatch".to_owned(), message);
    let members = patch
        .as_object()
        .ok_or_else(|| vec![mistake("a merge patch is an object".to_owned())])?;
    bounds::within(patch).map_err(|message| vec![mistake(message.to_owned())])?;
    let refusals: Vec<Mistake> = merge_patch::touched(members)
        .iter()
        .filter_map(reserved::path_refusal)
        .map(mistake)
        .collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut tried = json!({"metadata": {}});
    merge_patch::merge(&mut tried, members);
    if let Some(message) = label_mistake(&tried) {
        return Err(vec![mistake(message)]);
    }
    Ok(Action::MergePatch(members.clone()))
}
