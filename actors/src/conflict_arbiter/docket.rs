//! What is remembered of objects that both sides change, over all targets of an upstream: when their fields were written, who fights over
//! which, and what was decided last.
//!
//! Reconcilers look here before they decide, each for its own target, and without waiting (S6); what was carried out is written down by the
//! `ConflictArbiter` alone. Bounded: what was not asked for longest is forgotten, which makes times estimates and lets a fight be noticed anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use syncer_core::{
    ObjectKey,
    config::FightRule,
    conflict::{
        Clocks, Decision, FightKey, Fights, Fought, LeafId, LeafSheet, Memory, Moment, Resting, ShownLeaf, SideClock,
        Sight, Succession, Verdict, Winner,
    },
};

use super::{
    moment_of,
    told::{is_act, is_successor, same_verdict},
};
use crate::runtime::Clock;

/// The objects of which anything is remembered.
const MOST_OBJECTS: usize = 4096;
/// The fights over one object that are named in one text.
const MOST_SAID: usize = 8;
/// The verdicts that are kept of one object on one target.
const MOST_VERDICTS: usize = 64;

/// The docket of one upstream. Cheap to clone; clones are one.
#[derive(Clone)]
pub(crate) struct Docket {
    cases: Arc<Cache<ObjectKey, Arc<Mutex<Case>>>>,
    /// The time of day; not known before the arbiter is started.
    clock: Arc<OnceLock<Clock>>,
    /// The last gap in what was watched of each side: of the upstream without a name.
    gaps: Arc<Mutex<BTreeMap<Option<Arc<str>>, Gap>>>,
}

/// A time in which a side was not watched: a list made an end of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    /// Counts up.
    number: u64,
    /// When it ended, on our clock, in whole seconds as servers write them.
    ended: Moment,
}

/// One object.
#[derive(Default)]
struct Case {
    targets: BTreeMap<Arc<str>, Bench>,
    /// What the versions of the upstream object showed.
    sheet: LeafSheet,
    /// The fights of write-backs: targets that pull the upstream's value in different directions.
    written_back: Fights,
}

/// One object on one target.
#[derive(Default)]
struct Bench {
    /// The shape of the prescription that all this is about: under another one, a fight may be settled.
    shape: u64,
    memory: Memory,
    /// The gaps after which it was looked at: of the upstream, and of the target.
    looked: Option<(u64, u64)>,
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
        Self::notes(std::slice::from_ref(self), target)
    }

    /// The same of all `fights` over one object on `target`.
    pub(crate) fn notes(fights: &[Self], target: &str) -> String {
        let said: Vec<_> = fights.iter().take(MOST_SAID).map(Self::to_string).collect();
        let more = match fights.len().saturating_sub(MOST_SAID) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let (it, field) = match fights {
            [_] => ("it is", "the field"),
            _ => ("they are", "each field"),
        };
        let until = fights.iter().map(|fight| fight.until).min().unwrap_or(Moment(0));
        format!(
            "target {target}: {}{more}: {it} left alone until {until}; give {field} to one side in the policy (conflict.fields)",
            said.join("; ")
        )
    }
}

/// Who fights over what.
impl fmt::Display for Noticed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manager = if self.manager.is_empty() {
            "somebody"
        } else {
            &self.manager
        };
        write!(f, "{manager} changes {} again and again", self.path)?;
        if !self.rivals.is_empty() {
            write!(f, ", and so does {}", self.rivals.join(", "))?;
        }
        Ok(())
    }
}

// === impl Docket ===

impl Docket {
    /// The leaves of a party that rest now.
    pub(crate) fn resting(&self, party: Party<'_>, now: Moment) -> Resting {
        let Some(case) = self.cases.get(party.key) else {
            return Resting::default();
        };
        let mut case = case.lock();
        case.bench(party);
        let reverted = case.targets.get(party.target).map(|bench| bench.reverted.resting(now));
        case.written_back.resting(now).or(reverted.unwrap_or_default())
    }

    /// When the first of the leaves of a party that rest is tried again.
    pub(crate) fn next_end(&self, party: Party<'_>, now: Moment) -> Option<Moment> {
        let case = self.cases.get(party.key)?;
        let case = case.lock();
        let reverted = case
            .targets
            .get(party.target)
            .and_then(|bench| bench.reverted.next_end(now));
        reverted.into_iter().chain(case.written_back.next_end(now)).min()
    }

    /// Lets `decide` use what is remembered of a party. It has to be quick: the case is locked meanwhile.
    pub(crate) fn decide(
        &self,
        party: Party<'_>,
        clocks: Clocks,
        decide: impl FnOnce(&mut Memory) -> Decision,
    ) -> Decision {
        let (above, below) = (self.last_gap(None), self.last_gap(Some(party.target)));
        let case = self.case(party.key);
        let mut case = case.lock();
        let first_shown = case.sheet.first_shown().clone();
        let bench = case.bench(party);
        let before = bench.looked.replace((above.number, below.number));
        let sight = |gap: Gap, seen: Option<u64>, clock: SideClock| {
            if seen == Some(gap.number) {
                Sight::Watched
            } else {
                Sight::AfterGap(clock.to_theirs(gap.ended))
            }
        };
        let memory = &mut bench.memory;
        memory.upstream.sight = sight(above, before.map(|(above, _)| above), clocks.upstream);
        memory.downstream.sight = sight(below, before.map(|(_, below)| below), clocks.downstream);
        memory.upstream.watched(&first_shown);
        decide(memory)
    }

