//! The names under which the counters are shown; `docs/metrics.md` lists them.

use prometheus_client::registry::Registry;

use super::Metrics;

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
            "tmc_syncer_upstream_gate_waiting",
            "Writes of upstream objects that wait for another write of the same object",
            self.gate_waiting.clone(),
        );
        registry.register(
            "tmc_syncer_upstream_gate_refused",
            "Writes of upstream objects that were put off because too many wait",
            self.gate_refused.clone(),
        );
        registry.register(
            "tmc_syncer_upstream_replaced",
            "Whether another upstream answers under the upstream's address: 1 or 0",
            self.upstream_replaced.clone(),
        );
        registry.register(
            "tmc_syncer_target_reachable",
            "Whether the target's API server can be reached: 1 or 0",
            self.reachable.clone(),
        );
        registry.register(
            "tmc_syncer_abandoned",
            "Objects left behind on a target that was dead for too long, which go when it returns",
            self.abandoned.clone(),
        );
        registry.register(
            "tmc_syncer_clock_offset_seconds",
            "How far the clock of an API server is ahead of ours, by the Date of its answers; the target is empty for the upstream",
            self.clock_offsets.clone(),
        );
        registry.register(
            "tmc_syncer_objects",
            "Objects by target and state; desired is how many the upstream wants there",
            self.objects.clone(),
        );
        registry.register(
            "tmc_syncer_writes",
            "Writes of objects by side, verb and result",
            self.writes.clone(),
        );
        registry.register(
            "tmc_syncer_conflicts",
            "Verdicts on fields that the target does not show as they were applied, by strategy",
            self.conflicts.clone(),
        );
        registry.register(
            "tmc_syncer_drift",
            "Downstream objects found changed by somebody else, by target and what was done",
            self.drift.clone(),
        );
        registry.register(
            "tmc_syncer_propagation_duration_seconds",
            "Time from the arrival of a change's watch event to a stage of its way",
            self.propagation.clone(),
        );
        registry.register(
            "tmc_syncer_status_lag_seconds",
            "Time from the first sight of a status downstream until the upstream has it or a newer one",
            self.status_lag.clone(),
        );
        registry.register(
            "tmc_syncer_status_contended",
            "How often a status was left alone for a while because another manager writes it too",
            self.status_contended.clone(),
        );
        registry.register("tmc_syncer_events", "Events written, by verb", self.events.clone());
        registry.register(
            "tmc_syncer_events_lost",
            "Events that were told and never written, by cause",
            self.events_lost.clone(),
        );
        self.queues.register(registry);
    }
}
