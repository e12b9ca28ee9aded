//! Growing, jittered delays within this crate.

use std::time::Duration;

/// Delays that double from `first` to `longest`, each shortened at random by up to half.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    step: u32,
}

// === impl Backoff ===

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            step: 0,
        }
    }

    /// The next delay.
    pub(crate) fn next(&mut self, random: &mut fastrand::Rng) -> Duration {
        let full = self
            .first
            .saturating_mul(1_u32.checked_shl(self.step).unwrap_or(u32::MAX))
            .min(self.longest);
        self.step = self.step.saturating_add(1).min(20);
        full.mul_f64(0.5 + random.f64() / 2.0)
    }

    /// Starts over with the first delay.
    pub(crate) fn reset(&mut self) {
        self.step = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_start_over() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        for full in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let delay = backoff.next(&mut random).as_secs_f64();
            assert!(delay >= full / 2.0 && delay <= full, "{delay} of {full}");
        }
        backoff.reset();
        assert!(backoff.next(&mut random) <= Duration::from_millis(500));
        for _ in 0..100 {
            assert!(backoff.next(&mut random) <= Duration::from_secs(30));
        }
    }
}
