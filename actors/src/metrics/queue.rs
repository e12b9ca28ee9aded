//! The queue metrics that every Kubernetes dashboard knows.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// The counters of one queue, at hand for whoever has it. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct QueueMetrics {
    depth: Gauge,
    adds: Counter,
    waited: Histogram,
    worked: Histogram,
    retries: Counter,
}

/// The families behind them.
#[derive(Clone, Debug)]
pub(super) struct QueueFamilies {
    depth: Family<QueueLabels, Gauge>,
    adds: Family<QueueLabels, Counter>,
    waited: Family<QueueLabels, Histogram, fn() -> Histogram>,
    worked: Family<QueueLabels, Histogram, fn() -> Histogram>,
    retries: Family<QueueLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    name: Arc<str>,
}

// === impl QueueMetrics ===

impl QueueMetrics {
    /// Something entered the queue.
    pub fn added(&self) {
        self.adds.inc();
        self.depth.inc();
    }

    /// Something left the queue after `waited` and is being worked on.
    pub fn begun(&self, waited: Duration) {
        self.depth.dec();
        self.waited.observe(waited.as_secs_f64());
    }

    /// Something left the queue without being worked on.
    pub fn withdrawn(&self) {
        self.depth.dec();
    }

    /// What was worked on is done, after `worked`.
    pub fn done(&self, worked: Duration) {
        self.worked.observe(worked.as_secs_f64());
    }

    /// What was worked on failed, and will be tried again.
    pub fn retried(&self) {
        self.retries.inc();
    }

    /// The queue was built anew and is empty.
    pub fn emptied(&self) {
        self.depth.set(0);
    }
}

// === impl QueueFamilies ===

impl QueueFamilies {
    pub(super) fn of(&self, name: &Arc<str>) -> QueueMetrics {
        let labels = QueueLabels { name: name.clone() };
        QueueMetrics {
            depth: self.depth.get_or_create_owned(&labels),
            adds: self.adds.get_or_create_owned(&labels),
            waited: self.waited.get_or_create_owned(&labels),
            worked: self.worked.get_or_create_owned(&labels),
            retries: self.retries.get_or_create_owned(&labels),
        }
    }

    pub(super) fn forget(&self, name: &Arc<str>) {
        let labels = QueueLabels { name: name.clone() };
        self.depth.remove(&labels);
        self.adds.remove(&labels);
        self.waited.remove(&labels);
        self.worked.remove(&labels);
        self.retries.remove(&labels);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "workqueue_depth",
            "Objects that wait for their turn",
            self.depth.clone(),
        );
        registry.register("workqueue_adds", "Objects that entered the queue", self.adds.clone());
        registry.register(
            "workqueue_queue_duration_seconds",
            "Time that an object waits for its turn",
            self.waited.clone(),
        );
        registry.register(
            "workqueue_work_duration_seconds",
            "Time that a turn takes",
            self.worked.clone(),
        );
        registry.register(
            "workqueue_retries",
            "Turns that failed and are tried again",
            self.retries.clone(),
        );
    }
}

impl Default for QueueFamilies {
    fn default() -> Self {
        Self {
            depth: Family::default(),
            adds: Family::default(),
            waited: Family::new_with_constructor(durations),
            worked: Family::new_with_constructor(durations),
            retries: Family::default(),
        }
    }
}

/// From ten microseconds to forty seconds.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.000_01, 4.0, 12))
}
