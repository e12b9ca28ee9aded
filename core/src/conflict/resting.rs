//! What of an object is left alone for now.

use std::collections::BTreeSet;

use super::leaf::LeafId;

/// The leaves of an object that are fought over and left alone for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resting {
    /// These.
    Leaves(BTreeSet<LeafId>),
    /// Every one: more are fought over than are followed.
    All,
}

// === impl Resting ===

impl Resting {
    /// Whether `leaf` is left alone.
    pub fn contains(&self, leaf: LeafId) -> bool {
        match self {
            Self::Leaves(leaves) => leaves.contains(&leaf),
            Self::All => true,
        }
    }

    /// Whether nothing is left alone.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Leaves(leaves) if leaves.is_empty())
    }

    /// What is left alone by either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Leaves(one), Self::Leaves(other)) => Self::Leaves(one.into_iter().chain(other).collect()),
            _ => Self::All,
        }
    }
}

impl Default for Resting {
    fn default() -> Self {
        Self::Leaves(BTreeSet::new())
    }
}

impl FromIterator<LeafId> for Resting {
    fn from_iter<I: IntoIterator<Item = LeafId>>(leaves: I) -> Self {
        Self::Leaves(leaves.into_iter().collect())
    }
}
