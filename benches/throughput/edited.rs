//! Statuses of objects that somebody edits fifty times a second: how many of their writes are conflicts.

use std::time::Duration;

use bytes::Bytes;
use futures::future;
use serde_json::json;
use syncer_clusters::Write;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    bed::{Bench, SOON},
    numbers::{number, tell},
    turns::{name, synced_namespace},
};

const PERIOD: Duration = Duration::from_millis(20);
const EDITS: u64 = 1_500;
/// The last state comes up within this.
const REST: Duration = Duration::from_secs(5);
/// Marks that no other measurement uses.
const MARKS: u64 = 600_000;

/// Edits one object, and then fifty in turns; each has a new status ten times, or once, a second. Nothing for a kind without status.
pub(crate) async fn measure(bench: &Bench<'_>) {
    if bench.kind.status().is_none() {
        return;
    }
    let mut syncer = bench.syncer(&[]);
    edit(bench, &name(0), MARKS - 1).await;
    bench.settled(&synced_namespace(1), &name(0), MARKS - 1).await;
    beside_edits(bench, 1, Duration::from_millis(107), MARKS).await;
    beside_edits(bench, 50, PERIOD, MARKS + EDITS).await;
    assert!(syncer.is_running(), "the syncer ended: {}", syncer.log());
    syncer.terminate(SOON);
}

async fn beside_edits(bench: &Bench<'_>, objects: u64, between_statuses: Duration, marks: u64) {
    let before = bench.upstream.requests(bench.kind);
    let edits = paced(EDITS, PERIOD, |turn| async move {
        edit(bench, &nth(turn, objects), marks + turn).await;
    });
    let statuses = u64::try_from(PERIOD.as_micros() * u128::from(EDITS) / between_statuses.as_micros());
    let reports = paced(statuses.unwrap_or_default(), between_statuses, |turn| async move {
        report(bench, &nth(turn * 7, objects), turn / objects).await;
    });
    future::join(edits, reports).await;
    tokio::time::sleep(REST).await;
    let asked = bench.upstream.requests(bench.kind).since(&before);
    let written = asked.only(|request| request.subresource == "status" && request.verb == "PATCH");
    let conflicts = written.only(|request| request.code == "409").total();
    let share = number(conflicts) * 1_000.0 / number(written.total().max(1));
    let what = format!("50 edits a second of {objects} objects: conflicts per 1,000 status writes");
    tell(&what, format!("{share:.0} of {}", written.total()));
}

/// The name of the object whose turn it is.
fn nth(turn: u64, objects: u64) -> String {
    name(usize::try_from(turn % objects).unwrap_or_default())
}

/// Does `act` with each number up to `count`, one in each `period`; one that is late moves the others.
async fn paced<F: Future<Output = ()>>(count: u64, period: Duration, act: impl Fn(u64) -> F) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0..count {
        ticks.tick().await;
        act(turn).await;
    }
}

async fn edit(bench: &Bench<'_>, name: &str, mark: u64) {
    let patch = Bytes::from(bench.kind.marking(mark).to_string());
    let (resource, options) = (bench.kind.resource(), Write::by("bench"));
    let cluster = &bench.upstream.cluster;
    let namespace = synced_namespace(1);
    let edited = cluster.patch_merge(&resource, &namespace, name, patch, &options);
    edited.await.expect("an edit");
}

/// What a controller of the first target says; never twice the same.
async fn report(bench: &Bench<'_>, name: &str, turn: u64) {
    let [east, _] = &bench.targets;
    let ready = turn % 5 + 1;
    // What was available before may not be more than what is ready now.
    let status = json!({"status": {"observedGeneration": 1, "replicas": 5, "updatedReplicas": ready, "readyReplicas": ready, "availableReplicas": 0}});
    let (resource, options) = (bench.kind.resource(), Write::by("bench"));
    let body = Bytes::from(status.to_string());
    let namespace = synced_namespace(1);
    let written = east
        .cluster
        .patch_status_merge(&resource, &namespace, name, body, &options);
    written.await.expect("a status");
}
