//! The circuit breaker of one API server: a dead cluster costs one probe now and then, and nothing else.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use crate::{Cause, backoff::Backoff};

/// Whether requests are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Requests are sent.
    Closed,
    /// The server could not be reached: requests fail at once, until a probe is answered.
    Open {
        /// Since when.
        since: Instant,
        /// When the next probe is due.
        next_probe: Instant,
        /// What opened it.
        cause: Arc<str>,
    },
}

/// What a caller of [`Breaker::failed`] has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// Start probing: the breaker has just opened.
    Now,
    /// Nothing.
    No,
}

/// Opens on the first failure to connect, and on the third failure in a row of any other kind.
pub(crate) struct Breaker {
    health: watch::Sender<Health>,
    inner: Mutex<Inner>,
}

struct Inner {
    failures: u32,
    backoff: Backoff,
    random: fastrand::Rng,
}

/// Failures in a row, on connections that stood, before the server counts as gone.
const FAILURES: u32 = 3;
const FIRST_PROBE: Duration = Duration::from_millis(200);
/// A probe that is so much overdue has lost its task, with the runtime it ran in.
const OVERDUE: Duration = Duration::from_mins(1);

// === impl Breaker ===

impl Breaker {
    /// One that probes at least every `longest_probe`.
    pub(crate) fn new(random: fastrand::Rng, longest_probe: Duration) -> Self {
        let inner = Inner {
            failures: 0,
            backoff: Backoff::new(FIRST_PROBE.min(longest_probe), longest_probe),
            random,
        };
        Self {
            health: watch::Sender::new(Health::Closed),
            inner: Mutex::new(inner),
        }
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Whether a request may be sent now.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), Cause> {
        match &*self.health.borrow() {
            Health::Closed => Ok(()),
            Health::Open { next_probe, cause, .. } => Err(Cause::Open {
                cause: Arc::clone(cause),
                probe_in: next_probe.saturating_duration_since(now),
            }),
        }
    }

    /// The server answered, whatever it said.
    pub(crate) fn succeeded(&self) {
        let mut inner = self.inner.lock();
        inner.failures = 0;
        inner.backoff.reset();
        self.health.send_if_modified(|health| {
            let was_open = *health != Health::Closed;
            *health = Health::Closed;
            was_open
        });
    }

    /// A request or a probe failed for `cause`.
    pub(crate) fn failed(&self, cause: &Cause, now: Instant) -> Opened {
        let weight = match cause {
            Cause::Connect(_) => FAILURES,
            Cause::Broken(_) | Cause::Deadline(_) => 1,
            _ => return Opened::No,
        };
        let mut inner = self.inner.lock();
        inner.failures = inner.failures.saturating_add(weight);
        if inner.failures < FAILURES || *self.health.borrow() != Health::Closed {
            return Opened::No;
        }
        inner.backoff.reset();
        let next_probe = now + inner.next_delay();
        self.health.send_replace(Health::Open {
            since: now,
            next_probe,
            cause: cause.to_string().into(),
        });
        Opened::Now
    }

    /// A probe failed for `cause`: the next one is later.
    pub(crate) fn probe_failed(&self, cause: &Cause, now: Instant) {
        let next = now + self.inner.lock().next_delay();
        self.reschedule(cause, next);
    }

    /// A probe was answered by a server that is not ready: the next one is at `next`.
    pub(crate) fn probe_unready(&self, cause: &Cause, next: Instant) {
        self.reschedule(cause, next);
    }

    fn reschedule(&self, cause: &Cause, next: Instant) {
        self.health.send_modify(|health| {
            if let Health::Open {
                next_probe,
                cause: shown,
                ..
            } = health
            {
                *next_probe = next;
                *shown = cause.to_string().into();
            }
        });
    }

    /// When the next probe is due; none while closed.
    pub(crate) fn next_probe(&self) -> Option<Instant> {
        match &*self.health.borrow() {
            Health::Closed => None,
            Health::Open { next_probe, .. } => Some(*next_probe),
        }
    }

    /// Whether nobody probes any more: then the caller does, and the probe is due now.
    pub(crate) fn take_over(&self, now: Instant) -> bool {
        self.health.send_if_modified(|health| match health {
            Health::Open { next_probe, .. } if now.saturating_duration_since(*next_probe) > OVERDUE => {
                *next_probe = now;
                true
            }
            _ => false,
        })
    }
}

// === impl Inner ===

impl Inner {
    fn next_delay(&mut self) -> Duration {
        self.backoff.next(&mut self.random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(fastrand::Rng::with_seed(1), Duration::from_secs(30))
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_at_once_without_a_connection_and_on_the_third_failure_otherwise() {
        let second = Duration::from_secs(1);
        let cases: [(&[Cause], bool); 6] = [
            (&[Cause::Connect("refused".into())], true),
            (&[Cause::Broken("reset".into()), Cause::Deadline(second)], false),
            (
                &[
                    Cause::Broken("reset".into()),
                    Cause::Deadline(second),
                    Cause::Deadline(second),
                ],
                true,
            ),
            (&[Cause::Busy, Cause::Busy, Cause::Busy], false),
            (
                &[
                    Cause::Api(crate::Status::bare(500)),
                    Cause::Api(crate::Status::bare(503)),
                    Cause::Api(crate::Status::bare(429)),
                ],
                false,
            ),
            (
                &[
                    Cause::Decode("x".into()),
                    Cause::Decode("x".into()),
                    Cause::Decode("x".into()),
                ],
                false,
            ),
        ];
        for (causes, opens) in cases {
            let breaker = breaker();
            let opened = causes
                .iter()
                .filter(|cause| breaker.failed(cause, Instant::now()) == Opened::Now)
                .count();
            assert_eq!(opened == 1, opens, "{causes:?}");
            assert_eq!(breaker.admit(Instant::now()).is_err(), opens, "{causes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_between_failures_starts_the_count_over() {
        let breaker = breaker();
        for _ in 0..10 {
            assert_eq!(
                breaker.failed(&Cause::Broken("reset".into()), Instant::now()),
                Opened::No
            );
            assert_eq!(
                breaker.failed(&Cause::Broken("reset".into()), Instant::now()),
                Opened::No
            );
            breaker.succeeded();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn probes_come_later_and_later_and_an_answer_closes_at_once() {
        let breaker = breaker();
        let mut health = breaker.health();
        breaker.failed(&Cause::Connect("refused".into()), Instant::now());
        assert!(health.has_changed().unwrap());
        let mut waits = Vec::new();
        for _ in 0..12 {
            waits.push(breaker.next_probe().unwrap() - Instant::now());
            tokio::time::advance(breaker.next_probe().unwrap() - Instant::now()).await;
            breaker.probe_failed(&Cause::Connect("refused".into()), Instant::now());
        }
        assert!(waits[0] <= Duration::from_millis(200), "{waits:?}");
        assert!(
            waits
                .iter()
                .skip(9)
                .all(|wait| *wait >= Duration::from_secs(15) && *wait <= Duration::from_secs(30)),
            "{waits:?}"
        );
        breaker.succeeded();
        assert_eq!(*health.borrow_and_update(), Health::Closed);
        assert!(breaker.admit(Instant::now()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_probe_is_taken_over_by_one() {
        let breaker = breaker();
        breaker.failed(&Cause::Connect("refused".into()), Instant::now());
        assert!(!breaker.take_over(Instant::now()));
        tokio::time::advance(Duration::from_mins(2)).await;
        assert!(breaker.take_over(Instant::now()));
        assert!(!breaker.take_over(Instant::now()));
    }
}
