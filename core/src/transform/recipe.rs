//! What is to be done to the objects of one resource on their way to one target.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Context, Path, Program,
    action::Action,
    bounds,
    cel::{Disclosure, Expression},
    reserved::{self, OfKcp},
};
use crate::{config::SyncTarget, identity::Gvr};

/// The transforms of one policy that are for one resource and one target. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recipe {
    program: Arc<Program>,
    target: Arc<SyncTarget>,
    gvr: Gvr,
    applies: Arc<[usize]>,
    id: u64,
}

/// Why a transform cannot be applied to an object. Quotes paths and keys that the policy names, never a value (S8).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transforms[{index}] ({operation}{}{path}): {message}", if path.is_empty() { "" } else { " " })]
pub struct TransformError {
    /// Which transform of the policy, from 0.
    pub index: usize,
    /// What it does: `set`, `remove`, `imageRegistry`, `jsonPatch` or `mergePatch`.
    pub operation: &'static str,
    /// The place in the object, as a path or a JSON pointer; empty for the object as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// A place in the object, and what is wrong there.
type Failure = (String, String);

// === impl Recipe ===

impl Recipe {
    pub(super) fn new(program: Arc<Program>, target: Arc<SyncTarget>, gvr: Gvr, applies: Vec<usize>, id: u64) -> Self {
        Self {
            program,
            target,
            gvr,
            applies: applies.into(),
            id,
        }
    }

    /// Recipes with the same id make the same of one object: its body is built once for all targets that share it.
    /// 0 stands for nothing to do.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether nothing is to be done.
    pub fn is_identity(&self) -> bool {
        self.applies.is_empty()
    }

    /// The paths that it sets or removes: they are upstream's, whatever the strategy (`docs/architecture.md`, "Drift").
    pub fn touched_paths(&self) -> Vec<Path> {
        let actions = self.actions();
        actions.flat_map(|(_, action)| action.touched(&self.gvr)).collect()
    }

    /// Applies the transforms in their order to `object`, a whole object with `apiVersion`, `kind` and `metadata`.
    ///
    /// On an error the object is half transformed and has to be thrown away (S11).
    pub fn apply(&self, object: &mut Value, context: &Context<'_>) -> Result<(), TransformError> {
        if self.is_identity() {
            return Ok(());
        }
        let of_kcp = OfKcp::of(object);
        reserved::make_maps(object);
        for (index, action) in self.actions() {
            let done = self.run(action, object, context).and_then(|()| {
                of_kcp
                    .check(object)
                    .map_err(|malformed| (malformed.path(self.disclosure()), malformed.message.to_owned()))
            });
            done.map_err(|(path, message)| TransformError {
                index,
                operation: action.name(),
                path,
                message,
            })?;
        }
        reserved::drop_empty_maps(object);
        Ok(())
    }

    fn actions(&self) -> impl Iterator<Item = (usize, &Action)> {
        self.applies
            .iter()
            .filter_map(|index| Some((*index, &self.program.transform(*index)?.action)))
    }

    fn run(&self, action: &Action, object: &mut Value, context: &Context<'_>) -> Result<(), Failure> {
        match action {
            Action::Set(path, value) => set(path, object, value),
            Action::Compute(path, expression) => {
                let value = self
                    .evaluate(expression, object, context)
                    .map_err(|message| (path.to_string(), message))?;
                if value.is_null() {
                    path.remove(object);
                    return Ok(());
                }
                set(path, object, &value)
            }
            Action::Remove(paths) => {
                for path in paths {
                    path.remove(object);
                }
                Ok(())
            }
            Action::ImageRegistry(rewrite) => {
                rewrite.apply(&self.gvr, object);
                Ok(())
            }
            Action::JsonPatch(operations) => {
                for operation in operations {
                    operation
                        .apply(object)
                        .map_err(|failure| (failure.path, failure.message.to_owned()))?;
                }
                grown(object)
            }
            Action::MergePatch(patch) => {
                super::merge_patch::merge(object, patch);
                grown(object)
            }
        }
    }

    fn evaluate(&self, expression: &Expression, object: &Value, context: &Context<'_>) -> Result<Value, String> {
        expression.evaluate(object, &self.target, context, self.disclosure())
    }

    fn disclosure(&self) -> Disclosure {
        match (self.gvr.group(), self.gvr.resource()) {
            ("", "secrets") => Disclosure::Withheld,
            _ => Disclosure::Open,
        }
    }
}

fn set(path: &Path, object: &mut Value, value: &Value) -> Result<(), Failure> {
    if path.may_name_several() {
        let count = path.locate(object).len();
        bounds::copies_within(value, count).map_err(|message| (path.to_string(), message.to_owned()))?;
    }
    path.set(object, value)
        .map_err(|error| (path.to_string(), error.to_string()))?;
    grown(object)
}

fn grown(object: &Value) -> Result<(), Failure> {
    bounds::within(object).map_err(|message| (String::new(), message.to_owned()))
}

#[cfg(test)]
mod tests;
