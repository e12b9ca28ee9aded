//! One test per mistake that other syncers make.

use StatusKind::{Deployment, HorizontalPodAutoscaler, Job, Other, PersistentVolumeClaim, Service, StatefulSet};

use super::*;

#[test]
fn a_sum_of_complete_targets_does_not_hide_one_without_pods() {
    // Karmada and KubeAdmiral advance observedGeneration when controllers have observed it: `kubectl rollout status` compares
    // the sums with spec.replicas of one copy, and says "successfully rolled out" while a target has no pod at all.
    let targets = [
        Target::of(Deployment, &complete(5)),
        Target::of(Deployment, &without_pods("NewReplicaSetCreated")),
    ];
    let shown = status(Deployment, 1, &Value::Null, targets);
    assert_eq!(shown.get("observedGeneration"), None);
    assert_eq!(condition(&shown, "Available")[0], "False");
}

#[test]
fn the_conditions_of_a_deployment_are_not_dropped() {
    // Karmada drops them: `kubectl wait --for=condition=Available` waits for ever.
    let shown = status(
        Deployment,
        1,
        &Value::Null,
        vec![Target::of(Deployment, &complete(5)); 2],
    );
    assert_eq!(condition(&shown, "Available")[0], "True");
}

#[test]
fn the_generation_of_a_stateful_set_is_observed_in_the_end() {
    // Karmada compares the template's generation with the member's, and never collects what the member observed.
    let done = json!({"observedGeneration": 9, "replicas": 5, "readyReplicas": 5, "updatedReplicas": 5});
    let target = Target::with(StatefulSet, 9, &json!({"replicas": 5}), &done);
    let shown = status(StatefulSet, 2, &Value::Null, vec![target; 2]);
    assert_eq!(shown["observedGeneration"], 2);
}

#[test]
fn the_status_of_a_target_that_fell_silent_does_not_look_current() {
    // Karmada has no time and no mark on an item: what a cluster said a day ago looks current.
    let known = Target::of(Deployment, &complete(5));
    let shown = whole(
        Deployment,
        1,
        &Value::Null,
        [known.clone(), known.clone().silent_for(60)],
    );
    assert_eq!(shown["replicas"], 10);
    let message = "east: silent since 2026-11-23T11:59:00Z, its last word counts until 2026-11-23T12:04:00Z";
    assert_eq!(condition(&shown, TARGETS_REPORTING), ["False", "TargetSilent", message]);
    let later = whole(Deployment, 1, &shown, [known.clone(), known.silent_for(86_400)]);
    assert_eq!(later["replicas"], 5);
    assert_eq!(condition(&later, TARGETS_REPORTING)[1], "TargetLeftOut");
}

#[test]
fn the_status_of_an_object_that_vanished_downstream_does_not_stay() {
    // Karmada returns early when the member's object is gone, and keeps its last status.
    let current = whole(
        Deployment,
        1,
        &Value::Null,
        vec![Target::of(Deployment, &complete(5)); 2],
    );
    let shown = whole(
        Deployment,
        1,
        &current,
        [Target::of(Deployment, &complete(5)), Target::absent()],
    );
    assert_eq!(shown["replicas"], 5);
    assert_eq!(condition(&shown, "Available")[0], "Unknown");
}

#[test]
fn a_claim_is_not_bound_because_nobody_said_anything() {
    // Karmada starts at Bound and skips what is missing.
    let bound = Target::of(PersistentVolumeClaim, &json!({"phase": "Bound"}));
    let silent = Target::of(PersistentVolumeClaim, &Value::Null);
    for targets in [
        vec![silent.clone(); 2],
        vec![bound, silent.clone()],
        vec![silent, Target::absent()],
    ] {
        let shown = status(PersistentVolumeClaim, 0, &Value::Null, targets);
        assert_eq!(shown["phase"], "Pending");
    }
}

