//! Both kinds, followed on the API server that has them.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use syncer_clusters::{Cluster, Error, Next, WatchEvent, WatchOptions};
use syncer_core::{
    Gvr, ResourceType,
    config::schema::{Kind, SYNC_POLICY, SYNC_TARGET},
};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::{Collection, Knowledge, Objects, collection::Listing};

/// How long events are gathered before they are shown: documents that are applied together count together.
const SETTLE: Duration = Duration::from_millis(200);

/// One kind, being followed.
struct Follower {
    cluster: Cluster,
    resource: ResourceType,
    events: Pin<Box<dyn Stream<Item = WatchEvent> + Send>>,
    listing: Option<Listing>,
}

/// Follows both kinds on `cluster` into `published`. Does not end while anybody listens.
pub(crate) async fn follow(cluster: Cluster, published: watch::Sender<Arc<Objects>>) {
    let mut objects = Objects::default();
    let mut targets = Follower::new(&cluster, &SYNC_TARGET);
    let mut policies = Follower::new(&cluster, &SYNC_POLICY);
    while !published.is_closed() {
        tokio::select! {
            event = targets.events.next() => targets.take(event, &mut objects.targets).await,
            event = policies.events.next() => policies.take(event, &mut objects.policies).await,
        }
        let settled = tokio::time::sleep(SETTLE);
        tokio::pin!(settled);
        loop {
            tokio::select! {
                () = &mut settled => break,
                event = targets.events.next() => targets.take(event, &mut objects.targets).await,
                event = policies.events.next() => policies.take(event, &mut objects.policies).await,
            }
        }
        // Half of a list says nothing.
        if targets.listing.is_none() && policies.listing.is_none() {
            published.send_if_modified(|known| {
                let is_news = **known != objects;
                if is_news {
                    *known = Arc::new(objects.clone());
                }
                is_news
            });
        }
    }
}

// === impl Follower ===

impl Follower {
    fn new(cluster: &Cluster, kind: &Kind) -> Self {
        let resource = kind.resource_type();
        Self {
            events: Box::pin(cluster.watch(resource.clone(), WatchOptions::default())),
            cluster: cluster.clone(),
            resource,
            listing: None,
        }
    }

    async fn take(&mut self, event: Option<WatchEvent>, collection: &mut Collection) {
        match event {
            Some(WatchEvent::ListStarted) => self.listing = Some(Listing::new()),
            Some(WatchEvent::Applied(object)) => collection.applied(&object, self.listing.as_mut()),
            Some(WatchEvent::Deleted(object)) => collection.deleted(&object),
            Some(WatchEvent::Listed(_)) => {
                if let Some(listing) = self.listing.take() {
                    collection.listed(&listing);
                }
            }
            Some(WatchEvent::Interrupted(error)) => self.interrupted(&error, collection).await,
            Some(WatchEvent::Recovered) => info!(kind = %self.resource.kind, "the objects are followed again"),
            // A watch does not end.
            None => std::future::pending().await,
        }
    }

    async fn interrupted(&mut self, error: &Error, collection: &mut Collection) {
        self.listing = None;
        let knowledge = match error.next() {
            Next::Unserved | Next::NotFound => Knowledge::Unserved,
            Next::Forbidden => behind_a_refusal(&self.cluster, &self.resource.gvr).await,
            _ => Knowledge::Pending,
        };
        let kind = &self.resource.kind;
        match (collection.knowledge, knowledge) {
            (Knowledge::Listed, _) => error!(%kind, "what was seen last stays: {error}"),
            (_, Knowledge::Unserved) => {
                info!(%kind, "the API server does not have this kind: documents come from files and options");
            }
            (_, Knowledge::Withheld) => warn!(%kind, "there may be objects that may not be read: {error}"),
            (_, Knowledge::Pending | Knowledge::Listed) => {
                error!(%kind, "cannot tell which objects there are: {error}");
            }
        }
        collection.refused(knowledge);
    }
}

/// Who may not read a kind is refused it whether or not there is one; what is served everybody may know.
async fn behind_a_refusal(cluster: &Cluster, gvr: &Gvr) -> Knowledge {
    match cluster.discover().await {
        Ok(served) if served.resource(gvr).is_none() && !served.is_doubtful(gvr.group()) => Knowledge::Unserved,
        _ => Knowledge::Withheld,
    }
}
