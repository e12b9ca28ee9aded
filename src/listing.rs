//! One complete list of objects, for commands that look once and end.

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use syncer_clusters::{Cluster, Error, Next, Object, WatchEvent, WatchOptions};
use syncer_core::ResourceType;
use tokio::time::timeout;

/// Why there is no list.
#[derive(Debug)]
pub(crate) enum Unlisted {
    /// The server does not serve the resource.
    Unserved,
    /// The server cannot be asked, or does not let us.
    Failed(Error),
    /// It took longer than it may.
    Late,
}

/// All objects of `resource` on `cluster`, with time `within` for all pages.
pub(crate) async fn list(cluster: &Cluster, resource: ResourceType, within: Duration) -> Result<Vec<Object>, Unlisted> {
    let listed = async {
        let mut events = pin!(cluster.watch(resource, WatchOptions::default()));
        let mut objects = Vec::new();
        while let Some(event) = events.next().await {
            match event {
                // A list that was begun again has what is there now, and nothing of what was there before.
                WatchEvent::ListStarted => objects.clear(),
                WatchEvent::Applied(object) => objects.push(object),
                WatchEvent::Listed(_) => break,
                WatchEvent::Interrupted(error) if error.next() == Next::Unserved => return Err(Unlisted::Unserved),
                // An API server that has just learnt of the type asks for a second.
                WatchEvent::Interrupted(error) if matches!(error.next(), Next::Wait(_)) => {}
                WatchEvent::Interrupted(error) => return Err(Unlisted::Failed(error)),
                WatchEvent::Deleted(_) | WatchEvent::Recovered => {}
            }
        }
        Ok(objects)
    };
    timeout(within, listed).await.unwrap_or(Err(Unlisted::Late))
}
