//! What the kit counts, per actor kind.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Weak},
};

use parking_lot::{Mutex, RwLock};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::MetricType,
    metrics::{counter::Counter, family::Family, gauge::ConstGauge, gauge::Gauge},
    registry::Registry,
};

use super::{exit::Fault, node::Node, outbox::OutboxMeter};

type ByKind<T> = Family<[(&'static str, &'static str); 1], T>;
type ByKindAndCause = Family<[(&'static str, &'static str); 2], Counter>;

/// The kit's metrics. Cheap to clone; one for a process, shared by its runtimes.
#[derive(Clone, Default)]
pub struct Signals(Arc<Families>);

#[derive(Default)]
struct Families {
    actors: ByKind<Gauge>,
    refused: ByKind<Counter>,
    restarts: ByKindAndCause,
    gave_up: ByKindAndCause,
    quarantines: ByKind<Counter>,
    quarantine_dropped: ByKind<Counter>,
    outbox_depth: ByKind<Gauge>,
    outbox_merged: ByKind<Counter>,
    outbox_refused: ByKind<Counter>,
    /// One per kind, so that an actor looks its counters up once in its life.
    meters: RwLock<Vec<(&'static str, Arc<Meter>)>>,
    roots: Mutex<Vec<Weak<Node>>>,
}

/// The counters of one kind, at hand for its actors.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) kind: &'static str,
    pub(crate) actors: Gauge,
    pub(crate) refused: Counter,
    pub(crate) quarantines: Counter,
    pub(crate) quarantine_dropped: Counter,
}

/// Walks the trees when it is asked, so that no message pays for the gauge.
struct Depths(Signals);

// === impl Signals ===

impl Signals {
    /// Metrics that are nowhere registered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers the families, under the names of the project's metrics page.
    pub fn register(&self, registry: &mut Registry) {
        let of = &self.0;
        registry.register("tmc_syncer_actors", "Actors alive", of.actors.clone());
        registry.register(
            "tmc_syncer_mailbox_refused",
            "Messages and requests for which no place was free",
            of.refused.clone(),
        );
        registry.register(
            "tmc_syncer_actor_restarts",
            "Failures answered by a restart",
            of.restarts.clone(),
        );
        registry.register(
            "tmc_syncer_actor_gave_up",
            "Failures that were final",
            of.gave_up.clone(),
        );
        registry.register(
            "tmc_syncer_actor_quarantines",
            "Messages dropped because they failed twice",
            of.quarantines.clone(),
        );
        registry.register(
            "tmc_syncer_quarantine_dropped",
            "Messages dropped because their key was in quarantine",
            of.quarantine_dropped.clone(),
        );
        registry.register(
            "tmc_syncer_outbox_depth",
            "Values waiting for their receiver",
            of.outbox_depth.clone(),
        );
        registry.register(
            "tmc_syncer_outbox_merged",
            "Values merged into one that was still waiting",
            of.outbox_merged.clone(),
        );
        registry.register(
            "tmc_syncer_outbox_refused",
            "Values refused by an outbox at its limit",
            of.outbox_refused.clone(),
        );
        registry.register_collector(Box::new(Depths(self.clone())));
    }

    pub(crate) fn meter(&self, kind: &'static str) -> Arc<Meter> {
        let find = |meters: &[(&'static str, Arc<Meter>)]| {
            meters
                .iter()
                .find(|(known, _)| *known == kind)
                .map(|(_, meter)| Arc::clone(meter))
        };
        if let Some(meter) = find(&self.0.meters.read()) {
            return meter;
        }
        let mut meters = self.0.meters.write();
        if let Some(meter) = find(&meters) {
            return meter;
        }
        let label = [("kind", kind)];
        let meter = Arc::new(Meter {
            kind,
            actors: self.0.actors.get_or_create(&label).clone(),
            refused: self.0.refused.get_or_create(&label).clone(),
            quarantines: self.0.quarantines.get_or_create(&label).clone(),
            quarantine_dropped: self.0.quarantine_dropped.get_or_create(&label).clone(),
        });
        // Shown at 0 before the first: an alert on an increase would miss a series that begins at 1.
        for fault in [Fault::Panic, Fault::Error] {
            let label = [("kind", kind), ("cause", fault.as_str())];
            drop(self.0.restarts.get_or_create(&label));
            drop(self.0.gave_up.get_or_create(&label));
        }
        meters.push((kind, Arc::clone(&meter)));
        meter
    }

    pub(crate) fn restarted(&self, meter: &Meter, fault: Fault) {
        self.0
            .restarts
            .get_or_create(&[("kind", meter.kind), ("cause", fault.as_str())])
            .inc();
    }

    pub(crate) fn gave_up(&self, meter: &Meter, fault: Fault) {
        self.0
            .gave_up
            .get_or_create(&[("kind", meter.kind), ("cause", fault.as_str())])
            .inc();
    }

    pub(crate) fn outbox(&self, name: &'static str) -> OutboxMeter {
        let label = [("outbox", name)];
        OutboxMeter {
            depth: self.0.outbox_depth.get_or_create(&label).clone(),
            merged: self.0.outbox_merged.get_or_create(&label).clone(),
            refused: self.0.outbox_refused.get_or_create(&label).clone(),
        }
    }

    pub(crate) fn add_root(&self, root: &Arc<Node>) {
        let mut roots = self.0.roots.lock();
        roots.retain(|known| known.strong_count() > 0);
        roots.push(Arc::downgrade(root));
    }

    fn depths(&self) -> BTreeMap<&'static str, usize> {
        let mut depths: BTreeMap<_, _> = self.0.meters.read().iter().map(|(kind, _)| (*kind, 0)).collect();
        let mut left: Vec<_> = self.0.roots.lock().iter().filter_map(Weak::upgrade).collect();
        while let Some(node) = left.pop() {
            *depths.entry(node.kind()).or_default() += node.depth();
            left.extend(node.children());
        }
        depths
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signals")
    }
}

// === impl Depths ===

impl fmt::Debug for Depths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Depths")
    }
}

impl Collector for Depths {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Places taken in mailboxes";
        let mut family = encoder.encode_descriptor("tmc_syncer_mailbox_depth", help, None, MetricType::Gauge)?;
        for (kind, depth) in self.0.depths() {
            let depth = ConstGauge::new(i64::try_from(depth).unwrap_or(i64::MAX));
            depth.encode(family.encode_family(&[("kind", kind)])?)?;
        }
        Ok(())
    }
}