#[test]
fn a_job_does_not_fail_while_it_runs_elsewhere() {
    // Karmada says Failed with the first target: an API server refuses that while pods are active, and the counts freeze.
    let failed = json!({"startTime": "2026-11-23T10:00:00Z", "failed": 3,
        "conditions": [{"type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded", "message": "3 failed"},
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "3 failed"}]});
    let running = json!({"startTime": "2026-11-23T10:00:00Z", "active": 1});
    let shown = status(
        Job,
        1,
        &Value::Null,
        [Target::of(Job, &failed), Target::of(Job, &running)],
    );
    assert!(conditions::find(&shown, "Failed").is_none());
    assert_eq!(
        condition(&shown, "FailureTarget"),
        ["True", "BackoffLimitExceeded", "ams: 3 failed"]
    );
    assert_eq!((&shown["active"], &shown["failed"]), (&json!(1), &json!(3)));
    let complete = json!({"startTime": "2026-11-23T10:00:00Z", "succeeded": 1, "completionTime": "2026-11-23T10:10:00Z",
        "conditions": [{"type": "Complete", "status": "True"}]});
    let shown = status(Job, 1, &shown, [Target::of(Job, &failed), Target::of(Job, &complete)]);
    assert_eq!(
        condition(&shown, "Failed"),
        ["True", "BackoffLimitExceeded", "ams: 3 failed"]
    );
    assert_eq!((shown.get("active"), shown.get("completionTime")), (None, None));
}

#[test]
fn downstream_identities_do_not_leak_upstream() {
    // kcp #1629: a downstream generation in observedGeneration, also of conditions, means another change upstream.
    let part = json!({"observedGeneration": 12, "conditions": [
        {"type": "Ready", "status": "True", "observedGeneration": 12}, {"type": "Old", "status": "True", "observedGeneration": 11}]});
    let target = Target::with(Other, 12, &Value::Null, &part);
    let shown = status(Other, 3, &Value::Null, [target]);
    let expected = json!({"observedGeneration": 3, "conditions": [
        {"type": "Ready", "status": "True", "observedGeneration": 3}, {"type": "Old", "status": "True"}]});
    assert_eq!(shown, expected);
}

#[test]
fn kinds_without_a_rule_have_a_status_too() {
    // Karmada writes none and calls them healthy, KubeStellar's branch for them is empty.
    let shown = status(
        Other,
        1,
        &Value::Null,
        vec![Target::of(Other, &json!({"phase": "Broken"})); 2],
    );
    assert_eq!(shown, json!({"phase": "Broken"}));
}

#[test]
fn the_conditions_of_an_autoscaler_are_not_dropped() {
    // Karmada passes on two counters and nothing else.
    let part = json!({"currentReplicas": 1, "desiredReplicas": 1,
        "conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "no metrics"}]});
    let shown = status(
        HorizontalPodAutoscaler,
        1,
        &Value::Null,
        vec![Target::of(HorizontalPodAutoscaler, &part); 2],
    );
    assert_eq!(
        condition(&shown, "ScalingActive"),
        ["False", "FailedGetResourceMetric", "ams: no metrics; east: no metrics"]
    );
}

#[test]
fn a_good_status_is_not_overwritten_by_an_empty_one_after_a_start() {
    // Field rule paid for by issues: what was not listed yet says nothing.
    let never = Target::absent().never_heard_for(1);
    let waits = verdict(Deployment, 1, &complete(10), &named(vec![never; 2]));
    assert!(matches!(waits, Verdict::Wait(Waiting::NeverHeard { .. })));
}

#[test]
fn a_status_does_not_outgrow_its_object_with_many_targets() {
    // Fleet's status outgrew the store at 72 clusters (#3482).
    let names: Vec<String> = (0..100).map(|number| format!("target-{number:03}")).collect();
    let message = "m".repeat(10_000);
    let part = json!({"replicas": 1, "conditions": [{"type": "Available", "status": "False", "message": message}]});
    let target = Target::of(Deployment, &part).silent_for(60);
    let reports: Vec<_> = names
        .iter()
        .map(|name| Report {
            target: name,
            ..target.report()
        })
        .collect();
    let upstream = Upstream {
        kind: Deployment,
        namespace: "shop",
        generation: 1,
        balancing: Balancing::Refused,
        status: &Value::Null,
    };
    let Verdict::Status(shown) = combine(upstream, &reports, rule(Aggregation::Combined), now()) else {
        panic!("waits");
    };
    assert!(shown.to_string().len() < 4_096, "{} bytes", shown.to_string().len());
    assert!(condition(&shown, "Available")[2].ends_with("and 95 more"));
}

#[test]
fn a_services_conditions_and_addresses_come_from_all_targets_at_once() {
    // KubeStellar combines three kinds only; a Service on two clusters shows nothing.
    let part = |ip: &str| json!({"loadBalancer": {"ingress": [{"ip": ip}]}});
    let shown = status(
        Service,
        0,
        &Value::Null,
        ["10.0.0.2", "10.0.0.1"].map(|ip| Target::of(Service, &part(ip))),
    );
    assert_eq!(
        shown["loadBalancer"]["ingress"],
        json!([{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}])
    );
}
