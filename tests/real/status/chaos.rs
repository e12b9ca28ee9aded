//! Somebody edits upstream objects fifty times a second while their statuses move.

#![expect(
    clippy::print_stdout,
    reason = "numbers that depend on the machine are told, not tested"
)]

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use syncer_harness::{AuditEvent, Patch, wait_for};

use super::{
    field::{ENDS_WITHIN, Field, SOON},
    service::{addresses, balance, give},
};
use crate::{objects::create_namespace, world::writes};

/// Between two edits.
const PERIOD: Duration = Duration::from_millis(20);

/// Calls `act` with each number up to `count`, one in each `period`.
fn paced(count: usize, period: Duration, act: impl Fn(usize)) {
    let begun = Instant::now();
    let mut due = begun;
    for number in 0..count {
        act(number);
        due += period;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    println!(
        "{count} calls, {period:?} apart if all goes well, took {:?}",
        begun.elapsed()
    );
}

fn edit(field: &Field, path: &str, number: usize) {
    let change = json!({"metadata": {"labels": {"edit": number.to_string()}}});
    field.upstream.client().patch(path, Patch::Merge(&change));
}

/// Waits until `path` shows edit `number` everywhere.
fn wait_edit(field: &Field, path: &str, number: usize) {
    for server in [&field.upstream, &field.east, &field.west] {
        wait_for("the last edit", SOON, || {
            let seen = server.client().read(path);
            if seen["metadata"]["labels"]["edit"] == *number.to_string() {
                Ok(())
            } else {
                Err(seen["metadata"]["labels"].to_string())
            }
        });
    }
}

/// How many milliseconds before each conflict somebody had written the object last, sorted.
fn lead(field: &Field, namespace: &str) -> Vec<u128> {
    let mut last: BTreeMap<String, AuditEvent> = BTreeMap::new();
    let mut lead = Vec::new();
    for event in field.upstream.audit() {
        if event.namespace != namespace || !event.is_write() {
            continue;
        }
        if event.code < 300 {
            last.insert(event.name.clone(), event);
        } else if let (409, Some(before)) = (event.code, last.get(&event.name)) {
            lead.push(event.received_after(before).as_millis());
        }
    }
    lead.sort_unstable();
    lead
}

/// Tells how many writes there were, and how many of them were conflicts. A number, no limit: how late the watch shows an edit depends on the
/// machine.
fn told(what: &str, written: &[AuditEvent]) {
    let others: Vec<_> = written.iter().filter(|event| event.subresource != "status").collect();
    assert_eq!(format!("{others:?}"), "[]", "only status is written");
    for event in written {
        let metadata = &event.body["metadata"];
        assert!(
            metadata["uid"].is_string() && metadata["resourceVersion"].is_string(),
            "{}",
            event.body
        );
    }
    let conflicts = written.iter().filter(|event| event.code == 409).count();
    println!("{what}: {} status writes, {conflicts} of them conflicts", written.len());
}

#[test]
fn no_edit_and_no_status_of_an_object_is_lost_while_both_flow() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    create_namespace(&field.upstream, "chaos");
    let path = balance(&field, "chaos", "web");
    let before = writes(&field.upstream).len();
    let edits = 1_500;
    thread::scope(|scope| {
        scope.spawn(|| paced(edits, PERIOD, |number| edit(&field, &path, number)));
        paced(240, Duration::from_millis(125), |number| {
            give(&field.east, &path, Some(&format!("192.0.2.{}", number + 1)));
        });
    });
    field.wait("the last address", &path, |status| addresses(status) == ["192.0.2.240"]);
    wait_edit(&field, &path, edits - 1);
    let written = writes(&field.upstream).split_off(before);
    println!("ms from the write before to a conflict: {:?}", lead(&field, "chaos"));
    told("one object, edited 50 times a second", &written);
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn no_edit_and_no_status_of_many_objects_is_lost_while_both_flow() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    create_namespace(&field.upstream, "chaos-many");
    let paths: Vec<_> = (0..50)
        .map(|number| balance(&field, "chaos-many", &format!("web-{number}")))
        .collect();
    let before = writes(&field.upstream).len();
    let rounds = 24;
    thread::scope(|scope| {
        // Not in step with the statuses: each object has its turn at another time of its own.
        scope.spawn(|| {
            paced(50 * rounds, PERIOD, |number| {
                edit(&field, &paths[number * 7 % 50], number / 50);
            });
        });
        for (part, target) in [&field.east, &field.west].into_iter().enumerate() {
            let paths = &paths;
            scope.spawn(move || {
                paced(25 * rounds, 2 * PERIOD, |number| {
                    let address = format!("192.0.{part}.{}", number / 25 + 1);
                    give(target, &paths[25 * part + number % 25], Some(&address));
                });
            });
        }
    });
    for (number, path) in paths.iter().enumerate() {
        let last = format!("192.0.{}.{rounds}", number / 25);
        field.wait("the last address", path, |status| addresses(status) == [last.as_str()]);
        wait_edit(&field, path, rounds - 1);
    }
    let written = writes(&field.upstream).split_off(before);
    println!(
        "ms from the write before to a conflict: {:?}",
        lead(&field, "chaos-many")
    );
    told("fifty objects, edited 50 times a second in all", &written);
    // It ends: nothing is repaired for ever.
    let (mut rest, mut since) = (writes(&field.upstream).len(), Instant::now());
    wait_for("rest", SOON, || {
        let now = writes(&field.upstream).len();
        if now != rest {
            (rest, since) = (now, Instant::now());
        }
        since.elapsed() >= Duration::from_secs(4)
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}
