//! A policy's transforms, compiled.

use std::sync::Arc;

use serde_json::{Map, Value};
use xxhash_rust::xxh3::Xxh3;

use super::{
    Path, PathError, Recipe, bounds, cel::Expression, image::Rewrite, json_patch::PatchOperation, merge_patch,
    pod_spec, reserved,
};
use crate::{
    config::{Operation, ResourceRef, Selection, SetValue, SyncTarget, Transform},
    identity::Gvr,
};

/// A policy's transforms, ready to be applied in their order.
#[derive(Clone, Debug, Default)]
pub struct Program {
    transforms: Vec<Compiled>,
}

/// What is wrong with a transform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", self.path())]
pub struct CompileError {
    /// Which transform, from 0.
    pub index: usize,
    /// Which of its members, such as `set.path` or `jsonPatch[1]`; empty for the transform as a whole.
    pub member: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// How an object came under a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The policy names its resource: transforms without resources are for it.
    Named,
    /// It is taken along, as a dependency or as the namespace of others: only transforms that name its resource are for
    /// it, or a policy that sets `spec.replicas` would break the ConfigMaps of its Deployments.
    TakenAlong,
}

#[derive(Clone, Debug)]
pub(super) struct Compiled {
    targets: Selection,
    resources: Vec<ResourceRef>,
    pub(super) action: Action,
    /// A hash of what it does, without for what.
    fingerprint: u64,
}

/// What a transform does.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Sets a given value.
    Set(Path, Value),
    /// Sets a computed value, or removes what is there if that is null.
    Compute(Path, Box<Expression>),
    /// Removes what is at these paths.
    Remove(Vec<Path>),
    /// Rewrites image registries.
    ImageRegistry(Rewrite),
    /// Applies a JSON Patch.
    JsonPatch(Vec<PatchOperation>),
    /// Applies a JSON Merge Patch.
    MergePatch(Map<String, Value>),
}

/// A member of a transform and what is wrong with it.
type Mistake = (String, String);

// === impl CompileError ===

impl CompileError {
    /// Where it is in the policy's spec, such as `transforms[2].set.path`.
    pub fn path(&self) -> String {
        let point = if self.member.is_empty() { "" } else { "." };
        format!("transforms[{}]{point}{}", self.index, self.member)
    }
}

// === impl Program ===

