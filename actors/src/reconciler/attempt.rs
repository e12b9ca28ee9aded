//! One attempt at a step: the requests that it takes, and what was learned.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use syncer_clusters::{Apply, Deletion, Error, FieldsV1Kept, Next, Object, Preconditions};
use syncer_core::{
    ObjectKey, ResourceType,
    body::{Expects, Head, apply_body},
    marker::{FIELD_MANAGER, Origin},
    ownership::first_leaf_not_owned,
    plan::{Ownership, Reason, Step},
    proof::{Absence, Look, NoProof, prove},
};
use tracing::info;

use super::{AttemptFailure, Downstream, Retry, namespace};
use crate::{
    bodies::{Body, BodyError},
    target::{After, Seen, Task},
};

/// What came of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// How it left the downstream object.
    pub(crate) after: After,
    /// How it ended.
    pub(crate) end: End,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The step is done.
    Done,
    /// The upstream has the object after all: nothing was deleted.
    AbsenceRefuted,
    /// It failed and has to wait.
    Failed(AttemptFailure),
}

/// Takes the step of `task` for `key`.
pub(super) async fn run(downstream: &Downstream, key: &ObjectKey, task: &Task) -> Attempt {
    let Some(resource) = downstream.resources.get(&key.gvr) else {
        let message = format!("target {}: it does not serve {}", downstream.name, key.gvr);
        return Attempt::failed(AttemptFailure::new(message, Retry::Rarely));
    };
    let work = Work {
        downstream,
        key,
        resource,
    };
    let attempted = match &task.step {
        Step::Create => work.create().await,
        Step::Change { uid, reason } => work.change(uid, *reason).await,
        Step::Verify => work.verify(task.fields.as_deref().unwrap_or_default()).await,
        Step::ConfirmAbsence { absence, uid } => work.remove(*absence, uid).await,
        Step::Nothing | Step::AwaitTermination | Step::Refuse => Ok(Attempt::done(After::Unchanged)),
    };
    attempted.unwrap_or_else(Attempt::failed)
}

/// The object at hand and where it is.
struct Work<'a> {
    downstream: &'a Downstream,
    key: &'a ObjectKey,
    resource: &'a ResourceType,
}

// === impl Attempt ===

impl Attempt {
    fn done(after: After) -> Self {
        Self { after, end: End::Done }
    }

    fn failed(failure: AttemptFailure) -> Self {
        Self {
            after: After::Unchanged,
            end: End::Failed(failure),
        }
    }
}

// === impl Work ===

