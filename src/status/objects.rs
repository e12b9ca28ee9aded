//! Targets and policies as the objects of an API server.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use syncer_clusters::{Cluster, Error, Object};
use syncer_core::config::schema::{Kind, SYNC_POLICY, SYNC_TARGET};

use super::report::{Condition, Policy, Report, Target};
use crate::listing;

/// For all pages of one list.
const LISTED_WITHIN: Duration = Duration::from_secs(20);

/// Why the objects could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unlisted {
    /// The server does not have the types.
    #[error(
        "the upstream does not serve {0}: apply what `tmc-syncer manifests crds` prints, or ask a running syncer with --admin"
    )]
    Unserved(&'static str),
    /// The server cannot be asked, or does not let us.
    #[error("{0}")]
    Failed(Error),
    /// The server is too slow.
    #[error("the upstream did not list its {0} within {LISTED_WITHIN:?}: try again")]
    Late(&'static str),
}

/// Puts into `report` what the objects on `cluster` say.
pub(super) async fn read(cluster: &Cluster, report: &mut Report) -> Result<(), Unlisted> {
    let (targets, policies) = tokio::join!(list(cluster, &SYNC_TARGET), list(cluster, &SYNC_POLICY),);
    for object in targets? {
        let name = object.key().name.clone();
        *report.target(&name) = target(&name, &body(&object));
    }
    let policies = policies?;
    report.policies = policies
        .iter()
        .map(|object| policy(&object.key().name, &body(object)))
        .collect();
    report.policies.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(())
}

async fn list(cluster: &Cluster, kind: &Kind) -> Result<Vec<Object>, Unlisted> {
    let plural = kind.plural;
    listing::list(cluster, kind.resource_type(), LISTED_WITHIN)
        .await
        .map_err(|unlisted| match unlisted {
            listing::Unlisted::Unserved => Unlisted::Unserved(plural),
            listing::Unlisted::Failed(error) => Unlisted::Failed(error),
            listing::Unlisted::Late => Unlisted::Late(plural),
        })
}

fn body(object: &Object) -> Value {
    object.to_value().unwrap_or_default()
}

fn target(name: &str, body: &Value) -> Target {
    let conditions = conditions(body);
    let heartbeat = text(body, "/status/lastSyncerHeartbeatTime");
    let standing = |kind: &str| conditions.iter().find(|condition| condition.kind == kind);
    Target {
        name: name.to_owned(),
        ready: Some(standing("Ready").map_or_else(unknown, |ready| ready.status.clone())),
        reachable: standing("Reachable").and_then(|reachable| match reachable.status.as_str() {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        }),
        state: None,
        heartbeat: heartbeat.parse::<Timestamp>().ok(),
        kubernetes_version: text(body, "/status/kubernetesVersion"),
        objects: counts(body),
        drift: BTreeMap::new(),
        abandoned: body
            .pointer("/status/abandoned/count")
            .and_then(Value::as_u64)
            .unwrap_or(0),
        conditions,
    }
}

fn policy(name: &str, body: &Value) -> Policy {
    let conditions = conditions(body);
    let ready = conditions.iter().find(|condition| condition.kind == "Ready");
    Policy {
        name: name.to_owned(),
        ready: ready.map_or_else(unknown, |ready| ready.status.clone()),
        strategy: text(body, "/spec/conflict/strategy"),
        suspended: body.pointer("/spec/suspend") == Some(&Value::Bool(true)),
        objects: counts(body),
        conditions,
    }
}

fn unknown() -> String {
    "Unknown".to_owned()
}

fn text(body: &Value, pointer: &str) -> String {
    let text = body.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn counts(body: &Value) -> BTreeMap<String, u64> {
    let objects = body.pointer("/status/objects").and_then(Value::as_object);
    let objects = objects.into_iter().flatten();
    objects
        .filter_map(|(state, count)| Some((state.clone(), count.as_u64()?)))
        .collect()
}

fn conditions(body: &Value) -> Vec<Condition> {
    let conditions = body.pointer("/status/conditions").and_then(Value::as_array);
    let conditions = conditions.into_iter().flatten();
    conditions
        .map(|condition| Condition {
            kind: text(condition, "/type"),
            status: text(condition, "/status"),
            severity: text(condition, "/severity"),
            reason: text(condition, "/reason"),
            message: text(condition, "/message"),
            last_transition_time: text(condition, "/lastTransitionTime"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_target_says_how_it_stands() {
        let body = json!({"status": {
            "conditions": [
                {"type": "Ready", "status": "False", "severity": "Error", "reason": "Unreachable", "message": "no route"},
                {"type": "Reachable", "status": "False"},
            ],
            "lastSyncerHeartbeatTime": "2026-01-02T03:04:05Z",
            "objects": {"desired": 3, "synced": 2, "odd": "x"},
            "abandoned": {"count": 4},
            "kubernetesVersion": "v1.37.2",
        }});
        let seen = target("east", &body);
        assert_eq!((seen.ready.as_deref(), seen.reachable), (Some("False"), Some(false)));
        assert_eq!(
            seen.heartbeat.map(|at| at.to_string()).as_deref(),
            Some("2026-01-02T03:04:05Z")
        );
        assert_eq!((seen.objects["desired"], seen.objects.len(), seen.abandoned), (3, 2, 4));
        assert_eq!(
            seen.condition("Ready").map(|ready| ready.message.as_str()),
            Some("no route")
        );
    }

    #[test]
    fn what_nobody_has_reported_on_is_unknown() {
        let fresh = json!({"spec": {"conflict": {"strategy": "MergeChanges"}, "suspend": true}});
        assert_eq!(target("east", &fresh).ready.as_deref(), Some("Unknown"));
        let policy = policy("web", &fresh);
        assert_eq!((policy.ready.as_str(), policy.suspended), ("Unknown", true));
        assert_eq!(policy.strategy, "MergeChanges");
    }
}
