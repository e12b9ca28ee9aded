//! What becomes of an object that fails, and who is told; and that it works again.

use std::time::Duration;

use syncer_core::{ObjectKey, event_reason::EventReason, status::Problem};
use tracing::{debug, info, warn};

use super::{RARELY, SOON};
use crate::{
    events::Subject,
    reconciler::{AttemptFailure, Retry},
    runtime::{Context, Exponential},
    target::{
        Target,
        ledger::{Complaint, Word},
    },
};

/// After so many failures in a row the owner of an object is told, where the failure may pass by itself.
const TELL_AFTER: u32 = 4;

/// So far apart are attempts at all objects together that somebody has to make possible first (S9).
const APART: Duration = Duration::from_millis(300);

/// The delays between attempts that somebody has to make possible first, where `waiting` objects wait: few are in place within 30 s of that
/// (S7), and many cost no more than a few requests a second.
fn rarely(waiting: usize) -> (Duration, Duration) {
    let all = APART.saturating_mul(u32::try_from(waiting).unwrap_or(u32::MAX));
    (RARELY.0, all.clamp(SOON.1, RARELY.1))
}

fn complaint(reason: EventReason) -> Complaint {
    match reason {
        EventReason::AdoptionRefused | EventReason::NameTaken | EventReason::Conflict | EventReason::FightDetected => {
            Complaint::Conflicted
        }
        _ => Complaint::Failed,
    }
}

/// The reason of the condition `Synced` where it is `False`.
fn synced_reason(reason: EventReason) -> &'static str {
    match reason {
        EventReason::Conflict | EventReason::FightDetected => "Conflicted",
        EventReason::AdoptionRefused => "AdoptionRefused",
        EventReason::NameTaken => "NameTaken",
        EventReason::ImmutableField => "ImmutableField",
        EventReason::TransformFailed => "TransformFailed",
        _ => "SyncFailed",
    }
}

// === impl Target ===

impl Target {
    /// The delays between attempts that somebody has to make possible first. What is only tried comes to rest.
    pub(in crate::target) fn rarely(&self) -> (Duration, Duration) {
        match self.upstream.preview {
            None => rarely(self.turns.waits.len()),
            Some(_) => RARELY,
        }
    }

    /// What failed before and works again is told once: to those who heard of the failure.
    pub(super) fn succeeded(&mut self, key: &ObjectKey) {
        let (failures, word) = (self.ledger.failures(key), self.ledger.word(key));
        self.ledger.succeeded(key);
        self.upstream.status.problem(&self.settings.name, key, None);
        if failures > 0 {
            info!(
                target = %self.settings.name, workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace,
                name = %key.name, failures, "synced again"
            );
        }
        if word == Word::Given {
            self.tell(
                key,
                EventReason::Synced,
                format!("target {}: synced again", self.settings.name),
            );
        }
    }

    /// Tells the owner of the upstream object `key`, where it is wanted here.
    pub(super) fn tell(&self, key: &ObjectKey, reason: EventReason, note: String) {
        let resource = self.upstream.resources.iter().find(|resource| resource.gvr == key.gvr);
        if let (Some(resource), Some(uid)) = (resource, self.ledger.upstream_uid(key)) {
            let subject = Subject {
                resource: resource.clone(),
                key: key.clone(),
                uid: uid.into(),
            };
            self.upstream.events.tell(subject, reason, note);
        }
    }

    /// The attempt at `key` failed: it waits, and whoever has to know is told.
    pub(in crate::target) fn failed(&mut self, key: ObjectKey, failure: &AttemptFailure, ctx: &mut Context<Self>) {
        let failures = self.ledger.failed(&key, complaint(failure.reason));
        self.queue.retried();
        let delay = match failure.retry {
            // A breaker whose probe hangs names no time at all: that must not become a spin.
            Retry::After(delay) => delay.max(SOON.0) + ctx.chance().jitter(delay / 8),
            Retry::Soon => Exponential::nth(SOON.0, SOON.1, failures, ctx.chance()),
            Retry::Rarely => {
                let (first, last) = self.rarely();
                Exponential::nth(first, last, failures, ctx.chance())
            }
        };
        // A short conflict or outage is no news: it passes, and a status would be written twice for it.
        if failure.retry == Retry::Rarely {
            self.show_problem(&key, failure);
        }
        // Nor is it to the owner of an object.
        let lasts = failure.retry == Retry::Rarely || failures >= TELL_AFTER;
        if lasts && self.ledger.word(&key) == Word::None {
            self.ledger.give_word(&key);
            self.tell(&key, failure.reason, failure.message.to_string());
        }
        self.log_failure(&key, failure, failures, delay);
        let at = ctx.now() + delay;
        self.turns.waits.until(key, at);
        self.set_timer(ctx);
    }

    /// Said once; what is said again and again is read by nobody. What somebody has to mend may turn out to be another thing than it
    /// seemed, or come after a wait that was no failure.
    fn log_failure(&mut self, key: &ObjectKey, failure: &AttemptFailure, failures: u32, delay: Duration) {
        let is_said = match failure.retry {
            Retry::Rarely => self.ledger.is_news(key, &failure.message),
            Retry::Soon | Retry::After(_) => failures == 1,
        };
        if is_said {
            warn!(
                target = %self.settings.name, workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace,
                name = %key.name, retry_in = ?delay, "not synced: {}", failure.message
            );
        } else {
            debug!(target = %self.settings.name, object = %key, failures, retry_in = ?delay, "still not synced: {}", failure.message);
        }
    }

    /// The condition `Synced` of `key` says why it is not.
    fn show_problem(&self, key: &ObjectKey, failure: &AttemptFailure) {
        let problem = Problem {
            reason: synced_reason(failure.reason).into(),
            message: (&*failure.message).into(),
        };
        self.upstream.status.problem(&self.settings.name, key, Some(problem));
    }

    /// `key` is as it has to be, but for fields that are fought over: they are tried again after `rest`. Its other fields are kept meanwhile.
    pub(super) fn rests(&mut self, key: ObjectKey, failure: &AttemptFailure, rest: Duration, ctx: &mut Context<Self>) {
        self.ledger.failed(&key, Complaint::Fighting);
        // Its owner was told when the fight was noticed, and is told when it is over.
        self.ledger.give_word(&key);
        self.show_problem(&key, failure);
        self.turns.waits.until(key, ctx.now() + rest);
        self.set_timer(ctx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_that_wait_are_looked_at_within_thirty_seconds_and_many_cost_little() {
        for (waiting, longest) in [(0, 25), (1, 25), (83, 25), (200, 60), (1_000, 300), (100_000, 300)] {
            assert_eq!(rarely(waiting).1, Duration::from_secs(longest), "{waiting}");
        }
    }
}
