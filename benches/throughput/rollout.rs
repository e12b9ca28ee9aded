//! Many Deployments that roll at once: what their statuses cost upstream, and how long another status takes meanwhile.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future;
use serde_json::{Value, json};
use syncer_clusters::{Cluster, Write};

use crate::{
    bed::{Bench, SOON},
    latency::{Probes, statuses},
    numbers::{number, percentiles, tell},
    turns::{each, name, synced_namespace},
};

/// What the controllers of each target say of a Deployment while it rolls.
const STEPS: u64 = 4;
/// Between two looks at the upstream.
const LOOK: Duration = Duration::from_millis(200);
/// The namespaces whose objects roll; the probes are in another.
const ROLLING: [usize; 2] = [1, 2];
const PROBED: usize = 3;
/// A mark that no other measurement uses.
const MARK: u64 = 500_000;

/// `objects` of each rolling namespace are edited at once, and both targets report their way to the end of it as fast as they can. Nothing for
/// a kind without status.
pub(crate) async fn measure(bench: &Bench<'_>, objects: usize) {
    if bench.kind.status().is_none() {
        return;
    }
    let mut syncer = bench.syncer(&[]);
    let all = ROLLING.len() * objects;
    // It has started when an edit arrives.
    edit(bench, &synced_namespace(PROBED), &name(0)).await;
    bench.settled(&synced_namespace(PROBED), &name(0), MARK).await;
    let before = bench.upstream.requests(bench.kind);
    let begun = Instant::now();
    each(all, |number| async move {
        let (namespace, name) = place(number, objects);
        edit(bench, &namespace, &name).await;
    })
    .await;
    let [east, west] = bench
        .targets
        .each_ref()
        .map(|target| roll(&target.cluster, bench, objects));
    let elsewhere = synced_namespace(PROBED);
    let probes = statuses(bench, &elsewhere, Probes::UnderLoad);
    let (times, (), ()) = future::join3(probes, east, west).await;
    let reported = begun.elapsed();
    wait_shown(bench, objects).await;
    let took = begun.elapsed();
    let asked = bench.upstream.requests(bench.kind).since(&before);
    let statuses = asked.only(|request| request.subresource == "status" && request.verb == "PATCH");
    let conflicts = statuses.only(|request| request.code == "409").total();
    let others = asked.only(|request| request.verb == "GET").total();
    let what = format!("{all} Deployments rolling at once, {STEPS} reports of each of two targets");
    tell(
        &format!("{what}: reported within"),
        format!("{:.1} s", reported.as_secs_f64()),
    );
    tell(
        &format!("{what}: shown upstream within"),
        format!("{:.1} s", took.as_secs_f64()),
    );
    // What the probes cost is not theirs.
    let of_probes = 2 * times.as_ref().map_or(0, Vec::len);
    let per_object = number(statuses.total()) - number(of_probes);
    tell(
        &format!("{what}: status writes upstream per Deployment"),
        format!("{:.2}", per_object / number(all)),
    );
    tell(
        &format!("{what}: conflicts per 1,000 status writes"),
        format!("{:.1}", number(conflicts) * 1_000.0 / number(statuses.total())),
    );
    tell(&format!("{what}: reads of objects upstream"), others);
    if let Some(times) = times {
        tell("status on a target until upstream meanwhile", percentiles(times));
    }
    assert!(syncer.is_running(), "the syncer ended: {}", syncer.log());
    syncer.terminate(SOON);
}

async fn edit(bench: &Bench<'_>, namespace: &str, name: &str) {
    let patch = Bytes::from(bench.kind.marking(MARK).to_string());
    let (resource, options) = (bench.kind.resource(), Write::by("bench"));
    let cluster = &bench.upstream.cluster;
    let edited = cluster.patch_merge(&resource, namespace, name, patch, &options);
    edited.await.expect("an edit");
}

/// Where object `number` of those that roll is.
fn place(number: usize, objects: usize) -> (String, String) {
    let namespace = ROLLING.get(number / objects).copied().unwrap_or(PROBED);
    (synced_namespace(namespace), name(number % objects))
}

/// Plays the controllers of one target.
async fn roll(cluster: &Cluster, bench: &Bench<'_>, objects: usize) {
    for step in 1..=STEPS {
        let report = Bytes::from(json!({"status": report(step)}).to_string());
        each(ROLLING.len() * objects, |number| {
            let report = report.clone();
            async move {
                let (namespace, name) = place(number, objects);
                let (resource, options) = (bench.kind.resource(), Write::by("bench"));
                let written = cluster.patch_status_merge(&resource, &namespace, &name, report, &options);
                written.await.expect("a status");
            }
        })
        .await;
    }
}

/// After `step` of the steps: three of three in the end.
fn report(step: u64) -> Value {
    let updated = if step == STEPS { 3 } else { step - 1 };
    let all = if step == STEPS { 3 } else { 4 };
    json!({"observedGeneration": 1_000 + step, "replicas": all, "updatedReplicas": updated, "readyReplicas": 3, "availableReplicas": 3})
}

/// Waits until the upstream shows the end of all rollouts.
async fn wait_shown(bench: &Bench<'_>, objects: usize) {
    let is_shown = |item: &&Value| {
        let status = &item["status"];
        status["updatedReplicas"] == 6
            && status["replicas"] == 6
            && status["observedGeneration"] == item["metadata"]["generation"]
    };
    let deadline = Instant::now() + SOON;
    for namespace in ROLLING {
        let path = bench.kind.path(&synced_namespace(namespace), "");
        let path = path.trim_end_matches('/');
        loop {
            let items = bench.upstream.server.client().items(path);
            let shown = items.iter().filter(is_shown).count();
            if shown >= objects {
                break;
            }
            assert!(Instant::now() < deadline, "{shown} of {objects} are shown");
            tokio::time::sleep(LOOK).await;
        }
    }
}
