//! Statuses that an API server would refuse for ever, once a copy is made again or a target joins. No controller of these kinds runs: what
//! they say is played.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Patch, Syncer, wait_for};

use super::field::{ENDS_WITHIN, Field, SOON, condition};
use crate::objects::create_namespace;

const START: &str = "2026-11-23T10:00:00Z";
const LATER: &str = "2026-11-23T11:00:00Z";
const END: &str = "2026-11-23T12:00:00Z";

fn run(field: &Field, targets: &[&str]) -> Syncer {
    let resources = json!([{"group": "apps", "resource": "statefulsets"}, {"group": "batch", "resource": "jobs"}]);
    field.run_on(targets, "5m", &resources)
}

/// Makes `body` in `collection` upstream; its path.
fn make(field: &Field, collection: &str, body: &Value) -> String {
    field.upstream.client().create(collection, body);
    format!("{collection}/{}", body["metadata"]["name"].as_str().unwrap())
}

fn job(field: &Field, namespace: &str) -> String {
    create_namespace(&field.upstream, namespace);
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "main", "image": "example.org/sum:1"}]});
    let body = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "sum"}, "spec": {"template": {"spec": pod}}});
    make(field, &format!("/apis/batch/v1/namespaces/{namespace}/jobs"), &body)
}

/// The UID of the copy on `target`, once there is one that is not `before`.
fn copy(target: &ApiServer, path: &str, before: &Value) -> Value {
    wait_for("the copy", SOON, || {
        let found = target.client().get(path);
        let uid = found.map(|copy| copy["metadata"]["uid"].clone());
        uid.filter(|uid| uid != before).ok_or("no copy")
    })
}

/// The controllers of `target` say this of its copy.
fn say(target: &ApiServer, path: &str, status: &Value) {
    let status = json!({"status": status});
    target.client().patch(&format!("{path}/status"), Patch::Merge(&status));
}

fn conditions(kinds: &[&str]) -> Value {
    let make = |kind: &&str| json!({"type": kind, "status": "True", "reason": "Played", "message": "so"});
    kinds.iter().map(make).collect()
}

#[test]
fn a_job_whose_copy_is_made_again_goes_on_to_its_end() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = run(&field, &["east"]);
    let path = job(&field, "job-again");
    let first = copy(&field.east, &path, &Value::Null);
    say(
        &field.east,
        &path,
        &json!({"startTime": START, "active": 1, "failed": 2}),
    );
    field.wait("two failed pods", &path, |status| {
        status["failed"] == 2 && status["startTime"] == START
    });
    field.east.client().delete(&path);
    copy(&field.east, &path, &first);
    say(&field.east, &path, &json!({"startTime": LATER, "active": 3}));
    field.wait("its new pods", &path, |status| {
        status["active"] == 3 && status["failed"] == 2 && status["startTime"] == START
    });
    let done = json!({"active": 0, "succeeded": 1, "completionTime": END, "conditions": conditions(&["SuccessCriteriaMet", "Complete"])});
    say(&field.east, &path, &done);
    field.wait("its end", &path, |status| {
        condition(status, "Complete")[0] == "True" && status["succeeded"] == 1 && status["failed"] == 2
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn a_job_that_fails_on_one_of_two_targets_fails_though_its_copy_is_made_again() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = run(&field, &["east", "west"]);
    let path = job(&field, "job-fails");
    let first = copy(&field.east, &path, &Value::Null);
    copy(&field.west, &path, &Value::Null);
    let fails = json!({"startTime": START, "active": 1, "failed": 1, "conditions": conditions(&["FailureTarget"])});
    say(&field.east, &path, &fails);
    say(&field.west, &path, &json!({"startTime": START, "active": 1}));
    field.wait("its failure", &path, |status| {
        condition(status, "FailureTarget")[0] == "True" && status["active"] == 2
    });
    field.east.client().delete(&path);
    copy(&field.east, &path, &first);
    say(&field.west, &path, &json!({"active": 4}));
    field.wait("the pods of west, and its failure still", &path, |status| {
        condition(status, "FailureTarget") == ["True", "Played", "east: so"] && status["active"] == 4
    });
    let done = json!({"startTime": START, "active": 0, "succeeded": 1, "completionTime": END,
        "conditions": conditions(&["SuccessCriteriaMet", "Complete"])});
    for target in [&field.east, &field.west] {
        say(target, &path, &done);
    }
    field.wait("its end", &path, |status| {
        condition(status, "Failed") == ["True", "Played", "east: so"] && status["succeeded"] == 2
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn a_stateful_set_that_gets_a_second_target_shows_the_sum() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = run(&field, &["east"]);
    create_namespace(&field.upstream, "second-target");
    let labels = json!({"app": "db"});
    let body = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {
        "replicas": 5, "serviceName": "db", "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example.org/db:1"}]}}}});
    let path = make(&field, "/apis/apps/v1/namespaces/second-target/statefulsets", &body);
    let complete = json!({"observedGeneration": 1, "replicas": 5, "readyReplicas": 5, "currentReplicas": 5, "updatedReplicas": 5,
        "availableReplicas": 5, "currentRevision": "db-1", "updateRevision": "db-1", "collisionCount": 0});
    copy(&field.east, &path, &Value::Null);
    say(&field.east, &path, &complete);
    field.wait("the five of east", &path, |status| {
        status["readyReplicas"] == 5 && status["collisionCount"] == 0
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
    let mut syncer = run(&field, &["east", "west"]);
    copy(&field.west, &path, &Value::Null);
    say(&field.west, &path, &complete);
    field.wait("the ten of both", &path, |status| {
        status["readyReplicas"] == 10 && status["observedGeneration"] == 1 && status["collisionCount"] == 0
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}
