//! Many Deployments that roll at once.

#![expect(
    clippy::print_stdout,
    reason = "numbers that depend on the machine are told, not tested"
)]

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{AuditEvent, Patch, wait_for};

use super::field::{ENDS_WITHIN, Field};
use crate::{objects::create_namespace, world::writes};

const DEPLOYMENTS: usize = 100;
const REPLICAS: usize = 2;
/// By when all of them must be through on a loaded machine.
const LATE: Duration = Duration::from_mins(4);
/// `status.minInterval`.
const INTERVAL: Duration = Duration::from_millis(500);
/// A write may wait on its way, and the next one not: on a loaded machine for long.
const SLACK: Duration = Duration::from_secs(2);
const COLLECTION: &str = "/apis/apps/v1/namespaces/crowd/deployments";

fn deployment(number: usize) -> Value {
    let name = format!("web-{number:03}");
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": REPLICAS, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]}},
        },
    })
}

/// Does `act` for each Deployment, some at a time.
fn for_each(act: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for part in 0..4 {
            let act = &act;
            scope.spawn(move || (part..DEPLOYMENTS).step_by(4).for_each(act));
        }
    });
}

/// Waits until all show that `generation` is rolled out on both targets.
#[track_caller]
fn wait_rolled_out(field: &Field, generation: u64) {
    wait_for("the end of all rollouts", LATE, || {
        let items = field.upstream.client().items(COLLECTION);
        let is_done = |item: &&Value| {
            let status = &item["status"];
            status["observedGeneration"] == generation
                && ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]
                    .iter()
                    .all(|counter| status[counter] == 2 * REPLICAS)
        };
        let done = items.iter().filter(is_done).count();
        if done == DEPLOYMENTS {
            Ok(())
        } else {
            let other = items.iter().find(|item| !is_done(item));
            Err(format!(
                "{done} of {DEPLOYMENTS}, not {}",
                other.map_or(&Value::Null, |other| &other["status"])
            ))
        }
    });
}

/// Holds `written` against the bound: the first at once, then at most one in an interval.
fn assert_within_bound(what: &str, written: &[AuditEvent]) {
    let mut objects: BTreeMap<&str, Vec<&AuditEvent>> = BTreeMap::new();
    for event in written {
        assert_eq!((event.subresource.as_str(), event.verb.as_str()), ("status", "patch"));
        objects.entry(&event.name).or_default().push(event);
    }
    let most = objects.values().map(Vec::len).max().unwrap_or_default();
    let conflicts = written.iter().filter(|event| event.code == 409).count();
    println!(
        "{what}: {} status writes of {} objects, {most} at most of one, {conflicts} conflicts",
        written.len(),
        objects.len(),
    );
    for (name, events) in objects {
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            continue;
        };
        let span = last.received_after(first) + SLACK;
        let allowed = 1 + span.as_millis() / INTERVAL.as_millis();
        assert!(
            events.len() as u128 <= allowed,
            "{name}: {} writes within {span:?}",
            events.len()
        );
    }
    assert!(conflicts * 10 <= written.len(), "{conflicts} conflicts");
}

#[test]
fn a_hundred_deployments_rolling_at_once_on_two_targets_stay_within_the_bound_of_status_writes() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    create_namespace(&field.upstream, "crowd");
    let before = writes(&field.upstream).len();
    let begun = Instant::now();
    for_each(|number| {
        field.upstream.client().create(COLLECTION, &deployment(number));
    });
    wait_rolled_out(&field, 1);
    println!("all are there after {:?}", begun.elapsed());
    let made = writes(&field.upstream);
    assert_within_bound("creation", &made[before..]);

    let begun = Instant::now();
    let change = json!({"spec": {"template": {"metadata": {"annotations": {"change": "1"}}}}});
    for_each(|number| {
        let path = format!("{COLLECTION}/web-{number:03}");
        field.upstream.client().patch(&path, Patch::Merge(&change));
    });
    wait_rolled_out(&field, 2);
    println!("all have rolled after {:?}", begun.elapsed());
    let rolled = writes(&field.upstream);
    assert_within_bound("rolling", &rolled[made.len()..]);
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}
