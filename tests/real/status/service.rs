//! Services: addresses, endpoints, and how long a status takes.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Patch, wait_for};

use super::field::{ENDS_WITHIN, Field, SOON, condition};
use crate::{objects::create_namespace, world::writes};

fn balance(field: &Field, namespace: &str) -> String {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
    });
    let collection = format!("/api/v1/namespaces/{namespace}/services");
    field.upstream.client().create(&collection, &service);
    let path = format!("{collection}/web");
    for target in [&field.east, &field.west] {
        wait_for("the service downstream", SOON, || target.client().get(&path).is_some());
    }
    path
}

/// What the load balancer of `target` does.
fn give(target: &ApiServer, path: &str, address: Option<&str>) {
    let ingress: Vec<Value> = address.into_iter().map(|ip| json!({"ip": ip})).collect();
    let status = json!({"status": {"loadBalancer": {"ingress": ingress}}});
    target.client().patch(&format!("{path}/status"), Patch::Merge(&status));
}

fn addresses(status: &Value) -> Vec<String> {
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
    let path = balance(&field, "balanced");
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

/// Tells the time from a write of a status downstream until it is read upstream. A number, no limit: that is a bench's.
#[test]
fn a_status_takes_little_time_at_rest() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    create_namespace(&field.upstream, "timed");
    let path = balance(&field, "timed");
    let mut took = Vec::new();
    for number in 0..40 {
        let address = format!("192.0.2.{}", number + 1);
        let begun = Instant::now();
        give(&field.east, &path, Some(&address));
        wait_until_shown(&field, &path, &address);
        took.push(begun.elapsed());
        // At rest: not within the pause after the last write.
        thread::sleep(Duration::from_millis(600));
    }
    took.sort_unstable();
    println!(
        "status back at rest: p50 {:?}, p95 {:?}, longest {:?}",
        took[20], took[37], took[39]
    );
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

/// Somebody edits the object fifty times a second while its status moves.
#[test]
fn no_edit_and_no_status_is_lost_while_both_flow() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    create_namespace(&field.upstream, "chaos");
    let path = balance(&field, "chaos");
    let before = writes(&field.upstream).len();
    let edits = 400;
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..edits {
                let change = json!({"metadata": {"labels": {"edit": number.to_string()}}});
                field.upstream.client().patch(&path, Patch::Merge(&change));
                thread::sleep(Duration::from_millis(15));
            }
        });
        for number in 0..60 {
            give(&field.east, &path, Some(&format!("192.0.2.{}", number + 1)));
            thread::sleep(Duration::from_millis(120));
        }
    });
    field.wait("the last address", &path, |status| addresses(status) == ["192.0.2.60"]);
    let last = (edits - 1).to_string();
    for server in [&field.upstream, &field.east, &field.west] {
        wait_for("the last edit", SOON, || {
            let seen = server.client().read(&path);
            if seen["metadata"]["labels"]["edit"] == *last {
                Ok(())
            } else {
                Err(seen["metadata"]["labels"].to_string())
            }
        });
    }
    let written = writes(&field.upstream).split_off(before);
    let conflicts = written.iter().filter(|event| event.code == 409).count();
    println!(
        "status writes beside {edits} edits: {}, conflicts among them: {conflicts}",
        written.len()
    );
    assert!(written.iter().all(|event| event.subresource == "status"));
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
