//! Time and chance, injected: the same seed and the same clock give the same run.

use std::{fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// What time it is.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that follows the timers of the runtime: with a paused runtime it stands still until a timer moves it.
#[derive(Clone, Copy, Debug)]
pub struct TimerClock {
    start: Timestamp,
    origin: tokio::time::Instant,
}

/// A clock that a test moves by hand.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

/// A clock that is wrong by a fixed amount.
#[derive(Clone, Debug)]
pub struct SkewedClock {
    /// The clock that is right.
    pub inner: Arc<dyn Clock>,
    /// How far this one is ahead of it.
    pub ahead: SignedDuration,
}

// === impl SystemClock ===

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

// === impl TimerClock ===

impl TimerClock {
    /// A clock that shows `start` now. Call it inside the runtime whose timers it follows.
    pub fn new(start: Timestamp) -> Self {
        Self {
            start,
            origin: tokio::time::Instant::now(),
        }
    }
}

impl Clock for TimerClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.origin.elapsed()).unwrap_or(SignedDuration::MAX);
        self.start.checked_add(passed).unwrap_or(Timestamp::MAX)
    }
}

// === impl ManualClock ===

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(start)))
    }

    /// Moves the clock.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock();
        *now = now.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

// === impl SkewedClock ===

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        self.inner.now().checked_add(self.ahead).unwrap_or(Timestamp::MAX)
    }
}
