//! Who is in a namespace: it goes last (S3).

use std::{collections::HashMap, sync::Arc};

use syncer_core::{
    LogicalCluster, ObjectKey,
    plan::{Desired, Live, Pause},
};

use super::{Ledger, Record, Turn};

/// What keeps a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inhabitants {
    /// All that is ours in it is about to go.
    Leaving,
    /// This object of ours, perhaps one of several, does not leave by itself.
    Remaining(ObjectKey),
}

/// Whether an object of ours leaves its namespace by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// It is about to go.
    Leaving,
    /// Nothing says that it has to go, or it is paused, or the mass-deletion guard holds it.
    Remains,
}

/// How many objects of ours are in each namespace, counted as they change: at the end of a workspace every namespace asks, again and again.
#[derive(Debug, Default)]
pub(super) struct Census(HashMap<(LogicalCluster, Arc<str>), Count>);

/// How many objects of ours are in one namespace.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    leaving: usize,
    remaining: usize,
}

// === impl Ledger ===

impl Ledger {
    /// Whether the next step of the namespace `key` is to take it away.
    pub(crate) fn is_to_be_removed(&self, key: &ObjectKey) -> bool {
        let record = self.records.get(key);
        record.is_some_and(|record| {
            record.turn == Turn::Queued && record.has_work() && matches!(record.desired, Desired::Gone(_))
        })
    }

    /// What of ours is in the namespace `key`; `None` for nothing.
    pub(crate) fn inhabitants(&self, key: &ObjectKey) -> Option<Inhabitants> {
        let Count { leaving, remaining } = self.records.census().of(key);
        if remaining == 0 {
            return (leaving > 0).then_some(Inhabitants::Leaving);
        }
        // A look at everything, but only to name what remains, which is said again only now and then.
        let remains = |other: &ObjectKey, record: &Record| {
            other.namespace == key.name && other.cluster == key.cluster && record.stay() == Some(Stay::Remains)
        };
        let remaining = self.records.iter().filter(|(other, record)| remains(other, record));
        // The same seed gives the same run: the least of them.
        let least = remaining.map(|(other, _)| other).min()?;
        Some(Inhabitants::Remaining(least.clone()))
    }
}

// === impl Record ===

impl Record {
    /// Whether it leaves the target; `None` if nothing of ours is there.
    pub(super) fn stay(&self) -> Option<Stay> {
        let Live::Ours(ours) = &self.live else { return None };
        let kept = self.is_kept_by_guard();
        let leaves = matches!(self.desired, Desired::Gone(_)) && ours.pause == Pause::Off && !kept;
        Some(if leaves { Stay::Leaving } else { Stay::Remains })
    }
}

// === impl Census ===

impl Census {
    /// The object `key` stays in its namespace as `now`, and no longer as `before`; `None` for not at all.
    pub(super) fn moved(&mut self, key: &ObjectKey, before: Option<Stay>, now: Option<Stay>) {
        if key.namespace.is_empty() || before == now {
            return;
        }
        let place = (key.cluster.clone(), key.namespace.clone());
        let count = self.0.entry(place.clone()).or_default();
        if let Some(before) = before {
            let count = count.of(before);
            *count = count.saturating_sub(1);
        }
        if let Some(now) = now {
            *count.of(now) += 1;
        }
        if count.leaving + count.remaining == 0 {
            self.0.remove(&place);
        }
    }

    fn of(&self, namespace: &ObjectKey) -> Count {
        let place = (namespace.cluster.clone(), namespace.name.clone());
        self.0.get(&place).copied().unwrap_or_default()
    }
}

// === impl Count ===

impl Count {
    fn of(&mut self, stay: Stay) -> &mut usize {
        match stay {
            Stay::Leaving => &mut self.leaving,
            Stay::Remains => &mut self.remaining,
        }
    }
}

#[cfg(test)]
mod tests {
    use syncer_core::{Gvr, LogicalCluster, proof::Absence};

    use super::*;
    use crate::target::{Seen, ledger::tests::seen};

    /// An object with the UID `uid`.
    fn here(uid: &str, version: &str) -> Seen {
        let mut seen = seen(7, version);
        seen.ours.uid = uid.into();
        seen
    }

    fn key(resource: &str, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey::new(LogicalCluster::plain(), Gvr::new("", "v1", resource), namespace, name)
    }

    /// Who keeps the namespace `shop`.
    fn keeper(ledger: &Ledger) -> Option<String> {
        Some(match ledger.inhabitants(&key("namespaces", "", "shop"))? {
            Inhabitants::Leaving => "what leaves".to_owned(),
            Inhabitants::Remaining(key) => key.name.to_string(),
        })
    }

    /// How many of ours are anywhere, by the census.
    fn counted(ledger: &Ledger) -> usize {
        let counts = ledger.records.census().0.values();
        counts.map(|count| count.leaving + count.remaining).sum()
    }

    #[test]
    fn whoever_stays_for_longest_keeps_the_namespace() {
        let mut ledger = Ledger::default();
        assert_eq!(keeper(&ledger), None);
        ledger.sight(&key("namespaces", "", "shop"), here("n1", "1"), 1);
        ledger.sight(&key("configmaps", "other", "web"), here("d0", "1"), 1);
        assert_eq!(keeper(&ledger), None, "neither itself nor what is elsewhere");
        let web = key("configmaps", "shop", "web");
        ledger.unwant(&web, Desired::Gone(Absence::DeletionSeen), 1);
        assert_eq!(keeper(&ledger), None, "nothing of it is there");
        ledger.sight(&web, here("d1", "2"), 1);
        assert_eq!(keeper(&ledger), Some("what leaves".to_owned()));
        let kept = key("configmaps", "shop", "kept");
        ledger.sight(&kept, here("d2", "3"), 1);
        assert_eq!(keeper(&ledger), Some("kept".to_owned()), "nobody said a word of it");
        ledger.unwant(&kept, Desired::Gone(Absence::NotInCompleteList), 1);
        assert_eq!(keeper(&ledger), Some("kept".to_owned()), "the guard has not judged it");
        ledger.unwant(&kept, Desired::Gone(Absence::Drained), 1);
        assert_eq!(keeper(&ledger), Some("what leaves".to_owned()), "a drain is not held");
        ledger.out_of_sight(&kept, "d2", "12");
        ledger.out_of_sight(&web, "d1", "12");
        assert_eq!(keeper(&ledger), None);
        assert_eq!(counted(&ledger), 1, "what is in the other namespace");
        ledger.out_of_sight(&key("configmaps", "other", "web"), "d0", "12");
        assert_eq!(counted(&ledger), 0, "a namespace that holds nothing is not remembered");
    }

    #[test]
    fn of_several_that_remain_the_least_is_named() {
        let mut ledger = Ledger::default();
        for (number, name) in ["web", "api", "zoo"].into_iter().enumerate() {
            ledger.sight(&key("configmaps", "shop", name), here(&format!("d{number}"), "1"), 1);
        }
        assert_eq!(keeper(&ledger), Some("api".to_owned()));
    }
}
