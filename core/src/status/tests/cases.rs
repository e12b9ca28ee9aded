//! What comes of which reports, kind by kind.

use super::*;

use StatusKind::{
    CronJob, DaemonSet, Deployment, HorizontalPodAutoscaler, Ingress, Job, Other, PersistentVolumeClaim,
    PodDisruptionBudget, Service, StatefulSet,
};

const OWN_CONDITIONS: [&str; 3] = [SYNCED, TARGETS_REPORTING, ENDPOINTS_READY];

fn none() -> Value {
    Value::Null
}

#[test]
fn one_targets_deployment_is_shown_as_it_is_with_the_upstreams_generation() {
    let target = Target::with(Deployment, 1, &json!({"replicas": 5}), &complete(5));
    let shown = status(Deployment, 7, &none(), [target]);
    let mut expected = complete(5);
    expected["observedGeneration"] = json!(7);
    assert_eq!(shown, expected);
}

#[test]
fn deployments_are_summed_over_one_two_and_five_targets() {
    for targets in [1, 2, 5] {
        let shown = status(
            Deployment,
            3,
            &none(),
            vec![Target::of(Deployment, &complete(5)); targets],
        );
        let sum = 5 * i64::try_from(targets).unwrap();
        for counter in ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"] {
            assert_eq!(shown[counter], sum, "{counter} of {targets}");
        }
        assert_eq!(shown["observedGeneration"], 3);
        assert_eq!(
            condition(&shown, "Available"),
            ["True", "MinimumReplicasAvailable", "fine"]
        );
        assert_eq!(
            condition(&shown, "Progressing"),
            ["True", "NewReplicaSetAvailable", "done"]
        );
    }
}

#[test]
fn a_generation_counts_as_observed_when_no_copy_has_anything_left_to_do() {
    let complete = Target::of(Deployment, &complete(5));
    let partly = json!({"observedGeneration": 1, "replicas": 6, "updatedReplicas": 5, "availableReplicas": 5});
    let paused = json!({"replicas": 5, "paused": true});
    let cases = [
        ("complete", complete.clone(), 3),
        ("behind", complete.clone().behind(), 2),
        ("not applied yet", Target::absent(), 2),
        (
            "not observed by its own controller",
            Target::with(Deployment, 2, &json!({"replicas": 5}), &super::complete(5)),
            2,
        ),
        ("old pods left", Target::of(Deployment, &partly), 2),
        ("paused", Target::with(Deployment, 1, &paused, &partly), 3),
        (
            "no pods",
            Target::of(Deployment, &without_pods("NewReplicaSetCreated")),
            2,
        ),
        (
            "past its deadline",
            Target::of(Deployment, &without_pods("ProgressDeadlineExceeded")),
            3,
        ),
        ("no status", Target::of(Deployment, &none()), 2),
        ("silent, but complete", complete.clone().silent_for(60), 3),
        ("silent and behind", complete.clone().behind().silent_for(60), 2),
        ("left out", complete.clone().behind().silent_for(301), 3),
    ];
    for (case, other, observed) in cases {
        let current = json!({"observedGeneration": 2});
        let shown = status(Deployment, 3, &current, [complete.clone(), other]);
        assert_eq!(shown["observedGeneration"], observed, "{case}");
    }
}

#[test]
fn the_generation_shown_never_runs_ahead_of_an_upstream_that_went_back() {
    let current = json!({"observedGeneration": 9});
    let shown = status(
        Deployment,
        4,
        &current,
        [Target::of(Deployment, &complete(5)), Target::absent()],
    );
    assert_eq!(shown["observedGeneration"], 4);
}

