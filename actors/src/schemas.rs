//! The shapes of kinds that are not the API server's own, as one target publishes them: read when an object of the kind has to be decided
//! about, once for all of them, and again now and then.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use syncer_clusters::Cluster;
use syncer_core::{Gvr, ResourceType, conflict::Schema};
use tokio::{sync::OnceCell, time::Instant};
use tracing::warn;

/// The most kinds of which anything is kept; the one asked for longest ago gives way.
const MOST: usize = 256;
/// How long a shape counts: definitions change seldom.
const KEPT: Duration = Duration::from_mins(10);
/// How long it is not asked again after a failure.
const KEPT_UNKNOWN: Duration = Duration::from_mins(1);
/// How long an answer may take; without it what managedFields show has to do.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What is known of the shapes of kinds.
#[derive(Default)]
pub(crate) struct Schemas(Mutex<HashMap<Gvr, Arc<Kept>>>);

/// One shape.
struct Kept {
    asked: Instant,
    found: OnceCell<Found>,
}

#[derive(Clone)]
struct Found {
    schema: Arc<Schema>,
    lasts: Duration,
}

// === impl Schemas ===

impl Schemas {
    /// The shape of `gvr` as far as it is known now.
    pub(crate) fn known(&self, gvr: &Gvr) -> Arc<Schema> {
        let kept = self.0.lock().get(gvr).cloned();
        let found = kept.as_ref().and_then(|kept| kept.found.get());
        found.map_or_else(|| Arc::new(Schema::of(gvr)), |found| found.schema.clone())
    }

    /// Has the shape of `resource` known as `cluster` publishes it. One request for all who ask at once.
    pub(crate) async fn learn(&self, cluster: &Cluster, resource: &ResourceType) {
        if !Schema::has_to_be_read(&resource.gvr) {
            return;
        }
        let (kept, before) = self.entry(&resource.gvr);
        kept.found.get_or_init(|| read(cluster, resource, before)).await;
    }

    /// What is kept of `gvr`, a new one where that is too old, with what was known before.
    fn entry(&self, gvr: &Gvr) -> (Arc<Kept>, Option<Arc<Schema>>) {
        let now = Instant::now();
        let mut all = self.0.lock();
        let known = all.get(gvr);
        if let Some(kept) = known.filter(|kept| kept.is_fresh(now)) {
            return (kept.clone(), None);
        }
        let before = known.and_then(|kept| Some(kept.found.get()?.schema.clone()));
        if all.len() >= MOST
            && let Some(oldest) = all
                .iter()
                .min_by_key(|(_, kept)| kept.asked)
                .map(|(gvr, _)| gvr.clone())
        {
            all.remove(&oldest);
        }
        let kept = Arc::new(Kept {
            asked: now,
            found: OnceCell::new(),
        });
        all.insert(gvr.clone(), kept.clone());
        (kept, before)
    }
}

// === impl Kept ===

impl Kept {
    fn is_fresh(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.asked);
        self.found.get().is_none_or(|found| age < found.lasts)
    }
}

/// Asks for the shape of `resource`; where there is no answer, what was known `before` goes on to count.
async fn read(cluster: &Cluster, resource: &ResourceType, before: Option<Arc<Schema>>) -> Found {
    let gvr = &resource.gvr;
    let why = match tokio::time::timeout(ANSWERED_WITHIN, cluster.open_api(gvr)).await {
        Ok(Ok(document)) => {
            let document = serde_json::from_slice(&document).unwrap_or_default();
            match Schema::of_open_api(&document, gvr, &resource.kind) {
                Some(schema) => {
                    return Found {
                        schema: Arc::new(schema),
                        lasts: KEPT,
                    };
                }
                None => "its OpenAPI document does not describe it".to_owned(),
            }
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it does not answer in time".to_owned(),
    };
    warn!(
        cluster = cluster.name(), kind = %gvr,
        "the schema of this kind cannot be read, and its lists have keys only where managedFields show them: {why}"
    );
    Found {
        schema: before.unwrap_or_else(|| Arc::new(Schema::of(gvr))),
        lasts: KEPT_UNKNOWN,
    }
}

#[cfg(test)]
mod tests;
