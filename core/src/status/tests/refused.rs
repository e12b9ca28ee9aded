//! What an API server would refuse of the status of a Job, for ever: once a copy is made again, a target joins or is left out.

use proptest::prelude::*;

use super::*;
use StatusKind::Job;

/// A copy of a job at a point of its life.
#[derive(Clone, Copy, Debug)]
enum Stand {
    Absent,
    Silent,
    New,
    Running,
    Failing,
    Failed,
    Succeeding,
    Complete,
}

const COPIES: [Stand; 8] = [
    Stand::Absent,
    Stand::Silent,
    Stand::New,
    Stand::Running,
    Stand::Failing,
    Stand::Failed,
    Stand::Succeeding,
    Stand::Complete,
];

impl Stand {
    /// It has been made `life` times before, and counted so many `pods`.
    fn target(self, life: u8, pods: i64) -> Target {
        let conditions = |kinds: &[&str]| -> Vec<Value> {
            let make = |kind: &&str| json!({"type": kind, "status": "True", "reason": "Because", "message": "so"});
            kinds.iter().map(make).collect()
        };
        let start = format!("2026-11-23T10:{life:02}:00Z");
        let end = format!("2026-11-23T11:{life:02}:00Z");
        let status = match self {
            Self::Absent => return Target::absent(),
            Self::Silent => return Self::Running.target(life, pods).silent_for(301),
            Self::New => Value::Null,
            Self::Running => json!({"startTime": start, "active": 1, "failed": pods}),
            Self::Failing => {
                json!({"startTime": start, "failed": pods, "active": 1, "conditions": conditions(&["FailureTarget"])})
            }
            Self::Failed => {
                json!({"startTime": start, "failed": pods, "conditions": conditions(&["FailureTarget", "Failed"])})
            }
            Self::Succeeding => {
                json!({"startTime": start, "succeeded": pods, "active": 1, "conditions": conditions(&["SuccessCriteriaMet"])})
            }
            Self::Complete => json!({"startTime": start, "completionTime": end, "succeeded": pods,
                "conditions": conditions(&["SuccessCriteriaMet", "Complete"])}),
        };
        Target::of(Job, &status)
    }
}

/// Why an API server of Kubernetes 1.32 and later refuses `new` over `old` (`ValidateJobUpdateStatus`).
fn refusals(old: &Value, new: &Value) -> Vec<String> {
    let mut refusals = Vec::new();
    let mut refuse = |if_so: bool, why: &str| {
        if if_so {
            refusals.push(why.to_owned());
        }
    };
    let is = conditions::is_true;
    for kind in ["FailureTarget", "Failed", "Complete", "SuccessCriteriaMet"] {
        refuse(is(old, kind) && !is(new, kind), &format!("cannot disable {kind}"));
    }
    let count = |status: &Value, field: &str| status[field].as_i64().unwrap_or_default();
    for field in ["failed", "succeeded"] {
        refuse(
            count(new, field) < count(old, field),
            &format!("cannot decrease {field}"),
        );
    }
    refuse(
        old["startTime"].is_string() && old["startTime"] != new["startTime"],
        "startTime cannot be removed or changed",
    );
    refuse(
        old["completionTime"].is_string()
            && new["completionTime"].is_string()
            && old["completionTime"] != new["completionTime"],
        "completionTime cannot be changed",
    );
    let [fails, failed] = ["FailureTarget", "Failed"].map(|kind| is(new, kind));
    let [succeeds, complete] = ["SuccessCriteriaMet", "Complete"].map(|kind| is(new, kind));
    refuse(failed && !fails, "Failed without FailureTarget");
    refuse(complete && !succeeds, "Complete without SuccessCriteriaMet");
    refuse(fails && succeeds, "both criteria");
    refuse(
        complete != new["completionTime"].is_string(),
        "completionTime and Complete go together",
    );
    refuse(
        (failed || complete) && (!new["startTime"].is_string() || count(new, "active") > 0),
        "an end without a start, or with active pods",
    );
    refusals
}

/// The statuses that come one after the other of these copies.
fn course(steps: &[Vec<(Stand, u8, i64)>]) -> Vec<Value> {
    let mut shown = vec![Value::Null];
    for copies in steps {
        let targets = copies.iter().map(|(copy, life, pods)| copy.target(*life, *pods));
        let current = shown.last().unwrap().clone();
        shown.push(whole(Job, 1, &current, targets));
    }
    shown
}

/// The types of the conditions that are the job's own, and what it counted.
fn brief(status: &Value) -> (Vec<&str>, i64, i64) {
    let kinds = conditions::of(status).map(|condition| conditions::text(condition, "type"));
    let count = |field: &str| status[field].as_i64().unwrap_or_default();
    let kinds = kinds.filter(|kind| !kind.starts_with("workload.kcp.io/"));
    (kinds.collect(), count("succeeded"), count("failed"))
}