#[test]
fn the_worst_condition_wins_and_names_its_targets() {
    let fine = Target::of(Deployment, &complete(5));
    let stuck = Target::of(Deployment, &without_pods("ProgressDeadlineExceeded"));
    let shown = status(
        Deployment,
        1,
        &none(),
        [fine.clone(), stuck.clone(), fine.clone(), stuck, fine],
    );
    assert_eq!(
        condition(&shown, "Available"),
        ["False", "MinimumReplicasUnavailable", "east: no pods; oslo: no pods"]
    );
    assert_eq!(
        condition(&shown, "Progressing"),
        ["False", "ProgressDeadlineExceeded", "east: quota; oslo: quota"]
    );
    assert_eq!(
        condition(&shown, "ReplicaFailure"),
        ["True", "FailedCreate", "east: exceeded quota; oslo: exceeded quota"]
    );
}

#[test]
fn a_condition_that_a_target_lacks_is_not_known_to_be_good() {
    let shown = status(
        Deployment,
        1,
        &none(),
        [Target::of(Deployment, &complete(5)), Target::of(Deployment, &none())],
    );
    assert_eq!(
        condition(&shown, "Available"),
        ["Unknown", "NotReported", "east: not reported"]
    );
}

#[test]
fn a_condition_keeps_its_time_until_its_status_changes() {
    let current = json!({"conditions": [
        {"type": "Available", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Progressing", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "workload.kcp.io/Synced", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
    ]});
    let shown = whole(Deployment, 1, &current, vec![Target::of(Deployment, &complete(5)); 2]);
    let time = |kind: &str| conditions::text(conditions::find(&shown, kind).unwrap(), "lastTransitionTime").to_owned();
    assert_eq!(time("Available"), "2026-01-01T00:00:00Z");
    assert_eq!(time("Progressing"), "2026-11-23T12:00:00Z");
    assert_eq!(time(SYNCED), "2026-01-01T00:00:00Z");
    let progressing = conditions::find(&shown, "Progressing").unwrap();
    assert_eq!(conditions::text(progressing, "lastUpdateTime"), "2026-11-23T11:30:00Z");
}

#[test]
fn stateful_sets_show_the_end_of_a_rollout_only_when_it_ended_everywhere() {
    let done = |revision: &str| {
        let status = json!({"observedGeneration": 1, "replicas": 5, "readyReplicas": 5, "updatedReplicas": 5,
            "currentRevision": revision, "updateRevision": revision});
        Target::of(StatefulSet, &status)
    };
    let underway = Target::of(
        StatefulSet,
        &json!({"observedGeneration": 1, "replicas": 5, "readyReplicas": 4, "updatedReplicas": 1,
            "currentRevision": "web-1", "updateRevision": "web-2"}),
    );
    let shown = status(
        StatefulSet,
        2,
        &json!({"observedGeneration": 1}),
        [done("web-2"), underway],
    );
    assert_eq!(
        shown,
        json!({"observedGeneration": 1, "replicas": 10, "readyReplicas": 9, "updatedReplicas": 6,
            "currentRevision": "web-1", "updateRevision": "web-2"})
    );
    let shown = status(
        StatefulSet,
        2,
        &json!({"observedGeneration": 1}),
        [done("web-2"), done("web-3")],
    );
    assert_eq!(shown["observedGeneration"], 2);
    assert_eq!(shown["currentRevision"], shown["updateRevision"]);
}

#[test]
fn a_partitioned_rollout_ends_when_each_target_has_what_is_beyond_the_partition() {
    let partitioned = |partition: i64, replicas: i64, ready: i64, updated: i64| {
        let spec = json!({"replicas": 5, "updateStrategy": {"rollingUpdate": {"partition": partition}}});
        let status = json!({"observedGeneration": 1, "replicas": replicas, "readyReplicas": ready, "updatedReplicas": updated,
            "currentRevision": "web-1", "updateRevision": "web-2"});
        Target::with(StatefulSet, 1, &spec, &status)
    };
    let done = partitioned(4, 5, 5, 1);
    let by_hand = json!({"replicas": 5, "updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 4}}});
    let cases = [
        ("both are done", partitioned(4, 5, 5, 1), 2),
        ("more than the rest is updated", partitioned(4, 5, 5, 3), 2),
        ("no pod is made", partitioned(4, 0, 0, 0), 1),
        ("one pod is missing", partitioned(4, 4, 4, 0), 1),
        ("one pod is not ready", partitioned(4, 5, 4, 1), 1),
        ("the rest is not updated", partitioned(4, 5, 5, 0), 1),
        ("there is no rest", partitioned(7, 5, 5, 0), 2),
        ("no partition, and two revisions", partitioned(0, 5, 5, 5), 1),
        (
            "by hand",
            Target::with(StatefulSet, 1, &by_hand, &json!({"observedGeneration": 1})),
            2,
        ),
    ];
    for (case, other, observed) in cases {
        let shown = status(StatefulSet, 2, &json!({"observedGeneration": 1}), [done.clone(), other]);
        assert_eq!(shown["observedGeneration"], observed, "{case}");
    }
}

#[test]
fn a_collision_count_is_the_highest_that_anybody_showed() {
    let part = |count: Value| {
        let mut status = json!({"observedGeneration": 1, "replicas": 5});
        if !count.is_null() {
            status["collisionCount"] = count;
        }
        status
    };
    let [zero, one, two] = [0, 1, 2].map(|count| part(json!(count)));
    for kind in [Deployment, StatefulSet, DaemonSet] {
        let of = |status: &Value| Target::of(kind, status);
        let cases = [
            ("one target's is passed up", none(), vec![of(&zero)], json!(0)),
            ("a second target", zero.clone(), vec![of(&zero), of(&zero)], json!(0)),
            ("another is higher", zero.clone(), vec![of(&one), of(&two)], json!(2)),
            ("a copy made again", two.clone(), vec![of(&zero)], json!(2)),
            ("several made again", two.clone(), vec![of(&zero), of(&one)], json!(2)),
            ("no copy", two.clone(), vec![Target::absent()], json!(2)),
            (
                "a copy without status",
                one.clone(),
                vec![of(&none()), Target::absent()],
                json!(1),
            ),
            ("nobody showed one", part(none()), vec![of(&part(none()))], none()),
        ];
        for (case, current, targets, count) in cases {
            assert_eq!(
                status(kind, 1, &current, targets)["collisionCount"],
                count,
                "{kind:?}: {case}"
            );
        }
    }
    let other = status(Other, 1, &one, [Target::of(Other, &zero)]);
    assert_eq!(other["collisionCount"], 0);
}

#[test]
fn a_status_that_says_anything_has_the_counters_that_a_schema_requires() {
    let required: [(StatusKind, &[&str]); 4] = [
        (StatefulSet, &["replicas"]),
        (
            DaemonSet,
            &[
                "currentNumberScheduled",
                "numberMisscheduled",
                "desiredNumberScheduled",
                "numberReady",
            ],
        ),
        (
            PodDisruptionBudget,
            &["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"],
        ),
        (HorizontalPodAutoscaler, &["currentReplicas", "desiredReplicas"]),
    ];
    for (kind, counters) in required {
        let refused = Target {
            problem: Some(Problem {
                reason: "NameTaken".into(),
                message: "another object has the name".into(),
            }),
            ..Target::absent()
        };
        for targets in [1, 2] {
            let shown = whole(kind, 1, &none(), vec![refused.clone(); targets]);
            assert_eq!(condition(&shown, SYNCED)[0], "False");
            for counter in counters {
                assert_eq!(shown[*counter], 0, "{counter} of {kind:?}");
            }
            // What stood there before goes to zero and is not left out.
            let patch = difference(&json!({counters[0]: 3}), &shown, &Pruning::default()).unwrap();
            assert_eq!(patch.into_patch()[counters[0]], 0);
        }
        // Nothing is written for them alone.
        let silent = whole(kind, 1, &none(), [Target::absent()]);
        assert_eq!(difference(&none(), &silent, &Pruning::default()), None);
    }
}

#[test]
fn daemon_sets_and_budgets_and_autoscalers_are_summed() {
    let daemon = json!({"observedGeneration": 1, "currentNumberScheduled": 3, "desiredNumberScheduled": 3,
        "numberMisscheduled": 0, "numberReady": 2, "numberAvailable": 2, "numberUnavailable": 1, "updatedNumberScheduled": 3});
    let budget = json!({"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2,
        "expectedPods": 3, "disruptedPods": {"web-1": "2026-11-23T11:00:00Z"}});
    let scaler = json!({"observedGeneration": 1, "currentReplicas": 2, "desiredReplicas": 3,
        "lastScaleTime": "2026-11-23T11:00:00Z", "currentMetrics": [{"type": "Resource"}]});
    let cases = [
        (
            DaemonSet,
            daemon,
            json!({"observedGeneration": 4, "currentNumberScheduled": 6, "desiredNumberScheduled": 6,
                "numberMisscheduled": 0, "numberReady": 4, "numberAvailable": 4, "numberUnavailable": 2, "updatedNumberScheduled": 6}),
        ),
        (
            PodDisruptionBudget,
            budget,
            json!({"observedGeneration": 4, "disruptionsAllowed": 2, "currentHealthy": 6, "desiredHealthy": 4, "expectedPods": 6,
                "disruptedPods": {"ams/web-1": "2026-11-23T11:00:00Z", "east/web-1": "2026-11-23T11:00:00Z"}}),
        ),
        (
            HorizontalPodAutoscaler,
            scaler,
            json!({"observedGeneration": 4, "currentReplicas": 4, "desiredReplicas": 6, "lastScaleTime": "2026-11-23T11:00:00Z"}),
        ),
    ];
    for (kind, part, expected) in cases {
        let targets = vec![Target::of(kind, &part); 2];
        assert_eq!(status(kind, 4, &none(), targets), expected, "{kind:?}");
    }
}

fn job(conditions: &[&str], more: &Value) -> Target {
    let conditions: Vec<_> = conditions
        .iter()
        .map(|kind| json!({"type": kind, "status": "True", "reason": "Because", "message": "so"}))
        .collect();
    let mut status = json!({"startTime": "2026-11-23T10:00:00Z", "conditions": conditions});
    status
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Target::of(Job, &status)
}

#[test]
fn a_job_is_complete_when_it_is_complete_everywhere() {
    let early = job(
        &["SuccessCriteriaMet", "Complete"],
        &json!({"succeeded": 1, "completionTime": "2026-11-23T10:30:00Z"}),
    );
    let late = job(
        &["SuccessCriteriaMet", "Complete"],
        &json!({"succeeded": 1, "completionTime": "2026-11-23T10:40:00Z", "startTime": "2026-11-23T10:10:00Z"}),
    );
    let running = job(&[], &json!({"active": 1, "ready": 1}));
    let shown = status(Job, 1, &none(), [early.clone(), running]);
    assert_eq!(
        shown,
        json!({"active": 1, "ready": 1, "succeeded": 1, "startTime": "2026-11-23T10:00:00Z"})
    );
    let shown = status(Job, 1, &none(), [early, late]);
    assert_eq!(shown["completionTime"], "2026-11-23T10:40:00Z");
    assert_eq!(shown["startTime"], "2026-11-23T10:00:00Z");
    assert_eq!(condition(&shown, "Complete")[0], "True");
    assert_eq!(condition(&shown, "SuccessCriteriaMet")[0], "True");
}

#[test]
fn a_job_that_ended_upstream_stays_as_it_is() {
    let ended = json!({"succeeded": 2, "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T01:00:00Z",
        "conditions": [{"type": "Complete", "status": "True"}]});
    for targets in [1, 2] {
        let shown = status(Job, 1, &ended, vec![job(&[], &json!({"active": 1})); targets]);
        assert_eq!(shown, ended, "{targets} targets");
    }
}

#[test]
fn a_job_keeps_its_start_and_its_counts_never_go_back() {
    let current = json!({"startTime": "2026-11-23T09:00:00Z", "succeeded": 5});
    let shown = status(
        Job,
        1,
        &current,
        vec![job(&[], &json!({"active": 1, "succeeded": 1})); 2],
    );
    assert_eq!(
        shown,
        json!({"startTime": "2026-11-23T09:00:00Z", "succeeded": 5, "active": 2})
    );
}

#[test]
fn cron_jobs_list_their_active_jobs_and_show_the_latest_times() {
    let part = |hour: &str| {
        let active = json!([{"kind": "Job", "name": format!("tick-{hour}"), "namespace": "kcp-abc", "uid": "d1", "resourceVersion": "7"}]);
        let status = json!({"active": active, "lastScheduleTime": format!("2026-11-23T{hour}:00:00Z")});
        Target::of(CronJob, &status)
    };
    let shown = whole(
        CronJob,
        1,
        &none(),
        [part("11"), part("10"), Target::of(CronJob, &none())],
    );
    let expected = json!({"lastScheduleTime": "2026-11-23T11:00:00Z", "active": [
        {"kind": "Job", "name": "tick-10", "namespace": "shop"}, {"kind": "Job", "name": "tick-11", "namespace": "shop"}]});
    assert_eq!(shown, expected);
}

fn balanced(addresses: &[&str]) -> Value {
    let ingress: Vec<_> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
    json!({"loadBalancer": {"ingress": ingress}})
}

#[test]
fn load_balancer_addresses_are_joined_once_each_and_sorted() {
    for kind in [Service, Ingress] {
        let parts = [&["10.0.0.9", "10.0.0.1"][..], &["10.0.0.1"], &["10.0.0.3"], &[], &[]];
        let targets = parts.map(|addresses| Target::of(kind, &balanced(addresses)));
        assert_eq!(
            status(kind, 0, &none(), targets),
            balanced(&["10.0.0.1", "10.0.0.3", "10.0.0.9"]),
            "{kind:?}"
        );
    }
}

#[test]
fn an_address_that_goes_away_downstream_goes_away_upstream() {
    let current = balanced(&["10.0.0.1", "10.0.0.2"]);
    let targets = [&["10.0.0.1"][..], &[]].map(|addresses| Target::of(Service, &balanced(addresses)));
    assert_eq!(status(Service, 0, &current, targets), balanced(&["10.0.0.1"]));
    let none_left = status(
        Service,
        0,
        &current,
        [Target::of(Service, &json!({"loadBalancer": {}}))],
    );
    assert_eq!(none_left, json!({"loadBalancer": {}}));
}

#[test]
fn a_service_of_another_type_shows_no_address() {
    for targets in [1, 2] {
        let targets = named(vec![Target::of(Service, &balanced(&["10.0.0.1"])); targets]);
        let reports: Vec<_> = targets.iter().map(Target::report).collect();
        let upstream = Upstream {
            kind: Service,
            namespace: "shop",
            generation: 0,
            balancing: Balancing::Refused,
            status: &none(),
        };
        let Verdict::Status(shown) = combine(upstream, &reports, rule(Aggregation::Combined), now()) else {
            panic!("waits");
        };
        assert_eq!(shown.get("loadBalancer"), None);
    }
}

#[test]
fn endpoints_are_told_per_target() {
    let service = |endpoints| Target {
        endpoints,
        ..Target::of(Service, &none())
    };
    let some = |ready, total| Some(Endpoints { ready, total });
    let cases = [
        (
            vec![some(2, 3), some(1, 1)],
            "True",
            "EndpointsReady",
            "ams: 2 of 3 ready; east: 1 of 1 ready",
        ),
        (
            vec![some(2, 3), some(0, 1)],
            "False",
            "NoReadyEndpoint",
            "ams: 2 of 3 ready; east: 0 of 1 ready",
        ),
        (
            vec![some(2, 3), None],
            "Unknown",
            "NotReported",
            "ams: 2 of 3 ready; east: not reported",
        ),
    ];
    for (endpoints, status, reason, message) in cases {
        let shown = whole(Service, 0, &none(), endpoints.into_iter().map(service));
        assert_eq!(condition(&shown, ENDPOINTS_READY), [status, reason, message]);
    }
    let silent = whole(Service, 0, &none(), [service(None)]);
    assert!(conditions::find(&silent, ENDPOINTS_READY).is_none());
}

#[test]
fn a_claim_shows_its_worst_phase_and_only_what_all_agree_on() {
    let claim = |phase: &str, size: &str| json!({"phase": phase, "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"]});
    let cases = [
        (claim("Bound", "1Gi"), claim("Bound", "1Gi"), claim("Bound", "1Gi")),
        (
            claim("Bound", "1Gi"),
            claim("Bound", "2Gi"),
            json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"]}),
        ),
        (
            claim("Bound", "1Gi"),
            json!({"phase": "Pending"}),
            json!({"phase": "Pending"}),
        ),
        (
            json!({"phase": "Lost"}),
            json!({"phase": "Pending"}),
            json!({"phase": "Lost"}),
        ),
    ];
    for (one, other, expected) in cases {
        let targets = [one, other].map(|part| Target::of(PersistentVolumeClaim, &part));
        assert_eq!(status(PersistentVolumeClaim, 0, &none(), targets), expected);
    }
}

#[test]
fn the_rule_first_and_kinds_without_a_rule_show_the_first_target_that_counts() {
    let part = |colour: &str| Target::of(Other, &json!({"colour": colour, "observedGeneration": 1}));
    let shown = status(Other, 4, &none(), [part("red"), part("green")]);
    assert_eq!(shown, json!({"colour": "red", "observedGeneration": 4}));
    let shown = status(Other, 4, &none(), [part("red").silent_for(301), part("green")]);
    assert_eq!(shown["colour"], "green");

    let targets = named([
        Target::of(Deployment, &complete(5)),
        Target::of(Deployment, &complete(3)),
    ]);
    let reports: Vec<_> = targets.iter().rev().map(Target::report).collect();
    let upstream = Upstream {
        kind: Deployment,
        namespace: "shop",
        generation: 2,
        balancing: Balancing::Refused,
        status: &none(),
    };
    let Verdict::Status(shown) = combine(upstream, &reports, rule(Aggregation::First), now()) else {
        panic!("waits");
    };
    assert_eq!(shown["replicas"], 5);
}

#[test]
fn an_object_without_status_gets_none() {
    for targets in [1, 2, 5] {
        let targets = vec![Target::of(Other, &none()); targets];
        assert_eq!(whole(Other, 1, &none(), targets), json!({}));
    }
}

#[test]
fn a_kind_of_its_own_gets_our_conditions_only_if_it_has_conditions() {
    let with = whole(Other, 1, &none(), [Target::of(Other, &json!({"conditions": []}))]);
    assert_eq!(condition(&with, SYNCED)[0], "True");
    let without = whole(Other, 1, &none(), [Target::of(Other, &json!({"phase": "Ready"}))]);
    assert_eq!(without, json!({"phase": "Ready"}));
}

#[test]
fn synced_says_what_keeps_an_object_from_being_synced_and_where() {
    let problem = |reason: &str| Problem {
        reason: reason.into(),
        message: "another object has the name".into(),
    };
    let fine = Target::of(Deployment, &complete(5));
    let taken = Target {
        problem: Some(problem("NameTaken")),
        ..Target::absent()
    };
    let shown = whole(Deployment, 1, &none(), [fine.clone(), taken]);
    assert_eq!(
        condition(&shown, SYNCED),
        ["False", "NameTaken", "east: another object has the name"]
    );
    // On the way it says what it said before: one write per change, not two.
    let on_its_way = whole(Deployment, 1, &none(), [fine.clone(), Target::absent()]);
    assert!(conditions::find(&on_its_way, SYNCED).is_none());
    let synced = whole(Deployment, 1, &none(), [fine.clone(), fine.clone()]);
    let changed = whole(Deployment, 2, &synced, [fine.clone(), fine.behind()]);
    assert_eq!(condition(&changed, SYNCED)[0], "True");
}

#[test]
fn after_a_start_every_target_is_waited_for_as_long_as_its_part_would_count() {
    let known = Target::of(Deployment, &complete(5));
    let waits = verdict(
        Deployment,
        1,
        &none(),
        &named([known.clone(), known.clone().never_heard_for(299)]),
    );
    let expected = Waiting::NeverHeard {
        target: "east".into(),
        until: now() + SignedDuration::from_secs(1),
    };
    assert_eq!(waits, Verdict::Wait(expected));
    let shown = whole(Deployment, 1, &none(), [known.clone(), known.never_heard_for(300)]);
    assert_eq!(shown["replicas"], 5);
    assert_eq!(
        condition(&shown, TARGETS_REPORTING),
        [
            "False",
            "TargetLeftOut",
            "east: silent since 2026-11-23T11:55:00Z, left out"
        ]
    );
    assert_eq!(verdict(Deployment, 1, &none(), &[]), Verdict::Wait(Waiting::NoTarget));
}

#[test]
fn when_nobody_is_left_the_last_status_stands_and_says_so() {
    let current = json!({"replicas": 10, "conditions": [{"type": "Available", "status": "True"}]});
    for targets in [1, 2, 5] {
        let gone = Target::of(Deployment, &complete(5)).silent_for(301);
        let shown = whole(Deployment, 1, &current, vec![gone; targets]);
        assert_eq!(shown["replicas"], 10);
        assert_eq!(condition(&shown, TARGETS_REPORTING)[1], "NoneReporting");
    }
}

#[test]
fn nothing_is_said_of_a_new_object_before_each_target_has_taken_it_or_something_keeps_it() {
    let empty = json!({});
    let taken = Target::of(Service, &empty);
    let with_endpoints = |target: Target| Target {
        endpoints: Some(Endpoints { ready: 1, total: 1 }),
        ..target
    };
    let fresh = [with_endpoints(taken.clone()), Target::absent()];
    let shown = whole(Service, 1, &none(), fresh.clone());
    assert_eq!(shown.get("conditions"), Some(&json!([])), "{shown}");
    assert_eq!(difference(&none(), &shown, &Pruning::default()), None);
    // One write says all of it.
    let both = [with_endpoints(taken.clone()), with_endpoints(taken.clone())];
    let said = whole(Service, 1, &none(), both);
    for kind in OWN_CONDITIONS {
        assert_eq!(condition(&said, kind)[0], "True", "{kind}");
    }
    // What was said once is said on: a change on its way does not take it back.
    let changed = whole(Service, 2, &said, fresh);
    assert_eq!(condition(&changed, TARGETS_REPORTING)[0], "True");
    assert_eq!(condition(&changed, ENDPOINTS_READY)[0], "Unknown");
    // A silent target, or one that does not get it, is said at once.
    let silent = whole(Service, 1, &none(), [taken.clone(), Target::absent().silent_for(20)]);
    assert_eq!(condition(&silent, TARGETS_REPORTING)[1], "TargetSilent");
    let refused = Target {
        problem: Some(Problem {
            reason: "NameTaken".into(),
            message: "another object has the name".into(),
        }),
        ..Target::absent()
    };
    let said = whole(Service, 1, &none(), [taken, refused]);
    assert_eq!(condition(&said, SYNCED)[1], "NameTaken");
    assert_eq!(condition(&said, TARGETS_REPORTING)[0], "True");
}
