//! What the syncer asks kcp for, by kcp's own audit log.

use std::collections::BTreeMap;

use serde_json::json;
use syncer_harness::{AuditEvent, wait_for};

use super::{
    provider::KCP_SOON,
    scene::{DEPLOYMENTS, Scene, copy, shared, target, wait_data},
};

const WORKSPACES: usize = 4;
const PER_WORKSPACE: usize = 3;

/// `events` by answer, verb and resource.
fn kinds(events: &[AuditEvent]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for event in events {
        let AuditEvent {
            code,
            verb,
            resource,
            subresource,
            ..
        } = event;
        let what = if resource.is_empty() { "discovery" } else { resource };
        *kinds.entry(format!("{code} {verb} {what} {subresource}")).or_insert(0) += 1;
    }
    kinds
}

/// One write for the finalizers and as many as there are statuses for each object of our own export; none for a claimed one. No object is
/// read by itself, and nothing is asked for that the printed rights do not allow.
#[test]
#[ignore = "a figure to look at: cargo xtask test --full"]
fn objects_cost_no_reads_of_their_own_and_nothing_is_asked_for_in_vain() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "thrifty");
    scene.run();
    let consumers: Vec<_> = (0..WORKSPACES)
        .map(|number| {
            let consumer = scene.consumer(&format!("thrifty-{number}"));
            for number in 0..PER_WORKSPACE {
                scene.config_map(&consumer, &format!("web-{number}"), &json!({"v": "1"}));
                scene.deployment(&consumer, &format!("web-{number}"), 1);
            }
            consumer
        })
        .collect();
    for consumer in &consumers {
        for number in 0..PER_WORKSPACE {
            let name = format!("web-{number}");
            wait_data(consumer, &name, &json!({"v": "1"}));
            for number in 0..2 {
                wait_for("the Deployment", KCP_SOON, || {
                    copy(target(number), DEPLOYMENTS, consumer, &name)
                });
            }
        }
    }
    let events = kcp.audit(&scene.provider.cluster(&kcp));
    let kinds = kinds(&events);
    assert!(!kinds.is_empty());
    eprintln!("figure: {kinds:#?}");
    // While the first binding is being set up kcp does not let its own virtual workspace list what is bound.
    let refused = events.iter().filter(|event| event.code == 403 && event.verb != "list");
    assert_eq!(refused.count(), 0, "{events:?}");
    let reads = events.iter().filter(|event| {
        event.verb == "get" && matches!(event.resource.as_str(), "deployments" | "configmaps" | "namespaces")
    });
    let reads: Vec<_> = reads.map(|event| &event.uri).collect();
    assert!(reads.is_empty(), "{reads:?}");
}
