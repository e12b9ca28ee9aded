//! What the sync counts, beside what the actor kit and the clients count. No label names a workspace, a namespace or an
//! object: the number of series is bounded by the targets.

mod labels;
mod queue;
mod registration;

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::metrics::{
    counter::Counter,
    family::Family,
    gauge::Gauge,
    histogram::{Histogram, exponential_buckets},
};
use syncer_core::{
    config::Strategy,
    object_state::{ObjectCounts, ObjectState},
};

use self::labels::{
    ClockLabels, ConflictLabels, DriftLabels, EventLabels, LossLabels, ObjectLabels, PropagationLabels, TargetLabels,
    WriteLabels,
};
use self::queue::QueueFamilies;
pub use self::{
    labels::{Direction, DriftAction, EventLoss, Stage, Verdict, WriteResult, WriteSide, WriteVerb},
    queue::QueueMetrics,
};

/// The counters. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Upstream objects that were read again because their body was not kept.
    pub(crate) body_reads: Counter,
    /// Writes of upstream objects that wait for another write of the same object.
    pub(crate) gate_waiting: Gauge,
    /// Writes for which there was no room to wait.
    pub(crate) gate_refused: Counter,
    upstream_replaced: Gauge,
    reachable: Family<TargetLabels, Gauge>,
    abandoned: Family<TargetLabels, Gauge>,
    clock_offsets: Family<ClockLabels, Gauge<f64, AtomicU64>>,
    objects: Family<ObjectLabels, Gauge>,
    writes: Family<WriteLabels, Counter>,
    conflicts: Family<ConflictLabels, Counter>,
    drift: Family<DriftLabels, Counter>,
    propagation: Family<PropagationLabels, Histogram, fn() -> Histogram>,
    status_lag: Histogram,
    status_contended: Counter,
    events: Family<EventLabels, Counter>,
    events_lost: Family<LossLabels, Counter>,
    queues: QueueFamilies,
}

// === impl Metrics ===

impl Metrics {
    /// Another upstream answers under the address.
    pub(crate) fn upstream_replaced(&self) {
        self.upstream_replaced.set(1);
    }

    /// The upstream that the process began with answers again.
    pub(crate) fn upstream_continued(&self) {
        self.upstream_replaced.set(0);
    }

    /// The API server of `target` can be reached.
    pub(crate) fn reached(&self, target: &Arc<str>) {
        self.reachable.get_or_create(&TargetLabels::of(target)).set(1);
    }

    /// The API server of `target` cannot be reached.
    pub(crate) fn lost(&self, target: &Arc<str>) {
        self.reachable.get_or_create(&TargetLabels::of(target)).set(0);
    }

    /// The clock of the upstream's API server is ahead of ours by so many `seconds`.
    pub fn upstream_clock(&self, seconds: f64) {
        let labels = ClockLabels::of(WriteSide::Upstream, &Arc::default());
        self.clock_offsets.get_or_create(&labels).set(seconds);
    }

    /// The clock of the API server of `target` is ahead of ours by so many `seconds`.
    pub fn target_clock(&self, target: &Arc<str>, seconds: f64) {
        let labels = ClockLabels::of(WriteSide::Downstream, target);
        self.clock_offsets.get_or_create(&labels).set(seconds);
    }

