//! A Deployment's way from one spec to the next, as its status shows it.
//!
//! The pods are not there: what is counted is how many of them run the old template, how many the new one, and how many of those are
//! ready. All of it is in the status, but for the template that the pods run, which the controller remembers.

use serde_json::{Map, Value, json};

use super::WorkloadPlan;

/// What a Deployment has, and what it should have.
struct Rollout<'a> {
    wanted: i64,
    surge: i64,
    unavailable: i64,
    generation: i64,
    status: &'a Value,
}

/// The template of a Deployment against the one that its pods run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// The pods run it.
    Same,
    /// All pods are old.
    Changed,
}

/// One step of a rollout.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// The next status, if it is another one.
    pub(crate) status: Option<Value>,
    /// Whether there is nothing more to do: it is complete, paused, or past its deadline.
    pub(crate) arrived: bool,
}

/// The next step of `deployment`.
pub(crate) fn step(deployment: &Value, plan: &WorkloadPlan, template: Template, now: &str) -> Step {
    let rollout = Rollout::of(deployment);
    let image = deployment
        .pointer("/spec/template/spec/containers")
        .map(Value::to_string)
        .unwrap_or_default();
    let broken = !plan.broken.is_empty() && image.contains(&plan.broken);
    let paused = deployment.pointer("/spec/paused") == Some(&json!(true));
    let gait = match (paused, broken) {
        (true, _) => Gait::Paused,
        (_, true) => Gait::Broken,
        _ => Gait::Sound,
    };
    let late = deadline_passed(deployment, now);
    let next = rollout.next(plan, gait, template, late, now);
    let complete = next.get("unavailableReplicas").is_none() && next.get("updatedReplicas") == next.get("replicas");
    // Two statuses that differ in times alone are the same: nothing is written for a clock (S5).
    let differs = without_times(&next) != without_times(rollout.status);
    Step {
        status: differs.then_some(next),
        arrived: complete || paused || late,
    }
}

/// How the new pods come along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gait {
    /// They start and become ready.
    Sound,
    /// They start and never become ready.
    Broken,
    /// None is started.
    Paused,
}

// === impl Rollout ===

impl<'a> Rollout<'a> {
    fn of(deployment: &'a Value) -> Self {
        let wanted = deployment
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            .unwrap_or(1);
        let share = |name: &str, up: bool| {
            let rolling = deployment.pointer(&format!("/spec/strategy/rollingUpdate/{name}"));
            match rolling {
                Some(Value::Number(number)) => number.as_i64().unwrap_or_default(),
                Some(Value::String(text)) => {
                    let percent = text.trim_end_matches('%').parse::<i64>().unwrap_or_default();
                    (wanted * percent + if up { 99 } else { 0 }) / 100
                }
                _ => 0,
            }
        };
        let recreate = deployment.pointer("/spec/strategy/type").and_then(Value::as_str) == Some("Recreate");
        let (surge, unavailable) = if recreate {
            (0, wanted)
        } else {
            (share("maxSurge", true), share("maxUnavailable", false))
        };
        // At least one of the two must move, or nothing ever would.
        let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
        let generation = deployment
            .pointer("/metadata/generation")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        Self {
            wanted,
            surge,
            unavailable,
            generation,
            status: deployment.get("status").unwrap_or(&Value::Null),
        }
    }

    fn count(&self, name: &str) -> i64 {
        self.status.get(name).and_then(Value::as_i64).unwrap_or_default()
    }

    fn next(&self, plan: &WorkloadPlan, gait: Gait, template: Template, late: bool, now: &str) -> Value {
        let (mut total, mut updated, mut ready) = (
            self.count("replicas"),
            self.count("updatedReplicas"),
            self.count("readyReplicas"),
        );
        if template == Template::Changed {
            updated = 0;
        }
        let step = plan.pods_per_step.max(1);
        let fresh = template == Template::Changed || self.count("observedGeneration") != self.generation;
        if !fresh && gait != Gait::Paused {
            let old = total - updated;
            let old_ready = (ready - updated).clamp(0, old);
            let new_ready = ready - old_ready;
            // New pods become ready, as far as they can.
            let grown = if gait == Gait::Broken {
                new_ready
            } else {
                (new_ready + step).min(updated)
            };
            ready = old_ready + grown;
            // Old pods go, as far as enough stay available; those that are not ready go first.
            let spare = (ready - (self.wanted - self.unavailable)).max(0);
            let gone = (old - old_ready).max(0) + old_ready.min(spare).min(step);
            let gone = gone.min(old);
            ready -= (gone - (old - old_ready)).max(0);
            total -= gone;
            // New pods start, as far as there is room for them.
            let room = (self.wanted + self.surge - total)
                .max(0)
                .min(step)
                .min((self.wanted - updated).max(0));
            total += room;
            updated += room;
        }
        if updated > self.wanted && total > self.wanted {
            let surplus = (total - self.wanted).min(updated);
            total -= surplus;
            updated -= surplus;
            ready = ready.min(total);
        }
        self.status_of(Counts { total, updated, ready }, fresh, late, now)
    }

