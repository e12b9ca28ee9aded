//! Keys whose messages failed twice: kept away from their actor for a while, longer each time.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{Chance, backoff::Exponential};

/// The keys that an actor does not get messages about. It outlives restarts.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    /// Ordered, so that which one makes room does not depend on a hash.
    cells: BTreeMap<Box<str>, Sentence>,
}

#[derive(Clone, Copy, Debug)]
struct Sentence {
    state: State,
    /// How often in a row.
    strikes: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Messages about it are dropped until then.
    Held(Instant),
    /// It is back; failing again before then makes the next time longer, after that it is forgotten.
    Watched(Instant),
}

impl Quarantine {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_mins(5);
    /// How many keys are held or watched at most. Beyond that the one that is nearest to its end makes room: its actor sees its messages again early.
    const MAX_KEYS: usize = 1024;

    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Whether messages about `key` are dropped.
    pub(crate) fn holds(&self, key: &str) -> bool {
        self.cells
            .get(key)
            .is_some_and(|sentence| matches!(sentence.state, State::Held(_)))
    }

    /// Holds `key`. Returns for how long, and a key that had to make room.
    pub(crate) fn hold(&mut self, key: &str, now: Instant, chance: &mut Chance) -> (Duration, Option<Box<str>>) {
        self.forget(now);
        let strikes = self
            .cells
            .get(key)
            .map_or(1, |sentence| sentence.strikes.saturating_add(1));
        let length = Exponential::nth(Self::FIRST, Self::LONGEST, strikes, chance);
        let evicted = self.make_room(key);
        self.cells.insert(
            key.into(),
            Sentence {
                state: State::Held(now + length),
                strikes,
            },
        );
        (length, evicted)
    }

    /// The time of `key` may be over; true when it was held and is not any more.
    pub(crate) fn release(&mut self, key: &str, now: Instant) -> bool {
        let Some(sentence) = self.cells.get_mut(key) else {
            return false;
        };
        match sentence.state {
            State::Held(until) if until <= now => {
                sentence.state = State::Watched(now + Self::LONGEST);
                true
            }
            State::Held(_) | State::Watched(_) => false,
        }
    }

    fn forget(&mut self, now: Instant) {
        self.cells.retain(|_, sentence| match sentence.state {
            State::Held(_) => true,
            State::Watched(until) => until > now,
        });
    }

    fn make_room(&mut self, key: &str) -> Option<Box<str>> {
        if self.cells.len() < Self::MAX_KEYS || self.cells.contains_key(key) {
            return None;
        }
        let nearest = |sentence: &Sentence| match sentence.state {
            State::Watched(until) => (0, until),
            State::Held(until) => (1, until),
        };
        let (key, _) = self.cells.iter().min_by_key(|(_, sentence)| nearest(sentence))?;
        let key = key.clone();
        let sentence = self.cells.remove(&key)?;
        matches!(sentence.state, State::Held(_)).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance() -> Chance {
        Chance::new(1)
    }

    #[tokio::test(start_paused = true)]
    async fn each_time_is_longer_until_it_was_quiet_for_long() {
        let (mut quarantine, mut chance) = (Quarantine::default(), chance());
        let mut now = Instant::now();
        let mut lengths = Vec::new();
        for _ in 0..4 {
            let (length, _) = quarantine.hold("web", now, &mut chance);
            assert!(quarantine.holds("web") && !quarantine.release("web", now));
            now += length;
            assert!(quarantine.release("web", now) && !quarantine.holds("web"));
            lengths.push(length);
        }
        for (nth, length) in lengths.iter().enumerate() {
            let full = Quarantine::FIRST * 2_u32.pow(u32::try_from(nth).unwrap());
            assert!(*length >= full / 2 && *length <= full, "{nth}: {length:?}");
        }
        now += Quarantine::LONGEST;
        let (length, _) = quarantine.hold("web", now, &mut chance);
        assert!(length <= Quarantine::FIRST, "{length:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_quarantine_lets_the_nearest_go() {
        let (mut quarantine, mut chance) = (Quarantine::default(), chance());
        let now = Instant::now();
        for n in 0..Quarantine::MAX_KEYS {
            let at = now + Duration::from_secs(10) * u32::try_from(n).unwrap();
            assert_eq!(quarantine.hold(&format!("key-{n:04}"), at, &mut chance).1, None);
        }
        let (_, evicted) = quarantine.hold("one-more", now, &mut chance);
        assert_eq!(evicted.as_deref(), Some("key-0000"));
        assert_eq!(quarantine.cells.len(), Quarantine::MAX_KEYS);
    }
}
