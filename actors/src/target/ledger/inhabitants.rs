//! Who is in a namespace: it goes last (S3).

use syncer_core::{
    ObjectKey,
    plan::{Desired, Live, Pause},
};

use super::{Ledger, Record, Turn};

/// An object of ours that keeps its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inhabitant {
    /// Which.
    pub(crate) key: ObjectKey,
    /// Whether it will leave.
    pub(crate) stay: Stay,
}

/// Whether an object of ours leaves its namespace by itself. The longer stay is the greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stay {
    /// It is about to go.
    Leaving,
    /// Nothing says that it has to go, or it is paused, or the mass-deletion guard holds it.
    Remains,
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

    /// The object of ours that will be in the namespace `key` for longest; `None` if there is none.
    pub(crate) fn inhabitant(&self, key: &ObjectKey) -> Option<Inhabitant> {
        let lives_there = |other: &ObjectKey| other.namespace == key.name && other.cluster == key.cluster;
        let inhabitants = self.records.iter().filter(|(other, _)| lives_there(other));
        let stays = inhabitants.filter_map(|(other, record)| Some((record.stay()?, other)));
        // The same seed gives the same run: the least of equals.
        let (stay, other) = stays.max_by(|(one, first), (other, second)| one.cmp(other).then(second.cmp(first)))?;
        Some(Inhabitant {
            key: other.clone(),
            stay,
        })
    }
}

// === impl Record ===

impl Record {
    /// Whether it leaves the target; `None` if nothing of ours is there.
    fn stay(&self) -> Option<Stay> {
        let Live::Ours(ours) = &self.live else { return None };
        let kept = self.is_kept_by_guard();
        let leaves = matches!(self.desired, Desired::Gone(_)) && ours.pause == Pause::Off && !kept;
        Some(if leaves { Stay::Leaving } else { Stay::Remains })
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

    fn stay(ledger: &Ledger) -> Option<(String, Stay)> {
        let inhabitant = ledger.inhabitant(&key("namespaces", "", "shop"))?;
        Some((inhabitant.key.name.to_string(), inhabitant.stay))
    }

    #[test]
    fn whoever_stays_for_longest_keeps_the_namespace() {
        let mut ledger = Ledger::default();
        assert_eq!(stay(&ledger), None);
        ledger.sight(&key("namespaces", "", "shop"), here("n1", "1"), 1);
        ledger.sight(&key("configmaps", "other", "web"), here("d0", "1"), 1);
        assert_eq!(stay(&ledger), None, "neither itself nor what is elsewhere");
        let web = key("configmaps", "shop", "web");
        ledger.unwant(&web, Desired::Gone(Absence::DeletionSeen), 1);
        assert_eq!(stay(&ledger), None, "nothing of it is there");
        ledger.sight(&web, here("d1", "2"), 1);
        assert_eq!(stay(&ledger), Some(("web".to_owned(), Stay::Leaving)));
        let kept = key("configmaps", "shop", "kept");
        ledger.sight(&kept, here("d2", "3"), 1);
        assert_eq!(
            stay(&ledger),
            Some(("kept".to_owned(), Stay::Remains)),
            "nobody said a word of it"
        );
        ledger.unwant(&kept, Desired::Gone(Absence::NotInCompleteList), 1);
        assert_eq!(
            stay(&ledger),
            Some(("kept".to_owned(), Stay::Remains)),
            "the guard has not judged it"
        );
        ledger.unwant(&kept, Desired::Gone(Absence::Drained), 1);
        assert_eq!(
            stay(&ledger),
            Some(("kept".to_owned(), Stay::Leaving)),
            "a drain is not held"
        );
        ledger.out_of_sight(&kept, "d2");
        ledger.out_of_sight(&web, "d1");
        assert_eq!(stay(&ledger), None);
    }
}
