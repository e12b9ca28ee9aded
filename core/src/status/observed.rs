//! `observedGeneration`, in the upstream's own count.
//!
//! A sum of complete targets can hide one that has no pods at all: `kubectl rollout status` would return early. So where
//! counters are summed, a generation counts as observed only when no copy has anything left to do for it.

use serde_json::Value;

use super::{Part, Report, SpecState, StatusKind, Upstream, conditions, part::Rollout};

/// The generation that every one of `counted` has observed and completed; else the one that was shown so far.
pub(super) fn by_all(upstream: Upstream<'_>, counted: &[Report<'_>]) -> Option<i64> {
    generation(upstream, counted, |part, status| {
        is_settled(upstream.kind, part, status)
    })
}

/// The generation that every one of `counted` has observed; else the one that was shown so far.
pub(super) fn by_controllers(upstream: Upstream<'_>, counted: &[Report<'_>]) -> Option<i64> {
    generation(upstream, counted, |_, _| true)
}

fn generation(
    upstream: Upstream<'_>,
    counted: &[Report<'_>],
    is_settled: impl Fn(&Part, &Value) -> bool,
) -> Option<i64> {
    let is_done = |report: &Report<'_>| {
        let Some(part) = report.part else { return false };
        let status = part.status();
        report.spec == SpecState::Current && observed(&status) >= part.generation() && is_settled(part, &status)
    };
    if counted.iter().all(is_done) {
        return Some(upstream.generation);
    }
    // An upstream that was restored from a backup may have gone back.
    let shown = observed(upstream.status).min(upstream.generation);
    (shown > 0).then_some(shown)
}

/// The generation that a status shows.
pub(super) fn observed(status: &Value) -> i64 {
    status
        .get("observedGeneration")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// Whether a copy is complete, paused, or past its progress deadline.
fn is_settled(kind: StatusKind, part: &Part, status: &Value) -> bool {
    let count = |field: &str| status.get(field).and_then(Value::as_i64).unwrap_or_default();
    let has_all = |fields: &[&str]| fields.iter().all(|field| count(field) == part.replicas());
    let Rollout::Automatic { partition } = part.rollout() else {
        return true;
    };
    match kind {
        StatusKind::Deployment => {
            has_all(&["replicas", "updatedReplicas", "availableReplicas"]) || is_past_deadline(status)
        }
        StatusKind::StatefulSet => {
            // A partition keeps two revisions side by side for good.
            has_all(&["replicas", "readyReplicas"])
                && count("updatedReplicas") >= part.replicas() - i64::from(partition)
                && (partition > 0 || status.get("currentRevision") == status.get("updateRevision"))
        }
        // Each of the others counts its own share, so that the sum hides nobody.
        _ => true,
    }
}

fn is_past_deadline(status: &Value) -> bool {
    conditions::find(status, "Progressing")
        .is_some_and(|progressing| conditions::text(progressing, "reason") == "ProgressDeadlineExceeded")
}
