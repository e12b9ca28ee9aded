//! What an actor's thread is asked to look at, and how far the actor is: bits that others set without waiting for it.

use std::sync::atomic::{AtomicU8, Ordering};

/// It is asked to stop.
pub(super) const STOP: u8 = 1;
/// It is asked to drain.
pub(super) const DRAIN: u8 = 2;
/// The kit has something to say to it.
pub(super) const NOTICES: u8 = 4;
/// Takes nothing new.
pub(super) const CLOSED: u8 = 8;
/// A freed place may be what a drain waits for.
pub(super) const DRAINING: u8 = 16;
/// It is gone.
pub(super) const OVER: u8 = 32;
/// What its thread has to look at.
const ATTENTION: u8 = STOP | DRAIN | NOTICES;

/// The bits of one actor.
pub(super) struct Attention(AtomicU8);

// === impl Attention ===

impl Attention {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    pub(super) fn set(&self, bit: u8) {
        self.0.fetch_or(bit, Ordering::SeqCst);
    }

    pub(super) fn clear(&self, bit: u8) {
        self.0.fetch_and(!bit, Ordering::SeqCst);
    }

    pub(super) fn has(&self, bit: u8) -> bool {
        self.0.load(Ordering::SeqCst) & bit != 0
    }

    /// Whether there is anything to look at; read once a message.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Acquire) & ATTENTION != 0
    }
}
