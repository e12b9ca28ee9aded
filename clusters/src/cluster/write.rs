//! Writing single objects.

mod delete;
mod options;

use bytes::Bytes;
use http::Method;
use syncer_core::identity::ResourceType;

pub use self::{
    delete::{Deletion, Preconditions},
    options::{Apply, UnknownFields, Write},
};
use super::{Call, Cluster, JSON, spot::Spot};
use crate::{Cause, Error, FieldsV1Kept, Object, Verb, url::Path};

const APPLY: &str = "application/apply-patch+yaml";
const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";

// === impl Cluster ===

impl Cluster {
    /// Server-side apply of `body`, JSON with `apiVersion`, `kind` and name. The answer is the object as it is now.
    pub async fn apply(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        body: Bytes,
        options: &Apply,
    ) -> Result<Object, Error> {
        let spot = Spot::of(resource, namespace, name);
        match self.rehearsal() {
            Some(rehearsal) if !options.dry_run => self.rehearse_apply(rehearsal, spot, body, options).await,
            _ => self.send_apply(spot, body, options).await,
        }
    }

    pub(super) async fn send_apply(&self, spot: Spot<'_>, body: Bytes, options: &Apply) -> Result<Object, Error> {
        let call = Call {
            subject: spot.subject(Verb::Apply),
            method: Method::PATCH,
            path: options.add_to(spot.path()),
            accept: JSON,
            body: Some((APPLY, body)),
        };
        self.write(call, spot, &options.managed_fields).await
    }

    /// A JSON patch (RFC 6902). A failed `test` is an error whose next is [`Next::LookAgain`](crate::Next::LookAgain).
    pub async fn patch_json(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        body: Bytes,
        options: &Write,
    ) -> Result<Object, Error> {
        let spot = Spot::of(resource, namespace, name);
        match self.rehearsal() {
            Some(rehearsal) if !options.dry_run => self.rehearse_patch(rehearsal, spot, body, options).await,
            _ => self.send_patch_json(spot, body, options).await,
        }
    }

    pub(super) async fn send_patch_json(&self, spot: Spot<'_>, body: Bytes, options: &Write) -> Result<Object, Error> {
        self.patch(spot, spot.path(), (JSON_PATCH, body), options).await
    }

    /// A merge patch (RFC 7396).
    pub async fn patch_merge(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        body: Bytes,
        options: &Write,
    ) -> Result<Object, Error> {
        let spot = Spot::of(resource, namespace, name);
        self.patch(spot, spot.path(), (MERGE_PATCH, body), options).await
    }

    /// A merge patch (RFC 7396) of the status, through its subresource.
    pub async fn patch_status_merge(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        body: Bytes,
        options: &Write,
    ) -> Result<Object, Error> {
        let spot = Spot::of(resource, namespace, name);
        let path = spot.path().below("status");
        self.patch(spot, path, (MERGE_PATCH, body), options).await
    }

    /// Creates the object in `body`, whose name is `name`; one that is there already is an error whose next is
    /// [`Next::LookAgain`](crate::Next::LookAgain).
    pub async fn create(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        body: Bytes,
        options: &Write,
    ) -> Result<Object, Error> {
        let spot = Spot::of(resource, namespace, name);
        let call = Call {
            subject: spot.subject(Verb::Create),
            method: Method::POST,
            path: options.add_to(Path::collection(resource, namespace)),
            accept: JSON,
            body: Some((JSON, body)),
        };
        self.write(call, spot, &options.managed_fields).await
    }

    async fn patch(
        &self,
        spot: Spot<'_>,
        path: Path,
        body: (&'static str, Bytes),
        options: &Write,
    ) -> Result<Object, Error> {
        let call = Call {
            subject: spot.subject(Verb::Patch),
            method: Method::PATCH,
            path: options.add_to(path),
            accept: JSON,
            body: Some(body),
        };
        self.write(call, spot, &options.managed_fields).await
    }

    async fn write(&self, call: Call, spot: Spot<'_>, fields: &FieldsV1Kept) -> Result<Object, Error> {
        self.check(&call, spot.resource)?;
        // Whatever else there may be to write: a cluster that rehearses sends nothing that lasts.
        if self.rehearsal().is_some() && !call.path.is_tried() {
            return Err(self.error(
                &call,
                Cause::Request("this is only tried, so nothing is written".into()),
            ));
        }
        let reply = self.call(&call).await?;
        self.decode(&call, spot.resource, fields.clone(), reply)
    }
}
