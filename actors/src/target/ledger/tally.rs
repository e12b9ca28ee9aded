//! What a target holds of each policy, counted as it changes: the mass-deletion guard judges without looking at every record.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use syncer_core::{
    Gvr, ObjectKey,
    guard::{Verdict, judge},
};

/// The shares of all policies.
#[derive(Debug, Default)]
pub(super) struct Tally {
    shares: BTreeMap<Arc<str>, Share>,
    news: News,
}

/// Whether something changed that a judgement rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum News {
    /// Nothing did.
    #[default]
    None,
    /// A policy of which something is missing holds more, or less, or misses more, or less.
    Some,
}

/// What a target holds of one policy.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// All of it, by resource.
    kinds: HashMap<Gvr, usize>,
    /// All of it: what is missing too.
    all: usize,
    /// What is missing and not judged.
    unjudged: BTreeSet<ObjectKey>,
    /// What is missing and held.
    held: BTreeSet<ObjectKey>,
    /// What is missing and may go.
    admitted: BTreeSet<ObjectKey>,
    /// How many there were when they began to be held: what came later does not make them fewer.
    ceiling: Option<usize>,
}

/// How one record counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) policy: Arc<str>,
    pub(super) part: Part,
}

/// What an object of ours is to the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It is there, and if it goes nobody has to be asked.
    There,
    /// It would go on absence alone, and was not judged.
    Unjudged,
    /// It would go on absence alone, and is held.
    Held,
    /// It may go once its own absence is confirmed.
    Admitted,
}

// === impl Tally ===

impl Tally {
    pub(super) fn entered(&mut self, key: &ObjectKey, standing: Standing) {
        let share = self.shares.entry(standing.policy).or_default();
        share.all += 1;
        *share.kinds.entry(key.gvr.clone()).or_default() += 1;
        if let Some(missing) = share.missing_mut(standing.part) {
            missing.insert(key.clone());
        }
        if share.missing() > 0 {
            self.news = News::Some;
        }
    }

    pub(super) fn left(&mut self, key: &ObjectKey, standing: &Standing) {
        let Some(share) = self.shares.get_mut(&standing.policy) else {
            return;
        };
        if share.missing() > 0 {
            self.news = News::Some;
        }
        share.all = share.all.saturating_sub(1);
        if let Some(count) = share.kinds.get_mut(&key.gvr) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                share.kinds.remove(&key.gvr);
            }
        }
        if let Some(missing) = share.missing_mut(standing.part) {
            missing.remove(key);
        }
        if share.all == 0 {
            self.shares.remove(&standing.policy);
        }
    }

    /// Whether something changed since the last judgement that it rests on.
    pub(super) fn has_news(&self) -> bool {
        self.news == News::Some
    }

    /// All shares, to be judged: what changes from here on is news.
    pub(super) fn judge_all(&mut self) -> impl Iterator<Item = (&Arc<str>, &mut Share)> {
        self.news = News::None;
        self.shares.iter_mut().filter(|(_, share)| share.missing() > 0)
    }

    /// What was moved by the judgement itself is no news.
    pub(super) fn judged(&mut self) {
        self.news = News::None;
    }

    pub(super) fn shares(&self) -> impl Iterator<Item = (&Arc<str>, &Share)> {
        self.shares.iter()
    }
}

// === impl Share ===

impl Share {
    fn missing_mut(&mut self, part: Part) -> Option<&mut BTreeSet<ObjectKey>> {
        match part {
            Part::There => None,
            Part::Unjudged => Some(&mut self.unjudged),
            Part::Held => Some(&mut self.held),
            Part::Admitted => Some(&mut self.admitted),
        }
    }

    /// How many are missing.
    pub(super) fn missing(&self) -> usize {
        self.unjudged.len() + self.held.len() + self.admitted.len()
    }

    /// What is missing and was not judged, sorted.
    pub(super) fn unjudged(&self) -> impl Iterator<Item = &ObjectKey> {
        self.unjudged.iter()
    }

    /// What is missing and held, sorted.
    pub(super) fn held(&self) -> impl ExactSizeIterator<Item = &ObjectKey> {
        self.held.iter()
    }

    /// What is missing and may go, sorted.
    pub(super) fn admitted(&self) -> impl Iterator<Item = &ObjectKey> {
        self.admitted.iter()
    }

    /// The resources of which it holds anything.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &Gvr> {
        self.kinds.keys()
    }

    /// Judges all that is missing as one set.
    pub(super) fn verdict(&mut self) -> Verdict {
        let all = self.ceiling.map_or(self.all, |ceiling| ceiling.min(self.all));
        let verdict = judge(self.missing(), all);
        self.ceiling = match verdict {
            Verdict::Admitted => None,
            Verdict::Held => Some(self.ceiling.unwrap_or(all)),
        };
        verdict
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> usize {
        self.all
    }
}
