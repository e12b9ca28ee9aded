//! What an answer of the upstream means.

use std::time::Duration;

use syncer_clusters::{Error, FieldsV1Kept, Next, Object};
use syncer_core::{ObjectKey, event_reason::EventReason};
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::{
    CONFLICT_RETRY, Doubt, ECHO, PROMPT_CONFLICTS, RETRY, StatusMessage, StatusPropagator,
    unwritable::{self, Unserved},
    upstream_side,
    write::{self, Written},
};
use crate::{
    events::Subject,
    metrics::{Direction, Stage, WriteResult, WriteSide, WriteVerb},
    runtime::{Context, Exponential},
};

impl StatusPropagator {
    pub(super) fn written(&mut self, key: &ObjectKey, written: &Written, ctx: &mut Context<Self>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let now = ctx.now();
        let wrote = |result| {
            self.work
                .metrics
                .wrote(WriteSide::Upstream, WriteVerb::PatchStatus, result);
        };
        let cause = match &written.answer {
            Ok(object) => {
                wrote(WriteResult::Ok);
                self.work.board.written(key, object, &written.sent);
                self.rivals.answered(key);
                self.unwritable.taken(key, now);
                let kept = upstream_side::status_of(object);
                self.pruning
                    .entry(key.gvr.clone())
                    .or_default()
                    .learn(&written.sent, &kept);
                let terms = self.work.board.terms(key);
                if let Some(lag) = self.pace.rest(key, terms.min_interval, now) {
                    self.work.metrics.status_lagged(lag);
                    self.work.metrics.propagated(Direction::Up, Stage::StatusBack, lag);
                }
                return;
            }
            Err(cause) => cause,
        };
        if write::may_have_happened(cause) {
            self.work.board.unanswered(key, &written.uid);
        }
        let gone = |propagator: &mut Self| {
            propagator.work.board.upstream_gone(key);
            propagator.pace.forget(key);
        };
        match cause.next() {
            Next::LookAgain => {
                wrote(WriteResult::Conflict);
                self.conflicted(key, &written.seen, ctx);
            }
            Next::NamespaceMissing => gone(self),
            Next::NotFound => {
                wrote(WriteResult::Refused);
                match self.unwritable.until(key, now) {
                    Some(until) => self.pace.wait(key, until),
                    None => self.look(key, Doubt::Missing(written.uid.clone()), ctx),
                }
            }
            Next::Unserved => {
                wrote(WriteResult::Refused);
                self.unserved(key, ctx);
            }
            Next::Forbidden => {
                wrote(WriteResult::Refused);
                let places = self.unwritable.forbidden(key, now);
                if let Some(places) = places.filter(|places| places.is_power_of_two()) {
                    error!(
                        workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, places,
                        "no status of this resource is written there, allow patch on its status subresource: {cause}"
                    );
                }
                self.again_later(key, unwritable::FORBIDDEN, now);
            }
            Next::Invalid => {
                wrote(WriteResult::Refused);
                let failures = self.pace.failed(key);
                if failures.is_power_of_two() {
                    error!(
                        workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name, failures,
                        "the upstream refuses the combined status, what stands there stays: {cause}"
                    );
                }
                self.retry(key, failures, None, ctx);
            }
            next => {
                wrote(WriteResult::Failed);
                let failures = self.pace.failed(key);
                debug!(object = %key, failures, "the status was not written, it is tried again: {cause}");
                let asked = match next {
                    Next::Wait(delay) => Some(delay),
                    _ => None,
                };
                self.retry(key, failures, asked, ctx);
            }
        }
    }

    /// Too much waits for the upstream: the newest state is looked at again a little later.
    pub(super) fn no_room(&mut self, key: &ObjectKey, ctx: &Context<Self>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.again_later(key, RETRY.0, ctx.now());
    }

    /// Somebody else wrote the object: it is looked at again, in memory as soon as the watch has shown it.
    fn conflicted(&mut self, key: &ObjectKey, seen: &str, ctx: &mut Context<Self>) {
        let conflicts = self.pace.refused(key, seen);
        if conflicts > PROMPT_CONFLICTS {
            let delay = Exponential::nth(RETRY.0, CONFLICT_RETRY, conflicts - PROMPT_CONFLICTS, ctx.chance());
            self.again_later(key, delay, ctx.now());
        } else if conflicts == 1 && self.work.board.shows(key, seen) {
            self.pace.listen(key, ctx.now() + ECHO);
        } else {
            self.again_later(key, Duration::ZERO, ctx.now());
        }
    }

