//! Fights: somebody who undoes again and again what is decided about a leaf.

use std::{collections::BTreeMap, time::Duration};

use super::{leaf::LeafId, time::Moment};
use crate::config::FightRule;

/// A leaf, and who is on the other side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FightKey {
    /// The leaf.
    pub leaf: LeafId,
    /// The other manager; empty where nobody is known.
    pub manager: Box<str>,
}

/// The fights over the leaves of one object on one target: at most [`Fights::MOST`], the oldest makes room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fights(BTreeMap<FightKey, Fight>);

/// What is known of the struggle over one leaf with one manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fight {
    /// When the leaf was last acted on, at most as often as the threshold says.
    acted: Vec<Moment>,
    /// How many times in a row it came to a fight: the next rest is twice as long.
    rounds: u32,
    stance: Stance,
    /// When the last rest ended, or the leaf was last acted on.
    last: Moment,
}

/// What is done about a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// It is acted on.
    Acting,
    /// It is left alone until then.
    Resting(Moment),
}

/// The longest rest.
const LONGEST: Duration = Duration::from_hours(1);
/// The most times that are kept, whatever the threshold.
const MOST_ACTS: usize = 64;

// === impl Fights ===

impl Fights {
    /// The most leaves of one object that are followed.
    pub const MOST: usize = 32;

    /// A leaf was reverted, or written back, against `key`'s manager. Says if that made it a fight: the leaf rests from now on, until then.
    pub fn acted(&mut self, key: &FightKey, now: Moment, rule: FightRule) -> Option<Moment> {
        if !self.0.contains_key(key) && self.0.len() >= Self::MOST {
            let oldest = self
                .0
                .iter()
                .min_by_key(|(_, fight)| fight.last)
                .map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.0.remove(&oldest);
            }
        }
        let fight = self.0.entry(key.clone()).or_insert_with(|| Fight::new(now));
        fight.acted(now, rule)
    }

    /// The other managers that were followed over the leaf of `key`.
    pub fn rivals(&self, key: &FightKey) -> Vec<Box<str>> {
        let others = self.0.keys().filter(|other| other.leaf == key.leaf && *other != key);
        others
            .map(|other| other.manager.clone())
            .filter(|manager| !manager.is_empty())
            .collect()
    }

    /// The managers that are followed over `leaf`, where they are known.
    pub fn managers(&self, leaf: LeafId) -> impl Iterator<Item = Box<str>> {
        let of_leaf = self
            .0
            .keys()
            .filter(move |key| key.leaf == leaf && !key.manager.is_empty());
        of_leaf.map(|key| key.manager.clone())
    }

    /// What is done about `leaf` now.
    pub fn stance(&self, leaf: LeafId, now: Moment) -> Stance {
        let of_leaf = self.0.iter().filter(|(key, _)| key.leaf == leaf);
        let rests = of_leaf.filter_map(|(_, fight)| match fight.stance {
            Stance::Resting(until) if now < until => Some(until),
            Stance::Resting(_) | Stance::Acting => None,
        });
        rests.max().map_or(Stance::Acting, Stance::Resting)
    }

    /// The leaves that rest now.
    pub fn resting(&self, now: Moment) -> impl Iterator<Item = LeafId> {
        let rests = move |fight: &Fight| matches!(fight.stance, Stance::Resting(until) if now < until);
        self.0
            .iter()
            .filter(move |(_, fight)| rests(fight))
            .map(|(key, _)| key.leaf)
    }

    /// When the next rest ends; `None` if no leaf rests.
    pub fn next_end(&self, now: Moment) -> Option<Moment> {
        let ends = self.0.values().filter_map(|fight| match fight.stance {
            Stance::Resting(until) if now < until => Some(until),
            Stance::Resting(_) | Stance::Acting => None,
        });
        ends.min()
    }

    /// Forgets what is over: no act within the `rule`'s window, and no rest in twice the last one.
    pub fn tidy(&mut self, now: Moment, rule: FightRule) {
        self.0.retain(|_, fight| !fight.is_over(now, rule));
    }

    /// A rule of the policy settles these leaves now: there is nothing left to fight over.
    pub fn settled(&mut self, is_settled: impl Fn(LeafId) -> bool) {
        self.0.retain(|key, _| !is_settled(key.leaf));
    }

    /// How many leaves are followed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

// === impl Fight ===

impl Fight {
    fn new(now: Moment) -> Self {
        Self {
            acted: Vec::new(),
            rounds: 0,
            stance: Stance::Acting,
            last: now,
        }
    }

