//! What the targets report of an object, combined into the status of the upstream object.
//!
//! [`combine`] decides *what* to write, [`difference`] decides *whether* to. Both are pure and do not depend on the order
//! of the targets. The rules that they keep: a target that was never heard is waited for, one that fell silent keeps its
//! part and is named, `observedGeneration` never runs ahead of a target, and nothing is called good that nobody reported.

mod conditions;
mod counters;
mod difference;
mod job;
mod kept;
mod kind;
mod lists;
mod names;
mod observed;
mod own;
mod packed;
mod part;
mod single;
mod voice;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::{Map, Value};

use self::lists::LoadBalancers;
pub use self::{
    difference::{Difference, Pruning},
    kind::StatusKind,
    own::{ENDPOINTS_READY, Endpoints, Problem, SYNCED, TARGETS_REPORTING},
    packed::Packed,
    part::Part,
    voice::{StaleAfter, Voice, Waiting},
};
use crate::config::Aggregation;

/// The upstream object that the status is for.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a> {
    /// What it is.
    pub kind: StatusKind,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// Its generation.
    pub generation: i64,
    /// Whether its spec lets its status have load balancer addresses.
    pub balancing: Balancing,
    /// Its status as it was last seen; null if it has none.
    pub status: &'a Value,
}

/// Whether an upstream object may have load balancer addresses: its API server refuses them elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balancing {
    /// It may: an Ingress, or a Service of type `LoadBalancer`.
    Allowed,
    /// It may not: a Service of another type.
    Refused,
}

/// What is known of one of the targets that are to hold the object.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The target's name.
    pub target: &'a str,
    /// Whether what was applied there is what the upstream's generation asks for.
    pub spec: SpecState,
    /// What the target said of its copy; none if it has no copy.
    pub part: Option<&'a Part>,
    /// Whether the target is heard.
    pub voice: Voice,
    /// What keeps the object from being synced there.
    pub problem: Option<&'a Problem>,
    /// How many endpoints a Service has there, where that is known.
    pub endpoints: Option<Endpoints>,
}

/// Whether a target holds what the upstream asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecState {
    /// What was applied last is what is wanted now.
    Current,
    /// Something else was applied last, or nothing yet.
    Behind,
}

/// How reports become a status.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The way of combining.
    pub aggregation: Aggregation,
    /// How long the part of a silent target counts.
    pub stale_after: StaleAfter,
}

/// What is to be done about a status.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It should read like this.
    Status(Value),
    /// Not enough is known: what stands upstream stays.
    Wait(Waiting),
}

/// The status that the object `upstream` should have, given what is known of each of its targets at the time `now`.
pub fn combine(upstream: Upstream<'_>, reports: &[Report<'_>], rule: Rule, now: Timestamp) -> Verdict {
    let mut reports = reports.to_vec();
    reports.sort_unstable_by(|one, other| one.target.cmp(other.target));
    let standings = match voice::judge(&reports, rule.stale_after, now) {
        Ok(standings) => standings,
        Err(waiting) => return Verdict::Wait(waiting),
    };
    let counted: Vec<_> = reports
        .iter()
        .zip(&standings)
        .filter(|(_, standing)| standing.counts())
        .map(|(report, _)| *report)
        .collect();
    let mut status = body(upstream, &reports, &counted, rule.aggregation, now);
    own::write(&mut status, upstream, &reports, &standings, now);
    kept::hold(&mut status, upstream);
    Verdict::Status(Value::Object(status))
}

/// What differs between the status `current` that an object has and the status `desired` that it should have, `pruning`
/// aside; none if there is nothing to write.
pub fn difference(current: &Value, desired: &Value, pruning: &Pruning) -> Option<Difference> {
    Difference::between(current, desired, pruning)
}

/// The status without our own conditions.
fn body(
    upstream: Upstream<'_>,
    reports: &[Report<'_>],
    counted: &[Report<'_>],
    aggregation: Aggregation,
    now: Timestamp,
) -> Map<String, Value> {
    // Nobody is left to ask: an empty status would be a worse guess than the last one, and `TargetsReporting` says so.
    if counted.is_empty() {
        return own::without_own(upstream.status);
    }
    if reports.len() == 1 || aggregation == Aggregation::First || upstream.kind == StatusKind::Other {
        return single::status(upstream, counted, now);
    }
    let parts = Parts::of(counted);
    match upstream.kind {
        StatusKind::Deployment
        | StatusKind::StatefulSet
        | StatusKind::DaemonSet
        | StatusKind::PodDisruptionBudget
        | StatusKind::HorizontalPodAutoscaler => counters::status(upstream, counted, &parts, now),
        StatusKind::Job => job::status(upstream, &parts, now),
        StatusKind::CronJob => lists::cron_job(upstream, &parts),
        StatusKind::Service => lists::service(upstream, &parts, now),
        StatusKind::Ingress => LoadBalancers::of(&parts).into_status(upstream.balancing),
        StatusKind::PersistentVolumeClaim => lists::claim(upstream, &parts, now),
        StatusKind::Other => single::status(upstream, counted, now),
    }
}

/// What the targets that count said, unpacked, sorted by their names; none where there is no copy.
struct Parts<'a>(Vec<(&'a str, Option<Value>)>);

// === impl Parts ===

impl<'a> Parts<'a> {
    fn of(counted: &[Report<'a>]) -> Self {
        Self(
            counted
                .iter()
                .map(|report| (report.target, report.part.map(Part::status)))
                .collect(),
        )
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// Each target's name and status; null where there is no copy.
    fn iter(&self) -> impl Iterator<Item = (&'a str, &Value)> {
        self.0
            .iter()
            .map(|(target, status)| (*target, status.as_ref().unwrap_or(&Value::Null)))
    }

    /// The values of `field` where there are any.
    fn values<'b>(&'b self, field: &'b str) -> impl Iterator<Item = &'b Value> {
        self.iter().filter_map(move |(_, status)| status.get(field))
    }

    /// The times in `field`, as text: of equal form, so that the order of text is that of time.
    fn times<'b>(&'b self, field: &'b str) -> impl Iterator<Item = &'b str> {
        self.values(field).filter_map(Value::as_str)
    }
}
