//! Writing single objects.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use syncer_core::{identity::ResourceType, proof::Proof};

use super::{Call, Cluster, JSON, rehearse::Spot};
use crate::{Cause, Error, FieldsV1Kept, Next, Object, Verb, error::Subject, url::Path};

const APPLY: &str = "application/apply-patch+yaml";
const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// How an object is applied.
#[derive(Clone, Debug)]
pub struct Apply {
    /// Whom the fields will belong to.
    pub field_manager: Cow<'static, str>,
    /// Whether fields of other managers are taken.
    pub force: bool,
    /// Whether the server only says what it would do.
    pub dry_run: bool,
    /// What the server does about fields that it does not know.
    pub unknown_fields: UnknownFields,
    /// What of the answer's `managedFields` is decoded.
    pub managed_fields: FieldsV1Kept,
}

/// How an object is patched or created.
#[derive(Clone, Debug)]
pub struct Write {
    /// Whom the change will belong to.
    pub field_manager: Cow<'static, str>,
    /// Whether the server only says what it would do.
    pub dry_run: bool,
    /// What the server does about fields that it does not know.
    pub unknown_fields: UnknownFields,
    /// What of the answer's `managedFields` is decoded.
    pub managed_fields: FieldsV1Kept,
}

/// What the server does about fields that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// It drops them and warns: [`Object::warnings`].
    #[default]
    Warn,
    /// It drops them.
    Ignore,
    /// It refuses the write.
    Refuse,
}

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

#[derive(serde::Deserialize)]
struct DeleteAnswer<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    metadata: Option<DeletedMetadata>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletedMetadata {
    deletion_timestamp: Option<serde::de::IgnoredAny>,
}

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
        let spot = Spot {
            resource,
            namespace,
            name,
        };
        match self.rehearsal() {
            Some(rehearsal) if !options.dry_run => self.rehearse_apply(rehearsal, spot, body, options).await,
            _ => self.send_apply(spot, body, options).await,
        }
    }

    pub(super) async fn send_apply(&self, spot: Spot<'_>, body: Bytes, options: &Apply) -> Result<Object, Error> {
        let Spot {
            resource,
            namespace,
            name,
        } = spot;
        let path = Path::object(resource, namespace, name)
            .with("fieldManager", &options.field_manager)
            .with("force", if options.force { "true" } else { "false" });
        let path = options.unknown_fields.add_to(dry_run(path, options.dry_run));
        let call = Call {
            subject: Subject::object(Verb::Apply, &resource.gvr, namespace, name),
            method: Method::PATCH,
            path,
            accept: JSON,
            body: Some((APPLY, body)),
        };
        self.write(call, resource, &options.managed_fields).await
    }

    /// A JSON patch (RFC 6902). A failed `test` is an error whose next is [`Next::LookAgain`].
    pub async fn patch_json(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        body: Bytes,
        options: &Write,
    ) -> Result<Object, Error> {
        let spot = Spot {
            resource,
            namespace,
            name,
        };
        match self.rehearsal() {
            Some(rehearsal) if !options.dry_run => self.rehearse_patch(rehearsal, spot, body, options).await,
            _ => self.send_patch_json(spot, body, options).await,
        }
    }

    pub(super) async fn send_patch_json(&self, spot: Spot<'_>, body: Bytes, options: &Write) -> Result<Object, Error> {
        let Spot {
            resource,
            namespace,
            name,
        } = spot;
        let path = Path::object(resource, namespace, name);
        self.patch(resource, namespace, name, path, (JSON_PATCH, body), options)
            .await
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
        self.patch(
            resource,
            namespace,
            name,
            Path::object(resource, namespace, name),
            (MERGE_PATCH, body),
            options,
        )
        .await
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
        let path = Path::object(resource, namespace, name).below("status");
        self.patch(resource, namespace, name, path, (MERGE_PATCH, body), options)
            .await
    }

    async fn patch(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        path: Path,
        body: (&'static str, Bytes),
        options: &Write,
    ) -> Result<Object, Error> {
        let subject = Subject::object(Verb::Patch, &resource.gvr, namespace, name);
        let call = Call {
            subject,
            method: Method::PATCH,
            path: options.add_to(path),
            accept: JSON,
            body: Some(body),
        };
        self.write(call, resource, &options.managed_fields).await
    }

    /// Creates the object in `body`, whose name is `name`; one that is there already is an error whose next is
    /// [`Next::LookAgain`].
    pub async fn create(
        &self,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        body: Bytes,
        options: &Write,
    ) -> Result<Object, Error> {
        let subject = Subject::object(Verb::Create, &resource.gvr, namespace, name);
        let path = options.add_to(Path::collection(resource, namespace));
        let call = Call {
            subject,
            method: Method::POST,
            path,
            accept: JSON,
            body: Some((JSON, body)),
        };
        self.write(call, resource, &options.managed_fields).await
    }

    async fn write(&self, call: Call, resource: &ResourceType, fields: &FieldsV1Kept) -> Result<Object, Error> {
        self.check(&call, resource)?;
        // Whatever else there may be to write: a cluster that rehearses sends nothing that lasts.
        if self.rehearsal().is_some() && !call.path.has("dryRun", "All") {
            return Err(self.error(
                &call,
                Cause::Request("this is only tried, so nothing is written".into()),
            ));
        }
        let reply = self.call(&call).await?;
        self.decode(&call, resource, fields.clone(), reply)
    }

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
        let spot = Spot {
            resource,
            namespace,
            name,
        };
        match self.rehearsal() {
            Some(rehearsal) => self.rehearse_delete(rehearsal, spot, preconditions, proof).await,
            None => self.send_delete(spot, preconditions, proof).await,
        }
    }

    pub(super) async fn send_delete(
        &self,
        spot: Spot<'_>,
        preconditions: &Preconditions,
        _: &Proof,
    ) -> Result<Deletion, Error> {
        let Spot {
            resource,
            namespace,
            name,
        } = spot;
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
            subject: Subject::object(Verb::Delete, &resource.gvr, namespace, name),
            method: Method::DELETE,
            path: dry_run(Path::object(resource, namespace, name), self.rehearsal().is_some()),
            accept: JSON,
            body: Some((JSON, body)),
        };
        self.check(&call, resource)?;
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

