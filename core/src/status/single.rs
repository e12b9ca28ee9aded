//! One target's status, as it is: what is its own is translated, nothing else.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Balancing, Part, Report, StatusKind, Upstream, job, lists, observed};

/// The status of the first of `counted`, in the upstream's terms.
pub(super) fn status(upstream: Upstream<'_>, counted: &[Report<'_>], now: Timestamp) -> Map<String, Value> {
    let status = translated(upstream, counted);
    match upstream.kind {
        StatusKind::Job => job::keep_begun(upstream, status, now),
        _ => status,
    }
}

/// What it says; nothing where there is no copy.
fn translated(upstream: Upstream<'_>, counted: &[Report<'_>]) -> Map<String, Value> {
    let part = counted.first().and_then(|report| report.part);
    let Some(Value::Object(mut status)) = part.map(Part::status) else {
        return Map::new();
    };
    let generation = part.map_or(0, Part::generation);
    let seen = observed::by_controllers(upstream, counted);
    if status.contains_key("observedGeneration") {
        replace(&mut status, "observedGeneration", seen);
    }
    if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
        for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
            let shown = condition.get("observedGeneration").and_then(Value::as_i64);
            if let Some(shown) = shown {
                replace(condition, "observedGeneration", seen.filter(|_| shown == generation));
            }
        }
    }
    match upstream.kind {
        StatusKind::Service if upstream.balancing == Balancing::Refused => {
            status.remove("loadBalancer");
        }
        StatusKind::CronJob => lists::hide_downstream_references(upstream.namespace, &mut status),
        _ => {}
    }
    status
}

/// Generations count on each side for themselves: a downstream one says nothing upstream.
fn replace(map: &mut Map<String, Value>, field: &str, generation: Option<i64>) {
    match generation {
        Some(generation) => map.insert(field.to_owned(), generation.into()),
        None => map.remove(field),
    };
}
