//! Writes of finalizers, and what comes of them.

use syncer_clusters::{Error, FieldsV1Kept, Next, Object};
use syncer_core::{ObjectKey, event_reason::EventReason};
use tracing::{debug, error, info};

use super::{
    FinalizerKeeper, KeeperMessage, RARELY, SOON,
    entry::Writing,
    write::{self, Written},
};
use crate::{
    events::Subject,
    metrics::{WriteResult, WriteSide, WriteVerb},
    runtime::{Context, NoRoom},
    upstream::Refused,
};

// === impl FinalizerKeeper ===

impl FinalizerKeeper {
    pub(super) fn write(&mut self, key: &ObjectKey, writing: Writing, ctx: &mut Context<Self>) {
        let Some(resource) = self.work.board.resource(&key.gvr) else {
            return;
        };
        let (gate, cluster, about) = (
            self.work.gate.clone(),
            self.work.cluster.logical(&key.cluster),
            key.clone(),
        );
        let io = async move {
            match write::write(&gate, &cluster, &resource, &about, writing).await {
                Ok(written) => KeeperMessage::Written(about, Box::new(written)),
                Err(Refused) => KeeperMessage::NoRoom(about),
            }
        };
        self.begin(key, io, ctx);
    }

    /// Begins `io` about `key`; without room for its answer it waits.
    fn begin(
        &mut self,
        key: &ObjectKey,
        io: impl Future<Output = KeeperMessage> + Send + 'static,
        ctx: &mut Context<Self>,
    ) {
        match ctx.request(io) {
            Ok(()) => {
                self.in_flight.insert(key.clone());
            }
            Err(NoRoom) => self.waits.until(key.clone(), ctx.now() + SOON.0),
        }
    }

    pub(super) fn written(&mut self, key: &ObjectKey, Written { writing, answer }: &Written, ctx: &mut Context<Self>) {
        self.in_flight.remove(key);
        let result = answer
            .as_ref()
            .map_or_else(|error| error.next().into(), |_| WriteResult::Ok);
        self.work.metrics.wrote(WriteSide::Upstream, WriteVerb::Patch, result);
        let cause = match answer {
            Ok(object) => {
                self.failures.remove(key);
                self.work.board.answered(object);
                info!(
                    workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                    on = ?writing.on, off = ?writing.off, "finalizers: the upstream object waits for other targets than before"
                );
                self.line_up(key.clone(), ctx);
                return;
            }
            Err(cause) => cause,
        };
        match cause.next() {
            Next::LookAgain if !self.work.board.shows(key, &writing.version) => self.again(key, ctx),
            Next::LookAgain | Next::Invalid => self.look(key, ctx),
            Next::NotFound | Next::NamespaceMissing => self.work.board.gone(key),
            next @ (Next::Forbidden | Next::Unserved) => {
                let times = self.put_off(key, RARELY, ctx);
                if times == 1 {
                    error!(
                        workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                        "the finalizers of the object are not what they should be: {cause}"
                    );
                    if next == Next::Forbidden {
                        self.tell(
                            key,
                            &writing.uid,
                            format!("its finalizers cannot be written, allow patch: {cause}"),
                        );
                    }
                }
            }
            next => {
                let times = self.put_off(key, SOON, ctx);
                if let Next::Wait(delay) = next {
                    self.wait_until(key, times, ctx.now() + delay.max(SOON.0));
                }
                debug!(object = %key, times, "the finalizers were not written, it is tried again: {cause}");
            }
        }
    }

    /// Somebody else wrote the object, and the watch has not shown that yet, or never will.
    fn look(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let Some(resource) = self.work.board.resource(&key.gvr) else {
            return;
        };
        let (cluster, about) = (self.work.cluster.logical(&key.cluster), key.clone());
        let io = async move {
            let found = cluster
                .get(&resource, &about.namespace, &about.name, FieldsV1Kept::None)
                .await;
            KeeperMessage::Looked(about, Box::new(found))
        };
        self.begin(key, io, ctx);
    }

    pub(super) fn looked(&mut self, key: &ObjectKey, found: &Result<Option<Object>, Error>, ctx: &mut Context<Self>) {
        self.in_flight.remove(key);
        match found {
            Ok(Some(object)) => {
                self.work.board.answered(object);
                self.again(key, ctx);
            }
            Ok(None) => self.work.board.gone(key),
            Err(cause) => {
                let times = self.put_off(key, SOON, ctx);
                debug!(object = %key, times, "the object was not read again, it is tried later: {cause}");
            }
        }
    }

    fn tell(&self, key: &ObjectKey, uid: &str, note: String) {
        if let Some(resource) = self.work.board.resource(&key.gvr) {
            let subject = Subject {
                resource,
                key: key.clone(),
                uid: uid.into(),
            };
            self.work.events.tell(subject, EventReason::SyncFailed, note);
        }
    }
}
