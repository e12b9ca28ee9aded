//! When the status of one object is written.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use syncer_core::{
    condition::{Condition, is_news},
    policy_status::Counts,
};
use tokio::time::Instant;

use super::carried::Carried;
use crate::{own_objects::OwnObject, target::HEARTBEAT_EVERY, target_report::PolicyReport};

/// How long an object that is new is looked at before anything is written: most is learned within that.
const FIRST: Duration = Duration::from_secs(1);
/// How long what stands there is left alone after the start, where nothing is wrong and not all is learned.
const LEARNS: Duration = Duration::from_secs(10);
/// The rest between two writes, however much changes: the conditions of a cluster that comes and goes.
const SHORTEST: Duration = Duration::from_secs(1);
/// The rest after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// What is known of the status of one object on its API server.
#[derive(Debug)]
pub(super) struct Line {
    uid: Arc<str>,
    /// The status as it stands there, as far as we know: what was seen or written last.
    known: Arc<Value>,
    /// As it was last seen; another one is news.
    seen: Arc<Value>,
    rests_until: Instant,
    learns_until: Instant,
    /// Of a policy: the share of targets that were not counted yet.
    carried: Carried,
    /// When the status is written again though no condition changed.
    heartbeat_at: Instant,
    failures: u32,
}

/// What is done about a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing for now.
    Rest,
    /// It is written.
    Write,
}

// === impl Line ===

impl Line {
    pub(super) fn new(object: &OwnObject, now: Instant) -> Self {
        Self {
            uid: object.uid.clone(),
            known: object.status.clone(),
            seen: object.status.clone(),
            rests_until: now + FIRST,
            learns_until: now + LEARNS,
            carried: Carried::default(),
            heartbeat_at: now,
            failures: 0,
        }
    }

    /// The object as it was seen last.
    pub(super) fn see(&mut self, object: &OwnObject, now: Instant) {
        if object.uid != self.uid {
            *self = Self::new(object, now);
        } else if object.status != self.seen {
            self.seen = object.status.clone();
            self.known = object.status.clone();
        }
    }

    /// The status as it stands there, as far as we know.
    pub(super) fn known(&self) -> &Value {
        &self.known
    }

    /// Whether what stands there is left alone while not all is learned.
    pub(super) fn is_patient(&self, now: Instant) -> bool {
        now < self.learns_until && self.known.get("conditions").is_some()
    }

    /// How the objects of a policy stand, of which `report` is known; none while nobody knows of which targets.
    pub(super) fn counts(&mut self, report: &PolicyReport) -> Option<Counts> {
        let uncounted = report.uncounted.clone()?;
        let counted = Counts::of(&report.objects);
        Some(self.carried.sum(counted, uncounted, &self.known))
    }

    /// What is done, where `conditions` and `status` is what there is to say.
    pub(super) fn step(&self, conditions: &[Condition], status: &Value, now: Instant) -> Step {
        if now < self.rests_until || is_within(status, &self.known) {
            return Step::Rest;
        }
        if now >= self.heartbeat_at || is_news(conditions, &self.known) {
            return Step::Write;
        }
        Step::Rest
    }

    pub(super) fn written(&mut self, status: Value, now: Instant) {
        self.known = Arc::new(status);
        self.failures = 0;
        self.rests_until = now + SHORTEST;
        self.heartbeat_at = now + HEARTBEAT_EVERY;
    }

    /// A write failed; says whether that is to be told: more and more rarely.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.rests_until = now + RETRY.saturating_mul(self.failures.min(12));
        self.failures.is_power_of_two()
    }
}

/// Whether everything that `status` says stands in `known`; what else stands there, others wrote.
fn is_within(status: &Value, known: &Value) -> bool {
    let (Some(status), Some(known)) = (status.as_object(), known.as_object()) else {
        return status == known;
    };
    let absent = |value: &Value| value.is_null();
    status
        .iter()
        .all(|(name, value)| known.get(name).map_or(absent(value), |known| known == value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use syncer_core::target_status::Standing;

    use super::*;

    fn object(status: Value) -> OwnObject {
        OwnObject {
            uid: "one".into(),
            generation: 1,
            standing: Standing::default(),
            status: Arc::new(status),
        }
    }

    fn ready(reason: &'static str) -> Vec<Condition> {
        vec![Condition::good("Ready", reason)]
    }

    fn said(reason: &str, beat: u64) -> Value {
        json!({"conditions": [{"type": "Ready", "status": "True", "reason": reason}], "beat": beat})
    }

    #[tokio::test(start_paused = true)]
    async fn a_status_is_written_once_an_interval_and_at_once_when_a_condition_changes() {
        let mut line = Line::new(&object(Value::Null), Instant::now());
        let step = |line: &Line, reason, beat| line.step(&ready(reason), &said(reason, beat), Instant::now());
        assert_eq!(step(&line, "A", 0), Step::Rest, "most is learned in the first second");
        tokio::time::advance(FIRST).await;
        assert_eq!(step(&line, "A", 0), Step::Write);
        line.written(said("A", 0), Instant::now());
        tokio::time::advance(SHORTEST).await;
        assert_eq!(step(&line, "A", 1), Step::Rest, "a heartbeat waits");
        assert_eq!(step(&line, "B", 1), Step::Write, "a condition does not");
        line.written(said("B", 1), Instant::now());
        assert_eq!(step(&line, "A", 1), Step::Rest, "but never hot");
        tokio::time::advance(HEARTBEAT_EVERY).await;
        assert_eq!(step(&line, "B", 2), Step::Write);
        line.written(said("B", 2), Instant::now());
        tokio::time::advance(HEARTBEAT_EVERY).await;
        assert_eq!(step(&line, "B", 2), Step::Rest, "nothing changed (S5)");
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_wiped_is_written_again_with_the_heartbeat() {
        let mut line = Line::new(&object(said("A", 1)), Instant::now());
        tokio::time::advance(HEARTBEAT_EVERY).await;
        let step = |line: &Line| line.step(&ready("A"), &said("A", 1), Instant::now());
        assert_eq!(step(&line), Step::Rest, "it stands there since before we began (S5)");
        line.see(&object(Value::Null), Instant::now());
        assert_eq!(step(&line), Step::Write);
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_made_anew_is_another_one_and_failures_wait() {
        let mut line = Line::new(&object(said("A", 1)), Instant::now());
        let another = OwnObject {
            uid: "two".into(),
            ..object(Value::Null)
        };
        line.see(&another, Instant::now());
        assert_eq!(line.known(), &Value::Null);
        tokio::time::advance(FIRST).await;
        assert!(line.failed(Instant::now()));
        let step = |line: &Line| line.step(&ready("A"), &said("A", 1), Instant::now());
        assert_eq!(step(&line), Step::Rest);
        tokio::time::advance(RETRY).await;
        assert_eq!(step(&line), Step::Write);
        assert!(line.failed(Instant::now()));
        assert!(!line.failed(Instant::now()));
    }
}
