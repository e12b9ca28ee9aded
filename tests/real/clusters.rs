//! The cluster client on real control planes: unread watches beside writes, and watches across a restart.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "steps of a test outside of its function"
)]

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, future};
use serde_json::{Value, json};
use syncer_clusters::{
    Apply, Cluster, ClusterConfig, Deletion, FieldsV1Kept, Limits, Preconditions, WatchEvent, WatchOptions,
};
use syncer_core::{Gvr, LogicalCluster, ResourceType, Scope};
use syncer_harness::{ApiServer, Kcp};
use tokio::runtime::Runtime;

type Watch = Pin<Box<dyn Stream<Item = WatchEvent> + Send>>;

/// What a reader of a watch holds: UID and version by logical cluster and name.
type Held = BTreeMap<(String, String), (String, String)>;

const NAMESPACE: &str = "default";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn config_maps() -> ResourceType {
    ResourceType {
        gvr: Gvr::new("", "v1", "configmaps"),
        kind: "ConfigMap".into(),
        scope: Scope::Namespaced,
    }
}

fn connect(kubeconfig: &std::path::Path) -> Cluster {
    let config = ClusterConfig::from_kubeconfig_file(kubeconfig, None).unwrap();
    Cluster::connect(
        "real",
        config,
        Limits {
            writes_in_flight: 64,
            ..Limits::default()
        },
    )
    .unwrap()
}

fn body(name: &str, round: usize, size: usize) -> Bytes {
    let data = "x".repeat(size);
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"round": round.to_string(), "x": data}});
    Bytes::from(body.to_string())
}

async fn apply(
    cluster: &Cluster,
    name: &str,
    round: usize,
    size: usize,
) -> Result<syncer_clusters::Object, syncer_clusters::Error> {
    cluster
        .apply(
            &config_maps(),
            NAMESPACE,
            name,
            body(name, round, size),
            &Apply::forced("tmc-syncer"),
        )
        .await
}

/// Opens a watch, reads its list, and then nothing more.
async fn left_unread(cluster: &Cluster) -> Watch {
    let mut watch: Watch = Box::pin(cluster.watch(config_maps(), WatchOptions::default()));
    while !matches!(watch.next().await, Some(WatchEvent::Listed(_))) {}
    // The stream opens when it is asked for more; there is nothing yet.
    let more = tokio::time::timeout(Duration::from_millis(500), watch.next()).await;
    assert!(more.is_err(), "{more:?}");
    watch
}

#[test]
fn two_hundred_unread_watches_and_sixty_four_writers_at_one_server() {
    let server = ApiServer::start();
    let cluster = connect(&server.write(server.kubeconfig()));
    Runtime::new().unwrap().block_on(async {
        let watches = future::join_all((0..200).map(|_| left_unread(&cluster))).await;
        let (next, slowest) = (AtomicUsize::new(0), AtomicUsize::new(0));
        future::join_all((0..64).map(|_| async {
            while let n @ 0..2_000 = next.fetch_add(1, Ordering::Relaxed) {
                let start = Instant::now();
                // Every write goes to each watch: 8 KiB times 2,000 is far more than any window.
                apply(&cluster, &format!("w-{}", n % 200), n, 8_192).await.unwrap();
                slowest.fetch_max(usize::try_from(start.elapsed().as_millis()).unwrap(), Ordering::Relaxed);
            }
        }))
        .await;
        let slowest = slowest.into_inner();
        assert!(slowest < 30_000, "{slowest} ms");
        assert_eq!(watches.len(), 200);
    });
}

/// Follows a watch as a store does, until `done` holds.
async fn follow(watch: &mut Watch, held: &mut Held, mut seen: impl FnMut(&WatchEvent), done: impl Fn(&Held) -> bool) {
    let mut listing: Option<Held> = None;
    while listing.is_some() || !done(held) {
        let event = tokio::time::timeout(Duration::from_mins(1), watch.next())
            .await
            .expect("an event in time")
            .unwrap();
        seen(&event);
        let store = listing.as_mut().unwrap_or(held);
        match event {
            WatchEvent::ListStarted => listing = Some(Held::new()),
            WatchEvent::Applied(object) => {
                store.insert(key(&object), (object.uid().into(), object.resource_version().into()));
            }
            WatchEvent::Deleted(object) => {
                store.remove(&key(&object));
            }
            WatchEvent::Listed(list) => {
                let listed = listing.take().expect("a list that had begun");
                assert_eq!(listed.len(), list.count());
                *held = listed;
            }
            WatchEvent::Interrupted(_) | WatchEvent::Recovered => {}
        }
    }
}

fn key(object: &syncer_clusters::Object) -> (String, String) {
    (
        object.cluster().to_string(),
        format!("{}/{}", object.key().namespace, object.key().name),
    )
}

