//! The downstream namespace, made when an object needs it.

use bytes::Bytes;
use serde_json::json;
use syncer_clusters::{Apply, Next};
use syncer_core::{
    Gvr, ObjectKey, ResourceType, Scope,
    marker::{CLUSTER_LABEL, FIELD_MANAGER, NAMESPACE_LOCATOR_ANNOTATION},
};
use tracing::info;

use super::{AttemptFailure, Downstream, Retry};

/// Creates the namespace of `key` on the target, marked as ours, unless one is there: that is used as it is.
pub(super) async fn ensure(downstream: &Downstream, key: &ObjectKey) -> Result<(), AttemptFailure> {
    let resource = ResourceType {
        gvr: Gvr::new("", "v1", "namespaces"),
        kind: "Namespace".into(),
        scope: Scope::Cluster,
    };
    let locator = downstream.locator(key.cluster.as_str(), &key.namespace).canonical();
    let locator = locator.map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
    let body = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": *key.namespace,
            // Creates what is absent and is refused where anything is.
            "resourceVersion": "1",
            "labels": {CLUSTER_LABEL: downstream.key},
            "annotations": {NAMESPACE_LOCATOR_ANNOTATION: locator},
        },
    });
    let apply = Apply::forced(FIELD_MANAGER);
    let body = Bytes::from(body.to_string());
    match downstream
        .cluster
        .apply(&resource, "", &key.namespace, body, &apply)
        .await
    {
        Ok(_) => {
            info!(target = %downstream.name, workspace = %key.cluster, namespace = %key.namespace, kind = "namespaces", "created the namespace");
            Ok(())
        }
        Err(error) if error.next() == Next::LookAgain => Ok(()),
        Err(error) => Err(error.into()),
    }
}
