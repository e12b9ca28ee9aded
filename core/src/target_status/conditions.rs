//! What a target's status states, and why.

use std::time::Duration;

use jiff::Timestamp;

use super::{Facts, HEARTBEAT_LOST, Reach, Standing};
use crate::{
    condition::{Condition, Severity, Truth},
    object_state::ObjectState,
};

/// All of them; `Ready` first, which sums up whether the target is kept in step: its object and kubeconfig can be used, it is
/// reached, lets us do what we have to, has answered lately and was listed. Single objects that fail do not make it unready.
pub fn conditions(facts: &Facts, now: Timestamp) -> Vec<Condition> {
    let parts = [
        reachable(&facts.reach),
        authorized(facts),
        heartbeat_healthy(facts, now),
    ];
    let mut conditions = vec![ready(facts, &parts)];
    conditions.extend(parts);
    conditions.push(synced(facts));
    conditions.push(mass_deletion_held(facts));
    conditions
}

fn ready(facts: &Facts, parts: &[Condition]) -> Condition {
    if let Standing::Refused { reason, message } = &facts.standing {
        return Condition::bad("Ready", Severity::Error, reason, message);
    }
    let worst = parts
        .iter()
        .find(|part| part.truth == Truth::False)
        .or_else(|| parts.iter().find(|part| part.truth == Truth::Unknown));
    if let Some(part) = worst {
        return Condition {
            kind: "Ready",
            ..part.clone()
        };
    }
    if !facts.is_listed {
        let message = "what it holds is being listed; nothing is written until that is through";
        return Condition::unknown("Ready", "Listing", message);
    }
    Condition::good("Ready", "InStep")
}

fn reachable(reach: &Reach) -> Condition {
    match reach {
        Reach::Untried => Condition::unknown("Reachable", "NotTriedYet", ""),
        Reach::Reached => Condition::good("Reachable", "Reached"),
        Reach::Unreachable(cause) => Condition::bad("Reachable", Severity::Error, "Unreachable", cause),
        Reach::NoKubeconfig(cause) => Condition::bad("Reachable", Severity::Error, "NoKubeconfig", cause),
    }
}

fn authorized(facts: &Facts) -> Condition {
    if !facts.refusals.is_empty() {
        let causes: Vec<_> = facts.refusals.iter().map(|(_, cause)| cause.as_str()).collect();
        return Condition::bad("Authorized", Severity::Error, "Refused", causes.join("; "));
    }
    if facts.is_listed {
        Condition::good("Authorized", "Allowed")
    } else {
        Condition::unknown("Authorized", "NotTriedYet", "")
    }
}

fn heartbeat_healthy(facts: &Facts, now: Timestamp) -> Condition {
    let Some(heartbeat) = facts.heartbeat else {
        return Condition::unknown("HeartbeatHealthy", "NoHeartbeatYet", "");
    };
    // A clock that was set back makes no heartbeat old.
    let silent = Duration::try_from(now.duration_since(heartbeat)).unwrap_or_default();
    if silent <= HEARTBEAT_LOST {
        return Condition::good("HeartbeatHealthy", "Beating");
    }
    let since = crate::condition::second(heartbeat);
    let message = format!("the target has not answered since {since}");
    Condition::bad("HeartbeatHealthy", Severity::Error, "HeartbeatLost", message)
}

fn synced(facts: &Facts) -> Condition {
    let counts = facts.objects.unwrap_or_default();
    let of = |state| counts.of(state);
    let (failed, conflicted) = (of(ObjectState::Failed), of(ObjectState::Conflicted));
    let (pending, unknown) = (of(ObjectState::Pending), of(ObjectState::Unknown));
    let condition = if !facts.is_listed || facts.objects.is_none() {
        Condition::unknown("Synced", "Listing", "")
    } else if failed > 0 {
        let message = format!("{failed} objects cannot be synced; the Events of each say why");
        Condition::bad("Synced", Severity::Warning, "Failed", message)
    } else if conflicted > 0 {
        let message = format!("{conflicted} objects have a conflict that is not settled; the Events of each say which");
        Condition::bad("Synced", Severity::Warning, "Conflicted", message)
    } else if pending > 0 {
        Condition::bad(
            "Synced",
            Severity::Info,
            "Pending",
            format!("{pending} objects are on their way"),
        )
    } else if unknown > 0 {
        let message = format!("of {unknown} objects it is not known whether they are wanted: they stay as they are");
        Condition::bad("Synced", Severity::Info, "Unknown", message)
    } else {
        Condition::good("Synced", "Synced")
    };
    condition.with_heartbeat()
}

fn mass_deletion_held(facts: &Facts) -> Condition {
    let sum: u64 = facts.held.iter().map(|(_, count)| count).sum();
    if sum == 0 {
        return Condition::good("MassDeletionHeld", "NothingHeld").being(Truth::False);
    }
    Condition::bad("MassDeletionHeld", Severity::Warning, "Held", held(&facts.held)).being(Truth::True)
}

/// What is held, and what a person can do.
fn held(held: &[(String, u64)]) -> String {
    let sum: u64 = held.iter().map(|(_, count)| count).sum();
    let policies: Vec<_> = held
        .iter()
        .map(|(policy, count)| format!("{count} of policy {policy}"))
        .collect();
    format!(
        "{sum} objects would be deleted at once ({}): nothing is deleted until they are seen again, or until the annotation \
         workload.kcp.io/confirm-deletion: \"{sum}\" on this object confirms it",
        policies.join(", ")
    )
}
