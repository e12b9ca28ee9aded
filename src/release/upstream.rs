//! Our finalizers upstream.

use std::sync::Arc;

use syncer_clusters::{Cluster, Error, FieldsV1Kept, Next, Object, Write};
use syncer_core::{ResourceType, marker::FIELD_MANAGER, naming::finalizer, release::without_finalizers};

use super::{
    lists::{Unlisted, go_through, resources, side_by_side},
    origin::Endpoint,
    report::{Count, Part, Written},
};

/// How often a write is tried that somebody else was ahead of.
const TRIES: usize = 5;

/// Whose finalizer comes off: a target's name and its finalizer.
type Finalizers = [(Arc<str>, String)];

/// Takes the finalizers of the targets with these names and keys off everything upstream.
pub(super) async fn release(upstream: &Endpoint, keys: &[(Arc<str>, String)], written: Written) -> Part {
    let mut part = Part::default();
    let served = match upstream.discover().await {
        Ok(served) => served,
        Err(error) => {
            part.failed(upstream.cluster().name(), &error.to_string());
            return part;
        }
    };
    let finalizers: Vec<_> = keys.iter().map(|(name, key)| (name.clone(), finalizer(key))).collect();
    let of_resources = side_by_side(resources(&served), async |resource| {
        of_resource(upstream, &resource, &finalizers, written).await
    });
    for of_resource in of_resources.await {
        part.add(of_resource);
    }
    part
}

async fn of_resource(upstream: &Endpoint, resource: &ResourceType, finalizers: &Finalizers, written: Written) -> Part {
    let mut part = Part::default();
    let keep = |object: &Object| (!held_by(object, finalizers).is_empty()).then(|| object.clone());
    let seen = go_through(
        upstream.cluster(),
        resource,
        upstream.options(),
        keep,
        async |held: Vec<Object>| {
            let released = side_by_side(held, async |object| {
                let done = match written {
                    Written::Everything => {
                        take_off(&upstream.home_of(&object), resource, object.clone(), finalizers).await
                    }
                    Written::Nothing => Ok(held_by(&object, finalizers)),
                };
                done.map_err(|error| error.to_string())
            });
            for done in released.await {
                match done {
                    Ok(names) => {
                        for name in names {
                            part.count(&name, &resource.gvr, Count::Finalizer);
                        }
                    }
                    Err(cause) => part.failed(upstream.cluster().name(), &cause),
                }
            }
        },
    );
    match seen.await {
        Ok(()) | Err(Unlisted::Unserved) => {}
        Err(Unlisted::Forbidden(error)) => part.skipped(upstream.cluster().name(), &resource.gvr, &error),
        Err(Unlisted::Failed(cause)) => part.failed(upstream.cluster().name(), &cause),
    }
    part
}

/// The targets whose finalizer `object` carries.
fn held_by(object: &Object, finalizers: &Finalizers) -> Vec<Arc<str>> {
    let carries = |finalizer: &str| object.finalizers().any(|found| found == finalizer);
    let ours = finalizers.iter().filter(|(_, finalizer)| carries(finalizer));
    ours.map(|(name, _)| name.clone()).collect()
}

/// Takes ours off `object`; looks again where somebody else wrote to it meanwhile. Returns whose they were.
async fn take_off(
    upstream: &Cluster,
    resource: &ResourceType,
    object: Object,
    finalizers: &Finalizers,
) -> Result<Vec<Arc<str>>, Error> {
    let mut object = object;
    let mut tries = 0;
    loop {
        let (namespace, name) = (object.key().namespace.clone(), object.key().name.clone());
        let present: Vec<_> = object.finalizers().collect();
        let ours: Vec<_> = finalizers.iter().map(|(_, finalizer)| finalizer.as_str()).collect();
        let Some(patch) = without_finalizers(object.uid(), object.resource_version(), &present, &ours) else {
            return Ok(Vec::new());
        };
        let body = patch.to_string().into_bytes().into();
        let write = Write::by(FIELD_MANAGER);
        let written = upstream.patch_merge(resource, &namespace, &name, body, &write);
        let Err(error) = written.await else {
            return Ok(held_by(&object, finalizers));
        };
        tries += 1;
        match error.next() {
            // It went by itself: nothing of it is left to let go of.
            Next::NotFound | Next::NamespaceMissing => return Ok(Vec::new()),
            Next::LookAgain if tries < TRIES => {
                let again = upstream.get(resource, &namespace, &name, FieldsV1Kept::None).await?;
                match again {
                    Some(again) if again.uid() == object.uid() => object = again,
                    Some(_) | None => return Ok(Vec::new()),
                }
            }
            _ => return Err(error),
        }
    }
}
