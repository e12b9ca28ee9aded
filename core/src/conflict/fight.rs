//! Fights: somebody who undoes again and again what is decided about a leaf.

use std::{collections::BTreeMap, time::Duration};

use super::{leaf::LeafId, resting::Resting, time::Moment};
use crate::config::FightRule;

/// A leaf, and who is on the other side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FightKey {
    /// The leaf.
    pub leaf: LeafId,
    /// The other manager; empty where nobody is known.
    pub manager: Box<str>,
}

/// The fights over the leaves of one object on one target: [`Fights::MOST`] leaves are followed one by one, and what is beyond them as one fight over
/// the object with each manager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fights {
    leaves: BTreeMap<FightKey, Fight>,
    /// By manager, what was acted on beyond the leaves that are followed.
    crowded: BTreeMap<Box<str>, Fight>,
}

/// What came to a fight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fought {
    /// One leaf, which rests until then.
    Leaf(Moment),
    /// More leaves than are followed: all of the object rests until then.
    Object(Moment),
}

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
    /// The most managers of which it is followed what they change beyond that.
    const MOST_CROWDED: usize = 4;

    /// A leaf was reverted, or written back, against `key`'s manager. Says if that made it a fight.
    pub fn acted(&mut self, key: &FightKey, now: Moment, rule: FightRule) -> Option<Fought> {
        if !self.leaves.contains_key(key) && self.leaves.len() >= Self::MOST {
            self.tidy(now, rule);
        }
        if !self.leaves.contains_key(key) && self.leaves.len() >= Self::MOST {
            return self.acted_beyond(&key.manager, now, rule).map(Fought::Object);
        }
        let fight = self.leaves.entry(key.clone()).or_insert_with(|| Fight::new(now));
        fight.acted(now, rule).map(Fought::Leaf)
    }

    /// All leaves that are followed are fought over. To forget one of them for each other one would be a round without end.
    fn acted_beyond(&mut self, manager: &str, now: Moment, rule: FightRule) -> Option<Moment> {
        if !self.crowded.contains_key(manager) && self.crowded.len() >= Self::MOST_CROWDED {
            let oldest = self.crowded.iter().min_by_key(|(_, fight)| fight.last);
            if let Some(oldest) = oldest.map(|(manager, _)| manager.clone()) {
                self.crowded.remove(&oldest);
            }
        }
        let fight = self.crowded.entry(manager.into()).or_insert_with(|| Fight::new(now));
        // The leaves of one decision are one act.
        if fight.acted.last() == Some(&now) {
            return None;
        }
        fight.acted(now, rule)
    }

    /// The other managers that were followed over the leaf of `key`.
    pub fn rivals(&self, key: &FightKey) -> Vec<Box<str>> {
        let others = self
            .leaves
            .keys()
            .filter(|other| other.leaf == key.leaf && *other != key);
        others
            .map(|other| other.manager.clone())
            .filter(|manager| !manager.is_empty())
            .collect()
    }

    /// The managers that are followed over `leaf`, where they are known.
    pub fn managers(&self, leaf: LeafId) -> impl Iterator<Item = Box<str>> {
        let of_leaf = self
            .leaves
            .keys()
            .filter(move |key| key.leaf == leaf && !key.manager.is_empty());
        of_leaf.map(|key| key.manager.clone())
    }

    /// What is done about `leaf` now.
    pub fn stance(&self, leaf: LeafId, now: Moment) -> Stance {
        let of_leaf = self.leaves.iter().filter(|(key, _)| key.leaf == leaf);
        let fights = of_leaf.map(|(_, fight)| fight).chain(self.crowded.values());
        let rests = fights.filter_map(|fight| fight.rests(now));
        rests.max().map_or(Stance::Acting, Stance::Resting)
    }

    /// The leaves that rest now.
    pub fn resting(&self, now: Moment) -> Resting {
        if self.crowded.values().any(|fight| fight.rests(now).is_some()) {
            return Resting::All;
        }
        let rests = self.leaves.iter().filter(|(_, fight)| fight.rests(now).is_some());
        rests.map(|(key, _)| key.leaf).collect()
    }

    /// When the next rest ends; `None` if no leaf rests.
    pub fn next_end(&self, now: Moment) -> Option<Moment> {
        let fights = self.leaves.values().chain(self.crowded.values());
        fights.filter_map(|fight| fight.rests(now)).min()
    }

    /// Forgets what is over: no act within the `rule`'s window, and no rest in twice the last one.
    pub fn tidy(&mut self, now: Moment, rule: FightRule) {
        self.leaves.retain(|_, fight| !fight.is_over(now, rule));
        self.crowded.retain(|_, fight| !fight.is_over(now, rule));
    }

    /// A rule of the policy settles these leaves now: there is nothing left to fight over.
    pub fn settled(&mut self, is_settled: impl Fn(LeafId) -> bool) {
        self.leaves.retain(|key, _| !is_settled(key.leaf));
    }

    /// How many leaves are followed.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty() && self.crowded.is_empty()
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

    /// Until when it rests, if it does.
    fn rests(&self, now: Moment) -> Option<Moment> {
        match self.stance {
            Stance::Resting(until) if now < until => Some(until),
            Stance::Resting(_) | Stance::Acting => None,
        }
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
        assert_eq!(until, Some(Fought::Leaf(Moment(7 * MINUTE))));
        assert_eq!(
            fights.stance(LeafId(1), Moment(3 * MINUTE)),
            Stance::Resting(Moment(7 * MINUTE))
        );
        assert_eq!(fights.resting(Moment(3 * MINUTE)), [LeafId(1)].into_iter().collect());
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
                if let Some(Fought::Leaf(until)) = fights.acted(&key("hpa"), now, RULE) {
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

    fn keys(leaves: std::ops::Range<u64>) -> impl Iterator<Item = FightKey> {
        let key = |leaf| FightKey {
            leaf: LeafId(leaf),
            manager: "robot".into(),
        };
        leaves.map(key)
    }

    #[test]
    fn a_fight_over_more_leaves_than_are_followed_ends_too() {
        let mut fights = Fights::default();
        let mut acted = 0;
        let mut now = Moment(0);
        for _ in 0..20 {
            now.0 += 1000;
            let resting = fights.resting(now);
            let fought: Vec<_> = keys(0..40).filter(|key| !resting.contains(key.leaf)).collect();
            acted += fought.len();
            let noticed: Vec<_> = fought.iter().filter_map(|key| fights.acted(key, now, RULE)).collect();
            let objects = noticed.iter().filter(|fought| matches!(fought, Fought::Object(_)));
            assert!(objects.count() <= 1, "told once");
        }
        assert_eq!(acted, 3 * 40);
        assert_eq!(fights.resting(now), Resting::All);
        assert!(matches!(fights.stance(LeafId(1000), now), Stance::Resting(_)));
        assert!(fights.next_end(now).is_some());
        fights.tidy(Moment(now.0 + 60 * MINUTE), RULE);
        assert!(fights.is_empty());
    }

    #[test]
    fn one_large_edit_is_no_fight_and_takes_no_place_for_ever() {
        let mut fights = Fights::default();
        for key in keys(0..1000) {
            assert_eq!(fights.acted(&key, Moment(0), RULE), None);
        }
        assert!(fights.resting(Moment(0)).is_empty());
        for minute in 10..13 {
            fights.acted(&key("hpa"), Moment(minute * MINUTE), RULE);
        }
        assert!(fights.resting(Moment(12 * MINUTE)).contains(LeafId(1)));
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
