//! The mass-deletion guard over a ledger: many objects of one policy never go at once on absence alone (S3).

use std::{collections::BTreeMap, sync::Arc};

use syncer_core::{
    Gvr, ObjectKey,
    guard::Verdict,
    plan::{Desired, Lifecycle, Live, Pause},
    proof::Absence,
};

use super::{
    Admission, Ledger, Record,
    tally::{Part, Standing},
};

/// What came of a judgement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// How many of which policy are held.
    pub(crate) held: BTreeMap<Arc<str>, usize>,
    /// What may go from here on, sorted.
    pub(crate) released: Vec<ObjectKey>,
}

/// What becomes of what is missing of one policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was judged.
    Judged(Verdict),
    /// Nothing goes for now: the policy is suspended, or not everything was listed under the present rules, and what comes may make
    /// many of few.
    Waits,
}

// === impl Ledger ===

impl Ledger {
    /// Whether something changed since the last judgement that the guard has to judge.
    pub(crate) fn awaits_guard(&self) -> bool {
        self.records.tally().has_news()
    }

    /// Judges all objects of ours that a complete list did not have, or that no policy wants any more, policy by policy. Of a policy
    /// that is `suspended`, or holds objects of a resource that is not `complete`, nothing goes. What is in a namespace that
    /// `departs` goes without a question: whoever deleted the namespace meant all of it.
    pub(crate) fn guard(
        &mut self,
        suspended: impl Fn(&str) -> bool,
        complete: impl Fn(&Gvr) -> bool,
        departs: impl Fn(&ObjectKey) -> bool,
    ) -> Judgement {
        let unjudged = self.records.tally().shares().flat_map(|(_, share)| share.unjudged());
        let departing: Vec<_> = unjudged.filter(|key| departs(key)).cloned().collect();
        let mut released = self.excuse(departing);
        let mut moves: Vec<(ObjectKey, Admission)> = Vec::new();
        for (policy, share) in self.records.tally_mut().judge_all() {
            let fate = if suspended(policy) || !share.kinds().all(&complete) {
                Fate::Waits
            } else {
                Fate::Judged(share.verdict())
            };
            match fate {
                // What is held stays held.
                Fate::Waits => moves.extend(share.admitted().map(|key| (key.clone(), Admission::Unjudged))),
                Fate::Judged(Verdict::Held) => {
                    let missing = share.unjudged().chain(share.admitted());
                    moves.extend(missing.map(|key| (key.clone(), Admission::Held)));
                }
                Fate::Judged(Verdict::Admitted) => {
                    let missing = share.unjudged().chain(share.held());
                    moves.extend(missing.map(|key| (key.clone(), Admission::Admitted)));
                }
            }
        }
        for (key, to) in moves {
            if let Some(mut record) = self.records.get_mut(&key) {
                record.admission = to;
            }
            if to == Admission::Admitted {
                released.push(key);
            }
        }
        self.records.tally_mut().judged();
        released.sort_unstable();
        Judgement {
            held: self.held(),
            released,
        }
    }

    /// How many are held, by policy.
    pub(crate) fn held(&self) -> BTreeMap<Arc<str>, usize> {
        let shares = self.records.tally().shares();
        let held = shares.map(|(policy, share)| (policy.clone(), share.held().len()));
        held.filter(|(_, held)| *held > 0).collect()
    }

    /// A person confirmed that what is held may go: exactly that may, returned sorted, each once its own absence is confirmed.
    pub(crate) fn confirm(&mut self) -> Vec<ObjectKey> {
        let held = self.records.tally().shares().flat_map(|(_, share)| share.held());
        let mut confirmed: Vec<_> = held.cloned().collect();
        confirmed.sort_unstable();
        for key in &confirmed {
            if let Some(mut record) = self.records.get_mut(key) {
                record.admission = Admission::Confirmed;
            }
        }
        confirmed
    }

    /// The namespace `namespace` was read with a deletionTimestamp: what is held in it may go, returned sorted.
    pub(crate) fn depart(&mut self, namespace: &ObjectKey) -> Vec<ObjectKey> {
        let held = self.records.tally().shares().flat_map(|(_, share)| share.held());
        let mut inside: Vec<_> = held
            .filter(|key| key.cluster == namespace.cluster && key.namespace == namespace.name)
            .cloned()
            .collect();
        inside.sort_unstable();
        self.excuse(inside)
    }

    fn excuse(&mut self, keys: Vec<ObjectKey>) -> Vec<ObjectKey> {
        for key in &keys {
            if let Some(mut record) = self.records.get_mut(key) {
                record.desired = Desired::Gone(Absence::NamespaceTerminating);
            }
        }
        keys
    }
}

// === impl Record ===

impl Record {
    /// Whether it would go on absence alone. What a person paused does not go, and what is on its way out needs no judgement.
    pub(super) fn is_missing(&self) -> bool {
        let on_absence = matches!(self.desired, Desired::Gone(absence) if absence.is_guarded());
        on_absence
            && matches!(&self.live, Live::Ours(ours) if ours.lifecycle == Lifecycle::Present && ours.pause == Pause::Off)
    }

    /// Whether the guard keeps it.
    pub(super) fn is_kept_by_guard(&self) -> bool {
        self.is_missing() && matches!(self.admission, Admission::Unjudged | Admission::Held)
    }

    /// How it counts; `None` where it does not: it is not ours, on its way out, or about to be.
    pub(super) fn standing(&self) -> Option<Standing> {
        let Live::Ours(ours) = &self.live else { return None };
        if ours.lifecycle == Lifecycle::Terminating {
            return None;
        }
        let part = if self.is_missing() {
            match self.admission {
                Admission::Unjudged => Part::Unjudged,
                Admission::Held => Part::Held,
                Admission::Admitted => Part::Admitted,
                Admission::Confirmed => return None,
            }
        } else {
            Part::There
        };
        Some(Standing {
            policy: self.policy.clone(),
            part,
        })
    }
}

#[cfg(test)]
mod tests;
