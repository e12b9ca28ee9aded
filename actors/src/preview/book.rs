//! The book that findings are noted in, bounded in bytes.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::Arc,
};

use syncer_core::ObjectKey;

use super::{Content, Finding, LeftAlone};
use crate::reconciler::Downstream;

/// Attempts after which a failure that may pass by itself is taken for what there is to say.
const TRIES: u32 = 4;

/// By target and object.
type FindingKey = (Option<Arc<str>>, ObjectKey, Side);

/// The side of an object that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// The object on the target.
    Downstream,
    /// The upstream object.
    Upstream,
}

/// What is known of a failure that may pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It may still pass: nothing is said of it yet.
    Lasts,
    /// It was met so often that it is what there is to say.
    IsOver,
}

/// What is found so far.
pub(super) struct Book {
    findings: BTreeMap<FindingKey, Finding>,
    /// The most bytes of objects that are kept to be shown.
    most_bytes: usize,
    bytes: usize,
    /// Failures that may pass, and how often each was met.
    passing: HashMap<(Arc<str>, ObjectKey), u32>,
    /// What no attempt is made at, and who can be asked about it.
    left_alone: BTreeMap<Arc<str>, (Arc<Downstream>, Vec<LeftAlone>)>,
    /// Counts what is noted, so that a look can tell whether anything was since the one before.
    notes: u64,
}

// === impl Book ===

impl Book {
    /// An empty one with room for objects of `most_bytes`; beyond that a finding stands without them.
    pub(super) fn bounded(most_bytes: usize) -> Self {
        Self {
            findings: BTreeMap::new(),
            most_bytes,
            bytes: 0,
            passing: HashMap::new(),
            left_alone: BTreeMap::new(),
            notes: 0,
        }
    }

    /// Notes `finding`, in place of what was found about that object on that side before.
    pub(super) fn put(&mut self, side: Side, mut finding: Finding) {
        let key = (finding.target.clone(), finding.key.clone(), side);
        self.strike(&key);
        let bytes = finding.size();
        if self.bytes + bytes > self.most_bytes {
            for content in [&mut finding.before, &mut finding.after] {
                if *content != Content::Absent {
                    *content = Content::LeftOut;
                }
            }
        } else {
            self.bytes += bytes;
        }
        self.findings.insert(key, finding);
    }

    /// An attempt found nothing to write: what failed before does not any more.
    pub(super) fn mended(&mut self, target: &Arc<str>, key: &ObjectKey) {
        let key = (Some(target.clone()), key.clone(), Side::Downstream);
        if self.findings.get(&key).is_some_and(|finding| !finding.writes) {
            self.strike(&key);
        }
    }

    fn strike(&mut self, key: &FindingKey) {
        if let Some(finding) = self.findings.remove(key) {
            self.bytes = self.bytes.saturating_sub(finding.size());
        }
    }

    /// An attempt was made, whatever came of it.
    pub(super) fn note(&mut self) {
        self.notes += 1;
    }

    /// `key` failed on `target` in a way that may pass by itself.
    pub(super) fn may_pass(&mut self, target: &Arc<str>, key: &ObjectKey) -> Patience {
        let times = self.passing.entry((target.clone(), key.clone())).or_default();
        *times += 1;
        if *times < TRIES {
            return Patience::Lasts;
        }
        self.passed(target, key);
        Patience::IsOver
    }

    /// Nothing is awaited of `key` on `target` any more.
    pub(super) fn passed(&mut self, target: &Arc<str>, key: &ObjectKey) {
        self.passing.remove(&(target.clone(), key.clone()));
    }

    /// How much was noted so far, and how many failures on `target` may still pass.
    pub(super) fn activity(&self, target: &Arc<str>) -> (u64, usize) {
        let passing = self.passing.keys().filter(|(name, _)| name == target).count();
        (self.notes, passing)
    }

    /// The objects of the target of `downstream` that nothing is tried on.
    pub(super) fn leave_alone(&mut self, downstream: &Arc<Downstream>, left: Vec<LeftAlone>) {
        let name = downstream.name.clone();
        self.left_alone.insert(name, (downstream.clone(), left));
    }

    /// Takes out what nothing is tried on, with who can be asked about it.
    pub(super) fn take_left_alone(&mut self) -> impl Iterator<Item = (Arc<Downstream>, LeftAlone)> + use<> {
        mem::take(&mut self.left_alone)
            .into_values()
            .flat_map(|(downstream, left)| left.into_iter().map(move |left| (downstream.clone(), left)))
    }

    /// Takes everything out, by target and object: the book is empty again.
    pub(super) fn take(&mut self) -> Vec<Finding> {
        let empty = Self::bounded(self.most_bytes);
        mem::replace(self, empty).findings.into_values().collect()
    }

    /// How many findings there are.
    pub(super) fn len(&self) -> usize {
        self.findings.len()
    }
}
