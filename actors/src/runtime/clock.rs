//! Time and chance, injected.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The time of day. Durations and timers use tokio's clock, which tests pause; the time of day follows it where it is simulated.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Copy, Debug)]
enum Source {
    /// The machine's.
    System,
    /// A fixed time of day plus what tokio's clock says has passed since.
    Simulated { start: SystemTime, since: Instant },
}

/// A seeded source of randomness; an actor's is drawn from its parent's, so a seed gives the same run again.
#[derive(Clone, Debug)]
pub struct Chance(fastrand::Rng);

// === impl Clock ===

impl Clock {
    /// The machine's time of day.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A time of day that is `start` now and goes on with tokio's clock.
    pub fn simulated(start: SystemTime) -> Self {
        Self(Source::Simulated {
            start,
            since: Instant::now(),
        })
    }

    /// The instant by which timers and deadlines are measured.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// The time of day.
    pub fn time(&self) -> SystemTime {
        match self.0 {
            Source::System => SystemTime::now(),
            Source::Simulated { start, since } => start + since.elapsed(),
        }
    }
}

// === impl Chance ===

impl Chance {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number from 0 up to, not including, `bound`; 0 when `bound` is.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        self.0.u64(..bound)
    }

    /// A duration from half of `duration` to all of it: enough to break up a herd, with a floor that still lets things rest.
    pub fn jitter(&mut self, duration: Duration) -> Duration {
        let half = duration / 2;
        let spread = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX - 1);
        half + Duration::from_nanos(self.below(spread + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let (mut one, mut two, mut other) = (Chance::new(7), Chance::new(7), Chance::new(8));
        let draw = |chance: &mut Chance| (0..8).map(|_| chance.bits()).collect::<Vec<_>>();
        let first = draw(&mut one);
        assert_eq!(first, draw(&mut two));
        assert_ne!(first, draw(&mut other));
    }

    #[test]
    fn jitter_stays_between_half_and_all() {
        let mut chance = Chance::new(1);
        for nanos in [0, 1, 2, 1_000, 60_000_000_000] {
            let duration = Duration::from_nanos(nanos);
            for _ in 0..100 {
                let drawn = chance.jitter(duration);
                assert!(drawn >= duration / 2 && drawn <= duration, "{drawn:?} of {duration:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn simulated_time_follows_the_paused_clock() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let clock = Clock::simulated(start);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.time(), start + Duration::from_secs(90));
    }
}
