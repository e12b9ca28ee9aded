//! Objects per second: the bare loop and the syncer in turns.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future;
use serde_json::{Value, json};
use syncer_clusters::{Apply, Cluster, Write};

use crate::{
    bed::{Bench, IN_FLIGHT, SOON, Side},
    memory::{SAMPLE, SAMPLES},
    numbers::{median, median_of, number, tell},
    usage::cpu,
};

/// What the turns showed.
#[derive(Default)]
pub(crate) struct Turns {
    /// Objects on targets per second of the bare loop.
    bare: Vec<f64>,
    synced: Costs,
}

/// What the syncer's turns took, per object on a target unless said otherwise.
#[derive(Default)]
struct Costs {
    rate: Vec<f64>,
    cpu: Vec<f64>,
    /// Per object upstream.
    upstream_cpu: Vec<f64>,
    writes: Vec<f64>,
    others: Vec<f64>,
    /// Per object upstream.
    upstream_requests: Vec<f64>,
}

// === impl Turns ===

impl Turns {
    /// Turn `turn` of both. They are first in turns: the machine is not the same from one minute to the next.
    pub(crate) async fn take(&mut self, bench: &Bench<'_>, turn: usize, objects: usize) {
        if turn % 2 == 1 {
            self.bare.push(bare_loop(bench, turn, objects).await);
            synced(bench, turn, objects, &mut self.synced).await;
        } else {
            synced(bench, turn, objects, &mut self.synced).await;
            self.bare.push(bare_loop(bench, turn, objects).await);
        }
    }

    pub(crate) fn report(&self) {
        let (bare, synced) = (&self.bare, &self.synced);
        tell("bare loop, objects on targets per second", median_of(bare, 0));
        tell("syncer, objects on targets per second", median_of(&synced.rate, 0));
        let ratio = median(&synced.rate) / median(bare);
        tell("syncer / bare loop", format!("{ratio:.2}"));
        for (what, costs) in [
            ("writes per object and target", &synced.writes),
            ("other requests to a target per object, lists included", &synced.others),
            (
                "requests upstream per object, lists included",
                &synced.upstream_requests,
            ),
            ("CPU seconds of the syncer per 1,000 objects on targets", &synced.cpu),
            (
                "CPU milliseconds of the upstream's API server per object",
                &synced.upstream_cpu,
            ),
        ] {
            tell(what, median_of(costs, 3));
        }
    }
}

/// The namespace of the syncer's turn `turn`.
pub(crate) fn synced_namespace(turn: usize) -> String {
    format!("synced-{turn}")
}

/// The name of object `number`.
pub(crate) fn name(number: usize) -> String {
    format!("object-{number:05}")
}

/// The objects are upstream already when the syncer starts.
async fn synced(bench: &Bench<'_>, turn: usize, objects: usize, costs: &mut Costs) {
    let namespace = synced_namespace(turn);
    bench.upstream.create_namespace(&namespace);
    fill(bench, &namespace, objects).await;
    let requests = || bench.targets.each_ref().map(|target| target.requests(bench.kind));
    let (before, upstream_before) = (requests(), bench.upstream.requests(bench.kind));
    let upstream_cpu = cpu(bench.upstream.server.process().id());
    let mut syncer = bench.syncer(&[]);
    let tallies = arrived(bench, &namespace, objects).await;
    let used = cpu(syncer.process().id());
    let upstream_used = cpu(bench.upstream.server.process().id()).saturating_sub(upstream_cpu);
    let members = number(2 * objects);
    costs.rate.push(members / tallies.as_secs_f64());
    costs.cpu.push(used.as_secs_f64() / members * 1_000.0);
    costs
        .upstream_cpu
        .push(upstream_used.as_secs_f64() * 1_000.0 / number(objects));
    let (mut writes, mut others) = (0, 0);
    for (now, before) in requests().iter().zip(&before) {
        let asked = now.since(before);
        writes += asked.writes().total();
        others += asked.total() - asked.writes().total();
    }
    costs.writes.push(number(writes) / members);
    costs.others.push(number(others) / members);
    let upstream = bench.upstream.requests(bench.kind).since(&upstream_before);
    costs.upstream_requests.push(number(upstream.total()) / number(objects));
    assert!(syncer.is_running(), "the syncer ended: {}", syncer.log());
    syncer.terminate(SOON);
}

