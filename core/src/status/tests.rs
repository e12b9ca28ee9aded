//! Tables of cases with one, two and five targets, one test per mistake that is known from the field, and properties.

mod cases;
mod difference;
mod mistakes;
mod properties;
mod refused;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;

/// The names of up to five targets, sorted.
const NAMES: [&str; 5] = ["ams", "east", "nyc", "oslo", "west"];

/// A target as a test describes it.
#[derive(Clone, Debug)]
struct Target {
    name: &'static str,
    spec: SpecState,
    part: Option<Part>,
    voice: Voice,
    problem: Option<Problem>,
    endpoints: Option<Endpoints>,
}

impl Target {
    /// One that is heard, holds what is wanted, and has this downstream `generation`, spec and status.
    fn with(kind: StatusKind, generation: i64, spec: &Value, status: &Value) -> Self {
        let (spec, status) = (spec.to_string(), status.to_string());
        Self {
            name: "east",
            spec: SpecState::Current,
            part: Some(Part::of(kind, generation, Some(&spec), Some(&status)).unwrap()),
            voice: Voice::Fresh,
            problem: None,
            endpoints: None,
        }
    }

    fn of(kind: StatusKind, status: &Value) -> Self {
        Self::with(kind, 1, &json!({"replicas": 5}), status)
    }

    fn absent() -> Self {
        Self {
            name: "east",
            spec: SpecState::Behind,
            part: None,
            voice: Voice::Fresh,
            problem: None,
            endpoints: None,
        }
    }

    fn behind(mut self) -> Self {
        self.spec = SpecState::Behind;
        self
    }

    fn silent_for(mut self, seconds: i64) -> Self {
        self.voice = Voice::Silent { since: ago(seconds) };
        self
    }

    fn never_heard_for(mut self, seconds: i64) -> Self {
        self.voice = Voice::NeverHeard { since: ago(seconds) };
        self.part = None;
        self
    }

    fn report(&self) -> Report<'_> {
        Report {
            target: self.name,
            spec: self.spec,
            part: self.part.as_ref(),
            voice: self.voice,
            problem: self.problem.as_ref(),
            endpoints: self.endpoints,
        }
    }
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// Gives `targets` their names, in order.
fn named(targets: impl IntoIterator<Item = Target>) -> Vec<Target> {
    NAMES
        .into_iter()
        .zip(targets)
        .map(|(name, target)| Target { name, ..target })
        .collect()
}

fn rule(aggregation: Aggregation) -> Rule {
    Rule {
        aggregation,
        stale_after: StaleAfter(Duration::from_mins(5)),
    }
}

/// What is to be done about an upstream object of `generation` with the status `current`.
fn verdict(kind: StatusKind, generation: i64, current: &Value, targets: &[Target]) -> Verdict {
    let upstream = Upstream {
        kind,
        namespace: "shop",
        generation,
        balancing: Balancing::Allowed,
        status: current,
    };
    let reports: Vec<_> = targets.iter().map(Target::report).collect();
    combine(upstream, &reports, rule(Aggregation::Combined), now())
}

/// The status that comes of it, our own conditions left out.
#[track_caller]
fn status(kind: StatusKind, generation: i64, current: &Value, targets: impl IntoIterator<Item = Target>) -> Value {
    let mut status = whole(kind, generation, current, targets);
    let bare = own::without_own(&status);
    if bare.get("conditions") == Some(&json!([])) {
        status = bare.into_iter().filter(|(field, _)| field != "conditions").collect();
        return status;
    }
    bare.into()
}

/// The status that comes of it.
#[track_caller]
fn whole(kind: StatusKind, generation: i64, current: &Value, targets: impl IntoIterator<Item = Target>) -> Value {
    match verdict(kind, generation, current, &named(targets)) {
        Verdict::Status(status) => status,
        Verdict::Wait(waiting) => panic!("waits: {waiting}"),
    }
}

/// `[status, reason, message]` of a condition.
#[track_caller]
fn condition(status: &Value, kind: &str) -> [String; 3] {
    let found = conditions::find(status, kind).unwrap_or_else(|| panic!("no {kind} in {status}"));
    ["status", "reason", "message"].map(|field| conditions::text(found, field).to_owned())
}

/// A complete Deployment of `replicas` at its generation 1.
fn complete(replicas: i64) -> Value {
    json!({
        "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
        "availableReplicas": replicas,
        "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": "fine",
                "lastTransitionTime": "2026-11-23T11:00:00Z", "lastUpdateTime": "2026-11-23T11:00:00Z"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "done",
                "lastTransitionTime": "2026-11-23T11:00:00Z", "lastUpdateTime": "2026-11-23T11:30:00Z"},
        ],
    })
}

/// A Deployment whose controller has seen generation 1 and may not make a pod.
fn without_pods(reason: &str) -> Value {
    let stuck = reason == "ProgressDeadlineExceeded";
    json!({
        "observedGeneration": 1, "unavailableReplicas": 5,
        "conditions": [
            {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "no pods"},
            {"type": "Progressing", "status": if stuck { "False" } else { "True" }, "reason": reason, "message": "quota"},
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"},
        ],
    })
}
