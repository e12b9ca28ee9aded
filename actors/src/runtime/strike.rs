//! Has actors panic, for tests that show what comes of it.
//!
//! Per thread: a test with all its actors on one thread strikes nobody else's.

use std::{cell::RefCell, collections::BTreeSet};

thread_local! {
    static AIMED: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// The next actor of `kind` that is at work panics, once.
pub(crate) fn aim(kind: &'static str) {
    AIMED.with_borrow_mut(|aimed| aimed.insert(kind));
}

/// Whether an actor of `kind` is still to panic.
pub(crate) fn is_aimed(kind: &str) -> bool {
    AIMED.with_borrow(|aimed| aimed.contains(kind))
}

/// An actor of `kind` is at work: panics if it is to.
pub(crate) fn fall(kind: &str) {
    let struck = AIMED.with_borrow_mut(|aimed| aimed.remove(kind));
    assert!(!struck, "struck by a test: {kind}");
}