    fn acted(&mut self, now: Moment, rule: FightRule) -> Option<Moment> {
        if let Stance::Resting(until) = self.stance {
            if now < until {
                return None;
            }
            self.stance = Stance::Acting;
        }
        self.last = now;
        let window = millis(rule.window.0);
        self.acted.retain(|act| now.0.saturating_sub(act.0) < window);
        self.acted.push(now);
        let threshold = usize::try_from(rule.threshold).unwrap_or(MOST_ACTS).clamp(1, MOST_ACTS);
        if self.acted.len() < threshold {
            return None;
        }
        self.acted.clear();
        let until = Moment(now.0.saturating_add(self.rest(rule)));
        self.rounds = self.rounds.saturating_add(1);
        self.stance = Stance::Resting(until);
        self.last = until;
        Some(until)
    }

    /// How long it rests next: the window, and twice as long each time that it goes on afterwards.
    fn rest(&self, rule: FightRule) -> i64 {
        let window = millis(rule.window.0).max(1);
        let grown = window.saturating_mul(1_i64 << self.rounds.min(16));
        grown.min(millis(LONGEST).max(window))
    }

    fn is_over(&self, now: Moment, rule: FightRule) -> bool {
        let quiet = now.0.saturating_sub(self.last.0);
        quiet > self.rest(rule)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::ConfigDuration;

    const RULE: FightRule = FightRule {
        threshold: 3,
        window: ConfigDuration(Duration::from_mins(5)),
    };
    const MINUTE: i64 = 60_000;

    fn key(manager: &str) -> FightKey {
        FightKey {
            leaf: LeafId(1),
            manager: manager.into(),
        }
    }

    #[test]
    fn the_third_time_within_the_window_is_a_fight() {
        let mut fights = Fights::default();
        assert_eq!(fights.acted(&key("hpa"), Moment(0), RULE), None);
        assert_eq!(fights.acted(&key("hpa"), Moment(MINUTE), RULE), None);
        let until = fights.acted(&key("hpa"), Moment(2 * MINUTE), RULE);
        assert_eq!(until, Some(Moment(7 * MINUTE)));
        assert_eq!(
            fights.stance(LeafId(1), Moment(3 * MINUTE)),
            Stance::Resting(Moment(7 * MINUTE))
        );
        assert_eq!(fights.resting(Moment(3 * MINUTE)).collect::<Vec<_>>(), [LeafId(1)]);
        assert_eq!(
            fights.stance(LeafId(1), Moment(7 * MINUTE)),
            Stance::Acting,
            "tried again later"
        );
        assert_eq!(fights.next_end(Moment(3 * MINUTE)), Some(Moment(7 * MINUTE)));
    }

    #[test]
    fn it_rests_longer_each_time_and_never_for_ever() {
        let mut fights = Fights::default();
        let mut now = Moment(0);
        let mut rests = Vec::new();
        for _ in 0..8 {
            let until = loop {
                if let Some(until) = fights.acted(&key("hpa"), now, RULE) {
                    break until;
                }
            };
            rests.push((until.0 - now.0) / MINUTE);
            now = until;
        }
        assert_eq!(rests, [5, 10, 20, 40, 60, 60, 60, 60]);
    }

    #[test]
    fn edits_far_apart_or_by_others_are_no_fight() {
        let mut fights = Fights::default();
        for edit in 0..20 {
            assert_eq!(fights.acted(&key("kubectl"), Moment(edit * 3 * MINUTE), RULE), None);
            assert_eq!(
                fights.acted(&key(&format!("{edit}")), Moment(edit * 3 * MINUTE), RULE),
                None
            );
        }
    }

    #[test]
    fn what_is_over_is_forgotten_and_a_rule_ends_it_at_once() {
        let mut fights = Fights::default();
        for _ in 0..3 {
            fights.acted(&key("hpa"), Moment(0), RULE);
        }
        let mut settled = fights.clone();
        settled.settled(|leaf| leaf == LeafId(1));
        assert!(settled.is_empty());
        fights.tidy(Moment(10 * MINUTE), RULE);
        assert_eq!(fights.len(), 1);
        fights.tidy(Moment(20 * MINUTE), RULE);
        assert!(fights.is_empty());
    }

    proptest! {
        #[test]
        fn there_is_an_end_to_what_is_followed(acts in prop::collection::vec((0_u64..200, 0_i64..10_000_000), 0..400)) {
            let mut fights = Fights::default();
            for (leaf, at) in acts {
                let key = FightKey { leaf: LeafId(leaf), manager: "x".into() };
                fights.acted(&key, Moment(at), RULE);
                prop_assert!(fights.len() <= Fights::MOST);
            }
        }
    }
}
