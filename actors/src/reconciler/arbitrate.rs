//! Objects that both sides change: what [`syncer_core::conflict`] decides is carried out, one request after the other, each over the version
//! that it was decided on.

mod carry_out;
mod ending;
mod view;
mod write_back;

use std::time::Duration;

use syncer_core::{
    config::Strategy,
    conflict::{Base, LeafHasher, Moment, Resting, Verdict, base_of},
    event_reason::EventReason,
    payload::Payload,
};

use super::{Attempt, AttemptFailure, Retry, attempt::End, work::Work};
use crate::{
    conflict_arbiter::{Party, moment_of},
    prescription::{Body, is_namespace, is_secret},
    settings::Writes,
    target::{After, Others},
};

/// Requests about one object in one attempt, whatever the reason: then others have their turn.
const MOST_ROUNDS: u32 = 24;

/// What is known from the rounds before.
struct Course {
    /// What is followed: the policy's, until the API server calls a merge invalid.
    strategy: Strategy,
    /// Who owned what when it was looked at last.
    fields: Option<u64>,
    /// Whether a removal put a base into our marker, so that it has to be applied again.
    rebased: bool,
    /// What was taken out already, and is told with the rest.
    removed: Vec<Verdict>,
}

/// How one round ended.
enum Round {
    /// The attempt is over.
    Over(Box<Attempt>),
    /// A request was made, and the rest is decided anew.
    Next,
    /// Somebody was quicker: what was decided does not hold any more.
    Overtaken,
    /// The API server calls the merge invalid.
    Invalid(String),
}

// === impl Round ===

impl Round {
    fn over(attempt: Attempt) -> Self {
        Self::Over(Box::new(attempt))
    }
}

// === impl Work ===

