//! Which objects go to which targets, under which policy.
//!
//! [`Rules`] are compiled from a complete, valid configuration; a mistake in it leaves the rules that were there before
//! (S11). [`Rules::place`] then says for one object where it belongs. Where several policies select it for one target,
//! the higher priority decides, then the lexically first name; the others are [`Shadowed`].
//!
//! What is not known is said: while a namespace's labels have not been read, a policy that asks for them leaves the
//! object [`Verdict::Undecided`], and nothing about it is changed. Otherwise a late answer would look like an object
//! that is not wanted any more (S3).

mod decide;
mod namespace_metadata;
mod owner;
mod policy_rules;
mod rules;
mod selecting;
mod target_rules;

use std::sync::Arc;

pub use self::{
    namespace_metadata::{lacked, namespace_metadata},
    owner::Controller,
    policy_rules::PolicyRules,
    rules::{RuleError, Rules},
    target_rules::TargetRules,
};
use crate::{
    config::{NamespaceMapping, NamespaceMetadata},
    identity::{Gvr, ObjectKey, ResourceType},
    protect::{Protected, Protection},
    transform::Recipe,
};

/// Looks a label up by its key.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<&'a str>;

/// What decides beside the documents.
#[derive(Clone, Debug)]
pub struct PlacementOptions {
    /// Which Secrets go down.
    pub secrets: Secrets,
    /// What this installation protects beside the fixed list; the Secrets that SyncTargets reference are added.
    pub protection: Protection,
    /// The mapping of targets that name none.
    pub default_mapping: NamespaceMapping,
}

/// Which Secrets go down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Those of policies that name the resource `secrets`.
    OnlyNamed,
    /// Those, and what the pods of a policy with `dependencies` name.
    Allowed,
}

/// What is known about an object.
pub struct Facts<'a> {
    /// Its resource.
    pub resource: &'a ResourceType,
    /// Who it is.
    pub key: &'a ObjectKey,
    /// Its labels.
    pub labels: Lookup<'a>,
    /// The `type` of a Secret; `None` for any other kind.
    pub secret_type: Option<&'a str>,
    /// The labels of its namespace; `None` while they are not known. Not asked for where it has no namespace.
    pub namespace_labels: Option<Lookup<'a>>,
    /// The path of its workspace; `None` while it is not known, and for a plain upstream.
    pub workspace_path: Option<&'a str>,
    /// The owner that controls it, if it has one.
    pub controller: Option<Controller<'a>>,
}

/// Whether it is known where an object belongs.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is.
    Decided(Placement),
    /// It is not: leave everything about it as it is, and ask again when this is known.
    Undecided(Undecided),
}

/// What has to be known first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Undecided {
    /// The labels of the object's namespace.
    NamespaceLabels,
    /// The path of its workspace.
    WorkspacePath,
}

/// Where an object belongs.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// One place per target that gets it, or may get it; in the order of the targets' names.
    pub places: Vec<Place>,
    /// Policies that select it too and do not decide.
    pub shadowed: Vec<Shadowed>,
    /// Targets that would get it, and do not for a reason of their own.
    pub withheld: Vec<Withheld>,
    /// Why it goes nowhere, whatever policies say.
    pub excluded: Option<Excluded>,
}

/// One target of an object, and the policy that decides there.
#[derive(Clone, Debug)]
pub struct Place {
    /// The target.
    pub target: Arc<TargetRules>,
    /// The policy.
    pub policy: Arc<PolicyRules>,
    /// Whether it goes there by itself.
    pub needs: Needs,
    /// Whether it goes there if it is not there yet.
    pub newcomers: Newcomers,
    /// Whether anything is written there for now.
    pub writes: Writes,
    /// For a Namespace: the labels and annotations that win over its own there.
    pub namespace_metadata: Option<Arc<NamespaceMetadata>>,
}

/// Whether an object goes to a target by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Needs {
    /// A policy selects it.
    Selected,
    /// It goes if something that goes there needs it: pods name it, or it is the namespace of an object.
    IfReferenced,
}

/// Whether a target takes objects that it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Newcomers {
    /// It does.
    Welcome,
    /// It is cordoned: it keeps what it has and gets nothing new.
    KeptOut,
}

/// Whether anything is written for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writes {
    /// It is.
    Allowed,
    /// Its policy is suspended: what is there stays as it is.
    Suspended,
}

/// A policy that selects an object for a target and does not decide there.
#[derive(Clone, Debug)]
pub struct Shadowed {
    /// The policy.
    pub policy: Arc<PolicyRules>,
    /// The target.
    pub target: Arc<TargetRules>,
    /// The policy that decides.
    pub by: Arc<PolicyRules>,
}

/// A target that would get an object, and does not.
#[derive(Clone, Debug)]
pub struct Withheld {
    /// The target.
    pub target: Arc<TargetRules>,
    /// Why.
    pub why: Withholding,
}

/// Why a target gets nothing of a resource, whatever policies say: its SyncTarget names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Withholding {
    /// It is drained: `evictAfter` is over.
    Drained,
    /// It refuses the resource.
    Refused,
}

/// Why an object goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Excluded {
    /// It is protected.
    #[error(transparent)]
    Protected(Protected),
    /// The targets' controllers make it from its owner, which is synced.
    #[error("the owner that controls it is synced, and each target makes this object from that")]
    OwnedBySynced,
}

// === impl Placement ===

impl Placement {
    /// Why `target` does not get the object that policies send there; `None` if it does, or if no policy does.
    pub fn withholding(&self, target: &str) -> Option<Withholding> {
        let withheld = self.withheld.iter().find(|withheld| *withheld.target.name == *target);
        withheld.map(|withheld| withheld.why)
    }
}

// === impl Place ===

impl Place {
    /// What is changed in objects of `gvr` on their way there.
    pub fn recipe(&self, gvr: &Gvr) -> Recipe {
        self.policy.recipe(&self.target, gvr)
    }
}

#[cfg(test)]
mod tests;
