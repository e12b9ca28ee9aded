//! What was decided is carried out: the first request that is due, over the version that it was decided on.

use bytes::Bytes;
use syncer_clusters::{Apply, FieldsV1Kept, Next, Object, Write};
use syncer_core::{
    body::Expects,
    conflict::{ApplyNeed, Base, Decision, Resting, Winner, excerpt},
    event_reason::EventReason,
    field_path::FieldPath,
    marker::{APPLIED_ANNOTATION, Applied, FIELD_MANAGER, HANDOVER_MANAGER},
    payload::Payload,
    removal,
};

use super::{Course, Round, view::View};
use crate::{
    conflict_arbiter::{Telling, told},
    metrics::{DriftAction, WriteVerb},
    prescription::Body,
    reconciler::{Attempt, AttemptFailure, Retry, change::immutable_path, work::Work},
    target::After,
};

impl Work<'_> {
    pub(super) async fn carry_out(
        &self,
        body: &Body,
        uid: &str,
        (view, decision, resting): (&View, Decision, &Resting),
        course: &mut Course,
    ) -> Result<Round, AttemptFailure> {
        if !decision.hand_over.is_empty() {
            return self.give_up(&decision.hand_over, view).await;
        }
        if !decision.removals.is_empty() {
            let mut ops = removal::patch(&view.tree, &decision.removals);
            if !ops.is_empty() {
                if let Some(base) = &decision.base_without {
                    ops.extend(self.rebased(view, base));
                }
                let round = self.take_out(&ops).await?;
                if matches!(round, Round::Next) {
                    course.rebased |= decision.base_without.is_some();
                    let taken = decision.verdicts.into_iter().filter(|verdict| {
                        verdict.winner == Winner::Upstream && decision.removals.contains(&verdict.path.path)
                    });
                    course.removed.extend(taken);
                }
                return Ok(round);
            }
        }
        let base = match &decision.base {
            Some(base) => base.encode(Base::limit(&self.resource.gvr)).unwrap_or_default(),
            None => String::new(),
        };
        let hash = body.payload.hash();
        // The patch of a removal took our marker from our apply.
        let removed = !course.removed.is_empty() || course.rebased;
        let stale = removed || view.seen.ours.applied != Some(hash) || (view.base.is_empty() && !base.is_empty());
        let rebound = *view.seen.ours.origin_uid != *body.uid;
        let mut seen = view.seen.clone();
        let mut applied = None;
        let drifted = course
            .removed
            .iter()
            .chain(&decision.verdicts)
            .any(|verdict| told(verdict).1 == Some(EventReason::DriftReverted));
        if decision.apply == ApplyNeed::Due || stale || rebound {
            // What a rule gives to the target is in no claim.
            if let Some(leaves) = self.to_hand_over(&view.tree, &view.desired)? {
                return self.give_up(&leaves, view).await;
            }
            let payload = Payload::of_value(&decision.claim);
            let expects = Expects::Version {
                uid,
                resource_version: view.live.resource_version(),
            };
            let bytes = self.apply_body_on(body, &payload, expects, &base)?;
            let object = match self.apply_known(bytes).await {
                Ok(object) => object,
                Err(error) => match error.next() {
                    Next::LookAgain | Next::NotFound => return Ok(Round::Overtaken),
                    Next::Invalid => {
                        let bytes = self.apply_body_on(body, &payload, Expects::Uid(uid), &base)?;
                        match self.refused_merge(body, uid, &bytes, &error).await? {
                            Ok(object) => object,
                            Err(round) => return Ok(round),
                        }
                    }
                    _ => return Err(self.refused(&error)),
                },
            };
            self.log(&format_args!("applied what was decided"));
            let Some(now) = self.seen(&object) else {
                return Ok(Round::over(Attempt::done(After::Foreign)));
            };
            seen = now;
            applied = Some(object);
        }
        if let Some(kept) = &decision.keep_handed_over {
            let object = self
                .hand_back(applied.unwrap_or_else(|| view.live.clone()), kept)
                .await?;
            let Some(now) = self.seen(&object) else {
                return Ok(Round::over(Attempt::done(After::Foreign)));
            };
            seen = now;
        }
        if drifted {
            let metrics = &self.downstream.metrics;
            metrics.drifted(&self.downstream.name, DriftAction::Reverted);
        }
        if !decision.write_back.is_empty() {
            match self.write_back(view, &decision).await? {
                Round::Over(_) => {}
                round => return Ok(round),
            }
        }
        let mut verdicts = std::mem::take(&mut course.removed);
        verdicts.extend(decision.verdicts);
        let noticed = self
            .report(&body.uid, verdicts.clone(), decision.fallback, Telling::Here)
            .await;
        let mut attempt = self.ended(seen, resting, &noticed, &verdicts);
        if decision.claim != view.desired
            && let After::Applied(seen) = attempt.after
        {
            attempt.after = After::Decided(seen);
        }
        Ok(Round::over(attempt))
    }

    /// The merge is refused: another arm may be in the way, or the change is of what never changes.
    async fn refused_merge(
        &self,
        body: &Body,
        uid: &str,
        bytes: &Bytes,
        error: &syncer_clusters::Error,
    ) -> Result<Result<Object, Round>, AttemptFailure> {
        if immutable_path(error).is_some() {
            let attempt = self.refused_change(body, uid, (bytes, None), error).await?;
            return Ok(Err(Round::over(attempt)));
        }
        match self.after_other_arms(uid, bytes, error).await {
            Ok(Some(object)) => Ok(Ok(object)),
            Ok(None) | Err(_) => Ok(Err(Round::Invalid(error.to_string()))),
        }
    }

    /// Puts `base` into our marker, which says of what was applied what it said.
    fn rebased(&self, view: &View, base: &Base) -> Option<removal::PatchOp> {
        let marker = view.live.annotations().get(APPLIED_ANNOTATION)?;
        let applied = Applied {
            base: base.encode(Base::limit(&self.resource.gvr)).ok()?.into(),
            ..Applied::parse(marker)?
        };
        let annotations = FieldPath::of_fields(["metadata", "annotations"]);
        Some(removal::replacement(
            &annotations,
            APPLIED_ANNOTATION,
            applied.to_annotation().ok()?.into(),
        ))
    }

    /// Fields pass to the target: our entry alone owns them, and an omission would reset them. `paths` names what passed before too.
    async fn give_up(&self, paths: &[FieldPath], view: &View) -> Result<Round, AttemptFailure> {
        let body = self.handover_body(excerpt(&view.tree, paths), &view.live);
        let apply = Apply::forced(HANDOVER_MANAGER).keeping(FieldsV1Kept::None);
        match self.apply_as(&apply, body).await {
            Ok(_) => Ok(Round::Next),
            Err(error) if error.next() == Next::LookAgain => Ok(Round::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    async fn take_out(&self, ops: &[removal::PatchOp]) -> Result<Round, AttemptFailure> {
        let body = serde_json::to_vec(ops).map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        let write = Write {
            managed_fields: FieldsV1Kept::None,
            ..Write::by(FIELD_MANAGER)
        };
        let cluster = &self.downstream.cluster;
        let answer = cluster
            .patch_json(self.resource, self.namespace(), self.name(), body.into(), &write)
            .await;
        self.count(WriteVerb::Patch, answer.as_ref().err());
        match answer {
            Ok(_) => {
                self.log(&format_args!("removed what the upstream does not have"));
                Ok(Round::Next)
            }
            Err(error) => match error.next() {
                Next::LookAgain | Next::NotFound | Next::Invalid => Ok(Round::Overtaken),
                _ => Err(error.into()),
            },
        }
    }
}
