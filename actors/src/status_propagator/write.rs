//! The requests: one write of a status, and what is read after a conflict.

use bytes::Bytes;
use serde_json::{Value, json};
use syncer_clusters::{Cause, Cluster, Error, FieldsV1Kept, Object, Write};
use syncer_core::{ObjectKey, ResourceType, marker::FIELD_MANAGER};

use super::Writing;
use crate::upstream::{Refused, WriteGate, Writer};

/// A write that was answered, or failed.
pub(crate) struct Written {
    /// The UID of the object that it was for.
    pub(super) uid: Box<str>,
    /// The status that was sent.
    pub(super) sent: Value,
    /// The version that was looked at. It was written over this one, or over what our own writes made of it meanwhile.
    pub(super) seen: Box<str>,
    /// What the upstream said.
    pub(super) answer: Result<Object, Error>,
}

/// Writes a status through its subresource, over exactly the version that was looked at, when nobody else of us writes the object
/// (S4, S6).
pub(super) async fn write(
    gate: &WriteGate,
    cluster: &Cluster,
    resource: &ResourceType,
    key: &ObjectKey,
    writing: Writing,
) -> Result<Written, Refused> {
    let Writing {
        uid,
        resource_version: seen,
        status,
        difference,
        ..
    } = writing;
    let mut pass = gate.pass(key, Writer::Status).await?;
    let resource_version: Box<str> = pass.newest(&seen).into();
    let body = json!({
        "metadata": {"uid": uid, "resourceVersion": resource_version},
        "status": difference.into_patch(),
    });
    let options = Write::by(FIELD_MANAGER);
    let body = Bytes::from(body.to_string());
    let answer = cluster
        .patch_status_merge(resource, &key.namespace, &key.name, body, &options)
        .await;
    if let Ok(object) = &answer {
        pass.wrote(&resource_version, object.resource_version());
    }
    Ok(Written {
        uid,
        sent: status,
        seen,
        answer,
    })
}

/// Whether a write that failed may have been carried out all the same.
pub(super) fn may_have_happened(error: &Error) -> bool {
    match error.cause() {
        Cause::Api(status) => status.code() >= 500,
        Cause::Broken(_) | Cause::Deadline(_) | Cause::Decode(_) | Cause::TooLarge(_) => true,
        _ => false,
    }
}

/// Who else wrote the status last, by its field manager.
pub(super) async fn rival(cluster: &Cluster, resource: &ResourceType, key: &ObjectKey) -> Box<str> {
    let read = cluster
        .get(resource, &key.namespace, &key.name, FieldsV1Kept::All)
        .await;
    let Ok(Some(object)) = read else {
        return "another manager".into();
    };
    let others = object.managed_fields().iter().filter(|entry| {
        &*entry.manager != FIELD_MANAGER && (&*entry.subresource == "status" || entry.fields.get().contains("f:status"))
    });
    let latest = others.max_by_key(|entry| entry.time);
    latest.map_or_else(|| "another manager".into(), |entry| entry.manager.clone())
}
