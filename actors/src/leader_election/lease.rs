//! The Lease on its API server: read, and written over the version that was seen.

use bytes::Bytes;
use serde_json::{Value, json};
use syncer_clusters::{Error, FieldsV1Kept, Object, Write};
use syncer_core::{
    built_in,
    lease::{Claim, Over, Record},
    marker::FIELD_MANAGER,
};

use super::Election;

// === impl Election ===

impl Election {
    /// `namespace/name`.
    pub(super) fn lease(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The Lease as it is now; `None` if there is none.
    pub(super) async fn read(&self) -> Result<Option<Record>, Error> {
        let Self {
            cluster,
            namespace,
            name,
            ..
        } = self;
        let found = cluster
            .get(&built_in::leases(), namespace, name, FieldsV1Kept::None)
            .await?;
        Ok(found.as_ref().map(record))
    }

    /// Writes `claim`, over nothing but what it was made over; returns the Lease as it is then.
    pub(super) async fn write(&self, claim: &Claim) -> Result<Record, Error> {
        let Self {
            cluster,
            namespace,
            name,
            ..
        } = self;
        let options = Write::by(FIELD_MANAGER);
        let written = match &claim.over {
            Over::Absence => {
                let body = json!({
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": name, "namespace": namespace},
                    "spec": claim.spec,
                });
                let body = Bytes::from(body.to_string());
                cluster
                    .create(&built_in::leases(), namespace, name, body, &options)
                    .await?
            }
            Over::Version { uid, version } => {
                let body = json!({"metadata": {"uid": uid, "resourceVersion": version}, "spec": claim.spec});
                let body = Bytes::from(body.to_string());
                cluster
                    .patch_merge(&built_in::leases(), namespace, name, body, &options)
                    .await?
            }
        };
        Ok(record(&written))
    }
}

fn record(object: &Object) -> Record {
    let spec: Value = object
        .member("spec")
        .and_then(|spec| serde_json::from_str(spec.get()).ok())
        .unwrap_or_default();
    Record::new(object.uid(), object.resource_version(), &spec)
}
