//! A token bucket, kept as the time at which the next token would be due.

use std::time::Duration;

use tokio::time::Instant;

/// How many writes there may be over all: a burst, and then a steady rate.
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    /// How long before they are due tokens may be taken.
    ahead: Duration,
    due: Option<Instant>,
}

// === impl Bucket ===

impl Bucket {
    /// One token each `interval`, and `burst` of them at first and after a rest.
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        Self {
            interval,
            ahead: interval.saturating_mul(burst.saturating_sub(1)),
            due: None,
        }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self.free_at().is_some_and(|at| at > now) {
            return false;
        }
        let due = self.due.map_or(now, |due| due.max(now));
        self.due = due.checked_add(self.interval);
        true
    }

    /// When there is a token again; `None` if there was one at all times.
    pub(super) fn free_at(&self) -> Option<Instant> {
        self.due?.checked_sub(self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_a_steady_rate_and_a_burst_again_after_a_rest() {
        let mut bucket = Bucket::new(Duration::from_millis(100), 5);
        let taken = |bucket: &mut Bucket| (0..100).take_while(|_| bucket.take(Instant::now())).count();
        assert_eq!(taken(&mut bucket), 5);
        let mut slowly = Vec::new();
        for _ in 0..4 {
            tokio::time::advance(Duration::from_millis(250)).await;
            slowly.push(taken(&mut bucket));
        }
        assert_eq!(slowly, [2, 3, 2, 3]);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(taken(&mut bucket), 5);
        let free_at = bucket.free_at().unwrap();
        assert_eq!(free_at - Instant::now(), Duration::from_millis(100));
    }
}
