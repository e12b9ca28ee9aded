//! Conditions of several targets become one each: the worst of them, with its targets named.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Parts, names};

/// Conditions that are good news when they are `False` or missing.
const BAD_NEWS: [&str; 9] = [
    "ReplicaFailure",
    "Failed",
    "FailureTarget",
    "ScalingLimited",
    "Resizing",
    "FileSystemResizePending",
    "LoadBalancerPortsError",
    "Degraded",
    "Stalled",
];

/// How bad a condition is; the worst target decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// As it should be.
    Good,
    /// On its way.
    Underway,
    /// Nobody can tell.
    Unclear,
    /// Not as it should be.
    Bad,
    /// Not as it should be, and it will not get there by itself.
    Stuck,
}

/// The conditions in `status`.
pub(super) fn of(status: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    status
        .get("conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
}

/// The text in `field` of a condition; empty if there is none.
pub(super) fn text<'a>(condition: &'a Map<String, Value>, field: &str) -> &'a str {
    condition.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The condition of type `kind` in `status`.
pub(super) fn find<'a>(status: &'a Value, kind: &str) -> Option<&'a Map<String, Value>> {
    of(status).find(|condition| text(condition, "type") == kind)
}

/// Whether `status` has the condition `kind` with status `True`.
pub(super) fn is_true(status: &Value, kind: &str) -> bool {
    find(status, kind).is_some_and(|condition| text(condition, "status") == "True")
}

/// A condition as it is written: its time is that of `known`, the same condition as it stands, unless its status changes.
pub(super) fn make(
    known: Option<&Map<String, Value>>,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> Value {
    let since = known
        .filter(|known| text(known, "status") == status)
        .map(|known| text(known, "lastTransitionTime"))
        .filter(|since| !since.is_empty());
    let since = since.map_or_else(|| time(now), str::to_owned);
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since})
}

/// A time as the API writes it.
pub(super) fn time(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// Each condition that any of `parts` shows, sorted by type, those of `skipped` types left out.
pub(super) fn combined(current: &Value, parts: &Parts<'_>, skipped: &[&str], now: Timestamp) -> Vec<Value> {
    let mut kinds = BTreeSet::new();
    for (_, status) in parts.iter() {
        kinds.extend(of(status).map(|condition| text(condition, "type")));
    }
    kinds
        .into_iter()
        .filter(|kind| !skipped.contains(kind))
        .map(|kind| worst(kind, find(current, kind), parts, now))
        .collect()
}

/// The condition `kind` of all targets together.
fn worst(kind: &str, known: Option<&Map<String, Value>>, parts: &Parts<'_>, now: Timestamp) -> Value {
    let found: Vec<_> = parts
        .iter()
        .map(|(target, status)| (target, find(status, kind)))
        .collect();
    let rank_of = |condition: Option<&Map<String, Value>>| rank(kind, condition);
    let decisive = found.iter().map(|(_, condition)| rank_of(*condition)).max();
    let decisive = decisive.unwrap_or(Rank::Unclear);
    let deciding: Vec<_> = found
        .iter()
        .filter(|(_, condition)| rank_of(*condition) == decisive)
        .collect();
    // A good-news condition that a target lacks is not known to be good; of one that lacks bad news nothing is shown.
    let first = deciding.iter().find_map(|(_, condition)| *condition);
    let (status, reason) = match first {
        Some(condition) => (text(condition, "status"), text(condition, "reason")),
        None => ("Unknown", "NotReported"),
    };
    let message = message(decisive, &deciding, found.len());
    let mut combined = make(known, kind, status, reason, &message, now);
    for field in ["lastUpdateTime", "lastProbeTime", "lastHeartbeatTime"] {
        let latest = found
            .iter()
            .filter_map(|(_, condition)| condition.map(|condition| text(condition, field)))
            .max()
            .filter(|latest| !latest.is_empty());
        if let (Some(latest), Value::Object(combined)) = (latest, &mut combined) {
            combined.insert(field.to_owned(), latest.into());
        }
    }
    combined
}

/// What all targets say, or what those say that decide, with their names.
fn message(decisive: Rank, deciding: &[&(&str, Option<&Map<String, Value>>)], targets: usize) -> String {
    let said = |condition: Option<&Map<String, Value>>| match condition {
        Some(condition) => text(condition, "message").to_owned(),
        None => "not reported".to_owned(),
    };
    let mut same = deciding.iter().map(|(_, condition)| said(*condition));
    let first = same.next().unwrap_or_default();
    if decisive == Rank::Good && deciding.len() == targets && same.all(|other| other == first) {
        return first;
    }
    names::join(
        deciding
            .iter()
            .map(|(target, condition)| names::of_target(target, &said(*condition))),
    )
}

fn rank(kind: &str, condition: Option<&Map<String, Value>>) -> Rank {
    let bad_news = BAD_NEWS.contains(&kind) || kind.ends_with("Failure") || kind.ends_with("Error");
    let Some(condition) = condition else {
        return if bad_news { Rank::Good } else { Rank::Unclear };
    };
    let reason = text(condition, "reason");
    match (text(condition, "status"), bad_news) {
        // `kubectl rollout status` gives up on this reason.
        ("False", false) if reason == "ProgressDeadlineExceeded" => Rank::Stuck,
        ("True", true) | ("False", false) => Rank::Bad,
        ("True", false) if kind == "Progressing" && reason != "NewReplicaSetAvailable" => Rank::Underway,
        ("True", false) | ("False", true) => Rank::Good,
        _ => Rank::Unclear,
    }
}