impl Work<'_> {
    /// The first apply: creates what is absent; where anything is, what it is decides.
    async fn create(&self) -> Result<Attempt, AttemptFailure> {
        let body = self.body().await?;
        match self.apply(&body, Expects::Absent).await? {
            Ok(object) => Ok(self.applied(&object, "created")),
            Err(error) if error.next() == Next::LookAgain => self.take_over(&body).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Something has the name. An object of ours was only out of sight (without our label, say): it is changed.
    async fn take_over(&self, body: &Body) -> Result<Attempt, AttemptFailure> {
        let after = self.look().await?;
        match &after {
            After::Seen(seen) => {
                let object = self.apply(body, Expects::Uid(&seen.ours.uid)).await??;
                Ok(self.applied(&object, "taken into sight again"))
            }
            After::Foreign => Ok(Attempt {
                end: End::Failed(self.adoption_refused()),
                after,
            }),
            // It went between the two requests: that is planned again at once.
            _ => Ok(Attempt::done(after)),
        }
    }

    async fn change(&self, uid: &str, reason: Reason) -> Result<Attempt, AttemptFailure> {
        let body = self.body().await?;
        match self.apply(&body, Expects::Uid(uid)).await? {
            Ok(object) => Ok(self.applied(&object, action(reason))),
            Err(error) if matches!(error.next(), Next::LookAgain | Next::NotFound) => {
                let after = self.look().await?;
                // Another object than the one that was planned for: it is planned again at once.
                let same = matches!(&after, After::Seen(seen) if *seen.ours.uid == *uid);
                let end = if same { End::Failed(error.into()) } else { End::Done };
                Ok(Attempt { after, end })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Compares our entry in managedFields with what has to be owned. No request, unless the body has to be read again.
    async fn verify(&self, fields: &str) -> Result<Attempt, AttemptFailure> {
        let body = self.body().await?;
        let desired = self.body_of(&body, Expects::Absent)?;
        let parse = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap_or_default();
        let Some(path) = first_leaf_not_owned(&parse(fields.as_bytes()), &parse(&desired)) else {
            return Ok(Attempt::done(After::Verified(Ownership::Held)));
        };
        self.log(&format_args!("found drift at {path}"));
        Ok(Attempt::done(After::Verified(Ownership::Taken)))
    }

    /// Deletes the downstream object, if the upstream confirms that its object is gone (S3).
    async fn remove(&self, absence: Absence, uid: &str) -> Result<Attempt, AttemptFailure> {
        let proof = match prove(absence, &self.look_upstream().await?) {
            Ok(proof) => proof,
            Err(NoProof::Exists) => {
                return Ok(Attempt {
                    after: After::Unchanged,
                    end: End::AbsenceRefuted,
                });
            }
            Err(error @ NoProof::NotConfirmed) => {
                let message = format!("{}: nothing is deleted: {error}", self.downstream.upstream.name());
                return Err(AttemptFailure::new(message, Retry::Soon));
            }
        };
        let preconditions = Preconditions {
            uid: uid.to_owned(),
            resource_version: None,
        };
        let delete = self
            .downstream
            .cluster
            .delete(self.resource, &self.key.namespace, &self.key.name, &preconditions);
        match delete.await {
            Ok(Deletion::Gone) => {
                self.log(&format_args!("deleted: {proof}"));
                Ok(Attempt::done(After::Absent))
            }
            Ok(Deletion::Terminating) => {
                self.log(&format_args!("deletion begun: {proof}"));
                Ok(Attempt::done(self.look().await?))
            }
            Err(error) if error.next() == Next::NotFound => Ok(Attempt::done(After::Absent)),
            // Another object has the name by now: what it is decides.
            Err(error) if error.next() == Next::LookAgain => Ok(Attempt::done(self.look().await?)),
            Err(error) => Err(error.into()),
        }
    }

    async fn look_upstream(&self) -> Result<Look, AttemptFailure> {
        let upstream = self.downstream.upstream.logical(&self.key.cluster);
        let read = upstream
            .get(self.resource, &self.key.namespace, &self.key.name, FieldsV1Kept::None)
            .await?;
        Ok(read.map_or(Look::NotFound, |object| Look::Found {
            uid: object.uid().to_owned(),
        }))
    }

    async fn look(&self) -> Result<After, AttemptFailure> {
        let fields = FieldsV1Kept::of(FIELD_MANAGER);
        let read = self
            .downstream
            .cluster
            .get(self.resource, &self.key.namespace, &self.key.name, fields)
            .await?;
        Ok(read.map_or(After::Absent, |object| {
            self.seen(&object).map_or(After::Foreign, After::Seen)
        }))
    }

    /// What `object` shows, if it is the one that was made from this very upstream object.
    fn seen(&self, object: &Object) -> Option<Seen> {
        let (key, seen) = Seen::of(object, &self.downstream.upstream_id)?;
        (key == *self.key).then_some(seen)
    }

    async fn body(&self) -> Result<Arc<Body>, AttemptFailure> {
        match self.downstream.bodies.get(self.key, self.resource).await {
            Ok(Some(body)) => Ok(body),
            // Its DELETED is on the way.
            Ok(None) => Err(AttemptFailure::new(
                format!(
                    "{}: {} is not there any more",
                    self.downstream.upstream.name(),
                    self.key
                ),
                Retry::Soon,
            )),
            Err(BodyError::Cluster(error)) => Err(error.into()),
            Err(error @ BodyError::Busy) => Err(AttemptFailure::new(error.to_string(), Retry::Soon)),
            Err(error @ BodyError::Payload { .. }) => Err(AttemptFailure::new(error.to_string(), Retry::Rarely)),
        }
    }

    fn body_of(&self, body: &Body, expects: Expects<'_>) -> Result<Vec<u8>, AttemptFailure> {
        let origin = Origin::of(&self.downstream.upstream_id, self.key, &body.uid);
        let head = Head {
            resource: self.resource,
            namespace: &self.key.namespace,
            name: &self.key.name,
            target_key: &self.downstream.key,
            origin: &origin,
            expects,
        };
        apply_body(head, &body.payload).map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))
    }

    /// Applies, and makes the namespace first where it is missing.
    async fn apply(&self, body: &Body, expects: Expects<'_>) -> Result<Result<Object, Error>, AttemptFailure> {
        let bytes = Bytes::from(self.body_of(body, expects)?);
        let first = self.apply_bytes(bytes.clone()).await;
        let Err(error) = &first else { return Ok(first) };
        if error.next() != Next::NamespaceMissing {
            return Ok(first);
        }
        namespace::ensure(self.downstream, self.key).await?;
        Ok(self.apply_bytes(bytes).await)
    }

    async fn apply_bytes(&self, body: Bytes) -> Result<Object, Error> {
        let apply = Apply::forced(FIELD_MANAGER).keeping(FieldsV1Kept::of(FIELD_MANAGER));
        self.downstream
            .cluster
            .apply(self.resource, &self.key.namespace, &self.key.name, body, &apply)
            .await
    }

    /// The answer to an apply: by definition our entry owns what it says.
    fn applied(&self, object: &Object, action: &str) -> Attempt {
        self.log(&format_args!("{action}"));
        Attempt::done(self.seen(object).map_or(After::Foreign, After::Applied))
    }

    fn adoption_refused(&self) -> AttemptFailure {
        let message = format!(
            "target {}: {} exists and is not ours: it is left alone; remove or rename it there, or exclude it upstream",
            self.downstream.name, self.key
        );
        AttemptFailure::new(message, Retry::Rarely)
    }

    /// One line an action.
    fn log(&self, action: &std::fmt::Arguments<'_>) {
        info!(
            target = %self.downstream.name,
            workspace = %self.key.cluster,
            kind = %self.key.gvr,
            namespace = %self.key.namespace,
            name = %self.key.name,
            "{action}"
        );
    }
}

fn action(reason: Reason) -> &'static str {
    match reason {
        Reason::Edited => "applied a change",
        Reason::Rebound => "bound to the upstream object that was made again",
        Reason::Drifted => "reverted drift",
    }
}