/// What the server holds, as another client sees it.
fn truth(list: &Value) -> Held {
    let text = |item: &Value, path: &str| {
        item.pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let items = list["items"].as_array().unwrap();
    let of = |item: &Value| {
        let cluster = text(item, "/metadata/annotations/kcp.io~1cluster");
        let name = format!("{}/{}", text(item, "/metadata/namespace"), text(item, "/metadata/name"));
        (
            (cluster, name),
            (text(item, "/metadata/uid"), text(item, "/metadata/resourceVersion")),
        )
    };
    items.iter().map(of).collect()
}

async fn churn(cluster: &Cluster, rounds: std::ops::Range<usize>) {
    for round in rounds {
        for n in 0..10 {
            let name = format!("c-{n}");
            // While the server is away writes fail; what holds in the end is what the server says.
            let Ok(object) = apply(cluster, &name, round, 10).await else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            if (round + n) % 4 == 0 {
                let preconditions = Preconditions {
                    uid: object.uid().into(),
                    resource_version: None,
                };
                if let Ok(deletion) = cluster.delete(&config_maps(), NAMESPACE, &name, &preconditions).await {
                    assert_eq!(deletion, Deletion::Gone);
                }
            }
        }
    }
}

#[test]
fn a_watch_loses_and_invents_nothing_while_the_server_restarts() {
    let mut server = ApiServer::start();
    let cluster = connect(&server.write(server.kubeconfig()));
    let runtime = Runtime::new().unwrap();
    let mut watch: Watch = Box::pin(cluster.watch(
        config_maps(),
        WatchOptions {
            page_size: 3,
            ..WatchOptions::default()
        },
    ));
    let mut held = Held::new();
    let (mut interrupted, mut lists) = (0, 0);
    for restart in 0..2 {
        let writer = runtime.spawn({
            let cluster = cluster.clone();
            async move { churn(&cluster, restart * 40..restart * 40 + 40).await }
        });
        let end = (String::new(), format!("{NAMESPACE}/mark-{restart}"));
        let reader = runtime.spawn(async move {
            let mut told = (0, 0);
            let count = |event: &WatchEvent| match event {
                WatchEvent::Interrupted(_) => told.0 += 1,
                WatchEvent::Listed(_) => told.1 += 1,
                _ => {}
            };
            follow(&mut watch, &mut held, count, |held| held.contains_key(&end)).await;
            (watch, held, told)
        });
        if restart == 0 {
            let _ = server.stop();
        } else {
            server.kill();
        }
        server.start_again();
        runtime.block_on(writer).unwrap();
        // Marks the end, so that the reader knows when it has seen all.
        let mark = format!("mark-{restart}");
        runtime.block_on(async {
            while apply(&cluster, &mark, 0, 1).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let told;
        (watch, held, told) = runtime.block_on(reader).unwrap();
        interrupted += told.0;
        lists += told.1;
        assert_eq!(
            held,
            truth(&server.client().read("/api/v1/configmaps")),
            "after restart {restart}"
        );
    }
    assert!(interrupted >= 1, "the restarts were noticed");
    assert!(lists >= 1);
    let read = runtime
        .block_on(cluster.get(&config_maps(), NAMESPACE, "mark-1", FieldsV1Kept::None))
        .unwrap();
    assert!(read.is_some());
}

/// Through kcp's own front only a shard's administrator may watch all workspaces at once, so each gets a watch of its own here.
#[test]
fn watches_of_logical_clusters_share_lanes_and_keep_workspaces_apart() {
    let kcp = Kcp::start();
    let workspaces = [
        kcp.create_workspace("root", "first"),
        kcp.create_workspace("root", "second"),
    ];
    let root = connect(&kcp.write(&kcp.kubeconfig("root")));
    let runtime = Runtime::new().unwrap();
    let has_web = |held: &Held| held.keys().any(|(_, name)| name == "default/web");
    let mut watches = Vec::new();
    for workspace in &workspaces {
        let cluster = root.logical(&LogicalCluster::new(workspace));
        let options = WatchOptions {
            page_size: 1,
            ..WatchOptions::default()
        };
        let mut watch: Watch = Box::pin(cluster.watch(config_maps(), options));
        let mut held = Held::new();
        kcp.client(workspace).create(
            CONFIG_MAPS,
            &json!({"metadata": {"name": "web"}, "data": {"of": workspace}}),
        );
        runtime.block_on(follow(&mut watch, &mut held, |_| {}, has_web));
        watches.push((watch, held));
    }
    kcp.client(&workspaces[0]).delete(&format!("{CONFIG_MAPS}/web"));
    let (watch, held) = &mut watches[0];
    runtime.block_on(follow(watch, held, |_| {}, |held| !has_web(held)));
    for ((_, held), workspace) in watches.iter().zip(&workspaces) {
        let mut truth = truth(&kcp.client(workspace).read("/api/v1/configmaps"));
        // Each watch is of one logical cluster, which it calls by the path that it was asked for.
        truth = truth
            .into_iter()
            .map(|((_, name), version)| ((workspace.clone(), name), version))
            .collect();
        assert_eq!(*held, truth, "{workspace}");
    }
}
