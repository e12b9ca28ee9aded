//! What counts against an actor: its failures, the objects suspected of causing them, and those in quarantine.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{Chance, RestartPolicy, backoff::Exponential, quarantine::Quarantine};

/// The failures of an actor within the window of its policy. It outlives restarts.
#[derive(Debug, Default)]
pub(crate) struct History {
    failures: VecDeque<Instant>,
    /// Objects whose requests panicked once, and when.
    suspects: BTreeMap<Box<str>, Instant>,
    pub(crate) quarantine: Quarantine,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is built anew after `delay`.
    Restart { attempt: u32, delay: Duration },
    /// It has failed too often.
    GiveUp,
}

impl History {
    /// How many objects are suspected at most; beyond that the longest suspected is forgotten.
    const MAX_SUSPECTS: usize = 256;

    /// A failure at `now`: what follows by `policy`.
    pub(crate) fn judge(&mut self, policy: &RestartPolicy, now: Instant, chance: &mut Chance) -> Verdict {
        while self.failures.front().is_some_and(|first| *first + policy.window <= now) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        if self.failures.len() > usize::from(policy.limit) {
            return Verdict::GiveUp;
        }
        let attempt = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        Verdict::Restart {
            attempt,
            delay: Exponential::nth(policy.initial, policy.max, attempt, chance),
        }
    }

    /// The last `failures` are explained: the object that caused them is in quarantine. They do not count.
    pub(crate) fn excuse(&mut self, failures: usize) {
        self.failures.truncate(self.failures.len().saturating_sub(failures));
    }

    /// A request about `key` panicked. True the second time within `window`.
    pub(crate) fn suspect(&mut self, key: &str, window: Duration, now: Instant) -> bool {
        self.suspects.retain(|_, since| *since + window > now);
        if self.suspects.remove(key).is_some() {
            return true;
        }
        if self.suspects.len() >= Self::MAX_SUSPECTS {
            let oldest = self
                .suspects
                .iter()
                .min_by_key(|(_, since)| **since)
                .map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.suspects.remove(&oldest));
        }
        self.suspects.insert(key.into(), now);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        limit: 3,
        window: Duration::from_mins(1),
        initial: Duration::from_millis(100),
        max: Duration::from_secs(1),
    };

    #[tokio::test(start_paused = true)]
    async fn more_failures_than_the_limit_in_the_window_are_final() {
        let (mut history, mut chance) = (History::default(), Chance::new(1));
        let now = Instant::now();
        for attempt in 1..=3 {
            let Verdict::Restart {
                attempt: counted,
                delay,
            } = history.judge(&POLICY, now, &mut chance)
            else {
                panic!("gave up at {attempt}")
            };
            let full = POLICY.initial * 2_u32.pow(attempt - 1);
            assert_eq!(counted, attempt);
            assert!(delay >= full / 2 && delay <= full, "{attempt}: {delay:?}");
        }
        assert_eq!(history.judge(&POLICY, now, &mut chance), Verdict::GiveUp);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_the_window_is_forgiven() {
        let (mut history, mut chance) = (History::default(), Chance::new(1));
        let mut now = Instant::now();
        for _ in 0..100 {
            assert!(matches!(
                history.judge(&POLICY, now, &mut chance),
                Verdict::Restart { .. }
            ));
            now += POLICY.window / 3;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn excused_failures_do_not_count() {
        let (mut history, mut chance) = (History::default(), Chance::new(1));
        let now = Instant::now();
        for _ in 0..100 {
            let verdict = history.judge(&POLICY, now, &mut chance);
            assert!(matches!(verdict, Verdict::Restart { attempt: 1, .. }), "{verdict:?}");
            history.excuse(1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_is_guilty_the_second_time_in_the_window() {
        let mut history = History::default();
        let now = Instant::now();
        assert!(!history.suspect("a", POLICY.window, now));
        assert!(!history.suspect("b", POLICY.window, now));
        assert!(history.suspect("a", POLICY.window, now));
        assert!(!history.suspect("b", POLICY.window, now + POLICY.window));
        for n in 0..1_000 {
            history.suspect(&format!("{n}"), POLICY.window, now);
        }
        assert!(history.suspects.len() <= History::MAX_SUSPECTS);
    }
}