// === impl Apply ===

impl Apply {
    /// By `field_manager`, taking fields of others.
    pub fn forced(field_manager: impl Into<Cow<'static, str>>) -> Self {
        Self {
            force: true,
            ..Self::unforced(field_manager)
        }
    }

    /// By `field_manager`, refused where others own a field with another value.
    pub fn unforced(field_manager: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field_manager: field_manager.into(),
            force: false,
            dry_run: false,
            unknown_fields: UnknownFields::default(),
            managed_fields: FieldsV1Kept::None,
        }
    }

    /// The same, keeping these entries of the answer's `managedFields`.
    #[must_use]
    pub fn keeping(mut self, managed_fields: FieldsV1Kept) -> Self {
        self.managed_fields = managed_fields;
        self
    }
}

// === impl Write ===

impl Write {
    /// By `field_manager`.
    pub fn by(field_manager: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field_manager: field_manager.into(),
            dry_run: false,
            unknown_fields: UnknownFields::default(),
            managed_fields: FieldsV1Kept::None,
        }
    }

    fn add_to(&self, path: Path) -> Path {
        self.unknown_fields.add_to(dry_run(
            path.with_some("fieldManager", &self.field_manager),
            self.dry_run,
        ))
    }
}

// === impl UnknownFields ===

impl UnknownFields {
    fn add_to(self, path: Path) -> Path {
        match self {
            Self::Warn => path,
            Self::Ignore => path.with("fieldValidation", "Ignore"),
            Self::Refuse => path.with("fieldValidation", "Strict"),
        }
    }
}

fn dry_run(path: Path, dry_run: bool) -> Path {
    if dry_run { path.with("dryRun", "All") } else { path }
}