    /// So many objects are left behind on `target`.
    pub(crate) fn abandoned(&self, target: &Arc<str>, count: u64) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.abandoned.get_or_create(&TargetLabels::of(target)).set(count);
    }

    /// How the objects of `target` stand now.
    pub fn objects(&self, target: &Arc<str>, counts: &ObjectCounts) {
        for state in ObjectState::ALL {
            self.objects_in(target, state.as_str(), counts.of(state));
        }
        self.objects_in(target, DESIRED, counts.desired());
    }

    fn objects_in(&self, target: &Arc<str>, state: &'static str, count: u64) {
        let labels = ObjectLabels {
            target: target.clone(),
            state,
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.objects.get_or_create(&labels).set(count);
    }

    /// `target` was removed: what was shown of it is shown no longer.
    pub fn forget_target(&self, target: &Arc<str>) {
        self.reachable.remove(&TargetLabels::of(target));
        self.abandoned.remove(&TargetLabels::of(target));
        self.clock_offsets
            .remove(&ClockLabels::of(WriteSide::Downstream, target));
        let states = ObjectState::ALL.map(ObjectState::as_str);
        for state in states.into_iter().chain([DESIRED]) {
            let target = target.clone();
            self.objects.remove(&ObjectLabels { target, state });
        }
        for action in DriftAction::ALL {
            let (target, action) = (target.clone(), action.as_str());
            self.drift.remove(&DriftLabels { target, action });
        }
        self.queues.forget(target);
    }

    /// A write of an object was answered, or failed.
    pub fn wrote(&self, side: WriteSide, verb: WriteVerb, result: WriteResult) {
        let labels = WriteLabels {
            side: side.as_str(),
            verb: verb.as_str(),
            result: result.as_str(),
        };
        self.writes.get_or_create(&labels).inc();
    }

    /// `strategy` came to `verdict` about one field.
    pub fn conflict(&self, strategy: Strategy, verdict: Verdict) {
        let labels = ConflictLabels {
            strategy: labels::strategy(strategy),
            verdict: verdict.as_str(),
        };
        self.conflicts.get_or_create(&labels).inc();
    }

    /// A downstream object on `target` was found changed by somebody else.
    pub fn drifted(&self, target: &Arc<str>, action: DriftAction) {
        let (target, action) = (target.clone(), action.as_str());
        self.drift.get_or_create(&DriftLabels { target, action }).inc();
    }

    /// A change reached `stage`, `after` the arrival of its watch event.
    pub fn propagated(&self, direction: Direction, stage: Stage, after: Duration) {
        let labels = PropagationLabels {
            direction: direction.as_str(),
            stage: stage.as_str(),
        };
        self.propagation.get_or_create(&labels).observe(after.as_secs_f64());
    }

    /// A status was left to another manager for a while.
    pub(crate) fn status_contended(&self) {
        self.status_contended.inc();
    }

    /// A status was written upstream, `after` it was first seen downstream.
    pub fn status_lagged(&self, after: Duration) {
        self.status_lag.observe(after.as_secs_f64());
    }

    /// The counters of the queue `name`, looked up once by whoever has the queue. A target's queue has its name.
    pub fn queue(&self, name: &Arc<str>) -> QueueMetrics {
        self.queues.of(name)
    }

    /// An Event was written.
    pub(crate) fn event_written(&self, verb: WriteVerb) {
        let verb = verb.as_str();
        self.events.get_or_create(&EventLabels { verb }).inc();
    }

    /// `times` times something was told that no Event says.
    pub(crate) fn event_lost(&self, loss: EventLoss, times: u64) {
        let cause = loss.as_str();
        self.events_lost.get_or_create(&LossLabels { cause }).inc_by(times);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            body_reads: Counter::default(),
            gate_waiting: Gauge::default(),
            gate_refused: Counter::default(),
            upstream_replaced: Gauge::default(),
            reachable: Family::default(),
            abandoned: Family::default(),
            clock_offsets: Family::default(),
            objects: Family::default(),
            writes: Family::default(),
            conflicts: Family::default(),
            drift: Family::default(),
            propagation: Family::new_with_constructor(durations),
            status_lag: durations(),
            status_contended: Counter::default(),
            events: Family::default(),
            events_lost: Family::default(),
            queues: QueueFamilies::default(),
        }
    }
}

/// The sum over the states in which an object is wanted, shown beside them.
const DESIRED: &str = "desired";

/// From a millisecond to two minutes.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 18))
}

#[cfg(test)]
mod tests;
