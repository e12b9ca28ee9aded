//! Our markers on a target.

use std::sync::Arc;

use syncer_actors::NamespaceNames;
use syncer_clusters::{Cluster, Error, FieldsV1Kept, Next, Object, WatchOptions, Write};
use syncer_core::{
    ResourceType,
    marker::{CLUSTER_LABEL, FIELD_MANAGER},
    naming::{SyncTargetLocator, target_key},
    release::unmark,
};

use super::{
    lists::{Unlisted, go_through, resources, side_by_side},
    report::{Count, Part, Written},
    target::Target,
};

/// How often a write is tried that somebody else was ahead of.
const TRIES: usize = 5;

/// Takes our markers off everything of `target` that was made from an object of the upstream with the id `upstream`, under the key that is
/// made with `made_with`; its kubeconfig may lie in a Secret of `home`.
pub(super) async fn release(
    target: &Target,
    home: &Cluster,
    (upstream, made_with): (&Arc<str>, &str),
    written: Written,
) -> Part {
    let mut part = Part::default();
    let cluster = match target.connect(home).await {
        Ok(cluster) => cluster,
        Err(cause) => {
            part.failed(&target.title(), &cause);
            return part;
        }
    };
    let served = match cluster.discover().await {
        Ok(served) => served,
        Err(error) => {
            part.failed(&target.title(), &error.to_string());
            return part;
        }
    };
    let uid = target.document.as_ref().map_or("", |document| document.uid.as_str());
    let sync_target = SyncTargetLocator {
        cluster: made_with.to_owned(),
        name: target.name.to_string(),
        uid: uid.to_owned(),
    };
    let key = target_key(made_with, &target.name);
    let names = NamespaceNames::new(upstream.clone(), sync_target, target.mapping);
    let names = match names.with_inheritance(&cluster, &served, selector(&key)).await {
        Ok(names) => names,
        Err(error) => {
            part.failed(&target.title(), &error.to_string());
            return part;
        }
    };
    let work = Work {
        target,
        cluster,
        names,
        key,
        written,
    };
    let of_resources = side_by_side(resources(&served), async |resource| work.of_resource(&resource).await);
    for of_resource in of_resources.await {
        part.add(of_resource);
    }
    part
}

/// What selects the objects of the target with the key `key`.
fn selector(key: &str) -> String {
    format!("{CLUSTER_LABEL}={key}")
}

struct Work<'a> {
    target: &'a Target,
    cluster: Cluster,
    /// Says what is ours.
    names: NamespaceNames,
    key: String,
    written: Written,
}

// === impl Work ===

impl Work<'_> {
    async fn of_resource(&self, resource: &ResourceType) -> Part {
        let mut part = Part::default();
        let options = WatchOptions {
            label_selector: selector(&self.key),
            managed_fields: FieldsV1Kept::All,
            ..WatchOptions::default()
        };
        // A label proves nothing: controllers copy it (S1).
        let keep = |object: &Object| self.names.claimed(object).map(|_| object.clone());
        let seen = go_through(&self.cluster, resource, options, keep, async |ours: Vec<Object>| {
            let released = side_by_side(ours, async |object| match self.written {
                Written::Everything => self.take_off(resource, object).await.map_err(|error| error.to_string()),
                Written::Nothing => Ok(Count::Marked),
            });
            for done in released.await {
                match done {
                    Ok(count) => part.count(&self.target.name, &resource.gvr, count),
                    Err(cause) => part.failed(&self.target.title(), &cause),
                }
            }
        });
        match seen.await {
            Ok(()) | Err(Unlisted::Unserved) => {}
            Err(Unlisted::Forbidden(error)) => part.skipped(&self.target.title(), &resource.gvr, &error),
            Err(Unlisted::Failed(cause)) => part.failed(&self.target.title(), &cause),
        }
        part
    }

    /// Takes ours off `object`; looks again where somebody else wrote to it meanwhile.
    async fn take_off(&self, resource: &ResourceType, object: Object) -> Result<Count, Error> {
        let mut object = object;
        let mut tries = 0;
        loop {
            let (namespace, name) = (object.key().namespace.clone(), object.key().name.clone());
            // Operations are plain data: nothing in them can fail to be written.
            let body = serde_json::to_vec(&unmark(&object.marked())).unwrap_or_default().into();
            let write = Write::by(FIELD_MANAGER);
            let written = self.cluster.patch_json(resource, &namespace, &name, body, &write);
            let Err(error) = written.await else {
                return Ok(Count::Marked);
            };
            tries += 1;
            match error.next() {
                Next::NotFound | Next::NamespaceMissing => return Ok(Count::Nothing),
                Next::LookAgain if tries < TRIES => {
                    let again = self.cluster.get(resource, &namespace, &name, FieldsV1Kept::All).await?;
                    match again.filter(|again| again.uid() == object.uid() && self.names.claimed(again).is_some()) {
                        Some(again) => object = again,
                        None => return Ok(Count::Nothing),
                    }
                }
                _ => return Err(error),
            }
        }
    }
}
