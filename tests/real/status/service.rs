//! Services: addresses, endpoints, and how long a status takes.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Patch, wait_for};

use super::field::{ENDS_WITHIN, Field, SOON, condition};
use crate::objects::create_namespace;

/// Longer than the pause after a write.
const PAUSE: Duration = Duration::from_millis(600);

/// Makes the Service `name` of type `LoadBalancer` and waits for its copies; its path.
pub(super) fn balance(field: &Field, namespace: &str, name: &str) -> String {
    make(field, namespace, name, "web")
}

/// The same for one that selects the pods of `app`.
fn make(field: &Field, namespace: &str, name: &str, app: &str) -> String {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"type": "LoadBalancer", "selector": {"app": app}, "ports": [{"port": 80}]},
    });
    let collection = format!("/api/v1/namespaces/{namespace}/services");
    field.upstream.client().create(&collection, &service);
    let path = format!("{collection}/{name}");
    for target in [&field.east, &field.west] {
        wait_for("the service downstream", SOON, || target.client().get(&path).is_some());
    }
    path
}

/// What the load balancer of `target` does.
pub(super) fn give(target: &ApiServer, path: &str, address: Option<&str>) {
    let ingress: Vec<Value> = address.into_iter().map(|ip| json!({"ip": ip})).collect();
    let status = json!({"status": {"loadBalancer": {"ingress": ingress}}});
    target.client().patch(&format!("{path}/status"), Patch::Merge(&status));
}

/// The addresses that a status shows.
pub(super) fn addresses(status: &Value) -> Vec<String> {
    let ingress = status["loadBalancer"]["ingress"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    ingress
        .iter()
        .map(|address| address["ip"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn addresses_and_endpoints_of_all_targets_are_shown_and_go_away_again() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    field.deploy("balanced", 600);
    let path = balance(&field, "balanced", "web");
    give(&field.east, &path, Some("192.0.2.2"));
    give(&field.west, &path, Some("192.0.2.1"));
    field.wait("both addresses", &path, |status| {
        addresses(status) == ["192.0.2.1", "192.0.2.2"]
    });
    field.wait("all endpoints", &path, |status| {
        let [truth, _, message] = condition(status, "workload.kcp.io/EndpointsReady");
        truth == "True" && message == "east: 5 of 5 ready; west: 5 of 5 ready"
    });
    give(&field.west, &path, None);
    field.wait("the address of east", &path, |status| {
        addresses(status) == ["192.0.2.2"]
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn the_endpoints_of_a_service_made_again_under_its_name_are_its_own() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    field.deploy("made-again", 600);
    let path = balance(&field, "made-again", "web");
    let endpoints = |status: &Value| {
        let [truth, _, message] = condition(status, "workload.kcp.io/EndpointsReady");
        (truth, message)
    };
    field.wait("all endpoints", &path, |status| {
        endpoints(status).1 == "east: 5 of 5 ready; west: 5 of 5 ready"
    });
    field.upstream.client().delete(&path);
    for target in [&field.east, &field.west] {
        wait_for("the end of the copy", SOON, || target.client().get(&path).is_none());
        // The garbage collector takes the slices after it.
        let slices = "/apis/discovery.k8s.io/v1/namespaces/made-again/endpointslices";
        wait_for("the end of its slices", SOON, || {
            target.client().items(slices).is_empty()
        });
    }
    // It selects nothing now.
    make(&field, "made-again", "web", "nobody");
    field.wait("no endpoints", &path, |status| {
        endpoints(status) == ("False".to_owned(), "east: 0 of 0 ready; west: 0 of 0 ready".to_owned())
    });
    let selector = json!({"spec": {"selector": {"app": "web"}}});
    field.upstream.client().patch(&path, Patch::Merge(&selector));
    field.wait("all endpoints again", &path, |status| {
        endpoints(status) == ("True".to_owned(), "east: 5 of 5 ready; west: 5 of 5 ready".to_owned())
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

/// Tells the time from a write of a status downstream until it is read upstream. A number, no limit: that is a bench's.
#[test]
fn a_status_takes_little_time_at_rest() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    create_namespace(&field.upstream, "timed");
    let path = balance(&field, "timed", "web");
    // What is said of a new object is written: the next change is within no pause.
    field.wait("the first word", &path, |status| {
        condition(status, "workload.kcp.io/EndpointsReady")[0] == "False"
    });
    thread::sleep(PAUSE);
    let mut took = Vec::new();
    for number in 1..=40 {
        let address = format!("192.0.2.{number}");
        let begun = Instant::now();
        give(&field.east, &path, Some(&address));
        wait_until_shown(&field, &path, &address);
        took.push(begun.elapsed());
        // At rest: not within the pause after the last write.
        thread::sleep(PAUSE);
    }
    took.sort_unstable();
    println!(
        "status back at rest: p50 {:?}, p90 {:?}, longest {:?}",
        took[20], took[36], took[39]
    );
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

/// Looks without a pause between.
fn wait_until_shown(field: &Field, path: &str, address: &str) {
    let deadline = Instant::now() + SOON;
    while addresses(&field.status(path)) != [address] {
        assert!(
            Instant::now() < deadline,
            "{address} is not shown: {}",
            field.status(path)
        );
    }
}
