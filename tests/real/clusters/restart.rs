//! Watches across restarts of their server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use syncer_clusters::{Cluster, Deletion, FieldsV1Kept, Preconditions, WatchEvent, WatchOptions};
use syncer_harness::{ApiServer, Kcp, wait_for};
use tokio::runtime::Runtime;

use super::{
    NAMESPACE, apply, config, config_maps, connect,
    follow::{Held, Watch, follow, truth_of_one},
    kcp,
};

/// Objects that are there before the watch and are never touched again.
const KEPT: usize = 7;

/// So many writes are carried out before each outage, and after it.
const WRITES: usize = 100;

/// How long they may take: after an outage the breaker opens again and other credentials are read first.
const WRITTEN_WITHIN: Duration = Duration::from_mins(3);

/// How a server goes away.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// In an orderly way, which ends the watches.
    Stop,
    /// At once.
    Kill,
}

/// A server that can be restarted, and what it says to another client.
trait Restart {
    fn end(&mut self, outage: Outage);

    /// Starts it again and gives `cluster` what it needs to be let in.
    fn start_again(&mut self, cluster: &Cluster);

    fn read(&self, path: &str) -> Value;
}

/// Writes until it is told to end.
struct Writer {
    cluster: Cluster,
    ends: AtomicBool,
    written: AtomicUsize,
}

// === impl Writer ===

impl Writer {
    async fn churn(&self) {
        for round in 0.. {
            for n in 0..10 {
                if self.ends.load(Ordering::Relaxed) {
                    return;
                }
                let name = format!("c-{n}");
                // While the server is away writes fail; what holds in the end is what the server says.
                let Ok(object) = apply(&self.cluster, &name, round, 10).await else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                self.written.fetch_add(1, Ordering::Relaxed);
                if (round + n) % 4 == 0 {
                    let proof = syncer_core::proof::prove(
                        syncer_core::proof::Absence::DeletionSeen,
                        &syncer_core::proof::Look::NotFound,
                    )
                    .unwrap();
                    let preconditions = Preconditions {
                        uid: object.uid().into(),
                        resource_version: None,
                    };
                    let deletion = self
                        .cluster
                        .delete(&config_maps(), NAMESPACE, &name, &preconditions, &proof)
                        .await;
                    if let Ok(deletion) = deletion {
                        assert_eq!(deletion, Deletion::Gone);
                    }
                }
            }
        }
    }

    /// Waits until more has been written.
    fn wait_more(&self) {
        let enough = self.written.load(Ordering::Relaxed) + WRITES;
        wait_for("more writes", WRITTEN_WITHIN, || {
            self.written.load(Ordering::Relaxed) >= enough
        });
    }
}

impl Restart for ApiServer {
    fn end(&mut self, outage: Outage) {
        match outage {
            Outage::Stop => {
                let _ = self.stop();
            }
            Outage::Kill => self.kill(),
        }
    }

    fn start_again(&mut self, _: &Cluster) {
        Self::start_again(self);
    }

    fn read(&self, path: &str) -> Value {
        self.client().read(path)
    }
}

/// A workspace, by its path.
struct Workspace<'a> {
    kcp: &'a mut Kcp,
    path: String,
}

impl Restart for Workspace<'_> {
    fn end(&mut self, outage: Outage) {
        match outage {
            Outage::Stop => {
                let _ = self.kcp.stop();
            }
            Outage::Kill => self.kcp.kill(),
        }
    }

    fn start_again(&mut self, cluster: &Cluster) {
        self.kcp.start_again();
        // Until now the watch was answered 401.
        let kubeconfig = self.kcp.write(&self.kcp.kubeconfig(&self.path));
        cluster.renew(config(&kubeconfig)).unwrap();
    }

    fn read(&self, path: &str) -> Value {
        self.kcp.client(&self.path).read(path)
    }
}

#[test]
fn a_watch_loses_and_invents_nothing_while_the_server_restarts() {
    let mut server = ApiServer::start();
    let cluster = connect(&server.write(server.kubeconfig()));
    loses_and_invents_nothing(&mut server, &cluster, &[Outage::Stop, Outage::Kill]);
}

#[test]
fn a_watch_of_a_workspace_loses_and_invents_nothing_while_kcp_restarts() {
    let mut kcp = kcp();
    let path = kcp.create_workspace("root", "restarted");
    let cluster = connect(&kcp.write(&kcp.kubeconfig(&path)));
    let mut workspace = Workspace { kcp: &mut kcp, path };
    loses_and_invents_nothing(&mut workspace, &cluster, &[Outage::Kill]);
}

/// Follows the ConfigMaps of `server` through `outages`, with writes before and after each, and compares with the server.
fn loses_and_invents_nothing(server: &mut impl Restart, cluster: &Cluster, outages: &[Outage]) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for n in 0..KEPT {
            apply(cluster, &format!("kept-{n}"), 0, 10).await.unwrap();
        }
    });
    let mut watch: Watch = Box::pin(cluster.watch(
        config_maps(),
        WatchOptions {
            page_size: 3,
            ..WatchOptions::default()
        },
    ));
    let mut held = Held::new();
    let (mut interrupted, mut lists) = (0, 0);
    for (number, outage) in outages.iter().enumerate() {
        let writer = Arc::new(Writer {
            cluster: cluster.clone(),
            ends: AtomicBool::new(false),
            written: AtomicUsize::new(0),
        });
        let churn = runtime.spawn({
            let writer = Arc::clone(&writer);
            async move { writer.churn().await }
        });
        let mark = format!("mark-{number}");
        let end = (String::new(), format!("{NAMESPACE}/{mark}"));
        let reader = runtime.spawn(async move {
            let mut told = (0, 0);
            let look = |event: &WatchEvent, held: &Held| match event {
                WatchEvent::Interrupted(_) => told.0 += 1,
                WatchEvent::Listed(_) => {
                    told.1 += 1;
                    assert_eq!(kept(held), KEPT, "a list called complete lacks some");
                }
                WatchEvent::Deleted(object) => {
                    let name = &object.key().name;
                    assert!(name.starts_with("c-"), "{name} was never deleted");
                }
                _ => {}
            };
            follow(&mut watch, &mut held, look, |held| held.contains_key(&end)).await;
            (watch, held, told)
        });
        writer.wait_more();
        server.end(*outage);
        let during = runtime.block_on(apply(cluster, "during", 0, 1));
        assert!(during.is_err(), "written while the server was away: {during:?}");
        server.start_again(cluster);
        writer.wait_more();
        writer.ends.store(true, Ordering::Relaxed);
        runtime.block_on(churn).unwrap();
        // Marks the end, so that the reader knows when it has seen all.
        runtime.block_on(apply(cluster, &mark, 0, 1)).unwrap();
        let told;
        (watch, held, told) = runtime.block_on(reader).unwrap();
        interrupted += told.0;
        lists += told.1;
        let truth = truth_of_one("", &server.read("/api/v1/configmaps"));
        assert_eq!(held, truth, "after {outage:?}");
        assert_eq!(kept(&held), KEPT);
        assert!(!truth.contains_key(&(String::new(), format!("{NAMESPACE}/during"))));
    }
    assert!(interrupted >= 1, "the restarts were noticed");
    assert!(lists >= 1);
    let read = runtime
        .block_on(cluster.get(&config_maps(), NAMESPACE, "mark-0", FieldsV1Kept::None))
        .unwrap();
    assert!(read.is_some());
}

fn kept(held: &Held) -> usize {
    let prefix = format!("{NAMESPACE}/kept-");
    held.keys().filter(|(_, name)| name.starts_with(&prefix)).count()
}