    /// There is no place for the status of `key`.
    fn unserved(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let said = self.unwritable.unserved(&key.gvr, ctx.now());
        if said == Unserved::InDoubt {
            let failures = self.pace.failed(key);
            self.retry(key, failures, None, ctx);
            return;
        }
        if said == Unserved::News {
            warn!(kind = %key.gvr, "the upstream has no status subresource for this resource: no status of it is written");
        }
        self.again_later(key, unwritable::UNSERVED, ctx.now());
    }

    /// Reads the object: the watch does not show what a write met.
    pub(super) fn look(&mut self, key: &ObjectKey, doubt: Doubt, ctx: &mut Context<Self>) {
        let Some(resource) = self.resources.get(&key.gvr).cloned() else {
            self.pace.forget(key);
            return;
        };
        let (cluster, about) = (self.work.cluster.logical(&key.cluster), key.clone());
        let io = async move {
            let found = cluster
                .get(&resource, &about.namespace, &about.name, FieldsV1Kept::None)
                .await;
            StatusMessage::Looked(about, doubt, Box::new(found))
        };
        self.begin(key, io, ctx);
    }

    pub(super) fn looked(
        &mut self,
        key: &ObjectKey,
        doubt: &Doubt,
        found: &Result<Option<Object>, Error>,
        ctx: &mut Context<Self>,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match found {
            Ok(Some(object)) => {
                let is_same = self.work.board.looked(key, object);
                // Another one has the name by now: the one that was written is what was missing.
                let is_missed = matches!(doubt, Doubt::Missing(uid) if **uid == *object.uid());
                if is_same && is_missed {
                    self.unserved(key, ctx);
                    return;
                }
                let is_newer = !self.pace.was_refused(key, object.resource_version());
                self.pace.read(key);
                if is_same && is_newer {
                    self.again_later(key, Duration::ZERO, ctx.now());
                    return;
                }
                // Another object has the name by now, which is the watch's to tell; or the version was not what was refused.
                if is_same {
                    self.pace.forgive(key);
                }
                let failures = self.pace.failed(key);
                self.retry(key, failures, None, ctx);
            }
            Ok(None) => {
                self.work.board.upstream_gone(key);
                self.pace.forget(key);
            }
            Err(cause) => {
                let failures = self.pace.failed(key);
                debug!(object = %key, failures, "the object was not read again, it is tried later: {cause}");
                self.retry(key, failures, None, ctx);
            }
        }
    }

    /// Somebody else writes this status again and again: who?
    pub(super) fn ask_who(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let Some(resource) = self.resources.get(&key.gvr).cloned() else {
            return;
        };
        let (cluster, about) = (self.work.cluster.logical(&key.cluster), key.clone());
        let io = async move {
            let rival = write::rival(&cluster, &resource, &about).await;
            StatusMessage::Named(about, rival)
        };
        self.begin(key, io, ctx);
    }

    pub(super) fn named(&mut self, key: &ObjectKey, rival: &str, ctx: &Context<Self>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let now = ctx.now();
        let pause = self.rivals.give_way(key, now);
        warn!(
            workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name, rival, ?pause,
            "another manager writes this status again and again: it is left alone for a while; let one of the two write it"
        );
        if let (Some(resource), Some(uid)) = (self.resources.get(&key.gvr), self.work.board.uid(key)) {
            let subject = Subject {
                resource: resource.clone(),
                key: key.clone(),
                uid,
            };
            let note = format!("{rival} writes the status too: it is not written any more for a while");
            self.work.events.tell(subject, EventReason::StatusContended, note);
            self.work.metrics.status_contended();
        }
        self.pace.wait(key, now + pause);
    }

    fn retry(&mut self, key: &ObjectKey, times: u32, asked: Option<Duration>, ctx: &mut Context<Self>) {
        // A breaker whose probe hangs names no time at all: that must not become a spin.
        let delay = asked.map_or_else(
            || Exponential::nth(RETRY.0, RETRY.1, times, ctx.chance()),
            |asked| asked.max(RETRY.0),
        );
        let now = ctx.now();
        self.pace.wait(key, now + delay);
    }

    fn again_later(&mut self, key: &ObjectKey, delay: Duration, now: Instant) {
        self.pace.wait(key, now + delay);
    }
}
