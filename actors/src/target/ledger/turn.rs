//! Whose turn it is with an object, and what one that waits still waits for.

use syncer_core::{
    ObjectKey,
    plan::{Desired, Live, Ownership, Step},
};

use super::{Complaint, Ledger, Record, Task};
use crate::target::weighing::weighed;

/// Whose turn it is with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nobody's: upstream and target agree, or nothing is known.
    Quiet,
    /// It stands in the queue.
    Queued,
    /// A Reconciler works on it.
    Running,
    /// It failed and waits for its time.
    Waiting,
    /// Its step was reported, since nothing is written; it waits until something changes.
    Reported,
}

/// What an object that waits still waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It does not wait, or something is still to be done for it.
    Open,
    /// It waited for a watch, which has told meanwhile.
    Idle,
    /// It failed, and is as it has to be by now.
    Mended,
}

// === impl Ledger ===

impl Ledger {
    /// Whether `key` should stand in the queue now; if so it does from here on.
    pub(crate) fn queue(&mut self, key: &ObjectKey) -> bool {
        let Some(mut record) = self.records.get_mut(key) else {
            return false;
        };
        let idle = matches!(record.turn, Turn::Quiet | Turn::Waiting | Turn::Reported);
        if !idle || !record.has_work() {
            return false;
        }
        record.turn = Turn::Queued;
        true
    }

    /// What is to be done for `key`, whose turn it is; `None` if that came to nothing meanwhile.
    pub(crate) fn begin(&mut self, key: &ObjectKey) -> Option<Task> {
        let mut record = self.records.get_mut(key)?;
        if record.turn != Turn::Queued {
            return None;
        }
        record.turn = Turn::Quiet;
        if !record.has_work() {
            return None;
        }
        record.turn = Turn::Running;
        Some(record.task())
    }

    /// The step of `key` was reported: nothing is written.
    pub(crate) fn reported(&mut self, key: &ObjectKey) {
        if let Some(mut record) = self.records.get_mut(key) {
            record.turn = Turn::Reported;
        }
    }

    /// What `key`, if it waits, still waits for.
    pub(crate) fn outlook(&self, key: &ObjectKey) -> Outlook {
        let waiting = |record: &&Record| record.turn == Turn::Waiting && !record.is_kept_by_guard();
        let Some(record) = self.records.get(key).filter(waiting) else {
            return Outlook::Open;
        };
        let is_known = matches!(record.desired, Desired::Wanted { .. } | Desired::Gone(_));
        if !is_known || record.step() != Step::Nothing {
            return Outlook::Open;
        }
        match record.complaint {
            // Its rest goes on, whatever the upstream says.
            Complaint::Fighting => Outlook::Open,
            Complaint::None => Outlook::Idle,
            Complaint::Failed | Complaint::Conflicted | Complaint::Paused => Outlook::Mended,
        }
    }

    /// `key` waits no longer, and nothing is to be done for it: the next change of either side counts again.
    pub(crate) fn end_wait(&mut self, key: &ObjectKey) {
        if let Some(mut record) = self.records.get_mut(key)
            && record.turn == Turn::Waiting
        {
            record.turn = Turn::Quiet;
        }
    }

    /// The wait of `key` is over. What was in the way may be gone: only another attempt tells.
    pub(crate) fn due(&mut self, key: &ObjectKey) {
        let Some(mut record) = self.records.get_mut(key) else {
            return;
        };
        if record.live == Live::Foreign {
            record.live = Live::Unseen;
        }
        // The binding was not what withheld it: it is asked for again.
        if let Desired::Withheld(absence) = record.desired {
            record.desired = weighed(&self.workspaces, key, absence);
        }
        // What was left alone is looked at again.
        if let (Complaint::Fighting, Live::Ours(ours)) = (record.complaint, &mut record.live) {
            ours.ownership = Ownership::Taken;
        }
    }

    /// Whether fields of `key` are fought over, and it waits for that alone.
    pub(crate) fn is_fought_over(&self, key: &ObjectKey) -> bool {
        let record = self.records.get(key);
        record.is_some_and(|record| record.turn == Turn::Waiting && record.complaint == Complaint::Fighting)
    }

    /// Whether the next step of `key` is to make it.
    pub(crate) fn is_to_be_made(&self, key: &ObjectKey) -> bool {
        self.records
            .get(key)
            .is_some_and(|record| record.step() == Step::Create)
    }

    /// Whose turn it is with `key`, if there is a record of it.
    pub(crate) fn turn(&self, key: &ObjectKey) -> Option<Turn> {
        self.records.get(key).map(|record| record.turn)
    }

    /// The keys that wait after a failure, sorted.
    pub(crate) fn waiting(&self) -> Vec<ObjectKey> {
        let waiting = self.records.iter().filter(|(_, record)| record.turn == Turn::Waiting);
        let mut keys: Vec<_> = waiting.map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys
    }
}
