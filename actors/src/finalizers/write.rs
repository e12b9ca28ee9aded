//! The requests: one write of an object's finalizers, and what is read after a conflict.

use bytes::Bytes;
use serde_json::json;
use syncer_clusters::{Cluster, Error, Object, Write};
use syncer_core::{ObjectKey, ResourceType, marker::FIELD_MANAGER};

use super::entry::Writing;
use crate::upstream::{Refused, WriteGate, Writer};

/// A write that was answered, or failed.
pub(crate) struct Written {
    /// What was to be written, over the version that it was written over.
    pub(super) writing: Writing,
    /// What the upstream said.
    pub(super) answer: Result<Object, Error>,
}

/// Writes all finalizers of an object at once, over exactly the version that was decided on, when nobody else of us writes the object
/// (S4, S6). A merge patch: an apply is not to be had in kcp.
pub(super) async fn write(
    gate: &WriteGate,
    cluster: &Cluster,
    resource: &ResourceType,
    key: &ObjectKey,
    mut writing: Writing,
) -> Result<Written, Refused> {
    let mut pass = gate.pass(key, Writer::Finalizer).await?;
    writing.version = pass.newest(&writing.version).into();
    let body = json!({
        "metadata": {
            "uid": writing.uid,
            "resourceVersion": writing.version,
            "finalizers": writing.finalizers,
        },
    });
    let answer = cluster
        .patch_merge(
            resource,
            &key.namespace,
            &key.name,
            Bytes::from(body.to_string()),
            &Write::by(FIELD_MANAGER),
        )
        .await;
    if let Ok(object) = &answer {
        pass.wrote(&writing.version, object.resource_version());
    }
    Ok(Written { writing, answer })
}
