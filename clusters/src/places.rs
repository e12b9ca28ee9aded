//! How many requests are in flight towards one API server, how many wait, and how fast they go.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{Cause, Limits, Verb};

/// The places for single requests, and the pace at which they are given out.
pub(crate) struct Places {
    writes: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    pace: Option<Pace>,
    waiting: AtomicUsize,
    most_waiting: usize,
    refused: AtomicU64,
    patience: Duration,
}

/// What is going on towards one API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Requests that wait for a place.
    pub waiting: usize,
    /// Requests that were refused a place since the start.
    pub refused: u64,
    /// Places for writes that are free.
    pub free_writes: usize,
}

/// A token bucket, kept as the time at which the next request would be due.
struct Pace {
    interval: Duration,
    burst: Duration,
    due: Mutex<Option<Instant>>,
}

struct Waiting<'a>(&'a AtomicUsize);

// === impl Places ===

impl Places {
    pub(crate) fn new(limits: &Limits) -> Self {
        let pace = limits
            .requests_per_second
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .map(|rate| Pace::new(rate, limits.burst));
        Self {
            writes: Arc::new(Semaphore::new(limits.writes_in_flight.clamp(1, Semaphore::MAX_PERMITS))),
            reads: Arc::new(Semaphore::new(limits.reads_in_flight.clamp(1, Semaphore::MAX_PERMITS))),
            pace,
            waiting: AtomicUsize::new(0),
            most_waiting: limits.waiting,
            refused: AtomicU64::new(0),
            patience: limits.request_timeout,
        }
    }

    /// A place for a request; it is given back when dropped.
    pub(crate) async fn take(&self, verb: Verb) -> Result<OwnedSemaphorePermit, Cause> {
        let places = if verb.is_write() { &self.writes } else { &self.reads };
        let place = match Arc::clone(places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.wait(Arc::clone(places)).await?,
        };
        if let Some(pace) = &self.pace {
            let due = pace
                .reserve(Instant::now(), self.patience)
                .ok_or_else(|| self.refuse())?;
            tokio::time::sleep_until(due).await;
        }
        Ok(place)
    }

    async fn wait(&self, places: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Cause> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.most_waiting {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(self.refuse());
        }
        let _waiting = Waiting(&self.waiting);
        match tokio::time::timeout(self.patience, places.acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(self.refuse()),
        }
    }

    fn refuse(&self) -> Cause {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Cause::Busy
    }

    pub(crate) fn load(&self) -> Load {
        Load {
            waiting: self.waiting.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            free_writes: self.writes.available_permits(),
        }
    }
}

// === impl Pace ===

impl Pace {
    fn new(rate: f64, burst: u32) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        Self {
            interval,
            burst: interval.saturating_mul(burst.max(1) - 1),
            due: Mutex::new(None),
        }
    }

    /// When the next request may go, if that is within `patience`.
    fn reserve(&self, now: Instant, patience: Duration) -> Option<Instant> {
        let mut due = self.due.lock();
        let at = due.map_or(now, |due| due.max(now));
        // As far as the bucket is full, requests go before they are due.
        let goes = at.checked_sub(self.burst).map_or(now, |early| early.max(now));
        if goes.saturating_duration_since(now) > patience {
            return None;
        }
        *due = at.checked_add(self.interval);
        Some(goes)
    }
}

// === impl Waiting ===

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn writes_beyond_the_limit_wait_and_beyond_the_bound_are_refused() {
        let limits = Limits {
            writes_in_flight: 2,
            waiting: 1,
            ..Limits::default()
        };
        let places = Arc::new(Places::new(&limits));
        let first = places.take(Verb::Apply).await.unwrap();
        let _second = places.take(Verb::Delete).await.unwrap();
        let third = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take(Verb::Apply).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert_eq!(
            places.load(),
            Load {
                waiting: 1,
                refused: 0,
                free_writes: 0
            }
        );
        assert_eq!(places.take(Verb::Apply).await.unwrap_err(), Cause::Busy);
        assert!(places.take(Verb::Get).await.is_ok(), "reads have places of their own");
        drop(first);
        assert_eq!(third.await.unwrap(), Ok(()));
        assert_eq!(places.load().refused, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_place_for_ever() {
        let places = Places::new(&Limits {
            writes_in_flight: 1,
            ..Limits::default()
        });
        let _held = places.take(Verb::Apply).await.unwrap();
        let start = Instant::now();
        assert_eq!(places.take(Verb::Apply).await.unwrap_err(), Cause::Busy);
        assert_eq!(start.elapsed(), Duration::from_secs(30));
        assert_eq!(places.load().waiting, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_keep_to_rate_and_burst() {
        let places = Places::new(&Limits {
            requests_per_second: Some(10.0),
            burst: 5,
            ..Limits::default()
        });
        let start = Instant::now();
        for _ in 0..25 {
            drop(places.take(Verb::Apply).await.unwrap());
        }
        let took = start.elapsed();
        assert!(
            took >= Duration::from_secs(2) && took < Duration::from_millis(2_050),
            "{took:?}"
        );
        tokio::time::advance(Duration::from_secs(10)).await;
        let start = Instant::now();
        for _ in 0..5 {
            drop(places.take(Verb::Apply).await.unwrap());
        }
        assert!(start.elapsed() < Duration::from_millis(10), "the bucket is full again");
    }
}