    fn status_of(&self, counts: Counts, fresh: bool, late: bool, now: &str) -> Value {
        let Counts { total, updated, ready } = counts;
        let mut status = Map::new();
        let mut put = |name: &str, value: i64| {
            if value != 0 {
                status.insert(name.to_owned(), value.into());
            }
        };
        put("observedGeneration", self.generation);
        put("replicas", total);
        put("updatedReplicas", updated);
        put("readyReplicas", ready);
        put("availableReplicas", ready);
        put("unavailableReplicas", (self.wanted.max(total) - ready).max(0));
        let available = ready >= self.wanted - self.unavailable && (ready > 0 || self.wanted == 0);
        let complete = !fresh && updated == self.wanted && ready == self.wanted && total == self.wanted;
        let availability = if available {
            (
                "Available",
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "Available",
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        let progress = match (complete, late) {
            (true, _) => (
                "Progressing",
                "True",
                "NewReplicaSetAvailable",
                "ReplicaSet has successfully progressed.",
            ),
            (false, true) => (
                "Progressing",
                "False",
                "ProgressDeadlineExceeded",
                "ReplicaSet has timed out progressing.",
            ),
            (false, false) => ("Progressing", "True", "ReplicaSetUpdated", "ReplicaSet is progressing."),
        };
        let moved = ["replicas", "updatedReplicas", "readyReplicas"].map(|name| self.count(name))
            != [total, updated, ready]
            || fresh;
        let conditions =
            [(availability, false), (progress, moved)].map(|(condition, moved)| self.condition(condition, moved, now));
        status.insert("conditions".to_owned(), Value::Array(conditions.to_vec()));
        Value::Object(status)
    }

    /// A condition, with the times of the one that is there where nothing has changed.
    fn condition(&self, (kind, value, reason, message): (&str, &str, &str, &str), moved: bool, now: &str) -> Value {
        let conditions = self.status.get("conditions").and_then(Value::as_array);
        let old = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind));
        let same = |field: &str, value: &str| old.and_then(|old| old.get(field)).and_then(Value::as_str) == Some(value);
        let time = |field: &str, keep: bool| {
            let kept = old
                .and_then(|old| old.get(field))
                .and_then(Value::as_str)
                .filter(|_| keep);
            kept.unwrap_or(now).to_owned()
        };
        let updated = time(
            "lastUpdateTime",
            same("reason", reason) && same("status", value) && !moved,
        );
        let transition = time("lastTransitionTime", same("status", value));
        json!({"type": kind, "status": value, "reason": reason, "message": message, "lastUpdateTime": updated, "lastTransitionTime": transition})
    }
}

#[derive(Clone, Copy)]
struct Counts {
    total: i64,
    updated: i64,
    ready: i64,
}

/// A number that stands for the template of a Deployment.
pub(crate) fn template(deployment: &Value) -> u64 {
    let text = deployment
        .pointer("/spec/template")
        .map(Value::to_string)
        .unwrap_or_default();
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whether the rollout has made no progress for longer than it may.
fn deadline_passed(deployment: &Value, now: &str) -> bool {
    let limit = deployment
        .pointer("/spec/progressDeadlineSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(600);
    let conditions = deployment.pointer("/status/conditions").and_then(Value::as_array);
    let progress = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some("Progressing"));
    let since = progress.and_then(|progress| {
        progress
            .get("lastUpdateTime")?
            .as_str()?
            .parse::<jiff::Timestamp>()
            .ok()
    });
    match (since, now.parse::<jiff::Timestamp>()) {
        (Some(since), Ok(now)) => now.duration_since(since).as_secs() > limit,
        _ => false,
    }
}

fn without_times(status: &Value) -> Value {
    let mut status = status.clone();
    for condition in status
        .get_mut("conditions")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(condition) = condition.as_object_mut() {
            condition.remove("lastUpdateTime");
            condition.remove("lastTransitionTime");
        }
    }
    status
}

#[cfg(test)]
mod tests;