    /// The time is that of `clock`. Only the first call counts.
    pub(crate) fn begin(&self, clock: &Clock) {
        drop(self.clock.set(clock.clone()));
    }

    /// Now, on our clock; the epoch before the begin.
    pub(crate) fn now(&self) -> Moment {
        self.clock.get().map_or(Moment(0), moment_of)
    }

    /// A list of the upstream, or of `target`, came to its end: what was written before it may have been written at any time.
    pub(crate) fn gap(&self, target: Option<&Arc<str>>) {
        let now = self.now();
        let mut gaps = self.gaps.lock();
        let gap = gaps.entry(target.cloned()).or_insert(Gap::UNKNOWN);
        gap.number += 1;
        gap.ended = Moment(now.0 - now.0.rem_euclid(1000));
    }

    fn last_gap(&self, target: Option<&Arc<str>>) -> Gap {
        self.gaps.lock().get(&target.cloned()).copied().unwrap_or(Gap::UNKNOWN)
    }

    /// A version of the upstream object `key` came that has `leaves`, when the upstream's clock showed `now`.
    pub(crate) fn shown(&self, key: &ObjectKey, leaves: Vec<ShownLeaf>, now: Moment, succession: Succession) {
        self.case(key).lock().sheet.show(leaves, now, succession);
    }

    /// Takes down what was decided; returns what was not decided just so the last time.
    pub(crate) fn record(&self, party: Party<'_>, verdicts: &[Verdict]) -> Vec<Verdict> {
        if verdicts.is_empty() && self.cases.get(party.key).is_none() {
            return Vec::new();
        }
        let case = self.case(party.key);
        let mut case = case.lock();
        let bench = case.bench(party);
        // What was done is done each time; what is only left as it is, is decided again whenever somebody looks.
        let known = |verdict: &Verdict| bench.last.iter().any(|known| same_verdict(known, verdict));
        let is_new = |verdict: &&Verdict| is_act(verdict) || !known(verdict);
        let new: Vec<_> = verdicts.iter().filter(is_new).cloned().collect();
        // What is not decided any more is news when it is decided again.
        bench.last = verdicts.iter().take(MOST_VERDICTS).cloned().collect();
        new
    }

    /// Whether anything was decided the last time that something was heard of a party.
    pub(crate) fn has_decided(&self, party: Party<'_>) -> bool {
        let Some(case) = self.cases.get(party.key) else {
            return false;
        };
        let case = case.lock();
        let bench = case.targets.get(party.target);
        bench.is_some_and(|bench| !bench.last.is_empty())
    }

    /// Those who are followed over the `leaf` of a party, on whatever target, sorted.
    pub(crate) fn rivals(&self, party: Party<'_>, leaf: LeafId) -> Vec<Box<str>> {
        let Some(case) = self.cases.get(party.key) else {
            return Vec::new();
        };
        let case = case.lock();
        let reverted = case
            .targets
            .get(party.target)
            .map(|bench| bench.reverted.managers(leaf));
        let managers = reverted.into_iter().flatten().chain(case.written_back.managers(leaf));
        managers.collect::<BTreeSet<_>>().into_iter().collect()
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
            if let Some(fought) = fights.acted(&key, now, rule) {
                let (path, until) = match fought {
                    Fought::Leaf(until) => (verdict.path.to_string(), until),
                    Fought::Object(until) => (format!("more than {} of its fields", Fights::MOST), until),
                };
                noticed.push(Noticed {
                    path,
                    rivals: fights.rivals(&key),
                    manager,
                    until,
                });
            }
        }
        noticed
    }

    fn case(&self, key: &ObjectKey) -> Arc<Mutex<Case>> {
        if let Some(case) = self.cases.get(key) {
            return case;
        }
        let case = Arc::default();
        self.cases.insert(key.clone(), Arc::clone(&case));
        // Another one may have been quicker; both mean the same, and one of them stays.
        self.cases.get(key).unwrap_or(case)
    }
}

impl Default for Docket {
    fn default() -> Self {
        Self {
            cases: Arc::new(Cache::new(MOST_OBJECTS)),
            clock: Arc::default(),
            gaps: Arc::default(),
        }
    }
}

/// Sizes only: verdicts name values.
impl fmt::Debug for Docket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Docket")
            .field("objects", &self.cases.len())
            .finish_non_exhaustive()
    }
}

// === impl Gap ===

impl Gap {
    /// Nothing was listed to its end yet: whatever is found was written before.
    const UNKNOWN: Self = Self {
        number: 0,
        ended: Moment(i64::MAX),
    };
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
