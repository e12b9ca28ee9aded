//! From what is known to what is said.

use jiff::Timestamp;
use serde_json::{Value, json};
use syncer_core::{
    condition::Condition,
    policy_status::{self, Counts},
    target_status::{self, Facts},
};

use crate::{
    own_objects::OwnObject,
    target_report::{Listed, PolicyReport, Reach, ServedState, SyncedResource, TargetReports},
};

/// Whether what there is to say of an object was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learned {
    /// It was, or there is trouble that is not to wait for it.
    Enough,
    /// Its target answers, as far as is known, and its objects were not counted yet.
    NotYet,
}

/// Whether enough was learned of the SyncTarget `name`.
pub(super) fn learned(name: &str, object: &OwnObject, reports: &TargetReports) -> Learned {
    let report = reports.get(name).unwrap_or_default();
    let answers = matches!(report.reach, Reach::Untried | Reach::Reached) && report.refusals.is_empty();
    if answers && report.objects.is_none() && object.standing == target_status::Standing::Used {
        Learned::NotYet
    } else {
        Learned::Enough
    }
}

/// What there is to say of the SyncTarget `name`, whose status is `known`.
pub(super) fn of_target(
    name: &str,
    object: &OwnObject,
    reports: &TargetReports,
    known: &Value,
    now: Timestamp,
) -> (Vec<Condition>, Value) {
    let report = reports.get(name).unwrap_or_default();
    let facts = Facts {
        standing: object.standing.clone(),
        generation: object.generation,
        reach: match report.reach {
            Reach::Untried => target_status::Reach::Untried,
            Reach::Reached => target_status::Reach::Reached,
            Reach::Unreachable { cause } => target_status::Reach::Unreachable(cause.into()),
            Reach::NoKubeconfig { cause } => target_status::Reach::NoKubeconfig(cause.into()),
        },
        refusals: report
            .refusals
            .into_iter()
            .map(|(about, cause)| (about.into(), cause.into()))
            .collect(),
        heartbeat: report.heartbeat,
        is_listed: report.listed == Listed::Whole,
        resources: report.resources.iter().map(resource).collect(),
        objects: report.objects,
        held: report
            .held
            .iter()
            .map(|(policy, count)| (policy.to_string(), u64::try_from(*count).unwrap_or(u64::MAX)))
            .collect(),
        confirmed_deletion: report.confirmed_deletion.into(),
        abandoned: (
            report.abandoned.count,
            report.abandoned.objects.into_iter().map(Into::into).collect(),
        ),
        kubernetes_version: report.kubernetes_version.into(),
    };
    let conditions = target_status::conditions(&facts, now);
    (conditions, target_status::status(&facts, known, now))
}

/// What there is to say of the SyncPolicy `object`, of which `report` is known and whose status is `known`.
pub(super) fn of_policy(
    object: &OwnObject,
    report: PolicyReport,
    objects: Option<Counts>,
    known: &Value,
    now: Timestamp,
) -> (Vec<Condition>, Value) {
    let facts = policy_status::Facts {
        standing: object.standing.clone(),
        generation: object.generation,
        shadowed: report.shadowed,
        failing: report.failing,
        objects,
    };
    let conditions = policy_status::conditions(&facts);
    (conditions, policy_status::status(&facts, known, now))
}

fn resource(resource: &SyncedResource) -> Value {
    json!({
        "group": resource.group,
        "resource": resource.resource,
        "versions": resource.versions,
        "state": match resource.state {
            ServedState::Accepted => "Accepted",
            ServedState::Pending => "Pending",
            ServedState::Incompatible => "Incompatible",
        },
    })
}
