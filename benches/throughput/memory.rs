//! Resident bytes: with one object, with all of them, and after a restart with the body cache full and empty. The restart shows too
//! how soon the first edit arrives, and that nothing else is written.

use std::time::{Duration, Instant};

use bytes::Bytes;
use syncer_clusters::Write;
use syncer_harness::Syncer;

use crate::{
    bed::{Bench, SOON},
    numbers::{number, tell},
    usage::resident,
};

/// The namespace of the sample.
pub(crate) const SAMPLES: &str = "samples";
/// An object that was synced: what the bare loop's look like.
pub(crate) const SAMPLE: &str = "sample";

/// So long nothing happens before memory counts as at rest.
const REST: Duration = Duration::from_secs(5);
/// Nothing may be written for so long.
const QUIET: Duration = Duration::from_secs(10);

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

pub(crate) async fn measure(bench: &Bench<'_>, baseline: u64) {
    tell("resident MiB with one object", mebibytes(baseline));
    for (mark, cache) in [(1, "64MiB"), (2, "0")] {
        let writes = || bench.targets.each_ref().map(|side| side.requests(bench.kind).writes());
        let (before, upstream_before) = (writes(), bench.upstream.requests(bench.kind));
        let start = Instant::now();
        let mut syncer = bench.syncer(&[&format!("--body-cache={cache}")]);
        edit(bench, mark).await;
        bench.settled(SAMPLES, SAMPLE, mark).await;
        let arrived = start.elapsed();
        tokio::time::sleep(REST + QUIET).await;
        let written: u64 = writes()
            .iter()
            .zip(&before)
            .map(|(now, before)| now.since(before).total())
            .sum();
        let upstream = bench.upstream.requests(bench.kind).since(&upstream_before);
        let reads = upstream.only(|request| request.verb == "GET").total();
        let with = format!("restart, body cache {cache}");
        tell(
            &format!("{with}: first edit arrives after"),
            format!("{} ms", arrived.as_millis()),
        );
        tell(
            &format!("{with}: writes to targets beside the edit's two"),
            written.saturating_sub(2),
        );
        tell(&format!("{with}: reads of single objects upstream"), reads);
        at_rest(bench, &syncer, baseline, &with);
        syncer.terminate(SOON);
    }
}

async fn edit(bench: &Bench<'_>, mark: u64) {
    let body = Bytes::from(bench.kind.marking(mark).to_string());
    let (resource, options) = (bench.kind.resource(), Write::by("bench"));
    let cluster = &bench.upstream.cluster;
    let edited = cluster.patch_merge(&resource, SAMPLES, SAMPLE, body, &options);
    edited.await.expect("an edit");
}

fn at_rest(bench: &Bench<'_>, syncer: &Syncer, baseline: u64, with: &str) {
    let bytes = resident(syncer.process().id());
    let members = number(2 * bench.upstream.arrivals.count());
    let each = number(bytes.saturating_sub(baseline)) / members;
    tell(&format!("{with}: resident MiB"), mebibytes(bytes));
    tell(
        &format!("{with}: resident bytes per object on a target, of {members}"),
        format!("{each:.0}"),
    );
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", number(bytes) / 1_048_576.0)
}
