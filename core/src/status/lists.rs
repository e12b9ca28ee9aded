//! Kinds whose status is lists and phases.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Balancing, Parts, Upstream, conditions};

/// The addresses of all targets: each once, sorted, so that an address that goes away downstream goes away upstream.
pub(super) struct LoadBalancers(BTreeMap<(String, String), Value>);

// === impl LoadBalancers ===

impl LoadBalancers {
    pub(super) fn of(parts: &Parts<'_>) -> Self {
        let mut addresses = BTreeMap::new();
        for (_, status) in parts.iter() {
            let ingress = status.pointer("/loadBalancer/ingress").and_then(Value::as_array);
            for address in ingress.into_iter().flatten() {
                let text = |field: &str| {
                    address
                        .get(field)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                addresses.insert((text("ip"), text("hostname")), address.clone());
            }
        }
        Self(addresses)
    }

    pub(super) fn into_status(self, balancing: Balancing) -> Map<String, Value> {
        let mut status = Map::new();
        if balancing == Balancing::Allowed && !self.0.is_empty() {
            let addresses: Vec<_> = self.0.into_values().collect();
            status.insert("loadBalancer".into(), json!({"ingress": addresses}));
        }
        status
    }
}

/// The status of a Service on several targets.
pub(super) fn service(upstream: Upstream<'_>, parts: &Parts<'_>, now: Timestamp) -> Map<String, Value> {
    let mut status = LoadBalancers::of(parts).into_status(upstream.balancing);
    let conditions = conditions::combined(upstream.status, parts, &[], now);
    if !conditions.is_empty() {
        status.insert("conditions".into(), conditions.into());
    }
    status
}

/// The status of a `CronJob` on several targets.
pub(super) fn cron_job(upstream: Upstream<'_>, parts: &Parts<'_>) -> Map<String, Value> {
    let mut active: Vec<_> = parts
        .values("active")
        .filter_map(Value::as_array)
        .flatten()
        .cloned()
        .collect();
    active.sort_by_key(|job| job.get("name").and_then(Value::as_str).unwrap_or_default().to_owned());
    let mut status = Map::new();
    if !active.is_empty() {
        status.insert("active".into(), active.into());
    }
    for field in ["lastScheduleTime", "lastSuccessfulTime"] {
        if let Some(latest) = parts.times(field).max() {
            status.insert(field.to_owned(), latest.into());
        }
    }
    hide_downstream_references(upstream.namespace, &mut status);
    status
}

/// References to jobs downstream: namespace, UID and version there mean nothing upstream (kcp #1629).
pub(super) fn hide_downstream_references(namespace: &str, status: &mut Map<String, Value>) {
    let Some(Value::Array(active)) = status.get_mut("active") else {
        return;
    };
    for job in active.iter_mut().filter_map(Value::as_object_mut) {
        job.remove("uid");
        job.remove("resourceVersion");
        if job.contains_key("namespace") {
            job.insert("namespace".into(), namespace.into());
        }
    }
}

/// The status of a claim on several targets. `Bound` is said only if every target said so: one that said nothing is
/// pending.
pub(super) fn claim(upstream: Upstream<'_>, parts: &Parts<'_>, now: Timestamp) -> Map<String, Value> {
    let phase = |status: &Value| {
        status
            .get("phase")
            .and_then(Value::as_str)
            .unwrap_or("Pending")
            .to_owned()
    };
    let phases: Vec<_> = parts.iter().map(|(_, status)| phase(status)).collect();
    let worst = ["Lost", "Pending"]
        .into_iter()
        .find(|bad| phases.iter().any(|phase| phase == bad))
        .or(phases.first().map(String::as_str))
        .unwrap_or("Pending");
    let mut status = Map::new();
    status.insert("phase".into(), worst.into());
    // Sizes cannot be added, and a size of one target is not that of another.
    for field in ["capacity", "accessModes"] {
        let mut values = parts.values(field);
        let Some(first) = values.next() else { continue };
        if values.all(|other| other == first) && parts.values(field).count() == parts.len() {
            status.insert(field.to_owned(), first.clone());
        }
    }
    let conditions = conditions::combined(upstream.status, parts, &[], now);
    if !conditions.is_empty() {
        status.insert("conditions".into(), conditions.into());
    }
    status
}
