//! Jobs: they end when they have ended everywhere, and what has ended stays as it is.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Parts, StatusKind, Upstream, conditions, counters, names, own};

const COMPLETE: &str = "Complete";
const FAILED: &str = "Failed";
const FAILURE_TARGET: &str = "FailureTarget";
const SUCCESS_CRITERIA_MET: &str = "SuccessCriteriaMet";
/// Counters that the API server does not let go back: those of a copy that is made again, or of a target that is left out, would.
const ONLY_GROW: [&str; 2] = ["succeeded", "failed"];

/// How the job as a whole stands.
enum Course {
    /// It runs on some target.
    Running,
    /// It failed on these targets, and runs on others: it will fail.
    Failing(String),
    /// It ended everywhere, and failed on these targets.
    Failed(String),
    /// It met its criteria everywhere, and cleans up on some.
    Succeeding,
    /// It is complete everywhere.
    Complete,
}

/// The status of a job on several targets.
pub(super) fn status(upstream: Upstream<'_>, parts: &Parts<'_>, now: Timestamp) -> Map<String, Value> {
    if let Some(frozen) = frozen(upstream) {
        return frozen;
    }
    let course = Course::of(parts);
    let mut status = match course {
        // The API server refuses active pods in a job that has ended.
        Course::Failed(_) | Course::Complete => Map::new(),
        _ => counters::sums(upstream.kind.counters(), parts),
    };
    for (field, sum) in counters::sums(&ONLY_GROW, parts) {
        if sum != 0 {
            status.insert(field, sum);
        }
    }
    if parts.times("startTime").count() == parts.len()
        && let Some(earliest) = parts.times("startTime").min()
    {
        status.insert("startTime".into(), earliest.into());
    }
    if let (Course::Complete, Some(latest)) = (&course, parts.times("completionTime").max()) {
        status.insert("completionTime".into(), latest.into());
    }
    let ends = [COMPLETE, FAILED, FAILURE_TARGET, SUCCESS_CRITERIA_MET];
    let mut all = conditions::combined(upstream.status, parts, &ends, now);
    all.extend(course.conditions(upstream.status, parts, now));
    if !all.is_empty() {
        status.insert("conditions".into(), all.into());
    }
    keep_begun(upstream, status, now)
}

/// How a job upstream has to end, once it shows a criterion: its API server lets none of them be taken back, and not both stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Criterion {
    /// None is shown.
    Open,
    /// It fails.
    Failure,
    /// It succeeds.
    Success,
}

/// What a job that has ended shows, our own conditions aside: its API server refuses to change that.
fn frozen(upstream: Upstream<'_>) -> Option<Map<String, Value>> {
    let ended = upstream.kind == StatusKind::Job && has_ended(upstream.status);
    ended.then(|| own::without_own(upstream.status))
}

/// A job that has begun keeps its start, what it counted and the criterion for its end, and one that has ended everything: the
/// API server refuses a status that takes one of them back, now and ever after.
pub(super) fn keep_begun(upstream: Upstream<'_>, mut status: Map<String, Value>, now: Timestamp) -> Map<String, Value> {
    if let Some(frozen) = frozen(upstream) {
        return frozen;
    }
    if let Some(begun) = upstream.status.get("startTime").filter(|begun| begun.is_string()) {
        status.insert("startTime".into(), begun.clone());
    }
    for field in ONLY_GROW {
        let count = |status: Option<&Value>| status.and_then(Value::as_i64).unwrap_or_default();
        let shown = count(upstream.status.get(field));
        if shown > count(status.get(field)) {
            status.insert(field.to_owned(), shown.into());
        }
    }
    Criterion::shown(upstream.status).keep(upstream.status, status, now)
}

fn has_ended(status: &Value) -> bool {
    conditions::is_true(status, COMPLETE) || conditions::is_true(status, FAILED)
}

// === impl Criterion ===

impl Criterion {
    fn shown(upstream: &Value) -> Self {
        if conditions::is_true(upstream, FAILURE_TARGET) {
            return Self::Failure;
        }
        if conditions::is_true(upstream, SUCCESS_CRITERIA_MET) {
            return Self::Success;
        }
        Self::Open
    }

