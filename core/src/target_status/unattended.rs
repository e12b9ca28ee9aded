//! What is said of a target when nobody has reported on it for a while.

use jiff::Timestamp;
use serde_json::Value;

use crate::condition::{self, Condition};

/// What a report made so long ago says nothing about any more.
const OUTDATED: [&str; 2] = ["Ready", "HeartbeatHealthy"];

/// The conditions of a SyncTarget with this `status`, of this generation, whose heartbeat has stood still for [`super::HEARTBEAT_LOST`]. None
/// where nothing is claimed that nobody stands for: not ready is said already, and by somebody who knew why.
pub fn unattended(status: &Value, generation: i64, now: Timestamp) -> Option<Value> {
    let ready = condition::known(status, "Ready")?;
    if ready.get("status").and_then(Value::as_str) != Some("True") {
        return None;
    }
    let heartbeat = status.get("lastSyncerHeartbeatTime").and_then(Value::as_str);
    let message = format!(
        "no syncer has reported since {}: look at its pods and their Lease",
        heartbeat.unwrap_or("it began")
    );
    let unknown = |kind| Condition::unknown(kind, "HeartbeatLost", message.as_str());
    let mut conditions = status.get("conditions")?.as_array()?.clone();
    let written = condition::written(&OUTDATED.map(unknown), status, generation, now);
    for condition in written.as_array().into_iter().flatten() {
        let same = conditions
            .iter_mut()
            .find(|known| known.get("type") == condition.get("type"));
        match same {
            Some(known) => known.clone_from(condition),
            None => conditions.push(condition.clone()),
        }
    }
    Some(conditions.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_said_to_be_ready_becomes_unknown_and_the_rest_stays() {
        let status = |ready: &str| {
            json!({
                "lastSyncerHeartbeatTime": "2026-11-23T11:00:00Z",
                "conditions": [
                    {"type": "Ready", "status": ready, "reason": "InStep", "lastTransitionTime": "2026-11-23T10:00:00Z"},
                    {"type": "Synced", "status": "True", "reason": "Synced", "lastTransitionTime": "2026-11-23T10:00:00Z"},
                ],
            })
        };
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let message = "no syncer has reported since 2026-11-23T11:00:00Z: look at its pods and their Lease";
        let unknown = |kind| {
            json!({
                "type": kind, "status": "Unknown", "reason": "HeartbeatLost", "message": message,
                "lastTransitionTime": "2026-11-23T12:00:00Z", "observedGeneration": 3,
            })
        };
        let synced = status("True")["conditions"][1].clone();
        let expected = json!([unknown("Ready"), synced, unknown("HeartbeatHealthy")]);
        assert_eq!(unattended(&status("True"), 3, now), Some(expected));
        for other in [
            status("False"),
            status("Unknown"),
            json!({}),
            Value::Null,
            json!({"conditions": 7}),
        ] {
            assert_eq!(unattended(&other, 3, now), None, "{other}");
        }
    }
}
