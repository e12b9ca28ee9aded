//! What was decided and carried out is told to the arbiter, which says whether it is a fight by now.

use std::time::Duration;

use serde_json::Value;
use syncer_clusters::Object;
use syncer_core::{
    config::Strategy,
    conflict::{Fallback, Moment, Resting, Verdict},
    event_reason::EventReason,
};

use super::view::View;
use crate::{
    conflict_arbiter::{Hearing, Noticed, Telling},
    prescription::Body,
    reconciler::{
        Attempt, AttemptFailure, Retry,
        attempt::End,
        work::{Work, tree_of},
    },
    target::{After, Seen},
};

/// What is about to be reverted.
#[derive(Default)]
pub(in crate::reconciler) struct Reverts(Vec<Verdict>);

impl Work<'_> {
    /// Has the arbiter hear what was decided and carried out; the fights that came of it.
    pub(super) async fn report(
        &self,
        uid: &str,
        verdicts: Vec<Verdict>,
        fallback: Option<Fallback>,
        telling: Telling,
    ) -> Vec<Noticed> {
        let Ok(prescription) = self.prescription() else {
            return Vec::new();
        };
        // That nothing is decided any more is heard too, once.
        let was_decided = || {
            let party = self.party();
            party.is_some_and(|party| self.downstream.arbiter.docket.has_decided(party))
        };
        if verdicts.is_empty() && fallback.is_none() && !was_decided() {
            return Vec::new();
        }
        let hearing = Hearing {
            key: self.key.clone(),
            resource: self.resource.clone(),
            uid: uid.into(),
            target: self.downstream.name.clone(),
            shape: prescription.shape,
            strategy: self.strategy(),
            fight: prescription.spec().conflict.fight,
            now: self.moment(),
            verdicts,
            fallback,
            telling,
        };
        self.downstream.arbiter.hear(hearing).await
    }

    /// How an attempt ends: with a time to look again, where a leaf rests.
    pub(super) fn ended(&self, seen: Seen, resting: &Resting, noticed: &[Noticed], verdicts: &[Verdict]) -> Attempt {
        let now = self.moment();
        let until = self
            .party()
            .and_then(|party| self.downstream.arbiter.docket.next_end(party, now));
        let mut fights = noticed.to_vec();
        for verdict in verdicts.iter().filter(|verdict| resting.contains(verdict.leaf)) {
            let path = verdict.path.to_string();
            if let Some(until) = until.filter(|_| fights.iter().all(|fight| fight.path != path)) {
                fights.push(self.still_fought(verdict, path, until));
            }
        }
        let note = (!fights.is_empty()).then(|| Noticed::notes(&fights, &self.downstream.name));
        let (Some(until), Some(note)) = (until, note) else {
            return Attempt::done(After::Applied(seen));
        };
        let rest = Duration::from_millis(u64::try_from(until.0.saturating_sub(now.0)).unwrap_or_default());
        Attempt {
            after: After::Applied(seen),
            end: End::Resting {
                failure: AttemptFailure::new(note, Retry::After(rest)).because(EventReason::FightDetected),
                rest,
            },
        }
    }

    /// A fight that goes on over a leaf that rests, `verdict` says at `path`.
    fn still_fought(&self, verdict: &Verdict, path: String, until: Moment) -> Noticed {
        let party = self.party();
        let mut rivals = party.map_or_else(Vec::new, |party| {
            self.downstream.arbiter.docket.rivals(party, verdict.leaf)
        });
        let manager = verdict.downstream.manager.clone();
        let manager = manager.or_else(|| rivals.first().cloned()).unwrap_or_default();
        rivals.retain(|rival| *rival != manager);
        Noticed {
            path,
            manager,
            rivals,
            until,
        }
    }

    /// Under `UpstreamWins`: what is about to be reverted, leaf by leaf.
    pub(in crate::reconciler) fn reverts(
        &self,
        body: &Body,
        live: &Object,
        desired: &Value,
    ) -> Result<Reverts, AttemptFailure> {
        let Some(seen) = self.seen(live) else {
            return Ok(Reverts::default());
        };
        let view = View {
            tree: tree_of(live)?,
            live: live.clone(),
            seen,
            desired: desired.clone(),
            upstream: Value::Null,
            newest: None,
            base: Box::default(),
        };
        let (decision, _) = self.decision(body, &view, Strategy::UpstreamWins)?;
        Ok(Reverts(decision.verdicts))
    }

    /// The reverts were made, and told as drift.
    pub(in crate::reconciler) async fn reverted(&self, uid: &str, reverts: Reverts, attempt: Attempt) -> Attempt {
        let (End::Done, After::Applied(seen)) = (&attempt.end, &attempt.after) else {
            return attempt;
        };
        let noticed = self.report(uid, reverts.0, None, Telling::Elsewhere).await;
        if noticed.is_empty() {
            return attempt;
        }
        self.ended(seen.clone(), &Resting::default(), &noticed, &[])
    }
}
