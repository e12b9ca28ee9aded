//! Deleting single objects.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use syncer_core::{identity::ResourceType, proof::Proof};

use crate::{
    Cause, Error, Next, Verb,
    cluster::{Call, Cluster, JSON, spot::Spot},
};

/// What must hold for an object to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preconditions {
    /// It has this UID (S2).
    pub uid: String,
    /// It has this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

/// What came of a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The object is not there any more.
    Gone,
    /// It will go when its finalizers or its grace period let it.
    Terminating,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteOptions<'a> {
    api_version: &'static str,
    kind: &'static str,
    propagation_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<[&'static str; 1]>,
    preconditions: &'a Preconditions,
}

#[derive(Deserialize)]
struct DeleteAnswer<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    metadata: Option<DeletedMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletedMetadata {
    deletion_timestamp: Option<IgnoredAny>,
}

// === impl Cluster ===

impl Cluster {
    /// Deletes the object if it has this UID (S2), with its dependents in the background. One that is not there is gone.
    /// It takes a proof that the object has to go, so that no delete can be written without one (S3).
    pub async fn delete(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        preconditions: &Preconditions,
        proof: &Proof,
    ) -> Result<Deletion, Error> {
        let spot = Spot::of(resource, namespace, name);
        match self.rehearsal() {
            Some(rehearsal) => self.rehearse_delete(rehearsal, spot, preconditions, proof).await,
            None => self.send_delete(spot, preconditions, proof).await,
        }
    }

    pub(in crate::cluster) async fn send_delete(
        &self,
        spot: Spot<'_>,
        preconditions: &Preconditions,
        _: &Proof,
    ) -> Result<Deletion, Error> {
        let options = DeleteOptions {
            api_version: "v1",
            kind: "DeleteOptions",
            propagation_policy: "Background",
            // In the body, which counts where there is one; the parameter is for whoever reads the API server's log.
            dry_run: self.rehearsal().map(|_| ["All"]),
            preconditions,
        };
        let body = serde_json::to_vec(&options).map(Bytes::from).unwrap_or_default();
        let call = Call {
            subject: spot.subject(Verb::Delete),
            method: Method::DELETE,
            path: match self.rehearsal() {
                Some(_) => spot.path().tried(),
                None => spot.path(),
            },
            accept: JSON,
            body: Some((JSON, body)),
        };
        self.check(&call, spot.resource)?;
        if preconditions.uid.is_empty() || call.body.as_ref().is_none_or(|(_, body)| body.is_empty()) {
            return Err(self.error(&call, Cause::Request("a delete needs a UID".into())));
        }
        let reply = match self.call(&call).await {
            Ok(reply) => reply,
            Err(error) if error.next() == Next::NotFound => return Ok(Deletion::Gone),
            Err(error) => return Err(error),
        };
        let answer = serde_json::from_slice::<DeleteAnswer<'_>>(&reply.body);
        let answer = answer.map_err(|error| self.error(&call, Cause::decode("the answer", &error)))?;
        let terminating = answer.kind != "Status"
            && answer
                .metadata
                .is_some_and(|metadata| metadata.deletion_timestamp.is_some());
        Ok(if terminating {
            Deletion::Terminating
        } else {
            Deletion::Gone
        })
    }
}