    /// Makes `status` go on towards this end, whatever the copies are at by now.
    fn keep(self, upstream: &Value, status: Map<String, Value>, now: Timestamp) -> Map<String, Value> {
        let status = Value::Object(status);
        let shows = |kind: &str| conditions::find(&status, kind).filter(|_| conditions::is_true(&status, kind));
        let (criterion, others, more) = match self {
            Self::Open => return into_map(status),
            Self::Failure => {
                let target = shows(FAILURE_TARGET).or_else(|| conditions::find(upstream, FAILURE_TARGET));
                let word = |field| target.map_or("", |target| conditions::text(target, field));
                let failed = || conditions::make(None, FAILED, "True", word("reason"), word("message"), now);
                let late = has_ended(&status) && shows(FAILED).is_none();
                (FAILURE_TARGET, [SUCCESS_CRITERIA_MET, COMPLETE], late.then(failed))
            }
            Self::Success => (SUCCESS_CRITERIA_MET, [FAILURE_TARGET, FAILED], None),
        };
        let kept = match shows(criterion) {
            Some(_) => None,
            None => conditions::find(upstream, criterion).map(|shown| Value::Object(shown.clone())),
        };
        let is_left_out = |kind: &str| others.contains(&kind) || (kept.is_some() && kind == criterion);
        let all: Vec<_> = conditions::of(&status)
            .filter(|condition| !is_left_out(conditions::text(condition, "type")))
            .map(|condition| Value::Object(condition.clone()))
            .chain(kept.clone())
            .chain(more)
            .collect();
        let mut status = into_map(status);
        if self == Self::Failure {
            status.remove("completionTime");
        }
        status.insert("conditions".into(), all.into());
        status
    }
}

fn into_map(status: Value) -> Map<String, Value> {
    match status {
        Value::Object(status) => status,
        _ => Map::new(),
    }
}

// === impl Course ===

impl Course {
    fn of(parts: &Parts<'_>) -> Self {
        let fails = |status: &Value| conditions::is_true(status, FAILED) || conditions::is_true(status, FAILURE_TARGET);
        let failing: Vec<_> = parts.iter().filter(|(_, status)| fails(status)).collect();
        let all = |is: fn(&Value) -> bool| parts.iter().all(|(_, status)| is(status));
        if !failing.is_empty() {
            let named = names::join(failing.into_iter().map(|(target, status)| {
                let failed = conditions::find(status, FAILED).or_else(|| conditions::find(status, FAILURE_TARGET));
                names::of_target(target, failed.map_or("", |failed| conditions::text(failed, "message")))
            }));
            return if all(has_ended) {
                Self::Failed(named)
            } else {
                Self::Failing(named)
            };
        }
        if all(|status| conditions::is_true(status, COMPLETE)) {
            return Self::Complete;
        }
        let met =
            |status: &Value| conditions::is_true(status, SUCCESS_CRITERIA_MET) || conditions::is_true(status, COMPLETE);
        if all(met) {
            return Self::Succeeding;
        }
        Self::Running
    }

    /// The API server wants a criterion before each end.
    fn conditions(&self, current: &Value, parts: &Parts<'_>, now: Timestamp) -> Vec<Value> {
        let make = |kind: &str, reason: &str, message: &str| {
            conditions::make(conditions::find(current, kind), kind, "True", reason, message, now)
        };
        let reason = |kind: &str, or: &str| -> String {
            let found = parts.iter().find_map(|(_, status)| conditions::find(status, kind));
            let reason = found.map_or("", |found| conditions::text(found, "reason"));
            if reason.is_empty() { or.into() } else { reason.into() }
        };
        match self {
            Self::Running => Vec::new(),
            Self::Failing(named) => {
                let why = reason(FAILED, &reason(FAILURE_TARGET, "TargetFailed"));
                vec![make(FAILURE_TARGET, &why, named)]
            }
            Self::Failed(named) => {
                let why = reason(FAILED, "TargetFailed");
                vec![make(FAILURE_TARGET, &why, named), make(FAILED, &why, named)]
            }
            Self::Succeeding => {
                let why = reason(SUCCESS_CRITERIA_MET, "CompletionsReached");
                vec![make(SUCCESS_CRITERIA_MET, &why, "met on every target")]
            }
            Self::Complete => {
                let why = reason(COMPLETE, "CompletionsReached");
                vec![
                    make(SUCCESS_CRITERIA_MET, &why, "met on every target"),
                    make(COMPLETE, &why, "complete on every target"),
                ]
            }
        }
    }
}
