//! A person's word that what is held on this target may go.

use std::sync::atomic::Ordering;

use syncer_core::{
    guard::confirmation::{Answer, Moment},
    marker::CONFIRM_DELETION_ANNOTATION,
};
use tracing::{error, info};

use super::{Stage, Target, sweep};
use crate::runtime::Context;

/// How long what is held has been the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stillness {
    /// Lists or orders are under way.
    #[default]
    Moving,
    /// All is listed; that many are held at the last look.
    Still(usize),
}

// === impl Target ===

impl Target {
    /// Hears what people say about what is held, and lets exactly that go where they are right.
    pub(super) fn hear(&mut self, ctx: &mut Context<Self>) {
        let held: usize = self.intake.held.values().sum();
        let moment = self.moment(held);
        let rulebook = self.upstream.rulebooks.borrow().clone();
        let mine = rulebook.rules.target(&self.settings.name);
        let word = mine.and_then(|target| target.target.annotations.get(CONFIRM_DELETION_ANNOTATION));
        let deletions = self.upstream.mass_deletions.clone();
        let answer = deletions.hear(&self.settings.name, word.map(String::as_str), held, moment, || {
            self.upstream.reports.confirmed_value(&self.settings.name)
        });
        self.answer(&answer, CONFIRM_DELETION_ANNOTATION);
        match answer {
            Answer::Confirmed => self
                .upstream
                .reports
                .confirmed(&self.settings.name, word.map_or("", |word| word.trim())),
            Answer::TakenOff => self.upstream.reports.confirmed(&self.settings.name, ""),
            Answer::Nothing | Answer::Wrong { .. } | Answer::NoCount => {}
        }
        let answer = deletions.hear_of_all(&self.settings.name, held, moment, rulebook.targets.keys());
        self.answer(&answer, "--confirm-mass-deletion");
        self.give_turns(ctx);
    }

    /// What is held is known once everything is listed and judged under the present rules, at two looks one after the other: the last
    /// orders that follow from a list may come after it.
    fn moment(&mut self, held: usize) -> Moment {
        let before = std::mem::take(&mut self.intake.stillness);
        let rules = self.upstream.rulebooks.borrow().revision;
        let told = self.upstream.rules_told.load(Ordering::Acquire) == rules;
        let Stage::Syncing(downstream) = &self.stage else {
            return Moment::Unsettled;
        };
        let listed = downstream.resources.keys().all(|gvr| self.intake.is_complete(gvr));
        let swept = self.intake.sweep == sweep::Progress::Over;
        if !told || !listed || !swept || !self.intake.is_taken_in() || self.ledger.awaits_guard() {
            return Moment::Unsettled;
        }
        self.intake.stillness = Stillness::Still(held);
        if before == self.intake.stillness {
            Moment::Settled
        } else {
            Moment::Unsettled
        }
    }

    fn answer(&mut self, answer: &Answer, by: &str) {
        let target = &self.settings.name;
        match answer {
            Answer::Nothing | Answer::TakenOff => {}
            Answer::Confirmed => {
                let confirmed = self.ledger.confirm();
                info!(
                    target = %target, objects = confirmed.len(), by,
                    "a person confirmed what was held as a mass deletion: exactly that goes, each once its own absence is confirmed"
                );
                self.let_go(&confirmed);
                self.judge_again();
            }
            Answer::Wrong { said, held } => error!(
                target = %target, said, held, by,
                "the count that was confirmed is not that of what is held: nothing is deleted; say the right count"
            ),
            Answer::NoCount => error!(
                target = %target, by,
                "what confirms a mass deletion is no count: nothing is deleted; say how many are held"
            ),
        }
    }
}
