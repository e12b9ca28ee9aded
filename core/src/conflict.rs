//! What happens when both sides change an object: decided per leaf, explained, without clock and without I/O.
//!
//! A *leaf* is a field, an atomic list, an item of a keyed list that one side added or removed, the order of a keyed
//! list, or a union as a whole. Whether the upstream changed a leaf since both sides agreed is told by the [`Base`];
//! whether the target did, by who owns it in managedFields: servers write `1000m` as `1`, and webhooks rewrite, so that
//! live is never compared with what was sent. [`decide`] goes through all leaves of one object on one target and returns
//! what is to be applied, removed, handed over and written back, with a [`Verdict`] for each leaf that somebody lost or
//! kept. Its requests may be cut off between any two: what is left is decided again.

mod base;
mod claim;
mod collected;
mod dating;
mod decide;
mod elsewhere;
mod fight;
mod finish;
mod handing_over;
mod leaf;
mod order;
mod owner;
mod place;
mod resting;
mod schema;
mod settle;
mod settling;
mod sheet;
mod time;
mod trail;
mod untaken;
mod verdict;
mod walk;
mod write_back;
mod written_back;

use serde_json::Value;

pub use self::{
    base::{Agreed, Base, TooLarge},
    claim::excerpt,
    collected::base_of,
    decide::decide,
    fight::{Fight, FightKey, Fights, Fought, Stance},
    handing_over::{items_left_in_part, to_hand_over},
    leaf::{LeafHash, LeafHasher, LeafId, LeafKind, LeafPath, leaf_id},
    resting::Resting,
    schema::{Key, ListKind, MapKind, Schema, Shape},
    sheet::{FirstShown, LeafSheet, ShownLeaf, Succession, leaves_of},
    time::{Certainty, LEAST_UNCERTAINTY, LeafTimes, MOST_TIMES, Moment, SideClock, Sight, WriteTime},
    untaken::base_of_taken,
    verdict::{Said, Verdict, Why, Winner},
    write_back::write_back_patch,
    written_back::{OriginalWrite, WRITTEN_BACK_ANNOTATION, WrittenBack},
};
use crate::{
    config::{FieldOwner, ForeignLeaves, Strategy},
    field_path::FieldPath,
    identity::Gvr,
    transform::Path,
};

/// One object on both sides.
#[derive(Clone, Copy)]
pub struct Sides<'a> {
    /// Its resource.
    pub gvr: &'a Gvr,
    /// What is known of its shape.
    pub schema: &'a Schema,
    /// How its leaves are hashed: under a key for Secrets.
    pub hasher: LeafHasher<'a>,
    /// On what both sides last agreed; `None` if that is not known.
    pub base: Option<&'a Base>,
    /// Whether that was applied already; without a base it tells drift from an edit.
    pub standing: Standing,
    /// What its upstream decides, after transformation: labels, annotations and members, without markers.
    pub desired: &'a Value,
    /// The upstream object as it is, with its managedFields.
    pub upstream: &'a Value,
    /// The downstream object as it is, with its managedFields.
    pub live: &'a Value,
    /// The name of the target.
    pub target: &'a str,
}

/// Whether what is desired was applied already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was: what differs was changed at the target.
    Applied,
    /// The upstream has changed since.
    Edited,
}

/// What the policy says.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Which side wins.
    pub strategy: Strategy,
    /// What is done with leaves that only the target has, under `UpstreamWins`.
    pub foreign: ForeignLeaves,
    /// Managers whose additions are not looked at.
    pub ignored: &'a [&'a str],
    /// Paths that belong to one side.
    pub owned: &'a [(&'a Path, FieldOwner)],
    /// Paths that transforms make or remove.
    pub produced: &'a [Path],
    /// Leaves that are fought over and left alone for now.
    pub resting: &'a Resting,
}

/// The clocks at the moment of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Now, on our clock.
    pub now: Moment,
    /// The upstream's clock.
    pub upstream: SideClock,
    /// The target's clock.
    pub downstream: SideClock,
}

/// What is remembered between two decisions about one object on one target. Bounded; lost in a restart, which makes times estimates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Of the upstream's leaves.
    pub upstream: LeafTimes,
    /// Of the target's leaves.
    pub downstream: LeafTimes,
}

/// What is to be done for one object on one target, in this order; each step under UID and resourceVersion.
#[derive(Clone, PartialEq)]
pub struct Decision {
    /// Fields that our entry alone owns and that pass to the target, with what passed to it before: applied with their live values by the handover
    /// manager first. Empty where nothing new passes.
    pub hand_over: Vec<FieldPath>,
    /// The fields that the handover manager keeps, where it has more than the target has a claim to: the rest is taken back once all else is done,
    /// by an apply of that manager without it. `None` where there is nothing to take back.
    pub keep_handed_over: Option<Vec<FieldPath>>,
    /// What is to be taken out of the live object, by one patch.
    pub removals: Vec<FieldPath>,
    /// The base that goes with the removals, by the same patch: without what is taken out, or it would look like a removal by the target
    /// to whoever is started next. `None` where the base knows nothing of it.
    pub base_without: Option<Base>,
    /// What is to be applied: what is desired, without the leaves that are the target's now.
    pub claim: Value,
    /// The base that goes with it; `None` under `UpstreamWins`, which needs none.
    pub base: Option<Base>,
    /// Whether the target lacks something of the claim.
    pub apply: ApplyNeed,
    /// What is to be written upstream.
    pub write_back: Vec<WriteBack>,
    /// What was decided, leaf by leaf.
    pub verdicts: Vec<Verdict>,
    /// Why the strategy of the policy was not followed.
    pub fallback: Option<Fallback>,
}

/// Whether the target lacks something of a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApplyNeed {
    /// It has everything, and knows on what both sides agree.
    #[default]
    None,
    /// It does not.
    Due,
}

/// Why `UpstreamWins` was followed in place of the strategy of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing is known of what both sides agreed on.
    NoBase,
    /// The object has too many leaves to remember.
    TooLarge(TooLarge),
}

/// A leaf of the target that is to be written upstream.
#[derive(Clone, PartialEq)]
pub struct WriteBack {
    /// Where.
    pub path: LeafPath,
    /// Stands for it.
    pub leaf: LeafId,
    /// The value there: of a union its arms by name, of an order the items' keys; `None` if it was removed.
    pub value: Option<Value>,
    /// Stands for the value.
    pub hash: Option<LeafHash>,
    /// When it was written at the target, on our clock.
    pub at: Moment,
    /// Who wrote it there.
    pub manager: Option<Box<str>>,
}

// === impl Decision ===

/// Paths and verdicts only: values may be a Secret's (S8).
impl std::fmt::Debug for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decision")
            .field("hand_over", &self.hand_over)
            .field("keep_handed_over", &self.keep_handed_over)
            .field("removals", &self.removals)
            .field("apply", &self.apply)
            .field("write_back", &self.write_back)
            .field("verdicts", &self.verdicts)
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}

/// The path only: the value may be a Secret's (S8).
impl std::fmt::Debug for WriteBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriteBack")
            .field("path", &self.path)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
