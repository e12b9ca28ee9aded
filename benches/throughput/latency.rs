//! Latency at rest: one edit, or one drift, at a time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use syncer_clusters::{Cluster, Write};

use crate::{
    bed::{Bench, SOON},
    numbers::{percentiles, tell},
    turns::{name, synced_namespace},
};

const SAMPLES: usize = 300;
/// Between two samples.
const PAUSE: Duration = Duration::from_millis(20);
/// Marks that no other measurement uses.
const MARKS: u64 = 1_000;

pub(crate) async fn measure(bench: &Bench<'_>) {
    let mut syncer = bench.syncer(&[]);
    let namespace = synced_namespace(1);
    // The first ones find connections and caches cold.
    edits(bench, &namespace, 20, 10 * MARKS).await;
    let edits = edits(bench, &namespace, SAMPLES, MARKS).await;
    tell("edit upstream until on the slower of two targets", percentiles(edits));
    tell(
        "drift on a target until repaired",
        percentiles(drifts(bench, &namespace).await),
    );
    assert!(syncer.is_running(), "the syncer ended: {}", syncer.log());
    syncer.terminate(SOON);
}

/// From the upstream's answer until the watches of both targets show the edit.
async fn edits(bench: &Bench<'_>, namespace: &str, samples: usize, marks: u64) -> Vec<Duration> {
    let mut times = Vec::new();
    for (mark, number) in (marks..).zip(0..samples) {
        let name = name(number);
        let answered = change(&bench.upstream.cluster, bench, namespace, &name, mark).await;
        let mut slower = Duration::ZERO;
        for target in &bench.targets {
            let sight = target.arrivals.shown(namespace, &name, mark).await;
            slower = slower.max(sight.at.saturating_duration_since(answered));
        }
        times.push(slower);
        tokio::time::sleep(PAUSE).await;
    }
    times
}

/// From the target's answer to somebody's change until its watch shows the former state.
async fn drifts(bench: &Bench<'_>, namespace: &str) -> Vec<Duration> {
    let [east, _] = &bench.targets;
    let mut times = Vec::new();
    for number in 0..SAMPLES {
        let name = name(number);
        let before = east.arrivals.sight(namespace, &name).expect("a synced object");
        let answered = change(&east.cluster, bench, namespace, &name, 1).await;
        // The change itself is seen, and then the repair.
        let after = before.times + 1;
        let sight = east.arrivals.shown_after(namespace, &name, before.mark, after).await;
        times.push(sight.at.saturating_duration_since(answered));
        tokio::time::sleep(PAUSE).await;
    }
    times
}

/// Marks an object as somebody would; when that was answered.
async fn change(cluster: &Cluster, bench: &Bench<'_>, namespace: &str, name: &str, mark: u64) -> Instant {
    let body = Bytes::from(bench.kind.marking(mark).to_string());
    let (resource, options) = (bench.kind.resource(), Write::by("bench"));
    let changed = cluster.patch_merge(&resource, namespace, name, body, &options);
    changed.await.expect("a change");
    Instant::now()
}
