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
const STATUS_SAMPLES: usize = 100;
/// Longer than any status may be held back upstream.
const STATUS_REST: Duration = Duration::from_secs(3);
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
    if let Some(times) = statuses(bench, &namespace, Probes::AtRest).await {
        tell("status on a target until upstream", percentiles(times));
    }
    assert!(syncer.is_running(), "the syncer ended: {}", syncer.log());
    syncer.terminate(SOON);
}

/// When statuses are probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probes {
    /// Nothing else happens.
    AtRest,
    /// Other objects' statuses move; the probes last as long as that does, about.
    UnderLoad,
}

/// From a target's answer to a write of a status until the upstream's watch shows another state of the object. Each object once,
/// so that the least time between two writes of one status plays no part. None for a kind without status.
pub(crate) async fn statuses(bench: &Bench<'_>, namespace: &str, probes: Probes) -> Option<Vec<Duration>> {
    let [east, west] = &bench.targets;
    let upstream = &bench.upstream.arrivals;
    let status = bench.kind.status()?;
    // What the other target has to say comes up before.
    for number in 0..STATUS_SAMPLES {
        write_status(&west.cluster, bench, namespace, &name(number), &status).await;
    }
    tokio::time::sleep(STATUS_REST).await;
    let mut times = Vec::new();
    for number in 0..STATUS_SAMPLES {
        let name = name(number);
        let before = upstream.sight(namespace, &name).expect("an object upstream");
        let answered = write_status(&east.cluster, bench, namespace, &name, &status).await;
        let sight = upstream.seen_after(namespace, &name, before.times).await;
        times.push(sight.at.saturating_duration_since(answered));
        tokio::time::sleep(probes.pause()).await;
    }
    Some(times)
}

// === impl Probes ===

impl Probes {
    /// Between two of them.
    fn pause(self) -> Duration {
        match self {
            Self::AtRest => PAUSE,
            Self::UnderLoad => 3 * PAUSE,
        }
    }
}

async fn write_status(
    cluster: &Cluster,
    bench: &Bench<'_>,
    namespace: &str,
    name: &str,
    status: &serde_json::Value,
) -> Instant {
    let body = Bytes::from(status.to_string());
    let (resource, options) = (bench.kind.resource(), Write::by("bench"));
    let written = cluster.patch_status_merge(&resource, namespace, name, body, &options);
    written.await.expect("a status");
    Instant::now()
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
