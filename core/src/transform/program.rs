//! A policy's transforms, compiled.

use std::sync::Arc;

use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::{Recipe, action::Action, pod_spec};
use crate::{
    config::{ResourceRef, Selection, SyncTarget, Transform},
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
            match Action::compile(transform) {
                Ok(action) => compiled.push(Compiled {
                    targets: transform.targets.clone(),
                    resources: transform.resources.clone(),
                    action,
                    fingerprint: fingerprint(transform),
                }),
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

#[cfg(test)]
mod tests;
