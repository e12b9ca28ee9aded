//! How the objects of a policy stand, as its status says it.

use serde_json::{Value, json};

use crate::object_state::{ObjectCounts, ObjectState};

/// How many objects of a policy stand how, each counted once per target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    selected: u64,
    synced: u64,
    failed: u64,
    conflicted: u64,
}

// === impl Counts ===

impl Counts {
    /// Those that were counted.
    pub fn of(objects: &ObjectCounts) -> Self {
        Self {
            selected: objects.desired(),
            synced: objects.of(ObjectState::Synced),
            failed: objects.of(ObjectState::Failed),
            conflicted: objects.of(ObjectState::Conflicted),
        }
    }

    /// Those that `status` says; zero where it says none.
    pub fn read(status: &Value) -> Self {
        let count = |field: &str| {
            let count = status.get("objects").and_then(|objects| objects.get(field)?.as_u64());
            count.unwrap_or_default()
        };
        Self {
            selected: count("selected"),
            synced: count("synced"),
            failed: count("failed"),
            conflicted: count("conflicted"),
        }
    }

    /// These and `others` together. No more stand in one way than are selected: counts of different times may overlap.
    #[must_use]
    pub fn with(self, others: Self) -> Self {
        let selected = self.selected.saturating_add(others.selected);
        let sum = |one: u64, other: u64| one.saturating_add(other).min(selected);
        Self {
            selected,
            synced: sum(self.synced, others.synced),
            failed: sum(self.failed, others.failed),
            conflicted: sum(self.conflicted, others.conflicted),
        }
    }

    /// These less `others`, and none below zero.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self {
            selected: self.selected.saturating_sub(others.selected),
            synced: self.synced.saturating_sub(others.synced),
            failed: self.failed.saturating_sub(others.failed),
            conflicted: self.conflicted.saturating_sub(others.conflicted),
        }
    }

    pub(super) fn written(self) -> Value {
        json!({
            "selected": self.selected,
            "synced": self.synced,
            "failed": self.failed,
            "conflicted": self.conflicted,
        })
    }
}
