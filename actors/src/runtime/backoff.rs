//! Growing delays: the `backoff` crate as a calculator, behind a trait of ours.
//!
//! The crate is unmaintained and its defaults are traps (a random source of its own, the real clock, an end after 15 minutes), so
//! nothing else names it: replacing it means replacing this file.

use std::time::{Duration, Instant};

use backoff::{backoff::Backoff as _, exponential::ExponentialBackoff};

use super::Chance;

/// Delays between tries.
pub trait Backoff {
    /// The delay before the next try.
    fn next_delay(&mut self, chance: &mut Chance) -> Duration;

    /// Begins again, after a success.
    fn reset(&mut self);
}

/// Delays that double from a first to a last one, each drawn between its half and all of it.
#[derive(Debug)]
pub struct Exponential(ExponentialBackoff<Still>);

/// A clock that stands: how much time has passed is not this calculator's business.
#[derive(Clone, Copy, Debug)]
struct Still(Instant);

// === impl Exponential ===

impl Exponential {
    /// Tries after which every further delay is the longest: 2^40 of the shortest representable delay is beyond any.
    const STEPS: u32 = 40;

    /// Delays from `initial`, at least a millisecond, to `max`.
    pub fn new(initial: Duration, max: Duration) -> Self {
        let still = Still(tokio::time::Instant::now().into_std());
        let initial = initial.max(Duration::from_millis(1));
        Self(ExponentialBackoff {
            current_interval: initial,
            initial_interval: initial,
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: max.max(initial),
            start_time: still.0,
            max_elapsed_time: None,
            clock: still,
        })
    }

    /// The delay after the `attempt`-th failure, counted from 1: for those who remember a count and not this.
    pub fn nth(initial: Duration, max: Duration, attempt: u32, chance: &mut Chance) -> Duration {
        let mut delays = Self::new(initial, max);
        for _ in 1..attempt.clamp(1, Self::STEPS) {
            delays.step();
        }
        delays.next_delay(chance)
    }

    /// The next delay before jitter.
    fn step(&mut self) -> Duration {
        let max = self.0.max_interval;
        self.0.next_backoff().map_or(max, |delay| delay.min(max))
    }
}

impl Backoff for Exponential {
    fn next_delay(&mut self, chance: &mut Chance) -> Duration {
        let delay = self.step();
        chance.jitter(delay)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

// === impl Still ===

impl backoff::Clock for Still {
    fn now(&self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_begin_again() {
        let mut delays = Exponential::new(Duration::from_millis(20), Duration::from_millis(100));
        let steps: Vec<_> = (0..5).map(|_| delays.step().as_millis()).collect();
        assert_eq!(steps, [20, 40, 80, 100, 100]);
        delays.reset();
        assert_eq!(delays.step().as_millis(), 20);
    }

    #[test]
    fn the_nth_delay_is_that_of_the_sequence() {
        let (initial, max) = (Duration::from_millis(20), Duration::from_secs(10));
        for attempt in [1, 2, 5, 30, 1_000_000] {
            let (mut one, mut two) = (Chance::new(3), Chance::new(3));
            let mut delays = Exponential::new(initial, max);
            for _ in 1..attempt.min(Exponential::STEPS) {
                delays.step();
            }
            assert_eq!(
                Exponential::nth(initial, max, attempt, &mut one),
                delays.next_delay(&mut two),
                "{attempt}"
            );
        }
    }

    #[test]
    fn a_delay_is_never_zero() {
        let mut chance = Chance::new(1);
        let delay = Exponential::nth(Duration::ZERO, Duration::ZERO, 1, &mut chance);
        assert!(delay >= Duration::from_micros(500), "{delay:?}");
    }
}