impl Program {
    /// Compiles `transforms`, or says what is wrong with every one of them.
    pub fn compile(transforms: &[Transform]) -> Result<Self, Vec<CompileError>> {
        let mut compiled = Vec::with_capacity(transforms.len());
        let mut errors = Vec::new();
        for (index, transform) in transforms.iter().enumerate() {
            match compile(transform) {
                Ok(transform) => compiled.push(transform),
                Err(mistakes) => {
                    errors.extend(mistakes.into_iter().map(|(member, message)| CompileError {
                        index,
                        member,
                        message,
                    }));
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { transforms: compiled })
    }

    /// What is to be done to objects of `gvr` that go to `target`.
    pub fn recipe(self: &Arc<Self>, target: &Arc<SyncTarget>, gvr: &Gvr, reach: Reach) -> Recipe {
        let applies = self.transforms.iter().enumerate();
        let applies = applies.filter(|(_, transform)| transform.applies(target, gvr, reach));
        let applies: Vec<usize> = applies.map(|(index, _)| index).collect();
        let id = self.fingerprint(&applies, target);
        Recipe::new(Arc::clone(self), Arc::clone(target), gvr.clone(), applies, id)
    }

    pub(super) fn transform(&self, index: usize) -> Option<&Compiled> {
        self.transforms.get(index)
    }

    /// The same for the same operations in the same order, on every machine and for ever; 0 for none.
    fn fingerprint(&self, applies: &[usize], target: &SyncTarget) -> u64 {
        if applies.is_empty() {
            return 0;
        }
        let mut hasher = Xxh3::new();
        let mut reads_target = false;
        for transform in applies.iter().filter_map(|index| self.transforms.get(*index)) {
            hasher.update(&transform.fingerprint.to_le_bytes());
            reads_target |= matches!(&transform.action, Action::Compute(_, expression) if expression.reads_target());
        }
        if reads_target {
            let mut part = |text: &str| {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            };
            part(&target.name);
            for map in [&target.labels, &target.spec.cells] {
                part(&map.len().to_string());
                for (key, value) in map {
                    part(key);
                    part(value);
                }
            }
        }
        hasher.digest()
    }
}

// === impl Compiled ===

impl Compiled {
    fn applies(&self, target: &SyncTarget, gvr: &Gvr, reach: Reach) -> bool {
        let names_resource = self
            .resources
            .iter()
            .any(|resource| resource.group == gvr.group() && resource.resource == gvr.resource());
        let for_resource = names_resource || self.resources.is_empty() && reach == Reach::Named;
        let can_matter = !matches!(self.action, Action::ImageRegistry(_)) || pod_spec::location(gvr).is_some();
        for_resource
            && can_matter
            && self
                .targets
                .matches(&target.name, |label| target.labels.get(label).map(String::as_str))
    }
}

fn compile(transform: &Transform) -> Result<Compiled, Vec<Mistake>> {
    let operation = transform.operation().ok_or_else(|| {
        let message = "it needs exactly one of set, remove, imageRegistry, jsonPatch and mergePatch";
        vec![(String::new(), message.to_owned())]
    })?;
    let action = match operation {
        Operation::Set(set) => compile_set(set)?,
        Operation::Remove(paths) => {
            let each = |(index, text): (usize, &String)| path(&format!("remove[{index}]"), text);
            Action::Remove(all(paths.iter().enumerate().map(each))?)
        }
        Operation::ImageRegistry(rule) => {
            let rewrite = Rewrite::compile(rule).map_err(|message| vec![("imageRegistry".to_owned(), message)])?;
            Action::ImageRegistry(rewrite)
        }
        Operation::JsonPatch(operations) => {
            Action::JsonPatch(all(operations.iter().enumerate().map(compile_patch_operation))?)
        }
        Operation::MergePatch(patch) => compile_merge_patch(patch)?,
    };
    Ok(Compiled {
        targets: transform.targets.clone(),
        resources: transform.resources.clone(),
        action,
        fingerprint: fingerprint(transform),
    })
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
        (Some(value), None) => match bounds::within(value) {
            Ok(()) => Ok(Box::new(|path| Action::Set(path, value.clone()))),
            Err(message) => Err(mistake("set.value", message.to_owned())),
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
    Ok(Action::MergePatch(members.clone()))
}

/// A hash over what `transform` does, in one canonical form.
fn fingerprint(transform: &Transform) -> u64 {
    let what = Transform {
        targets: Selection::default(),
        resources: Vec::new(),
        ..transform.clone()
    };
    // Every part of a transform is JSON already, so this does not fail; and its maps may come in any order.
    let value = serde_json::to_value(&what).unwrap_or_default();
    let mut hasher = Xxh3::new();
    feed(&mut hasher, &value);
    hasher.digest()
}

fn feed(hasher: &mut Xxh3, value: &Value) {
    match value {
        Value::Array(items) => {
            hasher.update(format!("[{}", items.len()).as_bytes());
            for item in items {
                feed(hasher, item);
            }
        }
        Value::Object(members) => {
            hasher.update(format!("{{{}", members.len()).as_bytes());
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            for (key, member) in sorted {
                hasher.update(Value::from(key.as_str()).to_string().as_bytes());
                feed(hasher, member);
            }
        }
        scalar => hasher.update(scalar.to_string().as_bytes()),
    }
}

// === impl Action ===

impl Action {
    /// What it is called in a policy.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Set(..) | Self::Compute(..) => "set",
            Self::Remove(_) => "remove",
            Self::ImageRegistry(_) => "imageRegistry",
            Self::JsonPatch(_) => "jsonPatch",
            Self::MergePatch(_) => "mergePatch",
        }
    }

    /// The paths that it sets or removes in objects of `gvr`.
    pub(super) fn touched(&self, gvr: &Gvr) -> Vec<Path> {
        match self {
            Self::Set(path, _) | Self::Compute(path, _) => vec![path.clone()],
            Self::Remove(paths) => paths.clone(),
            Self::ImageRegistry(_) => Rewrite::touched(gvr),
            Self::JsonPatch(operations) => operations
                .iter()
                .flat_map(PatchOperation::changes)
                .flat_map(super::json_patch::Pointer::paths)
                .collect(),
            Self::MergePatch(patch) => merge_patch::touched(patch),
        }
    }
}

#[cfg(test)]
mod tests;
