//! What keeps a process from writing that may not lead any more.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::Instant;

/// Whether this process may write now: not before it leads, and only until a moment that it has to move on again and again. Once that has
/// passed it never writes again, even if it slept meanwhile and knows nothing of it. By the monotonic clock. Cheap to clone.
#[derive(Clone)]
pub struct Fence(Arc<Inner>);

struct Inner {
    origin: Instant,
    /// Nanoseconds since `origin` until which writes may go, or one of the two below.
    until: AtomicU64,
}

/// Nothing may be written yet.
const NOT_YET: u64 = 0;
/// Nothing may be written any more.
const CLOSED: u64 = u64::MAX;

// === impl Fence ===

impl Fence {
    /// One that lets nothing through yet.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            origin: Instant::now(),
            until: AtomicU64::new(NOT_YET),
        }))
    }

    /// Lets writes through until `until`. False, and nothing changes, if the time before has passed already, or it was closed.
    #[must_use = "a process whose time has passed has to end"]
    pub fn open_until(&self, until: Instant) -> bool {
        let until = self.nanoseconds(until);
        let now = self.nanoseconds(Instant::now());
        let moved = self
            .0
            .until
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |present| {
                (present == NOT_YET || now < present && present != CLOSED).then_some(until)
            });
        moved.is_ok()
    }

    /// Lets nothing through from here on, for good.
    pub fn close(&self) {
        self.0.until.store(CLOSED, Ordering::Release);
    }

    /// Whether a write may be sent now.
    pub fn admits(&self) -> bool {
        let until = self.0.until.load(Ordering::Acquire);
        until != NOT_YET && until != CLOSED && self.nanoseconds(Instant::now()) < until
    }

    /// Whether writes were let through once and are not any more: then no byte of one that was on its way may leave.
    pub fn has_fallen(&self) -> bool {
        self.0.until.load(Ordering::Acquire) != NOT_YET && !self.admits()
    }

    /// Never 0, and never the largest number.
    fn nanoseconds(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.0.origin).as_nanos();
        u64::try_from(since).unwrap_or(CLOSED).clamp(NOT_YET + 1, CLOSED - 1)
    }
}

impl Default for Fence {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence")
            .field("admits", &self.admits())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_open_only_as_long_as_it_is_kept_open() {
        let fence = Fence::new();
        assert!(!fence.admits() && !fence.has_fallen(), "nobody leads yet");
        assert!(fence.open_until(Instant::now() + Duration::from_secs(10)));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(fence.admits());
        assert!(fence.open_until(Instant::now() + Duration::from_secs(10)));
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(fence.admits() && !fence.has_fallen());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!fence.admits() && fence.has_fallen());
        assert!(
            !fence.open_until(Instant::now() + Duration::from_secs(10)),
            "too late is for good"
        );
        assert!(!fence.admits());
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_closed_for_good() {
        let fence = Fence::new();
        fence.close();
        assert!(fence.has_fallen());
        assert!(!fence.open_until(Instant::now() + Duration::from_secs(10)));
        assert!(!fence.admits());
    }
}