/// Creates the objects upstream, as a user would.
async fn fill(bench: &Bench<'_>, namespace: &str, objects: usize) {
    let resource = bench.kind.resource();
    let cluster = &bench.upstream.cluster;
    each(objects, |number| {
        let resource = &resource;
        async move {
            let name = name(number);
            let body = Bytes::from(bench.kind.body(&name).to_string());
            let options = Write::by("bench");
            let created = cluster.create(resource, namespace, &name, body, &options);
            created.await.expect("an object upstream");
        }
    })
    .await;
}

/// Applies bodies that are ready to both targets at once.
async fn bare_loop(bench: &Bench<'_>, turn: usize, objects: usize) -> f64 {
    let namespace = format!("bare-{turn}");
    for target in &bench.targets {
        target.create_namespace(&namespace);
    }
    let bodies = bodies(bench, &namespace, objects);
    let write = |cluster: Cluster| {
        let (bodies, namespace, resource) = (&bodies, &namespace, bench.kind.resource());
        async move {
            let resource = &resource;
            let cluster = &cluster;
            each(objects, |number| async move {
                let Some(body) = bodies.get(number) else { return };
                let (name, apply) = (name(number), Apply::forced("tmc-syncer"));
                let applied = cluster.apply(resource, namespace, &name, body.clone(), &apply);
                applied.await.expect("a write");
            })
            .await;
        }
    };
    let [east, west] = bench.targets.each_ref().map(|target| target.cluster.clone());
    future::join(write(east), write(west)).await;
    let took = arrived(bench, &namespace, objects).await;
    number(2 * objects) / took.as_secs_f64()
}

/// Bodies that carry what the syncer's carry, but name another upstream: they are nothing to the syncer.
fn bodies(bench: &Bench<'_>, namespace: &str, objects: usize) -> Vec<Bytes> {
    let [east, _] = &bench.targets;
    let sample = east.server.client().read(&bench.kind.path(SAMPLES, SAMPLE));
    let foreign = |text: &str| text.chars().map(|_| '0').collect::<String>();
    let mut labels = sample["metadata"]["labels"].clone();
    let mut annotations = sample["metadata"]["annotations"].clone();
    let key = &mut labels["internal.workload.kcp.io/cluster"];
    *key = foreign(key.as_str().expect("our label")).into();
    let origin = annotations["workload.kcp.io/origin"].as_str().expect("our annotation");
    let origin: Value = serde_json::from_str(origin).expect("an origin");
    (0..objects)
        .map(|number| {
            let name = name(number);
            let mut origin = origin.clone();
            origin["upstream"] = foreign(origin["upstream"].as_str().expect("an upstream id")).into();
            origin["namespace"] = namespace.into();
            origin["name"] = name.as_str().into();
            annotations["workload.kcp.io/origin"] = origin.to_string().into();
            labels["app"] = name.as_str().into();
            let mut body = bench.kind.body(&name);
            body["metadata"] = json!({
                "name": name, "namespace": namespace, "resourceVersion": "1",
                "labels": labels, "annotations": annotations,
            });
            Bytes::from(body.to_string())
        })
        .collect()
}

/// Waits until both targets hold all of `namespace`; the time from the first to the last.
async fn arrived(bench: &Bench<'_>, namespace: &str, objects: usize) -> Duration {
    let [east, west] = bench.targets.each_ref().map(|Side { arrivals, .. }| arrivals);
    let (east, west) = future::join(east.all(namespace, objects), west.all(namespace, objects)).await;
    let (first, last): (Instant, Instant) = (east.first.min(west.first), east.last.max(west.last));
    last - first
}

/// Does `work` for each number, as many at once as writes may be in flight.
pub(crate) async fn each<F: Future<Output = ()>>(count: usize, work: impl Fn(usize) -> F) {
    let next = AtomicUsize::new(0);
    let next = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count);
    let worker = || async {
        while let Some(number) = next() {
            work(number).await;
        }
    };
    future::join_all((0..IN_FLIGHT).map(|_| worker())).await;
}
