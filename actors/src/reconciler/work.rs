//! The object at hand: its body, and the requests about it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use syncer_clusters::{Apply, Error, FieldsV1Kept, Object, Write};
use syncer_core::{
    ObjectKey, ResourceType,
    body::{Expects, Head, apply_body},
    event_reason::EventReason,
    marker::{FIELD_MANAGER, Origin},
    payload::Payload,
    removal::PatchOp,
};
use tracing::{debug, info};

use super::{AttemptFailure, Downstream, Retry};
use crate::{
    bodies::BodyError,
    events::Subject,
    metrics::{WriteResult, WriteSide, WriteVerb},
    prescription::{Body, Prescription, names_namespace},
    target::{After, Seen, Task},
};

/// The object at hand and where it is.
pub(super) struct Work<'a> {
    pub(super) downstream: &'a Downstream,
    pub(super) key: &'a ObjectKey,
    pub(super) resource: &'a ResourceType,
    pub(super) task: &'a Task,
    namespace: Arc<str>,
    name: Arc<str>,
}

// === impl Work ===

impl<'a> Work<'a> {
    pub(super) fn new(
        downstream: &'a Downstream,
        key: &'a ObjectKey,
        resource: &'a ResourceType,
        task: &'a Task,
    ) -> Self {
        let (namespace, name) = downstream.place(key);
        Self {
            downstream,
            key,
            resource,
            task,
            namespace,
            name,
        }
    }

