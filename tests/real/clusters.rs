//! The cluster client on real control planes: unread watches beside writes, and watches across a restart.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "steps of a test outside of its function"
)]

mod follow;
mod restart;
mod workspaces;

use std::{
    path::Path,
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt as _, future};
use serde_json::json;
use syncer_clusters::{Apply, Cluster, ClusterConfig, Limits, WatchEvent, WatchOptions};
use syncer_core::{Gvr, ResourceType, Scope};
use syncer_harness::{ApiServer, Kcp};
use tokio::runtime::Runtime;

use self::follow::Watch;

const NAMESPACE: &str = "default";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// One test at a time: some restart it.
static KCP: LazyLock<Mutex<Kcp>> = LazyLock::new(|| Mutex::new(Kcp::start()));

fn kcp() -> MutexGuard<'static, Kcp> {
    KCP.lock().unwrap_or_else(PoisonError::into_inner)
}

fn config_maps() -> ResourceType {
    ResourceType {
        gvr: Gvr::new("", "v1", "configmaps"),
        kind: "ConfigMap".into(),
        scope: Scope::Namespaced,
    }
}

fn config(kubeconfig: &Path) -> ClusterConfig {
    ClusterConfig::from_kubeconfig_file(kubeconfig, None).unwrap()
}

fn connect(kubeconfig: &Path) -> Cluster {
    Cluster::connect(
        "real",
        config(kubeconfig),
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
