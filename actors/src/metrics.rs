//! What the sync counts, beside what the actor kit and the clients count.

use std::sync::Arc;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The counters. Cheap to clone; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Upstream objects that were read again because their body was not kept.
    pub(crate) body_reads: Counter,
    reachable: Family<TargetLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabels {
    target: Arc<str>,
}

// === impl Metrics ===

impl Metrics {
    /// Shows them in `registry`, under the names that the documentation lists.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "tmc_syncer_body_reads",
            "Upstream objects read again because their body was not kept in memory",
            self.body_reads.clone(),
        );
        registry.register(
            "tmc_syncer_target_reachable",
            "Whether the target's API server can be reached: 1 or 0",
            self.reachable.clone(),
        );
    }

    /// The API server of `target` can be reached.
    pub(crate) fn reached(&self, target: &Arc<str>) {
        self.reachable
            .get_or_create(&TargetLabels { target: target.clone() })
            .set(1);
    }

    /// The API server of `target` cannot be reached.
    pub(crate) fn lost(&self, target: &Arc<str>) {
        self.reachable
            .get_or_create(&TargetLabels { target: target.clone() })
            .set(0);
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        metrics.body_reads.inc();
        metrics.reached(&"east".into());
        metrics.lost(&"west".into());
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "tmc_syncer_body_reads_total 1",
            "tmc_syncer_target_reachable{target=\"east\"} 1",
            "tmc_syncer_target_reachable{target=\"west\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