    /// The namespace on the target; empty for none.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name on the target.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn prescription(&self) -> Result<&'a Prescription, AttemptFailure> {
        self.task.prescription.as_deref().ok_or_else(|| {
            let message = format!(
                "target {}: no policy says how {} has to be",
                self.downstream.name, self.key
            );
            AttemptFailure::new(message, Retry::Soon)
        })
    }

    pub(super) async fn body(&self) -> Result<Arc<Body>, AttemptFailure> {
        let bodies = &self.downstream.bodies;
        match bodies.get(self.key, self.resource, self.prescription()?).await {
            Ok(Some(body)) if self.task.uid.as_ref().is_none_or(|uid| *uid == body.uid) => Ok(body),
            // It was made again, or another upstream has one of this name.
            Ok(Some(body)) => match self.downstream.continuity.check().await {
                Ok(()) => Ok(body),
                Err(cause) => {
                    let message = format!("{}: nothing is written: {cause}", self.downstream.upstream.name());
                    Err(AttemptFailure::new(message, Retry::Soon))
                }
            },
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
            Err(error @ BodyError::Render { .. }) => {
                let failure = AttemptFailure::new(error.to_string(), Retry::Rarely);
                Err(failure.because(EventReason::TransformFailed))
            }
        }
    }

    /// The body of an apply: `payload`, under a head that says that `body` was applied.
    pub(super) fn apply_body(
        &self,
        body: &Body,
        payload: &Payload,
        expects: Expects<'_>,
    ) -> Result<Bytes, AttemptFailure> {
        let base = self.first_base(payload)?;
        self.apply_body_on(body, payload, expects, &base)
    }

    /// The same with a base: on what both sides agree once it is applied.
    pub(super) fn apply_body_on(
        &self,
        body: &Body,
        payload: &Payload,
        expects: Expects<'_>,
        base: &str,
    ) -> Result<Bytes, AttemptFailure> {
        let origin = Origin::of(&self.downstream.upstream_id, self.key, &body.uid);
        let failure = |error: serde_json::Error| AttemptFailure::new(error.to_string(), Retry::Rarely);
        let locator = if names_namespace(self.key) {
            let locator = self.downstream.names.locator(&self.key.cluster, &self.key.name);
            Some(locator.canonical().map_err(failure)?)
        } else {
            None
        };
        let head = Head {
            resource: self.resource,
            namespace: &self.namespace,
            name: &self.name,
            target_key: &self.downstream.key,
            origin: &origin,
            locator: locator.as_deref(),
            policy: &self.prescription()?.policy.name,
            deletion: self.prescription()?.spec().deletion.mode,
            hash: body.payload.hash(),
            hash_key: self.downstream.hash_key(self.resource),
            base,
            expects,
        };
        apply_body(head, payload).map(Bytes::from).map_err(failure)
    }

    /// Applies by force.
    pub(super) async fn apply(&self, body: Bytes) -> Result<Object, Error> {
        self.apply_as(&Apply::forced(FIELD_MANAGER).keeping(FieldsV1Kept::All), body)
            .await
    }

    pub(super) async fn apply_as(&self, apply: &Apply, body: Bytes) -> Result<Object, Error> {
        let cluster = &self.downstream.cluster;
        let answer = cluster
            .apply(self.resource, &self.namespace, &self.name, body, apply)
            .await;
        if !apply.dry_run {
            self.count(WriteVerb::Apply, answer.as_ref().err());
        }
        answer
    }

    /// Patches by the operations `ops`.
    pub(super) async fn patch(&self, ops: &[PatchOp]) -> Result<Object, AttemptFailure> {
        let body = serde_json::to_vec(ops).map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        let write = Write {
            managed_fields: FieldsV1Kept::All,
            ..Write::by(FIELD_MANAGER)
        };
        let cluster = &self.downstream.cluster;
        let answer = cluster
            .patch_json(self.resource, &self.namespace, &self.name, body.into(), &write)
            .await;
        self.count(WriteVerb::Patch, answer.as_ref().err());
        Ok(answer?)
    }

    pub(super) fn count(&self, verb: WriteVerb, error: Option<&Error>) {
        let result = error.map_or(WriteResult::Ok, |error| error.next().into());
        self.downstream.metrics.wrote(WriteSide::Downstream, verb, result);
    }

    /// The live object, with everything about who owns what.
    pub(super) async fn read(&self) -> Result<Option<Object>, AttemptFailure> {
        let cluster = &self.downstream.cluster;
        let read = cluster
            .get(self.resource, &self.namespace, &self.name, FieldsV1Kept::All)
            .await?;
        Ok(read)
    }

    pub(super) async fn look(&self) -> Result<After, AttemptFailure> {
        let read = self.read().await?;
        Ok(read.map_or(After::Absent, |object| {
            self.seen(&object).map_or(After::Foreign, After::Seen)
        }))
    }

    /// What `object` shows, if it is the one that was made from this very upstream object (S1).
    pub(super) fn seen(&self, object: &Object) -> Option<Seen> {
        let hash_key = self.downstream.hash_key(self.resource);
        let (key, seen) = Seen::of(object, &self.downstream.names, hash_key)?;
        (key == *self.key).then_some(seen)
    }

    /// The managers whose additions are not looked at.
    pub(super) fn ignored_managers(&self) -> Vec<&'a str> {
        let policy = self.task.prescription.as_deref();
        match policy.and_then(|policy| policy.spec().conflict.ignore_managers.as_ref()) {
            Some(managers) => managers.iter().map(String::as_str).collect(),
            None => syncer_core::drift::IGNORED_MANAGERS.to_vec(),
        }
    }

    /// Tells the owner of the upstream object.
    pub(super) fn tell(&self, uid: &str, reason: EventReason, note: String) {
        let subject = Subject {
            resource: self.resource.clone(),
            key: self.key.clone(),
            uid: uid.into(),
        };
        self.downstream.events.tell(subject, reason, note);
    }

    /// One line an action.
    pub(super) fn log(&self, action: &std::fmt::Arguments<'_>) {
        if self.downstream.preview.is_some() {
            debug!(target = %self.downstream.name, object = %self.key, "tried: {action}");
            return;
        }
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

/// The tree of an object of ours or of a body: never shown, only compared.
pub(super) fn tree_of(object: &Object) -> Result<Value, AttemptFailure> {
    object
        .to_value()
        .map_err(|error| AttemptFailure::new(format!("an answer cannot be read: {error}"), Retry::Soon))
}

/// The tree of the body of an apply.
pub(super) fn parse(body: &[u8]) -> Result<Value, AttemptFailure> {
    serde_json::from_slice(body).map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))
}
