//! How things stand: what is shown, in whatever form.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

/// All of it.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The running syncer, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) syncer: Option<Syncer>,
    /// The targets, by name.
    pub(super) targets: Vec<Target>,
    /// The policies, by name.
    pub(super) policies: Vec<Policy>,
    /// Verdicts on fields since the syncer started; only those that occurred.
    pub(super) conflicts: Vec<Conflicts>,
    /// How long changes take; only ways that were taken.
    pub(super) lag: Vec<Lag>,
    /// What could not be read, and what looks wrong.
    pub(super) warnings: Vec<String>,
}

/// A running syncer.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Syncer {
    /// Its admin address.
    pub(super) address: String,
    /// Whether its first work is done.
    pub(super) ready: bool,
    /// The conditions of readiness that are not met.
    pub(super) waiting_for: Vec<String>,
    /// Actors alive, by kind.
    pub(super) actors: BTreeMap<String, u64>,
    /// How often an actor was started again after a failure.
    pub(super) restarts: u64,
}

/// A target.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    /// Its name.
    pub(super) name: String,
    /// The summary: `True`, `False` or `Unknown`; none where it has no object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ready: Option<String>,
    /// Whether its API server answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reachable: Option<bool>,
    /// The word of its actor, such as `unreachable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<String>,
    /// When it was last reached, as its object says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) heartbeat: Option<Timestamp>,
    /// The version of its API server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) kubernetes_version: String,
    /// Objects by state; `desired` is how many the upstream wants there.
    pub(super) objects: BTreeMap<String, u64>,
    /// What somebody else changed there, by what was done about it.
    pub(super) drift: BTreeMap<String, u64>,
    /// Objects left behind there.
    pub(super) abandoned: u64,
    /// All conditions of its object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Condition>,
}

/// A policy.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    /// Its name.
    pub(super) name: String,
    /// `True`, `False` or `Unknown`.
    pub(super) ready: String,
    /// Which side wins a field.
    pub(super) strategy: String,
    /// Whether nothing is done by it for now.
    pub(super) suspended: bool,
    /// Objects by state.
    pub(super) objects: BTreeMap<String, u64>,
    /// All conditions of its object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Condition>,
}

/// A condition of an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    /// What is stated.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// `True`, `False` or `Unknown`.
    pub(super) status: String,
    /// How bad it is where it is not so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) severity: String,
    /// Why, in one word.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) reason: String,
    /// Why, in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) message: String,
    /// Since when.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) last_transition_time: String,
}

/// Verdicts of one strategy.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Conflicts {
    /// The strategy.
    pub(super) strategy: String,
    /// The verdict.
    pub(super) verdict: String,
    /// How often.
    pub(super) count: u64,
}

/// How long changes take on one way.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lag {
    /// The way: `down` to the targets, `up` to the upstream, or `status`.
    pub(super) way: String,
    /// Where on it: `seen`, `planned`, `applied`, `status_back`; empty for `status`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) stage: String,
    /// How many.
    pub(super) count: u64,
    /// Half of them took at most so many seconds; none where that is above what is measured.
    pub(super) p50_seconds: Option<f64>,
    /// Of a hundred 99.
    pub(super) p99_seconds: Option<f64>,
}

// === impl Report ===

impl Report {
    /// The target `name`, which is made where it is not there yet.
    pub(super) fn target(&mut self, name: &str) -> &mut Target {
        let at = match self.targets.binary_search_by(|target| target.name.as_str().cmp(name)) {
            Ok(at) => at,
            Err(at) => {
                let target = Target {
                    name: name.to_owned(),
                    ..Target::default()
                };
                self.targets.insert(at, target);
                at
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found, or put there")]
        &mut self.targets[at]
    }
}

// === impl Target ===

impl Target {
    /// The condition `kind` of its object.
    pub(super) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}
