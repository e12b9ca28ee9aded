//! Going through everything that an API server holds: metadata only, page by page.

use std::time::Duration;

use futures::{StreamExt, pin_mut, stream};
use syncer_clusters::{Cluster, Content, Error, Next, Object, Served, WatchEvent, WatchOptions};
use syncer_core::ResourceType;

/// How long an API server may say nothing in the middle of a list.
const PATIENCE: Duration = Duration::from_secs(45);

/// How many objects are looked at before what is to be written of them is written.
const CHUNK: usize = 500;

/// Why not everything of a resource was seen.
#[derive(Debug)]
pub(super) enum Unlisted {
    /// It may not be listed: whoever runs the syncer with these credentials put nothing on it either.
    Forbidden(Error),
    /// It is not served like that after all.
    Unserved,
    /// Something broke.
    Failed(String),
}

/// What the server serves and lets change: each resource once, in the version that it prefers. Events are about objects, and
/// never ours to keep.
pub(super) fn resources(served: &Served) -> Vec<ResourceType> {
    let mut resources: Vec<ResourceType> = Vec::new();
    for known in served.iter() {
        let gvr = &known.resource.gvr;
        let is_known =
            |other: &ResourceType| (other.gvr.group(), other.gvr.resource()) == (gvr.group(), gvr.resource());
        if known.has_verb("list")
            && known.has_verb("patch")
            && gvr.resource() != "events"
            && !resources.iter().any(is_known)
        {
            resources.push(known.resource.clone());
        }
    }
    resources
}

/// Goes through all of `resource`; what `keep` keeps of an object is handed to `write` in chunks.
pub(super) async fn go_through<T>(
    cluster: &Cluster,
    resource: &ResourceType,
    options: WatchOptions,
    keep: impl Fn(&Object) -> Option<T>,
    mut write: impl AsyncFnMut(Vec<T>),
) -> Result<(), Unlisted> {
    let options = WatchOptions {
        content: Content::Metadata,
        ..options
    };
    let events = cluster.watch(resource.clone(), options);
    pin_mut!(events);
    let mut kept = Vec::new();
    let mut cause = None;
    loop {
        let event = tokio::time::timeout(PATIENCE, events.next()).await;
        match event {
            Ok(Some(WatchEvent::Applied(object))) => kept.extend(keep(&object)),
            Ok(Some(WatchEvent::Listed(_))) => {
                write(kept).await;
                return Ok(());
            }
            Ok(Some(WatchEvent::Interrupted(error))) => match error.next() {
                Next::Forbidden => return Err(Unlisted::Forbidden(error)),
                Next::Unserved => return Err(Unlisted::Unserved),
                _ => cause = Some(error.to_string()),
            },
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                let silence = || format!("{}: listing {} takes too long", cluster.name(), resource.gvr);
                write(kept).await;
                return Err(Unlisted::Failed(cause.unwrap_or_else(silence)));
            }
        }
        if kept.len() >= CHUNK {
            write(std::mem::take(&mut kept)).await;
        }
    }
}

/// Does `what` for each of `items`, a few side by side.
pub(super) async fn side_by_side<T, R>(items: impl IntoIterator<Item = T>, what: impl AsyncFn(T) -> R) -> Vec<R> {
    stream::iter(items.into_iter().map(|item| what(item)))
        .buffer_unordered(16)
        .collect()
        .await
}
