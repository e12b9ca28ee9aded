//! What a process does while another one leads: it looks whether somebody reports on the SyncTargets, and where nobody has for a while, says
//! that nobody knows.

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use serde_json::{Value, json};
use syncer_clusters::{Cluster, Error, FieldsV1Kept, Next, Object, WatchEvent, WatchOptions, Write};
use syncer_core::{
    config::schema::SYNC_TARGET,
    marker::FIELD_MANAGER,
    target_status::{HEARTBEAT_LOST, unattended},
};
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use crate::runtime::Clock;

/// The time between two looks at what was seen.
const LOOK: Duration = Duration::from_secs(5);
/// How long one read and one write may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a standby works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Standby {
    /// The API server that the SyncTargets are on, by a client that no fence holds back: this is all that a standby writes.
    pub(crate) upstream: Cluster,
    pub(crate) clock: Clock,
}

/// What was seen of a SyncTarget.
struct Pulse {
    uid: Arc<str>,
    heartbeat: Value,
    /// When the heartbeat was first seen to be this, by our own clock: that of its writer may be another.
    since: Instant,
}

// === impl Standby ===

impl Standby {
    /// Looks, without end.
    pub(crate) async fn run(self) {
        let mut events: Pin<Box<dyn Stream<Item = WatchEvent> + Send>> = Box::pin(
            self.upstream
                .watch(SYNC_TARGET.resource_type(), WatchOptions::default()),
        );
        let mut pulses = HashMap::new();
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                Some(event) = events.next() => take(event, &mut pulses),
                _ = look.tick() => self.look(&mut pulses).await,
                else => std::future::pending().await,
            }
        }
    }

    async fn look(&self, pulses: &mut HashMap<Arc<str>, Pulse>) {
        for (name, pulse) in pulses {
            if pulse.since.elapsed() <= HEARTBEAT_LOST {
                continue;
            }
            match timeout(PATIENCE, self.say(name, pulse)).await {
                Ok(Ok(())) => {}
                // Somebody else was there first, or the watch will say that it is gone.
                Ok(Err(error)) if matches!(error.next(), Next::LookAgain | Next::NotFound) => {}
                Ok(Err(error)) => {
                    warn!(target = %name, "nobody reports on this target, and that cannot be said: {error}");
                }
                Err(_) => debug!(target = %name, "the API server did not answer in time"),
            }
            pulse.since = Instant::now();
        }
    }

    /// Says of the SyncTarget `name` that nobody reports on it, if it is still so.
    async fn say(&self, name: &Arc<str>, pulse: &Pulse) -> Result<(), Error> {
        let kind = SYNC_TARGET.resource_type();
        let Some(object) = self.upstream.get(&kind, "", name, FieldsV1Kept::None).await? else {
            return Ok(());
        };
        let status = status(&object);
        if object.uid() != &*pulse.uid || heartbeat(&status) != pulse.heartbeat {
            return Ok(());
        }
        let now = Timestamp::try_from(self.clock.time()).unwrap_or_default();
        let Some(conditions) = unattended(&status, object.generation(), now) else {
            return Ok(());
        };
        let body = json!({
            "metadata": {"uid": object.uid(), "resourceVersion": object.resource_version()},
            "status": {"conditions": conditions},
        });
        let options = Write::by(FIELD_MANAGER);
        let body = Bytes::from(body.to_string());
        self.upstream
            .patch_status_merge(&kind, "", name, body, &options)
            .await?;
        info!(target = %name, "nobody has reported on this target for {HEARTBEAT_LOST:?}: it is Unknown whether it is ready");
        Ok(())
    }
}

fn take(event: WatchEvent, pulses: &mut HashMap<Arc<str>, Pulse>) {
    match event {
        WatchEvent::Applied(object) => {
            let (uid, heartbeat) = (object.uid(), heartbeat(&status(&object)));
            let known = pulses.get(&object.key().name);
            if known.is_some_and(|known| *known.uid == *uid && known.heartbeat == heartbeat) {
                return;
            }
            let pulse = Pulse {
                uid: uid.into(),
                heartbeat,
                since: Instant::now(),
            };
            pulses.insert(object.key().name.clone(), pulse);
        }
        WatchEvent::Deleted(object) => {
            pulses.remove(&object.key().name);
        }
        // What a list lacks is read, and found to be gone, before anything is said of it.
        WatchEvent::ListStarted | WatchEvent::Listed(_) | WatchEvent::Recovered => {}
        WatchEvent::Interrupted(error) => debug!("a standby cannot see the SyncTargets: {error}"),
    }
}

fn heartbeat(status: &Value) -> Value {
    status.get("lastSyncerHeartbeatTime").cloned().unwrap_or_default()
}

fn status(object: &Object) -> Value {
    let status = object.member("status");
    status
        .and_then(|status| serde_json::from_str(status.get()).ok())
        .unwrap_or_default()
}
