//! What of an actor is rarely looked at from outside, under one lock.

use std::task::Waker;

use super::Notice;
use crate::runtime::family::Family;

/// What is rarely looked at.
pub(super) struct Cold {
    pub(super) state: &'static str,
    /// `None` for most: the many actors at the leaves of the tree have no children, and have not failed.
    pub(super) rare: Option<Box<Rare>>,
}

/// What most actors have not.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) last_error: Option<Box<str>>,
    pub(super) notices: Vec<Notice>,
    pub(super) successor: Option<Waker>,
    pub(super) children: Family,
}

// === impl Cold ===

impl Cold {
    /// What most have not, made where it is needed.
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}
