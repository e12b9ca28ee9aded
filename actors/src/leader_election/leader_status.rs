//! The gauge of who leads.

use prometheus_client::{encoding::EncodeLabelSet, metrics::family::Family, metrics::gauge::Gauge, registry::Registry};

/// The gauge that every dashboard of Kubernetes knows: whether this process leads.
#[derive(Clone, Debug, Default)]
pub struct LeaderStatus(Family<LeaseLabels, Gauge>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeaseLabels {
    name: String,
}

// === impl LeaderStatus ===

impl LeaderStatus {
    /// The gauge of the Lease `name`: 0 until this process leads.
    pub(super) fn of(&self, name: &str) -> Gauge {
        let gauge = self.0.get_or_create_owned(&LeaseLabels { name: name.to_owned() });
        gauge.set(0);
        gauge
    }

    /// Shows it in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "leader_election_master_status",
            "Whether this process leads, by the name of the Lease: 1 or 0",
            self.0.clone(),
        );
    }
}
