//! The conditions that are the syncer's own.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Report, SpecState, Upstream,
    conditions::{self, find, make, time},
    names,
    voice::Standing,
};

/// Whether every target has what the upstream asks for, or why not.
pub const SYNCED: &str = "workload.kcp.io/Synced";
/// Whether every target is heard; those that are not, and since when.
pub const TARGETS_REPORTING: &str = "workload.kcp.io/TargetsReporting";
/// Whether a Service has a ready endpoint on every target, and how many.
pub const ENDPOINTS_READY: &str = "workload.kcp.io/EndpointsReady";

/// What keeps an object from being synced to a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// One word, such as `NameTaken`.
    pub reason: Box<str>,
    /// What is wrong and what to do, without any value of a Secret (S8).
    pub message: Box<str>,
}

/// The endpoints of a Service on one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Those that are ready.
    pub ready: u32,
    /// All of them.
    pub total: u32,
}

/// Adds our conditions to `status`, where the kind has conditions.
pub(super) fn write(
    status: &mut Map<String, Value>,
    upstream: Upstream<'_>,
    reports: &[Report<'_>],
    standings: &[Standing],
    now: Timestamp,
) {
    let has_conditions = match upstream.kind.has_conditions() {
        Some(has) => has,
        None => status.contains_key("conditions") || upstream.status.get("conditions").is_some(),
    };
    if !has_conditions {
        return;
    }
    let own = [
        synced(upstream, reports, now),
        Some(targets_reporting(upstream, reports, standings, now)),
        endpoints_ready(upstream, reports, now),
    ];
    let all = status.entry("conditions").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(all) = all {
        all.retain(|condition| !is_own(condition));
        all.extend(own.into_iter().flatten());
    }
}

/// What `status` says beside our own conditions.
pub(super) fn without_own(status: &Value) -> Map<String, Value> {
    let mut status = status.as_object().cloned().unwrap_or_default();
    if let Some(Value::Array(all)) = status.get_mut("conditions") {
        all.retain(|condition| !is_own(condition));
    }
    status
}

fn is_own(condition: &Value) -> bool {
    let kind = condition.get("type").and_then(Value::as_str).unwrap_or_default();
    [SYNCED, TARGETS_REPORTING, ENDPOINTS_READY].contains(&kind)
}

/// An object on its way keeps the word that stands: a change that goes through is one write of its status, not two.
fn synced(upstream: Upstream<'_>, reports: &[Report<'_>], now: Timestamp) -> Option<Value> {
    let known = find(upstream.status, SYNCED);
    let troubled: Vec<_> = reports
        .iter()
        .filter_map(|report| Some((report.target, report.problem?)))
        .collect();
    if let Some((_, first)) = troubled.first() {
        let named = troubled
            .iter()
            .map(|(target, problem)| names::of_target(target, &problem.message));
        return Some(make(known, SYNCED, "False", &first.reason, &names::join(named), now));
    }
    if reports.iter().any(|report| report.spec == SpecState::Behind) {
        // A problem that is over is not repeated.
        let still_true = known.filter(|known| conditions::text(known, "status") == "True");
        return still_true.map(|known| Value::Object(known.clone()));
    }
    Some(make(known, SYNCED, "True", "Synced", "", now))
}

fn targets_reporting(upstream: Upstream<'_>, reports: &[Report<'_>], standings: &[Standing], now: Timestamp) -> Value {
    let known = find(upstream.status, TARGETS_REPORTING);
    let silent: Vec<_> = reports
        .iter()
        .zip(standings)
        .filter_map(|(report, standing)| {
            let text = match standing {
                Standing::Heard => return None,
                Standing::Kept { since, until } => {
                    format!(
                        "silent since {}, its last word counts until {}",
                        time(*since),
                        time(*until)
                    )
                }
                Standing::LeftOut { since } => format!("silent since {}, left out", time(*since)),
            };
            Some(names::of_target(report.target, &text))
        })
        .collect();
    if silent.is_empty() {
        return make(known, TARGETS_REPORTING, "True", "AllReporting", "", now);
    }
    let left_out = standings.iter().filter(|standing| !standing.counts()).count();
    let reason = match left_out {
        0 => "TargetSilent",
        all if all == reports.len() => "NoneReporting",
        _ => "TargetLeftOut",
    };
    make(known, TARGETS_REPORTING, "False", reason, &names::join(silent), now)
}

fn endpoints_ready(upstream: Upstream<'_>, reports: &[Report<'_>], now: Timestamp) -> Option<Value> {
    if reports.iter().all(|report| report.endpoints.is_none()) {
        return None;
    }
    let known = find(upstream.status, ENDPOINTS_READY);
    let named = reports.iter().map(|report| match report.endpoints {
        Some(Endpoints { ready, total }) => format!("{}: {ready} of {total} ready", report.target),
        None => format!("{}: not reported", report.target),
    });
    let is_ready = |report: &Report<'_>| report.endpoints.is_some_and(|endpoints| endpoints.ready > 0);
    let (status, reason) = if reports.iter().all(is_ready) {
        ("True", "EndpointsReady")
    } else if reports.iter().any(|report| report.endpoints.is_none()) {
        ("Unknown", "NotReported")
    } else {
        ("False", "NoReadyEndpoint")
    };
    Some(make(known, ENDPOINTS_READY, status, reason, &names::join(named), now))
}
