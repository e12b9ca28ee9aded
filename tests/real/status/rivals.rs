//! Upstreams that do not take our status: somebody else writes it, or there is no place for it.

use std::time::{Duration, Instant};

use serde_json::json;
use syncer_harness::{ControllerManager, Patch, stays, wait_for};

use super::field::{ENDS_WITHIN, Field, SOON};
use crate::{objects::create_namespace, world::writes};

#[test]
fn a_status_that_another_controller_writes_too_is_left_to_it_and_told() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    let path = field.deploy("contended", 600);
    field.wait_ten(&path);
    // A plain upstream should run no workload controllers; this one does, and has no nodes.
    let controllers = ControllerManager::start(&field.upstream, "deployment-controller");
    wait_for("StatusContended", SOON, || {
        let events = field.upstream.client().items("/api/v1/namespaces/contended/events");
        events
            .into_iter()
            .find(|event| event["reason"] == "StatusContended")
            .map(|event| {
                assert_eq!(
                    (&event["type"], &event["involvedObject"]["name"]),
                    (&json!("Warning"), &json!("web")),
                    "{event}"
                );
            })
    });
    wait_for("the counter", SOON, || {
        let metrics = Field::metrics_of(&syncer);
        metrics
            .lines()
            .any(|line| {
                // Other objects of this upstream are met by the controller too.
                let count = line.strip_prefix("tmc_syncer_status_contended_total ");
                count.is_some_and(|count| count != "0")
            })
            .then_some(())
            .ok_or(metrics)
    });
    // It has stopped: the other's word stands.
    let of_it = || {
        let written = writes(&field.upstream);
        written.iter().filter(|event| event.namespace == "contended").count()
    };
    let stopped = of_it();
    stays("left alone", Duration::from_secs(10), || of_it() == stopped);
    assert_eq!(field.status(&path).get("readyReplicas"), None);
    drop(controllers);
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn a_kind_without_a_status_subresource_upstream_is_said_once_and_not_tried_per_object() {
    let field = Field::get();
    let _report = field.report();
    let definition = |subresources: serde_json::Value| {
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "gauges.status.example.org"},
            "spec": {
                "group": "status.example.org", "scope": "Namespaced",
                "names": {"plural": "gauges", "singular": "gauge", "kind": "Gauge", "listKind": "GaugeList"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}, "subresources": subresources}],
            },
        })
    };
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    field.upstream.client().create(definitions, &definition(json!({})));
    for target in [&field.east, &field.west] {
        target.client().create(definitions, &definition(json!({"status": {}})));
    }
    create_namespace(&field.upstream, "gauges");
    let collection = "/apis/status.example.org/v1/namespaces/gauges/gauges";
    for server in [&field.upstream, &field.east, &field.west] {
        wait_for("the kind", SOON, || {
            let reply = server.client().call("GET", collection, None);
            if reply.is_success() { Ok(()) } else { Err(reply.text) }
        });
    }
    let mut syncer = field.run_with("5m", &json!([{"group": "status.example.org", "resource": "gauges"}]));
    let mut paths = Vec::new();
    for number in 0..20 {
        let name = format!("gauge-{number}");
        let gauge = json!({"apiVersion": "status.example.org/v1", "kind": "Gauge", "metadata": {"name": name}});
        field.upstream.client().create(collection, &gauge);
        paths.push(format!("{collection}/{name}"));
    }
    for target in [&field.east, &field.west] {
        for path in &paths {
            wait_for("the copy", SOON, || target.client().get(path).is_some());
            let status = json!({"status": {"phase": "Ready"}});
            target.client().patch(&format!("{path}/status"), Patch::Merge(&status));
        }
    }
    let line = syncer.wait_for_log(&["has no status subresource"], SOON);
    assert!(line.contains("gauges"), "{line}");
    // Whatever else moves: it is not tried again for each object.
    let attempts = || {
        let written = writes(&field.upstream);
        written.iter().filter(|event| event.resource == "gauges").count()
    };
    let (mut tried, mut since) = (attempts(), Instant::now());
    wait_for("rest", SOON, || {
        let now = attempts();
        if now != tried {
            (tried, since) = (now, Instant::now());
        }
        since.elapsed() >= Duration::from_secs(3)
    });
    // Those that were under way together when the first answer came.
    assert!((1..=20).contains(&tried), "{tried}");
    for path in &paths {
        let status = json!({"status": {"phase": "Late"}});
        field
            .east
            .client()
            .patch(&format!("{path}/status"), Patch::Merge(&status));
    }
    stays("not tried", Duration::from_secs(5), || attempts() == tried);
    let said = syncer
        .log()
        .lines()
        .filter(|line| line.contains("has no status subresource"))
        .count();
    assert_eq!(said, 1, "{}", syncer.log());
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}
