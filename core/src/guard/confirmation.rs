//! A person's word that what the guard holds may go: good for exactly the set that is held at that moment, once.

/// What is remembered of the words of people about one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// The word that was answered last: it counts again only after it was changed or taken off.
    spent: Option<Box<str>>,
}

/// Whether what is held is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Lists are under way, or rules were changed: what is held now says nothing about what will be.
    Unsettled,
    /// Everything is listed and judged under the present rules.
    Settled,
}

/// What a word comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing new was said, or it is too early to tell.
    Nothing,
    /// All that is held may go, each once its own absence is confirmed.
    Confirmed,
    /// The count is not that of what is held: nothing goes.
    Wrong {
        /// What was said.
        said: usize,
        /// What is held.
        held: usize,
    },
    /// What was said is no count: nothing goes.
    NoCount,
    /// What was said before was taken off.
    TakenOff,
}

// === impl Confirmation ===

impl Confirmation {
    /// What is left of a process before this one: the word `used` was carried out; empty for none.
    pub fn after(used: &str) -> Self {
        Self {
            spent: Some(used.trim()).filter(|used| !used.is_empty()).map(Box::from),
        }
    }

    /// Hears `word` (none if nobody says anything) where `held` objects are held.
    pub fn hear(&mut self, word: Option<&str>, held: usize, moment: Moment) -> Answer {
        let Some(word) = word.map(str::trim).filter(|word| !word.is_empty()) else {
            return match self.spent.take() {
                Some(_) => Answer::TakenOff,
                None => Answer::Nothing,
            };
        };
        if self.spent.as_deref() == Some(word) {
            return Answer::Nothing;
        }
        let Ok(said) = word.parse::<usize>() else {
            self.spent = Some(word.into());
            return Answer::NoCount;
        };
        if moment == Moment::Unsettled {
            return Answer::Nothing;
        }
        self.spent = Some(word.into());
        if said == held && held > 0 {
            return Answer::Confirmed;
        }
        Answer::Wrong { said, held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_count_is_good_once() {
        let mut confirmation = Confirmation::default();
        assert_eq!(confirmation.hear(Some("20"), 20, Moment::Settled), Answer::Confirmed);
        for held in [20, 0, 5, 20] {
            assert_eq!(confirmation.hear(Some("20"), held, Moment::Settled), Answer::Nothing);
        }
        assert_eq!(confirmation.hear(None, 20, Moment::Settled), Answer::TakenOff);
        assert_eq!(confirmation.hear(None, 20, Moment::Settled), Answer::Nothing);
        assert_eq!(confirmation.hear(Some(" 20 "), 20, Moment::Settled), Answer::Confirmed);
    }

    #[test]
    fn another_count_counts_again_and_a_wrong_one_does_nothing() {
        let mut confirmation = Confirmation::default();
        let wrong = Answer::Wrong { said: 19, held: 20 };
        assert_eq!(confirmation.hear(Some("19"), 20, Moment::Settled), wrong);
        let later = confirmation.hear(Some("19"), 19, Moment::Settled);
        assert_eq!(later, Answer::Nothing, "said of another set");
        assert_eq!(confirmation.hear(Some("20"), 20, Moment::Settled), Answer::Confirmed);
    }

    #[test]
    fn nothing_is_decided_before_it_is_known_what_is_held() {
        let mut confirmation = Confirmation::default();
        assert_eq!(confirmation.hear(Some("20"), 0, Moment::Unsettled), Answer::Nothing);
        assert_eq!(confirmation.hear(Some("20"), 20, Moment::Unsettled), Answer::Nothing);
        assert_eq!(confirmation.hear(Some("20"), 20, Moment::Settled), Answer::Confirmed);
    }

    #[test]
    fn what_is_no_count_is_said_once() {
        let mut confirmation = Confirmation::default();
        for word in ["all", "-1", "1.5", "2e1", "99999999999999999999999"] {
            assert_eq!(
                confirmation.hear(Some(word), 20, Moment::Settled),
                Answer::NoCount,
                "{word}"
            );
            assert_eq!(confirmation.hear(Some(word), 20, Moment::Settled), Answer::Nothing);
        }
        assert_eq!(confirmation.hear(Some(""), 20, Moment::Settled), Answer::TakenOff);
    }

    #[test]
    fn where_nothing_is_held_nothing_is_confirmed() {
        let wrong = Answer::Wrong { said: 0, held: 0 };
        assert_eq!(Confirmation::default().hear(Some("0"), 0, Moment::Settled), wrong);
    }

    #[test]
    fn what_was_carried_out_before_a_restart_is_not_again() {
        let mut confirmation = Confirmation::after("20");
        assert_eq!(confirmation.hear(Some("20"), 20, Moment::Settled), Answer::Nothing);
        assert_eq!(confirmation.hear(Some("21"), 21, Moment::Settled), Answer::Confirmed);
        assert_eq!(Confirmation::after(""), Confirmation::default());
    }
}
