//! What is remembered of objects that both sides change, over all targets of an upstream: when their fields were written, who fights over
//! which, and what was decided last.
//!
//! Reconcilers look here before they decide, each for its own target, and without waiting (S6); what was carried out is written down by the
//! `ConflictArbiter` alone. Bounded: what was not asked for longest is forgotten, which makes times estimates and lets a fight be noticed anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use syncer_core::{
    ObjectKey,
    config::FightRule,
    conflict::{Decision, FightKey, Fights, LeafId, Memory, Moment, Sight, Verdict, Winner},
};

use super::told::{is_act, is_successor, same_verdict};

/// The objects of which anything is remembered.
const MOST_OBJECTS: usize = 4096;
/// The verdicts that are kept of one object on one target.
const MOST_VERDICTS: usize = 64;

/// The docket of one upstream. Cheap to clone; clones are one.
#[derive(Clone)]
pub(crate) struct Docket(Arc<Cache<ObjectKey, Arc<Mutex<Case>>>>);

/// One object.
#[derive(Default)]
struct Case {
    targets: BTreeMap<Arc<str>, Bench>,
    /// The fights of write-backs: targets that pull the upstream's value in different directions.
    written_back: Fights,
}

/// One object on one target.
#[derive(Default)]
struct Bench {
    /// The shape of the prescription that all this is about: under another one, a fight may be settled.
    shape: u64,
    memory: Memory,
    reverted: Fights,
    last: Vec<Verdict>,
}

/// Whose case it is.
#[derive(Clone, Copy)]
pub(crate) struct Party<'a> {
    /// The upstream object.
    pub(crate) key: &'a ObjectKey,
    /// The target.
    pub(crate) target: &'a Arc<str>,
    /// The shape of the prescription.
    pub(crate) shape: u64,
}

/// A fight that was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noticed {
    /// Where.
    pub(crate) path: String,
    /// With whom.
    pub(crate) manager: Box<str>,
    /// Who else wants the leaf otherwise, on whatever target.
    pub(crate) rivals: Vec<Box<str>>,
    /// The leaf is left alone until then.
    pub(crate) until: Moment,
}

// === impl Noticed ===

impl Noticed {
    /// What people are told of a fight on `target`.
    pub(crate) fn note(&self, target: &str) -> String {
        let manager = if self.manager.is_empty() {
            "somebody"
        } else {
            &self.manager
        };
        let rivals = match self.rivals.as_slice() {
            [] => String::new(),
            rivals => format!(", and so does {}", rivals.join(", ")),
        };
        format!(
            "target {target}: {manager} changes {} again and again{rivals}: it is left alone until {}; give the field to one side in the policy \
             (conflict.fields)",
            self.path, self.until
        )
    }
}

// === impl Docket ===

impl Docket {
    /// The leaves of a party that rest now.
    pub(crate) fn resting(&self, party: Party<'_>, now: Moment) -> BTreeSet<LeafId> {
        let Some(case) = self.0.get(party.key) else {
            return BTreeSet::new();
        };
        let mut case = case.lock();
        case.bench(party);
        let written_back: Vec<_> = case.written_back.resting(now).collect();
        let reverted = case.targets.get(party.target).into_iter();
        reverted
            .flat_map(|bench| bench.reverted.resting(now))
            .chain(written_back)
            .collect()
    }

    /// When the first of the leaves of a party that rest is tried again.
    pub(crate) fn next_end(&self, party: Party<'_>, now: Moment) -> Option<Moment> {
        let case = self.0.get(party.key)?;
        let case = case.lock();
        let reverted = case
            .targets
            .get(party.target)
            .and_then(|bench| bench.reverted.next_end(now));
        reverted.into_iter().chain(case.written_back.next_end(now)).min()
    }

    /// Lets `decide` use what is remembered of a party. It has to be quick: the case is locked meanwhile.
    pub(crate) fn decide(&self, party: Party<'_>, decide: impl FnOnce(&mut Memory) -> Decision) -> Decision {
        let case = self.case(party.key);
        let mut case = case.lock();
        let memory = &mut case.bench(party).memory;
        let decision = decide(memory);
        memory.upstream.sight = Sight::Watched;
        memory.downstream.sight = Sight::Watched;
        decision
    }

    /// Takes down what was decided; returns what was not decided just so the last time.
    pub(crate) fn record(&self, party: Party<'_>, verdicts: &[Verdict]) -> Vec<Verdict> {
        if verdicts.is_empty() && self.0.get(party.key).is_none() {
            return Vec::new();
        }
        let case = self.case(party.key);
        let mut case = case.lock();
        let bench = case.bench(party);
        // What was done is done each time; what is only left as it is, is decided again whenever somebody looks.
        let known = |verdict: &Verdict| bench.last.iter().any(|known| same_verdict(known, verdict));
        let is_new = |verdict: &&Verdict| is_act(verdict) || !known(verdict);
        let new: Vec<_> = verdicts.iter().filter(is_new).cloned().collect();
        if !verdicts.is_empty() {
            bench.last = verdicts.iter().take(MOST_VERDICTS).cloned().collect();
        }
        new
    }

    /// These verdicts were carried out: says which of them are fights by now.
    pub(crate) fn carried_out(
        &self,
        party: Party<'_>,
        verdicts: &[Verdict],
        now: Moment,
        rule: FightRule,
    ) -> Vec<Noticed> {
        let fought = |verdict: &&Verdict| is_act(verdict) && !is_successor(verdict, party.target);
        let acted: Vec<_> = verdicts.iter().filter(fought).collect();
        if acted.is_empty() {
            return Vec::new();
        }
        let case = self.case(party.key);
        let mut case = case.lock();
        case.bench(party).reverted.tidy(now, rule);
        case.written_back.tidy(now, rule);
        let mut noticed = Vec::new();
        for verdict in acted {
            let manager = verdict.downstream.manager.clone().unwrap_or_default();
            let key = FightKey {
                leaf: verdict.leaf,
                manager: manager.clone(),
            };
            let fights = match verdict.winner {
                Winner::WrittenBack => &mut case.written_back,
                _ => &mut case.bench(party).reverted,
            };
            if let Some(until) = fights.acted(&key, now, rule) {
                noticed.push(Noticed {
                    path: verdict.path.to_string(),
                    rivals: fights.rivals(&key),
                    manager,
                    until,
                });
            }
        }
        noticed
    }

    fn case(&self, key: &ObjectKey) -> Arc<Mutex<Case>> {
        if let Some(case) = self.0.get(key) {
            return case;
        }
        let case = Arc::default();
        self.0.insert(key.clone(), Arc::clone(&case));
        // Another one may have been quicker; both mean the same, and one of them stays.
        self.0.get(key).unwrap_or(case)
    }
}

impl Default for Docket {
    fn default() -> Self {
        Self(Arc::new(Cache::new(MOST_OBJECTS)))
    }
}

/// Sizes only: verdicts name values.
impl fmt::Debug for Docket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Docket").field("objects", &self.0.len()).finish()
    }
}

// === impl Case ===

impl Case {
    fn bench(&mut self, party: Party<'_>) -> &mut Bench {
        let bench = self.targets.entry(party.target.clone()).or_insert_with(|| Bench {
            shape: party.shape,
            ..Bench::default()
        });
        if bench.shape != party.shape {
            // The policy says something else now, and may have settled what was fought over.
            bench.shape = party.shape;
            bench.reverted = Fights::default();
            self.written_back = Fights::default();
        }
        bench
    }
}

#[cfg(test)]
mod tests;
