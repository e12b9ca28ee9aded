//! What somebody else changed in a downstream object: the leaves taken from us, and those added beside ours.

mod defaults;
mod foreign;
mod taken;

use serde_json::Value;

use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
    ownership::ManagedEntry,
};

/// Managers whose additions are theirs to make, unless a policy says otherwise.
pub const IGNORED_MANAGERS: [&str; 5] = [
    "kube-controller-manager",
    "cloud-controller-manager",
    "service-ca-operator",
    "cert-manager-cainjector",
    "before-first-apply",
];

/// The most leaves of either sort that are named; what is left over is found when these are settled.
pub const MOST_LEAVES: usize = 64;

/// The most items of lists that are looked at for either sort, a fraction of a second's work: what an object with
/// thousands of keyed items would cost beyond it is not spent on naming leaves.
const MOST_WORK: usize = 2_000_000;

/// How a downstream object differs from what its upstream decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Leaves that are desired and that our apply no longer owns; at most [`MOST_LEAVES`].
    pub taken: Vec<Leaf>,
    /// Leaves of others in spec or data, neither desired nor applied before; at most [`MOST_LEAVES`]. What a JSON Patch
    /// of ours left there counts too, with our own manager.
    pub foreign: Vec<Leaf>,
    /// Whether there are more than are named.
    pub extent: Extent,
}

/// Whether everything that was found is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// It is.
    #[default]
    Complete,
    /// There is more, left out for its number.
    Cut,
}

/// A leaf that somebody else changed. Never its value (S8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Where it is.
    pub path: FieldPath,
    /// Who owns it now, where anybody does.
    pub manager: Option<Box<str>>,
    /// What happened to it.
    pub change: Change,
}

/// What happened to a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody set another value.
    Changed,
    /// Somebody removed it.
    Removed,
    /// Somebody added it.
    Added,
    /// Somebody put the items of the list at hand into another order; managedFields do not say who.
    Reordered,
}

/// The drift of the object `live` of `gvr` with these `entries` of managedFields (all of them), where `desired` is the
/// body that we would apply. Managers in `ignored` add nothing foreign; what they take from us counts.
pub fn find(gvr: &Gvr, live: &Value, entries: &[ManagedEntry<'_>], desired: &Value, ignored: &[&str]) -> Drift {
    let (mut taken, mut foreign) = (Found::default(), Found::default());
    taken::find(live, entries, desired, &mut taken);
    foreign::find(gvr, live, entries, desired, ignored, &mut foreign);
    let cut = taken.full || foreign.full;
    Drift {
        taken: taken.leaves,
        foreign: foreign.leaves,
        extent: if cut { Extent::Cut } else { Extent::Complete },
    }
}

/// The foreign leaves alone.
pub(crate) fn foreign(
    gvr: &Gvr,
    live: &Value,
    entries: &[ManagedEntry<'_>],
    desired: &Value,
    ignored: &[&str],
) -> Vec<Leaf> {
    let mut found = Found::default();
    foreign::find(gvr, live, entries, desired, ignored, &mut found);
    found.leaves
}

/// The leaves found so far, and where the walk is.
#[derive(Default)]
struct Found {
    leaves: Vec<Leaf>,
    path: FieldPath,
    /// Another leaf was found and had no place, or the work is too much: the walk ends.
    full: bool,
    work: usize,
}

// === impl Drift ===

impl Drift {
    /// Whether nobody else changed anything.
    pub fn is_none(&self) -> bool {
        self.taken.is_empty() && self.foreign.is_empty()
    }
}

// === impl Found ===

impl Found {
    fn add(&mut self, change: Change, manager: Option<&str>) {
        if self.leaves.len() == MOST_LEAVES {
            self.full = true;
            return;
        }
        self.leaves.push(Leaf {
            path: self.path.clone(),
            manager: manager.map(Into::into),
            change,
        });
    }

    /// What is at `step` in `parent`, most likely as item `index`: then nothing has to be searched.
    fn look_up_near<'v>(&mut self, step: &Step, parent: &'v Value, index: usize) -> Option<&'v Value> {
        match parent.get(index).filter(|item| step.leads_to(item)) {
            Some(item) => Some(item),
            None => self.look_up(step, parent),
        }
    }

    /// What is at `step` in `parent`.
    fn look_up<'v>(&mut self, step: &Step, parent: &'v Value) -> Option<&'v Value> {
        self.work += parent.as_array().map_or(1, Vec::len);
        self.full |= self.work > MOST_WORK;
        step.get(parent)
    }
}

/// The manager that wrote last; on equal times the last in the list, which the server sorts by time.
fn latest<'a>(entries: impl Iterator<Item = &'a ManagedEntry<'a>>) -> Option<&'a str> {
    entries.max_by_key(|entry| entry.time).map(|entry| entry.manager)
}

#[cfg(test)]
mod tests;
