//! What is held as mass deletions on all targets, and what people said about it. It outlives a Target that is built anew, so that a
//! word counts once.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use syncer_core::guard::confirmation::{Answer, Confirmation, Moment};

/// The words, and what is held. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct MassDeletions(Arc<Mutex<Words>>);

#[derive(Debug)]
struct Words {
    /// What was said of single targets.
    of_targets: BTreeMap<Arc<str>, Confirmation>,
    /// What was said of all of them at the start.
    of_all: OfAll,
    /// What each target holds back.
    held: BTreeMap<Arc<str>, Held>,
}

/// The word that was given at the start, about the sum over all targets.
#[derive(Debug)]
enum OfAll {
    /// It waits until everything is listed on all targets.
    Waits(usize),
    /// It was right: those targets that have not heard it yet, and how many each held.
    Right(BTreeMap<Arc<str>, usize>),
    /// There was none, or it was answered.
    Spent,
}

/// What one target holds back.
#[derive(Clone, Copy, Debug)]
struct Held {
    count: usize,
    moment: Moment,
}

// === impl MassDeletions ===

impl MassDeletions {
    /// With the word that was given at the start, if any.
    pub(crate) fn new(of_all: Option<usize>) -> Self {
        Self(Arc::new(Mutex::new(Words {
            of_targets: BTreeMap::new(),
            of_all: of_all.map_or(OfAll::Spent, OfAll::Waits),
            held: BTreeMap::new(),
        })))
    }

    /// `target` holds `held` objects back, and its SyncTarget says `word`. `used` is what a process before this one carried out.
    pub(crate) fn hear(
        &self,
        target: &Arc<str>,
        word: Option<&str>,
        held: usize,
        moment: Moment,
        used: impl FnOnce() -> Box<str>,
    ) -> Answer {
        let mut words = self.0.lock();
        let confirmation = words.of_targets.entry(target.clone());
        confirmation
            .or_insert_with(|| Confirmation::after(&used()))
            .hear(word, held, moment)
    }

    /// `target`, one of `all`, holds `count` objects back: says whether the word that was given at the start is about them.
    pub(crate) fn hear_of_all<'a>(
        &self,
        target: &Arc<str>,
        count: usize,
        moment: Moment,
        mut all: impl Iterator<Item = &'a Arc<str>>,
    ) -> Answer {
        let mut words = self.0.lock();
        words.held.insert(target.clone(), Held { count, moment });
        if let OfAll::Waits(said) = words.of_all {
            let counts: Option<BTreeMap<Arc<str>, usize>> = all.try_fold(BTreeMap::new(), |mut counts, name| {
                let held = words.held.get(name).filter(|held| held.moment == Moment::Settled)?;
                counts.insert(name.clone(), held.count);
                Some(counts)
            });
            let Some(mut counts) = counts else {
                return Answer::Nothing;
            };
            let held: usize = counts.values().sum();
            if held != said || held == 0 {
                words.of_all = OfAll::Spent;
                return Answer::Wrong { said, held };
            }
            counts.retain(|_, count| *count > 0);
            words.of_all = OfAll::Right(counts);
        }
        let OfAll::Right(counts) = &mut words.of_all else {
            return Answer::Nothing;
        };
        match counts.remove(target) {
            None => Answer::Nothing,
            Some(said) if said == count => Answer::Confirmed,
            Some(said) => Answer::Wrong { said, held: count },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> [Arc<str>; 2] {
        ["east".into(), "west".into()]
    }

    #[test]
    fn the_word_at_the_start_is_about_the_sum_once_all_is_listed() {
        let [east, west] = names();
        let deletions = MassDeletions::new(Some(35));
        let hear = |target: &Arc<str>, count, moment| deletions.hear_of_all(target, count, moment, names().iter());
        assert_eq!(hear(&east, 20, Moment::Settled), Answer::Nothing);
        assert_eq!(hear(&west, 12, Moment::Unsettled), Answer::Nothing);
        assert_eq!(hear(&west, 15, Moment::Settled), Answer::Confirmed);
        assert_eq!(hear(&east, 20, Moment::Settled), Answer::Confirmed);
        assert_eq!(hear(&east, 20, Moment::Settled), Answer::Nothing, "once");
        assert_eq!(hear(&west, 35, Moment::Settled), Answer::Nothing);
    }

    #[test]
    fn a_wrong_sum_is_said_once_and_is_spent() {
        let [east, west] = names();
        let deletions = MassDeletions::new(Some(36));
        let hear = |target: &Arc<str>, count| deletions.hear_of_all(target, count, Moment::Settled, names().iter());
        assert_eq!(hear(&east, 20), Answer::Nothing);
        assert_eq!(hear(&west, 15), Answer::Wrong { said: 36, held: 35 });
        assert_eq!(hear(&west, 16), Answer::Nothing);
        assert_eq!(hear(&east, 20), Answer::Nothing);
    }

    #[test]
    fn a_target_that_holds_something_else_by_then_is_not_meant() {
        let [east, west] = names();
        let deletions = MassDeletions::new(Some(35));
        let hear = |target: &Arc<str>, count| deletions.hear_of_all(target, count, Moment::Settled, names().iter());
        hear(&east, 20);
        assert_eq!(hear(&west, 15), Answer::Confirmed);
        assert_eq!(hear(&east, 21), Answer::Wrong { said: 20, held: 21 });
        assert_eq!(hear(&east, 20), Answer::Nothing);
    }

    #[test]
    fn a_target_that_is_built_anew_hears_no_word_twice() {
        let [east, _] = names();
        let deletions = MassDeletions::new(None);
        let hear = |word| deletions.hear(&east, word, 20, Moment::Settled, Box::default);
        assert_eq!(hear(Some("20")), Answer::Confirmed);
        assert_eq!(hear(Some("20")), Answer::Nothing);
        assert_eq!(hear(None), Answer::TakenOff);
        let before: Box<str> = "20".into();
        let again = MassDeletions::new(None).hear(&east, Some("20"), 20, Moment::Settled, || before);
        assert_eq!(again, Answer::Nothing, "carried out by a process before this one");
    }
}