#[test]
fn a_job_goes_on_where_copies_are_made_again_and_targets_come_and_go() {
    use Stand::{Absent, Complete, Failed, Failing, Running, Silent, Succeeding};
    let one = |copy, life, pods| vec![(copy, life, pods)];
    let cases = [
        (
            "the copy is deleted",
            vec![one(Running, 1, 2), one(Absent, 1, 0)],
            (vec![], 0, 2),
        ),
        (
            "made again",
            vec![one(Running, 1, 2), one(Absent, 1, 0), one(Running, 2, 0)],
            (vec![], 0, 2),
        ),
        (
            "made again, and complete",
            vec![one(Running, 1, 2), one(Running, 2, 0), one(Complete, 2, 1)],
            (vec!["SuccessCriteriaMet", "Complete"], 1, 2),
        ),
        (
            "failing, made again, and complete",
            vec![one(Failing, 1, 2), one(Running, 2, 0), one(Complete, 2, 1)],
            (vec!["FailureTarget", "Failed"], 1, 2),
        ),
        (
            "failed on one of two, made again there",
            vec![
                vec![(Failed, 1, 2), (Running, 1, 0)],
                vec![(Running, 2, 0), (Running, 1, 0)],
            ],
            (vec!["FailureTarget"], 0, 2),
        ),
        (
            "and complete on both",
            vec![
                vec![(Failed, 1, 2), (Running, 1, 0)],
                vec![(Running, 2, 0), (Running, 1, 0)],
                vec![(Complete, 2, 1), (Complete, 1, 1)],
            ],
            (vec!["FailureTarget", "Failed"], 2, 2),
        ),
        (
            "the one that fails falls silent",
            vec![
                vec![(Failed, 1, 2), (Running, 1, 0)],
                vec![(Silent, 1, 2), (Running, 1, 0)],
            ],
            (vec!["FailureTarget"], 0, 2),
        ),
        (
            "a target joins when the criteria are met",
            vec![
                vec![(Succeeding, 1, 1), (Succeeding, 1, 1)],
                vec![(Succeeding, 1, 1), (Succeeding, 1, 1), (Running, 3, 0)],
            ],
            (vec!["SuccessCriteriaMet"], 2, 0),
        ),
        (
            "and completes",
            vec![
                vec![(Succeeding, 1, 1), (Succeeding, 1, 1)],
                vec![(Complete, 1, 1), (Complete, 1, 1), (Complete, 3, 1)],
            ],
            (vec!["SuccessCriteriaMet", "Complete"], 3, 0),
        ),
        (
            "and fails: complete is all that it could become",
            vec![
                vec![(Succeeding, 1, 1), (Succeeding, 1, 1)],
                vec![(Complete, 1, 1), (Complete, 1, 1), (Failed, 3, 4)],
            ],
            (vec!["SuccessCriteriaMet"], 2, 4),
        ),
    ];
    for (case, steps, expected) in cases {
        let shown = course(&steps);
        for pair in shown.windows(2) {
            assert_eq!(refusals(&pair[0], &pair[1]), Vec::<String>::new(), "{case}: {pair:#?}");
        }
        assert_eq!(brief(shown.last().unwrap()), expected, "{case}");
    }
}

#[test]
fn the_words_of_a_failure_stay_when_the_copy_that_failed_is_gone() {
    let failed = Stand::Failed.target(1, 2);
    let running = Stand::Running.target(1, 0);
    let first = whole(Job, 1, &Value::Null, [failed, running.clone()]);
    assert_eq!(condition(&first, "FailureTarget"), ["True", "Because", "ams: so"]);
    let second = whole(Job, 1, &first, [Target::absent(), running]);
    assert_eq!(condition(&second, "FailureTarget"), ["True", "Because", "ams: so"]);
    let complete = || Stand::Complete.target(2, 1);
    let last = whole(Job, 1, &second, [complete(), complete()]);
    assert_eq!(condition(&last, "Failed"), ["True", "Because", "ams: so"]);
}

proptest! {
    #[test]
    fn no_course_of_a_job_is_ever_refused(
        steps in prop::collection::vec(
            prop::collection::vec((prop::sample::select(&COPIES[..]), 0_u8..9, 0_i64..4), 1..4), 1..8
        )
    ) {
        let shown = course(&steps);
        for pair in shown.windows(2) {
            prop_assert_eq!(refusals(&pair[0], &pair[1]), Vec::<String>::new(), "{:#?}", pair);
        }
    }
}
