//! Resident bytes: with one object, with all of them, and after a restart with the body cache full and empty. The restart shows too
//! how soon the first edit arrives, and that nothing else is written.

use std::time::{Duration, Instant};

use bytes::Bytes;
use syncer_clusters::Write;

use crate::{
    bed::{Bench, SOON},
    numbers::{number, tell},
    usage::resident,
};

/// The namespace of the sample.
pub(crate) const SAMPLES: &str = "samples";
/// An object that was synced: what the bare loop's look like.
pub(crate) const SAMPLE: &str = "sample";

/// So long nothing happens before memory counts as at rest, and nothing may be written.
const REST: Duration = Duration::from_secs(15);

/// What a restart showed.
pub(crate) struct Restart {
    cache: &'static str,
    /// From the start of the process until an edit of that moment was on both targets.
    arrived: Duration,
    /// Writes to the targets beside those of the edit.
    writes: u64,
    /// Reads of single objects upstream.
    reads: u64,
    /// Resident bytes at rest.
    bytes: u64,
    /// Objects on both targets.
    members: usize,
}

/// Resident bytes with one object.
pub(crate) async fn baseline(bench: &Bench<'_>) -> u64 {
    bench.upstream.create_namespace(SAMPLES);
    let body = Bytes::from(bench.kind.body(SAMPLE).to_string());
    let (resource, options) = (bench.kind.resource(), Write::by("bench"));
    let cluster = &bench.upstream.cluster;
    let created = cluster.create(&resource, SAMPLES, SAMPLE, body, &options);
    created.await.expect("the sample");
    let mut syncer = bench.syncer(&[]);
    bench.settled(SAMPLES, SAMPLE, 0).await;
    tokio::time::sleep(REST).await;
    let bytes = resident(syncer.process().id());
    syncer.terminate(SOON);
    bytes
}

/// Restarts the syncer with the body cache full and empty, and edits the sample while it starts. `mark` is one that it never had, and
/// neither is the next.
pub(crate) async fn restarts(bench: &Bench<'_>, mark: u64) -> [Restart; 2] {
    [restart(bench, "64MiB", mark).await, restart(bench, "0", mark + 1).await]
}

async fn restart(bench: &Bench<'_>, cache: &'static str, mark: u64) -> Restart {
    let writes = || bench.targets.each_ref().map(|side| side.requests(bench.kind).writes());
    let (before, upstream_before) = (writes(), bench.upstream.requests(bench.kind));
    let start = Instant::now();
    let mut syncer = bench.syncer(&[&format!("--body-cache={cache}")]);
    edit(bench, mark).await;
    bench.settled(SAMPLES, SAMPLE, mark).await;
    let arrived = start.elapsed();
    tokio::time::sleep(REST).await;
    let written: u64 = writes()
        .iter()
        .zip(&before)
        .map(|(now, before)| now.since(before).total())
        .sum();
    let upstream = bench.upstream.requests(bench.kind).since(&upstream_before);
    let restart = Restart {
        cache,
        arrived,
        // The edit takes one to each target.
        writes: written.saturating_sub(2),
        reads: upstream.only(|request| request.verb == "GET").total(),
        bytes: resident(syncer.process().id()),
        members: 2 * bench.upstream.arrivals.count(),
    };
    syncer.terminate(SOON);
    restart
}

/// Tells what a syncer with one object, with some and with many showed.
pub(crate) fn report(baseline: u64, some: &[Restart; 2], many: &[Restart; 2]) {
    tell("resident MiB with one object", mebibytes(baseline));
    for (some, many) in some.iter().zip(many) {
        let with = format!("restart, body cache {}, {} objects", many.cache, many.members);
        tell(
            &format!("{with}: first edit arrives after"),
            format!("{} ms", many.arrived.as_millis()),
        );
        tell(&format!("{with}: writes to targets but the edit's"), many.writes);
        tell(&format!("{with}: reads of single objects upstream"), many.reads);
        tell(&format!("{with}: resident MiB"), mebibytes(many.bytes));
        let above = number(many.bytes.saturating_sub(baseline)) / number(many.members);
        tell(
            &format!("{with}: resident bytes per object above one object's"),
            format!("{above:.0}"),
        );
        let growth = number(many.bytes.saturating_sub(some.bytes)) / number(many.members - some.members);
        tell(
            &format!("{with}: growth in bytes per object, from {} on", some.members),
            format!("{growth:.0}"),
        );
    }
}

async fn edit(bench: &Bench<'_>, mark: u64) {
    let body = Bytes::from(bench.kind.marking(mark).to_string());
    let (resource, options) = (bench.kind.resource(), Write::by("bench"));
    let cluster = &bench.upstream.cluster;
    let edited = cluster.patch_merge(&resource, SAMPLES, SAMPLE, body, &options);
    edited.await.expect("an edit");
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", number(bytes) / 1_048_576.0)
}
