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

const OWN: [&str; 3] = [SYNCED, TARGETS_REPORTING, ENDPOINTS_READY];

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

/// Whether an object is new and on its way: then what we would say of it changes with each target that takes it, and is said
/// once, when all of them have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    /// Some target has yet to take it, nothing keeps it from that, and we have said nothing of it so far.
    Underway,
    /// Anything else.
    Over,
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
    let arrival = Arrival::of(upstream, reports, standings);
    let own = [
        synced(upstream, reports, now),
        targets_reporting(upstream, reports, standings, arrival, now),
        endpoints_ready(upstream, reports, arrival, now),
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
    OWN.contains(&kind)
}

// === impl Arrival ===

impl Arrival {
    fn of(upstream: Upstream<'_>, reports: &[Report<'_>], standings: &[Standing]) -> Self {
        let has_said =
            conditions::of(upstream.status).any(|condition| OWN.contains(&conditions::text(condition, "type")));
        let is_heard = standings.iter().all(|standing| *standing == Standing::Heard);
        let is_free = reports.iter().all(|report| report.problem.is_none());
        let is_awaited = reports.iter().any(|report| report.spec == SpecState::Behind);
        if !has_said && is_heard && is_free && is_awaited {
            Self::Underway
        } else {
            Self::Over
        }
    }
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

fn targets_reporting(
    upstream: Upstream<'_>,
    reports: &[Report<'_>],
    standings: &[Standing],
    arrival: Arrival,
    now: Timestamp,
) -> Option<Value> {
    if arrival == Arrival::Underway {
        return None;
    }
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
        return Some(make(known, TARGETS_REPORTING, "True", "AllReporting", "", now));
    }
    let left_out = standings.iter().filter(|standing| !standing.counts()).count();
    let reason = match left_out {
        0 => "TargetSilent",
        all if all == reports.len() => "NoneReporting",
        _ => "TargetLeftOut",
    };
    let message = names::join(silent);
    Some(make(known, TARGETS_REPORTING, "False", reason, &message, now))
}

fn endpoints_ready(upstream: Upstream<'_>, reports: &[Report<'_>], arrival: Arrival, now: Timestamp) -> Option<Value> {
    if arrival == Arrival::Underway || reports.iter().all(|report| report.endpoints.is_none()) {
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