impl Work<'_> {
    /// The strategy that is followed for this object. Of a namespace only labels and annotations go down.
    pub(super) fn strategy(&self) -> Strategy {
        match self.task.prescription.as_deref() {
            Some(prescription) if !is_namespace(self.resource) => prescription.spec().conflict.strategy,
            _ => Strategy::UpstreamWins,
        }
    }

    /// Whether the arbiter has a word in what happens to this object: by its strategy, or because a leaf of it is fought over.
    pub(super) fn is_arbitrated(&self) -> bool {
        self.strategy() != Strategy::UpstreamWins || !self.resting().is_empty()
    }

    /// Has the shape of the kind at hand known, where it is decided about leaf by leaf.
    pub(super) async fn learn_schema(&self) {
        if self.strategy() != Strategy::UpstreamWins {
            self.downstream
                .schemas
                .learn(&self.downstream.cluster, self.resource)
                .await;
        }
    }

    fn resting(&self) -> Resting {
        self.party()
            .map(|party| self.downstream.arbiter.docket.resting(party, self.moment()))
            .unwrap_or_default()
    }

    fn party(&self) -> Option<Party<'_>> {
        let prescription = self.task.prescription.as_deref()?;
        Some(Party {
            key: self.key,
            target: &self.downstream.name,
            shape: prescription.shape,
        })
    }

    /// Now, on our clock.
    fn moment(&self) -> Moment {
        moment_of(&self.downstream.clock)
    }

    pub(super) fn hasher(&self) -> LeafHasher<'_> {
        if is_secret(self.resource) {
            LeafHasher::Keyed(self.downstream.bodies.hash_key())
        } else {
            LeafHasher::Plain
        }
    }

    /// The base of an object that is applied as it is desired; empty where the strategy needs none, or where it is too large.
    pub(super) fn first_base(&self, payload: &Payload) -> Result<String, AttemptFailure> {
        if self.strategy() == Strategy::UpstreamWins {
            return Ok(String::new());
        }
        let gvr = &self.resource.gvr;
        let desired = payload
            .to_value()
            .map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        let base = base_of(
            gvr,
            &self.downstream.schemas.known(gvr),
            self.hasher(),
            None,
            &desired,
            self.moment(),
        );
        Ok(base.encode(Base::limit(gvr)).unwrap_or_default())
    }

    /// Brings the object with `uid` to what is decided leaf by leaf.
    pub(super) async fn arbitrate(&self, body: &Body, uid: &str) -> Result<Attempt, AttemptFailure> {
        let rules = &self.prescription()?.spec().conflict;
        let mut overtaken = 0;
        let mut course = Course {
            strategy: self.strategy(),
            fields: None,
            rebased: false,
            removed: Vec::new(),
        };
        for _ in 0..MOST_ROUNDS {
            match self.round(body, uid, &mut course).await? {
                Round::Over(attempt) => return Ok(*attempt),
                Round::Next => {}
                Round::Overtaken => {
                    overtaken += 1;
                    if overtaken > rules.max_retries {
                        return Err(self.unsettled(overtaken));
                    }
                    tokio::time::sleep(self.delay(rules.retry_delay.0, overtaken)).await;
                }
                Round::Invalid(why) if course.strategy != Strategy::UpstreamWins => {
                    let note = format!(
                        "target {}: the merge is refused, and the upstream wins: {why}",
                        self.downstream.name
                    );
                    self.log(&format_args!("{note}"));
                    self.tell(&body.uid, EventReason::Conflict, note);
                    course.strategy = Strategy::UpstreamWins;
                }
                Round::Invalid(why) => return Err(AttemptFailure::new(why, Retry::Rarely)),
            }
        }
        Err(self.unsettled(MOST_ROUNDS))
    }

    fn unsettled(&self, times: u32) -> AttemptFailure {
        let metrics = &self.downstream.metrics;
        metrics.conflict(self.strategy(), crate::metrics::Verdict::Unsettled);
        let message = format!(
            "target {}: {} changes faster than it can be settled: given up after {times} tries; it is tried again later",
            self.downstream.name, self.key
        );
        AttemptFailure::new(message, Retry::Rarely).because(EventReason::Conflict)
    }

    /// Doubled each time, and spread by the object, so that many do not come back at once.
    fn delay(&self, first: Duration, times: u32) -> Duration {
        let grown = first.saturating_mul(1 << times.saturating_sub(1).min(6));
        let spread = xxhash_rust::xxh3::xxh3_64(self.key.name.as_bytes()) % 100;
        grown.min(Duration::from_secs(10)) * (100 + u32::try_from(spread).unwrap_or_default()) / 200
    }

    /// Looks at both sides, decides, and makes the first request that is due; the last one ends the attempt.
    async fn round(&self, body: &Body, uid: &str, course: &mut Course) -> Result<Round, AttemptFailure> {
        let Some(live) = self.read().await? else {
            return Ok(Round::over(Attempt::done(After::Absent)));
        };
        let Some(seen) = self.seen(&live).filter(|seen| *seen.ours.uid == *uid) else {
            let after = self.seen(&live).map_or(After::Foreign, After::Seen);
            return Ok(Round::over(Attempt::done(after)));
        };
        let view = self.view(body, live, seen, course.strategy).await?;
        let Some(view) = view else {
            return Ok(Round::over(Attempt::done(After::Unchanged)));
        };
        // Beside what the upstream said before, a later edit there would look like nobody's, and be overwritten.
        let newest = view.newest.as_ref();
        let is_ahead = newest.is_some_and(|newest| newest.payload.hash() != body.payload.hash());
        let body = newest.unwrap_or(body);
        // It moves with every change but a status.
        let only_status = course.fields.replace(view.seen.content_hash()) == Some(view.seen.content_hash());
        let (decision, resting) = self.decision(body, &view, course.strategy)?;
        if self.downstream.writes == Writes::Reported {
            for verdict in &decision.verdicts {
                self.log(&format_args!("dry run: would decide: {verdict}"));
            }
            return Ok(Round::over(Attempt::done(After::Applied(view.seen))));
        }
        match self.carry_out(body, uid, (&view, decision, &resting), course).await {
            Ok(Round::Overtaken) if only_status => Ok(Round::Next),
            Ok(Round::Over(mut attempt)) if is_ahead && matches!(attempt.end, End::Done) => {
                attempt.end = End::Ahead;
                Ok(Round::Over(attempt))
            }
            round => round,
        }
    }

    /// Whether nobody else wrote anything to the object, as far as its watch showed.
    pub(super) fn is_ours_alone(&self) -> bool {
        self.task.others == Others::None && self.task.fields.is_none() && self.resting().is_empty()
    }
}
