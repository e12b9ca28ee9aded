//! A change of an object of ours, and what is done where the API server refuses it.

use bytes::Bytes;
use serde_json::Value;
use syncer_clusters::{Cause, Deletion, Error, Next, Object, Preconditions};
use syncer_core::{
    body::Expects,
    event_reason::EventReason,
    immutable,
    plan::Reason,
    proof::{Proof, prove_recreation},
};

use super::{Attempt, AttemptFailure, End, Retry, unknown_field::unknown_field, work::Work};
use crate::{
    metrics::{DriftAction, WriteVerb},
    prescription::Body,
    target::After,
};

/// The most fields that are left out of one apply because a target does not know them.
const MOST_UNKNOWN: usize = 32;

impl Work<'_> {
    pub(super) async fn change(&self, uid: &str, reason: Reason) -> Result<Attempt, AttemptFailure> {
        let body = self.body().await?;
        // A body that was read anew may be newer than what the watch has told. Written again and again it would be a storm (S5);
        // to take its hash for what is wanted would lose an edit back to the old value.
        if reason == Reason::Edited && self.task.applied == Some(body.payload.hash()) {
            return Ok(Attempt::ended(End::Ahead));
        }
        self.hand_over(uid, &body).await?;
        if self.is_arbitrated() {
            return self.change_decided(&body, uid, reason).await;
        }
        let before = self.owned_beside_others(uid).await?;
        let bytes = self.apply_body(&body, &body.payload, Expects::Uid(uid))?;
        match self.apply_known(bytes.clone()).await {
            Ok(object) => {
                if reason == Reason::Drifted {
                    let metrics = &self.downstream.metrics;
                    metrics.drifted(&self.downstream.name, DriftAction::Reverted);
                }
                let object = self.without_left_over(before.as_ref(), object, &bytes).await?;
                self.settled(&object, &bytes, action(reason)).await
            }
            Err(error) if matches!(error.next(), Next::LookAgain | Next::NotFound) => {
                let after = self.look().await?;
                // Another object than the one that was planned for: it is planned again at once.
                let same = matches!(&after, After::Seen(seen) if *seen.ours.uid == *uid);
                if same {
                    return Ok(Attempt::blocked(after, error.into()));
                }
                Ok(Attempt::done(after))
            }
            Err(error) if error.next() == Next::Invalid => {
                let attempt = self.refused_change(&body, uid, (&bytes, before.as_ref()), &error);
                attempt.await
            }
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// The same where each leaf is decided about: with the version that it was decided on. Where nobody else wrote anything, that is known
    /// without a read.
    async fn change_decided(&self, body: &Body, uid: &str, reason: Reason) -> Result<Attempt, AttemptFailure> {
        let known = self.task.resource_version.as_deref().filter(|_| self.is_ours_alone());
        let Some(resource_version) = known else {
            return self.arbitrate(body, uid).await;
        };
        let bytes = self.apply_body(body, &body.payload, Expects::Version { uid, resource_version })?;
        match self.apply_known(bytes.clone()).await {
            Ok(object) => self.settled(&object, &bytes, action(reason)).await,
            Err(_) => self.arbitrate(body, uid).await,
        }
    }

    /// Applies; what a target does not know is left out where the policy says so. The base says what the target did not take.
    pub(super) async fn apply_known(&self, body: Bytes) -> Result<Object, Error> {
        let mut error = match self.apply(body.clone()).await {
            Ok(object) => return Ok(self.without_what_it_took_not(object, &body).await),
            Err(error) => error,
        };
        let Ok(whole) = serde_json::from_slice::<Value>(&body) else {
            return Err(error);
        };
        if !self.drops_unknown() {
            return Err(error);
        }
        let mut tree = whole.clone();
        for _ in 0..MOST_UNKNOWN {
            let Some(path) = unknown_field(&error) else {
                return Err(error);
            };
            self.log(&format_args!("left out {path}: the target does not know it"));
            path.remove(&mut tree);
            let left = Bytes::from(self.marked(&whole, tree.clone()).to_string());
            match self.apply(left.clone()).await {
                Ok(object) => return Ok(self.without_what_it_took_not(object, &left).await),
                Err(next) => error = next,
            }
        }
        Err(error)
    }

    /// An apply was refused as invalid: the other arm of a union may be in the way, or the change is of what never changes.
    pub(super) async fn refused_change(
        &self,
        body: &Body,
        uid: &str,
        (bytes, before): (&Bytes, Option<&Value>),
        error: &Error,
    ) -> Result<Attempt, AttemptFailure> {
        if !matches!(error.cause(), Cause::Api(_)) {
            return Err(self.refused(error));
        }
        if let Some(path) = immutable_path(error) {
            return self.immutable(body, uid, path, error).await;
        }
        let applied = match self.after_other_arms(uid, bytes, error).await? {
            Some(object) => Some(object),
            None => self.after_exchange(&body.uid, uid, bytes).await?,
        };
        match applied {
            Some(object) => {
                let object = self.without_left_over(before, object, bytes).await?;
                self.settled(&object, bytes, "applied a change, after what it excludes was taken out")
                    .await
            }
            None => Err(self.refused(error)),
        }
    }

    async fn immutable(&self, body: &Body, uid: &str, path: &str, error: &Error) -> Result<Attempt, AttemptFailure> {
        let on_immutable = self.prescription()?.spec().conflict.on_immutable;
        let Some(proof) = prove_recreation(immutable::action(&self.resource.gvr, on_immutable)) else {
            let message = format!(
                "{}: {} is not changed: {path} is immutable; delete it there, or let the policy recreate it (conflict.onImmutable)",
                error.cluster(),
                self.key
            );
            return Err(AttemptFailure::new(message, Retry::Rarely).because(EventReason::ImmutableField));
        };
        let after = self.delete(uid, &proof).await?;
        if !matches!(after.after, After::Absent) {
            return Ok(after);
        }
        let beginning = body.beginning.as_ref().unwrap_or(&body.payload);
        let bytes = self.apply_body(body, beginning, Expects::Absent)?;
        let object = self.apply_known(bytes.clone()).await?;
        self.settled(&object, &bytes, "made again").await
    }

    /// Deletes the object with `uid`, which takes a proof (S3).
    pub(super) async fn delete(&self, uid: &str, proof: &Proof) -> Result<Attempt, AttemptFailure> {
        let preconditions = Preconditions {
            uid: uid.to_owned(),
            resource_version: None,
        };
        let cluster = &self.downstream.cluster;
        let deletion = cluster
            .delete(self.resource, self.namespace(), self.name(), &preconditions, proof)
            .await;
        self.count(WriteVerb::Delete, deletion.as_ref().err());
        match deletion {
            Ok(Deletion::Gone) => {
                self.log(&format_args!("deleted, UID {uid}: {proof}"));
                Ok(Attempt::parted(After::Absent))
            }
            Ok(Deletion::Terminating) => {
                self.log(&format_args!("deletion begun, UID {uid}: {proof}"));
                // Of a kind that is not watched nobody would hear the end.
                if !self.downstream.resources.contains_key(&self.key.gvr) {
                    return Ok(Attempt::done(After::Absent));
                }
                Ok(Attempt::done(self.look().await?))
            }
            Err(error) if error.next() == Next::NotFound => Ok(Attempt::parted(After::Absent)),
            // Another object has the name by now: what it is decides.
            Err(error) if error.next() == Next::LookAgain => Ok(Attempt::done(self.look().await?)),
            Err(error) => Err(error.into()),
        }
    }

    /// What is told of an apply that the target refused.
    pub(super) fn refused(&self, error: &Error) -> AttemptFailure {
        let failure = AttemptFailure::from(error);
        match unknown_field(error) {
            Some(path) => AttemptFailure::new(
                format!(
                    "{}: {} is not applied: the target does not know {path}; remove it with a transform, or let the policy drop it \
                     (conflict.onUnknownField)",
                    error.cluster(),
                    self.key
                ),
                Retry::Rarely,
            ),
            None => failure,
        }
    }
}

fn action(reason: Reason) -> &'static str {
    match reason {
        Reason::Edited => "applied a change",
        Reason::Rebound => "bound to the upstream object that was made again",
        Reason::Drifted => "reverted drift",
    }
}

/// The path of the field whose change the API server refuses for good; `None` for any other error.
pub(super) fn immutable_path(error: &Error) -> Option<&str> {
    let Cause::Api(status) = error.cause() else { return None };
    let causes = status.causes().iter();
    let causes = causes.map(|cause| (&*cause.field, &*cause.message));
    immutable::is_immutable_refusal(status.code(), causes, status.message())
}
