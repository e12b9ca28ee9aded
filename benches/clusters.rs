//! The cluster client against plain kube: decoding, memory, connections, writes. `cargo bench --bench clusters`.
//!
//! The parts on a real kube-apiserver run where the programs of the test bed are found (feature `testbed`).

#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a bench: what fails ends it, and what it finds is told on stderr"
)]

use std::{
    fmt::Display,
    future::Future,
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt as _, future};
use http::{Request, Response};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use syncer_clusters::{Apply, Cluster, ClusterConfig, Limits, Object, WatchEvent, WatchOptions};
use syncer_core::{Gvr, ResourceType, Scope};
use syncer_harness::ApiServer;

/// A Deployment as kube-apiserver 1.37 returns it, with two field managers.
const DEPLOYMENT: &str = include_str!("../clusters/src/object/testdata/deployment.json");
const COPIES: usize = 20_000;
const PAGE: usize = 500;
const IN_FLIGHT: usize = 32;
const WRITES: usize = 3_000;

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if std::env::var_os("TMC_TESTBED_BIN").is_some() {
        let server = ApiServer::start();
        // Memory and connections first: what the writes leave behind would hide them.
        fleet(&runtime, &server);
        writes(&runtime, &server);
    }
    decoding(&runtime);
}

fn tell(what: &str, value: impl Display) {
    eprintln!("{what:<60} {value}");
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) * 1024.0
}

fn deployments() -> ResourceType {
    ResourceType {
        gvr: Gvr::new("apps", "v1", "deployments"),
        kind: "Deployment".into(),
        scope: Scope::Namespaced,
    }
}

fn config_maps() -> ResourceType {
    ResourceType {
        gvr: Gvr::new("", "v1", "configmaps"),
        kind: "ConfigMap".into(),
        scope: Scope::Namespaced,
    }
}

fn body(name: &str, round: usize) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"round": round.to_string(), "x": "x".repeat(1_000)}})
}

/// Reads a list of so many Deployments, through the whole client, from memory.
async fn list() -> Vec<Object> {
    let items = vec![DEPLOYMENT; PAGE].join(",");
    let page = move |next: &str| {
        Bytes::from(format!(
            r#"{{"kind":"DeploymentList","metadata":{{"resourceVersion":"1","continue":"{next}"}},"items":[{items}]}}"#
        ))
    };
    let (more, last) = (page("more"), page(""));
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(1));
    let service = tower::service_fn(move |_: Request<Bytes>| {
        let asked = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let body = if asked < COPIES / PAGE {
            more.clone()
        } else {
            last.clone()
        };
        future::ready(Ok::<_, std::convert::Infallible>(Response::new(
            http_body_util::Full::new(body),
        )))
    });
    let cluster = Cluster::builder("memory")
        .service("http://memory", service)
        .expect("a cluster");
    let mut watch = Box::pin(cluster.watch(deployments(), WatchOptions::default()));
    let mut objects = Vec::with_capacity(COPIES);
    while let Some(event) = watch.next().await {
        match event {
            WatchEvent::Applied(object) => objects.push(object),
            WatchEvent::Listed(_) => break,
            _ => {}
        }
    }
    objects
}

fn decoding(runtime: &tokio::runtime::Runtime) {
    tell("JSON of the Deployment, bytes", DEPLOYMENT.len());
    let (before, start) = (resident(), Instant::now());
    let objects = runtime.block_on(list());
    let ours = rate(start.elapsed());
    // The pages themselves are gone by now; what is left is the objects.
    report("lean objects, listed", ours, (resident() - before).max(0.0));
    black_box(&objects);
    let lean = black_box(objects.len());
    let start = Instant::now();
    let before = resident();
    let dynamic: Vec<DynamicObject> = (0..lean)
        .map(|_| serde_json::from_str(DEPLOYMENT).expect("an object"))
        .collect();
    let theirs = rate(start.elapsed());
    report("kube's DynamicObject, decoded alone", theirs, resident() - before);
    black_box(&dynamic);
    tell(
        "decode rate, ours against DynamicObject",
        format!("{:.1}", ours / theirs),
    );
}

#[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
fn rate(took: Duration) -> f64 {
    COPIES as f64 / took.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
fn report(what: &str, rate: f64, bytes: f64) {
    let each = bytes / COPIES as f64;
    let ratio = each / DEPLOYMENT.len() as f64;
    tell(what, format!("{rate:.0}/s, {each:.0} B each = {ratio:.2} x JSON"));
}

async fn measure<F: Future<Output = ()>>(write: impl Fn(usize) -> F) -> f64 {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let start = Instant::now();
    future::join_all((0..IN_FLIGHT).map(|_| async {
        while let n @ 0..WRITES = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            write(n).await;
        }
    }))
    .await;
    f64::from(u32::try_from(WRITES).unwrap_or(u32::MAX)) / start.elapsed().as_secs_f64()
}

