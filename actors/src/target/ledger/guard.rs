//! The mass-deletion guard over a ledger: many objects of one policy never go at once on absence alone (S3).

use std::{collections::BTreeMap, sync::Arc};

use syncer_core::{
    Gvr, ObjectKey,
    guard::{Verdict, judge},
    plan::{Desired, Live},
    proof::Absence,
};

use super::{Admission, Ledger, Record};

/// What a target holds of one policy.
struct Share {
    held: usize,
    missing: usize,
    leave: Leave,
}

/// What the policy, or what is known of its objects, says about objects that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    /// They are counted, and go or are held.
    Counted,
    /// Nothing goes for now: the policy is suspended, or not everything was listed under the present rules, and what comes may make
    /// many of few.
    None,
}

// === impl Ledger ===

impl Ledger {
    /// Judges all objects of ours that a complete list did not have, or that no policy wants any more, policy by policy; returns
    /// how many of which policy are held. Of a policy that is `suspended`, or holds objects of a resource that is not `complete`,
    /// nothing goes.
    pub(crate) fn guard(
        &mut self,
        suspended: impl Fn(&str) -> bool,
        complete: impl Fn(&Gvr) -> bool,
    ) -> BTreeMap<Arc<str>, usize> {
        let mut shares: BTreeMap<Arc<str>, Share> = BTreeMap::new();
        for (key, record) in self.records.iter().filter(|(_, record)| record.is_ours()) {
            let share = shares.entry(record.policy.clone()).or_insert_with(|| Share {
                held: 0,
                missing: 0,
                leave: if suspended(&record.policy) {
                    Leave::None
                } else {
                    Leave::Counted
                },
            });
            share.held += 1;
            share.missing += usize::from(record.is_missing());
            if !complete(&key.gvr) {
                share.leave = Leave::None;
            }
        }
        shares.retain(|_, share| share.leave == Leave::None || judge(share.missing, share.held) == Verdict::Held);
        for record in self.records.values_mut().filter(|record| record.is_missing()) {
            record.admission = if shares.contains_key(&record.policy) {
                Admission::Unjudged
            } else {
                Admission::Admitted
            };
        }
        shares
            .into_iter()
            .filter(|(_, share)| share.leave == Leave::Counted)
            .map(|(policy, share)| (policy, share.missing))
            .collect()
    }

    /// Whether `key` is missing and the guard has not let it go.
    pub(crate) fn awaits_judgement(&self, key: &ObjectKey) -> bool {
        self.records
            .get(key)
            .is_some_and(|record| record.is_missing() && record.admission == Admission::Unjudged)
    }
}

// === impl Record ===

impl Record {
    fn is_ours(&self) -> bool {
        matches!(self.live, Live::Ours(_))
    }

    /// Whether it would go on absence alone.
    pub(super) fn is_missing(&self) -> bool {
        let on_absence = matches!(
            self.desired,
            Desired::Gone(Absence::NotInCompleteList | Absence::Unselected)
        );
        self.is_ours() && on_absence
    }
}
