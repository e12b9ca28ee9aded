//! Deployments.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncer_harness::{Patch, stays, wait_for};

use super::field::{ENDS_WITHIN, Field, SOON, condition};
use crate::world::writes;

#[test]
fn a_deployment_of_five_on_two_targets_has_ten_replicas_upstream_and_only_its_status_is_written() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    let path = field.deploy("ten", 600);
    field.wait_ten(&path);
    field.wait("all that is true of ten", &path, |status| {
        (&status["availableReplicas"], &status["observedGeneration"]) == (&json!(10), &json!(1))
            && condition(status, "Available")[0] == "True"
            && condition(status, "workload.kcp.io/Synced")[0] == "True"
            && condition(status, "workload.kcp.io/TargetsReporting")[0] == "True"
    });
    let waited = field.rollout("ten", SOON.as_secs());
    assert!(waited.status.success(), "{waited:?}");

    // A change of the template: the new generation is shown when both have rolled out, and not before.
    let before = writes(&field.upstream).len();
    let change = json!({"spec": {"template": {"metadata": {"annotations": {"change": "1"}}}}});
    field.upstream.client().patch(&path, Patch::Merge(&change));
    let waited = field.rollout("ten", SOON.as_secs());
    assert!(waited.status.success(), "{waited:?}");
    let status = field.status(&path);
    assert_eq!(
        (&status["observedGeneration"], &status["updatedReplicas"]),
        (&json!(2), &json!(10))
    );
    for target in [&field.east, &field.west] {
        let there = target.client().read(&path)["status"].clone();
        assert_eq!(
            (&there["updatedReplicas"], &there["availableReplicas"]),
            (&json!(5), &json!(5))
        );
    }

    let written = writes(&field.upstream);
    let others: Vec<_> = written.iter().filter(|event| event.subresource != "status").collect();
    assert_eq!(format!("{others:?}"), "[]");
    println!(
        "status writes for one spec change on two targets: {}",
        written.len() - before
    );

    // At rest and after a restart: nothing.
    let quiet = || writes(&field.upstream).len();
    let (mut rest, mut since) = (quiet(), Instant::now());
    wait_for("rest", SOON, || {
        let now = quiet();
        if now != rest {
            (rest, since) = (now, Instant::now());
        }
        since.elapsed() >= Duration::from_secs(6)
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
    let mut syncer = field.run("5m");
    stays("after a restart", Duration::from_secs(10), || quiet() == rest);
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn a_rollout_does_not_end_while_a_target_may_make_no_pods() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    let quota = field.forbid_pods("quota");
    let path = field.deploy("quota", 600);
    field.wait("the five of east", &path, |status| status["readyReplicas"] == 5);
    let status = field.wait("the failure of west", &path, |status| {
        condition(status, "ReplicaFailure")[0] == "True"
    });
    assert!(
        condition(&status, "ReplicaFailure")[2].starts_with("west: "),
        "{status}"
    );
    // Five of five are ready as kubectl counts, and yet this is not the end.
    let waited = field
        .upstream
        .try_kubectl(&["rollout", "status", "-n", "quota", "deployment/web", "--timeout=4s"]);
    assert!(!waited.status.success(), "{waited:?}");
    assert_eq!(field.status(&path).get("observedGeneration"), None);

    field.west.client().delete(&quota);
    // The controller of west waits longer and longer between its tries: an edit wakes it.
    let change = json!({"spec": {"template": {"metadata": {"annotations": {"change": "1"}}}}});
    field.upstream.client().patch(&path, Patch::Merge(&change));
    let timeout = format!("--timeout={}s", SOON.as_secs());
    field
        .upstream
        .kubectl(&["rollout", "status", "-n", "quota", "deployment/web", &timeout]);
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn a_rollout_that_cannot_progress_says_so_and_where() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    field.forbid_pods("deadline");
    let path = field.deploy("deadline", 2);
    let status = field.wait("the deadline of west", &path, |status| {
        condition(status, "Progressing")[1] == "ProgressDeadlineExceeded"
    });
    let [truth, _, message] = condition(&status, "Progressing");
    assert_eq!(truth, "False");
    assert!(message.starts_with("west: "), "{message}");
    let waited =
        field
            .upstream
            .try_kubectl(&["rollout", "status", "-n", "deadline", "deployment/web", "--timeout=20s"]);
    let said = String::from_utf8_lossy(&waited.stderr);
    assert!(said.contains("exceeded its progress deadline"), "{said}");
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn a_rollout_does_not_end_while_a_target_is_behind() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    let path = field.deploy("behind", 600);
    field.wait_ten(&path);
    // Nothing is written to west's copy: it stays complete, of the former generation.
    let pause = |paused: &Value| json!({"metadata": {"annotations": {"workload.kcp.io/paused": paused}}});
    field.west.client().patch(&path, Patch::Merge(&pause(&json!("true"))));
    field.wait("the word that west rests", &path, |status| {
        let [truth, reason, message] = condition(status, "workload.kcp.io/Synced");
        truth == "False" && reason == "Paused" && message.starts_with("west: ")
    });
    let change = json!({"spec": {"template": {"metadata": {"annotations": {"change": "1"}}}}});
    field.upstream.client().patch(&path, Patch::Merge(&change));
    wait_for("the rollout on east", SOON, || {
        let there = field.east.client().read(&path);
        there["metadata"]["generation"] == 2
            && there["status"]["updatedReplicas"] == 5
            && there["status"]["replicas"] == 5
    });
    let waited = field.rollout("behind", 6);
    assert!(!waited.status.success(), "{waited:?}");
    assert_eq!(field.status(&path)["observedGeneration"], 1);

    field.west.client().patch(&path, Patch::Merge(&pause(&Value::Null)));
    let waited = field.rollout("behind", SOON.as_secs());
    assert!(waited.status.success(), "{waited:?}");
    let status = field.status(&path);
    assert_eq!(
        (&status["observedGeneration"], &status["updatedReplicas"]),
        (&json!(2), &json!(10))
    );
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn a_rollout_does_not_end_while_a_target_is_dead_for_less_than_stale_after() {
    let mut field = Field::get();
    let mut syncer = field.run("5m");
    let path = field.deploy("dead", 600);
    field.wait_ten(&path);
    field.west.kill();
    {
        let _report = field.report();
        let change = json!({"spec": {"template": {"metadata": {"annotations": {"change": "1"}}}}});
        field.upstream.client().patch(&path, Patch::Merge(&change));
        wait_for("the rollout on east", SOON, || {
            let there = field.east.client().read(&path);
            there["metadata"]["generation"] == 2
                && there["status"]["updatedReplicas"] == 5
                && there["status"]["replicas"] == 5
        });
        // Longer than it takes until west counts as silent.
        let waited = field.rollout("dead", 15);
        assert!(!waited.status.success(), "{waited:?}");
        let status = field.status(&path);
        assert_eq!(
            (&status["observedGeneration"], &status["replicas"]),
            (&json!(1), &json!(10))
        );
        field.wait("the word that west is silent", &path, |status| {
            condition(status, "workload.kcp.io/TargetsReporting")[1] == "TargetSilent"
        });
    }
    field.west.start_again();
    let _report = field.report();
    let waited = field.rollout("dead", 2 * SOON.as_secs());
    assert!(waited.status.success(), "{waited:?}");
    assert_eq!(field.status(&path)["observedGeneration"], 2);
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn an_image_that_is_nowhere_ends_the_rollout_with_the_targets_named() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    let path = field.deploy("broken", 3);
    field.wait_ten(&path);
    let image =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "example.org/broken:1"}]}}}});
    field.upstream.client().patch(&path, Patch::Strategic(&image));
    let status = field.wait("the deadline of both", &path, |status| {
        let [_, reason, message] = condition(status, "Progressing");
        reason == "ProgressDeadlineExceeded" && message.contains("east: ") && message.contains("west: ")
    });
    assert_eq!(condition(&status, "Progressing")[0], "False");
    // What ran before runs on, and is counted.
    assert_eq!(status["observedGeneration"], 2);
    assert!(status["updatedReplicas"].as_i64() < Some(10), "{status}");
    let waited = field.rollout("broken", 20);
    let said = String::from_utf8_lossy(&waited.stderr);
    assert!(
        !waited.status.success() && said.contains("exceeded its progress deadline"),
        "{said}"
    );
    // The way back needs nothing but the image, and on a slow machine more time than the three seconds.
    let image = json!({"spec": {
        "progressDeadlineSeconds": 600,
        "template": {"spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]}},
    }});
    field.upstream.client().patch(&path, Patch::Strategic(&image));
    let waited = field.rollout("broken", SOON.as_secs());
    assert!(waited.status.success(), "{waited:?}");
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}