fn connect(server: &ApiServer) -> Cluster {
    let path = server.write(server.kubeconfig());
    Cluster::connect(
        "real",
        ClusterConfig::from_kubeconfig_file(path, None).expect("a config"),
        Limits::default(),
    )
    .expect("a cluster")
}

fn writes(runtime: &tokio::runtime::Runtime, server: &ApiServer) {
    let cluster = connect(server);
    let ours = |round: usize| {
        let cluster = cluster.clone();
        move |n: usize| {
            let (cluster, name) = (cluster.clone(), format!("b-{}", n % 300));
            async move {
                let body = Bytes::from(body(&name, round + n).to_string());
                cluster
                    .apply(&config_maps(), "default", &name, body, &Apply::forced("bench"))
                    .await
                    .expect("a write");
            }
        }
    };
    let plain = runtime.block_on(async {
        let kubeconfig = Kubeconfig::from_yaml(&server.kubeconfig().to_yaml()).expect("a kubeconfig");
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("a config");
        config.default_retry = false;
        let resource = ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk("", "v1", "ConfigMap"));
        Api::<DynamicObject>::namespaced_with(Client::try_from(config).expect("a client"), "default", &resource)
    });
    let theirs = |round: usize| {
        let api = plain.clone();
        move |n: usize| {
            let (api, name) = (api.clone(), format!("b-{}", n % 300));
            async move {
                let body = body(&name, round + n);
                api.patch(&name, &PatchParams::apply("bench").force(), &Patch::Apply(&body))
                    .await
                    .expect("a write");
            }
        }
    };
    runtime.block_on(async {
        measure(ours(0)).await;
        measure(theirs(10_000)).await;
        let (mut lanes, mut plain) = (Vec::new(), Vec::new());
        // In turns, each first as often as second: the machine is not the same from one minute to the next.
        for round in 1..=6 {
            let (first, second) = (round * 20_000, round * 20_000 + 10_000);
            if round % 2 == 0 {
                lanes.push(measure(ours(first)).await);
                plain.push(measure(theirs(second)).await);
            } else {
                plain.push(measure(theirs(first)).await);
                lanes.push(measure(ours(second)).await);
            }
        }
        tell("applies per second at 32 in flight, ours", median(lanes));
        tell("applies per second at 32 in flight, plain kube", median(plain));
        let watches: Vec<_> = future::join_all((0..200).map(|_| async {
            let mut watch = Box::pin(cluster.watch(config_maps(), WatchOptions::default()));
            while !matches!(watch.next().await, Some(WatchEvent::Listed(_))) {}
            let _ = tokio::time::timeout(Duration::from_millis(500), watch.next()).await;
            watch
        }))
        .await;
        tell(
            "the same beside 200 unread watches, ours",
            format!("{:.0}", measure(ours(200_000)).await),
        );
        drop(watches);
    });
}

/// A hundred clusters are a hundred clients of the one server here: nothing is shared between them.
fn fleet(runtime: &tokio::runtime::Runtime, server: &ApiServer) {
    let resources = ["configmaps", "secrets", "services", "namespaces", "serviceaccounts"];
    let before = (resident(), sockets());
    let watches = runtime.block_on(async {
        let clusters: Vec<Cluster> = (0..100).map(|_| connect(server)).collect();
        let open = clusters.iter().flat_map(|cluster| {
            resources.iter().map(move |resource| async move {
                let resource = ResourceType {
                    gvr: Gvr::new("", "v1", resource),
                    kind: "X".into(),
                    scope: Scope::Namespaced,
                };
                let options = WatchOptions {
                    label_selector: "bench=none".into(),
                    ..WatchOptions::default()
                };
                let mut watch = Box::pin(cluster.watch(resource, options));
                while !matches!(watch.next().await, Some(WatchEvent::Listed(_))) {}
                let _ = tokio::time::timeout(Duration::from_secs(3), watch.next()).await;
                watch
            })
        });
        let watches = future::join_all(open).await;
        (clusters, watches)
    });
    tell(
        "100 clusters with 5 watches: connections",
        sockets().saturating_sub(before.1),
    );
    tell(
        "100 clusters with 5 watches: MiB",
        format!("{:.1}", (resident() - before.0) / 1024.0 / 1024.0),
    );
    drop(watches);
}

fn sockets() -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    descriptors
        .filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:")))
        .count()
}

/// The middle of several runs, and all of them.
fn median(mut runs: Vec<f64>) -> String {
    runs.sort_by(f64::total_cmp);
    let middle = runs.get(runs.len() / 2).copied().unwrap_or_default();
    let all: Vec<_> = runs.iter().map(|run| format!("{run:.0}")).collect();
    format!("{middle:.0} of {}", all.join(" "))
}
