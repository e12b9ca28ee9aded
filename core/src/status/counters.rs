//! Kinds whose status is counters and conditions.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Parts, Report, StatusKind, Upstream, conditions, kept, observed};

/// The sum of the counters, the conditions combined, and `observedGeneration`.
pub(super) fn status(
    upstream: Upstream<'_>,
    counted: &[Report<'_>],
    parts: &Parts<'_>,
    now: Timestamp,
) -> Map<String, Value> {
    let mut status = sums(upstream.kind.counters(), parts);
    kept::collisions(&mut status, upstream.kind, parts.values("collisionCount"));
    if upstream.kind.observes_generation()
        && let Some(observed) = observed::by_all(upstream, counted)
    {
        status.insert("observedGeneration".into(), observed.into());
    }
    match upstream.kind {
        StatusKind::StatefulSet => revisions(&mut status, parts),
        StatusKind::PodDisruptionBudget => disrupted_pods(&mut status, parts),
        StatusKind::HorizontalPodAutoscaler => {
            if let Some(latest) = parts.times("lastScaleTime").max() {
                status.insert("lastScaleTime".into(), latest.into());
            }
        }
        _ => {}
    }
    let conditions = conditions::combined(upstream.status, parts, &[], now);
    if !conditions.is_empty() {
        status.insert("conditions".into(), conditions.into());
    }
    status
}

/// The sum of each of `fields` that any target reports.
pub(super) fn sums(fields: &[&str], parts: &Parts<'_>) -> Map<String, Value> {
    let mut sums = Map::new();
    for field in fields {
        let reported = parts.values(field).filter_map(Value::as_i64);
        if let Some(sum) = reported.reduce(i64::saturating_add) {
            sums.insert((*field).to_owned(), sum.into());
        }
    }
    sums
}

/// `kubectl rollout status` takes equal revisions for the end of a rollout: they are equal only if they are on each target.
fn revisions(status: &mut Map<String, Value>, parts: &Parts<'_>) {
    let pair = |status: &Value| {
        let text = |field: &str| status.get(field).and_then(Value::as_str).map(str::to_owned);
        Some((text("currentRevision")?, text("updateRevision")?))
    };
    let pairs: Vec<_> = parts.iter().filter_map(|(_, status)| pair(status)).collect();
    let underway = pairs.iter().find(|(current, update)| current != update);
    if let Some((current, update)) = underway.or(pairs.first()) {
        status.insert("currentRevision".into(), current.as_str().into());
        status.insert("updateRevision".into(), update.as_str().into());
    }
}

/// Pods of several targets may have the same name.
fn disrupted_pods(status: &mut Map<String, Value>, parts: &Parts<'_>) {
    let mut pods = Map::new();
    for (target, part) in parts.iter() {
        let disrupted = part.get("disruptedPods").and_then(Value::as_object);
        for (pod, time) in disrupted.into_iter().flatten() {
            pods.insert(format!("{target}/{pod}"), time.clone());
        }
    }
    if !pods.is_empty() {
        status.insert("disruptedPods".into(), pods.into());
    }
}
