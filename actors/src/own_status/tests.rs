//! The writer on an API server in memory, under paused time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::SystemTime,
};

use http::{Method, Request};
use http_body_util::Full;
use syncer_core::{
    object_state::{ObjectCounts, ObjectState},
    target_status::Standing,
};
use syncer_sandbox::{ApiServer, Hand, Options};
use tokio::sync::watch;
use tower::{Service as _, service_fn};

use super::*;
use crate::{
    events::Events,
    target_report::{Reach, TargetReports},
};

const PATH: &str = "/apis/workload.kcp.io/v1alpha1/synctargets/east";

/// One SyncTarget, and the writer of its status.
struct Bench {
    hand: Hand,
    writes: Arc<AtomicUsize>,
    reports: TargetReports,
    clock: Clock,
    objects: watch::Sender<Arc<OwnObjects>>,
}

// === impl Bench ===

impl Bench {
    fn start(writes: Writes) -> Self {
        let server = ApiServer::new(Options::default());
        let hand = Hand::at(&server, "admin");
        let definition = json!({
            "metadata": {"name": "synctargets.workload.kcp.io"},
            "spec": {"group": "workload.kcp.io", "scope": "Cluster",
                "names": {"plural": "synctargets", "singular": "synctarget", "kind": "SyncTarget", "listKind": "SyncTargetList"},
                "versions": [{"name": "v1alpha1", "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
        });
        hand.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition)
            .unwrap();
        let target =
            json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": "east"}});
        let made = hand
            .create("/apis/workload.kcp.io/v1alpha1/synctargets", &target)
            .unwrap();
        let counted = Arc::<AtomicUsize>::default();
        let count = counted.clone();
        let service = service_fn(move |request: Request<Bytes>| {
            if *request.method() == Method::PATCH {
                count.fetch_add(1, Ordering::SeqCst);
            }
            server.clone().call(request.map(Full::new))
        });
        let object = OwnObject {
            uid: made["metadata"]["uid"].as_str().unwrap().into(),
            generation: 1,
            standing: Standing::Used,
            status: Arc::default(),
        };
        let objects = watch::Sender::new(Arc::new(OwnObjects {
            targets: [("east".into(), object)].into(),
            ..OwnObjects::default()
        }));
        let reports = TargetReports::default();
        let clock = Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_hours(500_000));
        let work = OwnStatus {
            cluster: Cluster::builder("upstream")
                .seed(1)
                .service("http://upstream", service)
                .unwrap(),
            objects: objects.subscribe(),
            reports: reports.clone(),
            events: Events::muted(),
            clock: clock.clone(),
            writes,
        };
        tokio::spawn(work.run());
        Self {
            hand,
            writes: counted,
            reports,
            clock,
            objects,
        }
    }

    fn beat(&self) {
        let now = Timestamp::try_from(self.clock.time()).unwrap();
        self.reports.heartbeat(&"east".into(), now, "v1.37.0");
    }

    /// Lets so many seconds pass, with a heartbeat every 20 if it beats; returns how often was written.
    async fn pass(&self, seconds: u64, beats: bool) -> usize {
        let before = self.writes.load(Ordering::SeqCst);
        for second in 0..seconds {
            if beats && second % 20 == 0 {
                self.beat();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.writes.load(Ordering::SeqCst) - before
    }

    fn status(&self) -> Value {
        self.hand.get(PATH).unwrap()["status"].clone()
    }

    fn reason(&self, kind: &str) -> String {
        let status = self.status();
        let condition = syncer_core::condition::known(&status, kind).unwrap();
        condition["reason"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn at_rest_there_is_one_write_a_heartbeat_and_without_one_there_is_none() {
    let bench = Bench::start(Writes::Done);
    bench.pass(40, true).await;
    let first = bench.status()["lastSyncerHeartbeatTime"].clone();
    let written = bench.pass(200, true).await;
    assert!((9..=10).contains(&written), "{written}");
    assert!(bench.status()["lastSyncerHeartbeatTime"].as_str() > first.as_str());

    bench.reports.reach(
        &"east".into(),
        Reach::Unreachable {
            cause: "no route".into(),
        },
    );
    assert_eq!(bench.pass(3, false).await, 1, "at once");
    assert_eq!(bench.reason("Reachable"), "Unreachable");
    assert_eq!(bench.pass(60, false).await, 1, "the heartbeat is lost");
    assert_eq!(bench.reason("HeartbeatHealthy"), "HeartbeatLost");
    assert_eq!(bench.pass(600, false).await, 0, "nothing changes (S5)");
    bench.beat();
    bench.pass(3, false).await;
    assert_eq!(bench.reason("Reachable"), "Reached");
}

#[tokio::test(start_paused = true)]
async fn an_object_made_anew_is_not_written_to_under_the_uid_of_the_old_one() {
    let bench = Bench::start(Writes::Done);
    bench.pass(10, true).await;
    bench.hand.delete(PATH).unwrap();
    let target = json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": "east"}});
    bench
        .hand
        .create("/apis/workload.kcp.io/v1alpha1/synctargets", &target)
        .unwrap();
    bench.pass(60, true).await;
    assert_eq!(bench.status(), Value::Null);
    bench.objects.send_modify(|objects| {
        let mut new = OwnObjects::clone(objects);
        for object in new.targets.values_mut() {
            object.uid = bench.hand.get(PATH).unwrap()["metadata"]["uid"]
                .as_str()
                .unwrap()
                .into();
        }
        *objects = Arc::new(new);
    });
    bench.pass(10, true).await;
    assert_eq!(bench.reason("Reachable"), "Reached");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_and_another_upstream_are_written_nothing() {
    let dry = Bench::start(Writes::Reported);
    assert_eq!(dry.pass(60, true).await, 0);
    let replaced = Bench::start(Writes::Done);
    replaced.reports.upstream_replaced(&"a".into(), &"b".into());
    assert_eq!(replaced.pass(60, true).await, 0);
    replaced.reports.upstream_is_itself();
    assert!(replaced.pass(60, true).await > 0);
}

#[tokio::test(start_paused = true)]
async fn counts_that_nobody_has_taken_yet_stay_as_they_stand() {
    let bench = Bench::start(Writes::Done);
    let counts = json!({"desired": 2, "synced": 2});
    bench.objects.send_modify(|objects| {
        let mut known = OwnObjects::clone(objects);
        for object in known.targets.values_mut() {
            let ready = json!({"type": "Ready", "status": "True", "reason": "InStep"});
            object.status = Arc::new(json!({"conditions": [ready], "objects": counts}));
        }
        *objects = Arc::new(known);
    });
    assert_eq!(
        bench.pass(8, true).await,
        0,
        "it answers, and will be counted soon (S5)"
    );
    let cause = "no route".into();
    bench.reports.reach(&"east".into(), Reach::Unreachable { cause });
    assert_eq!(bench.pass(3, false).await, 1, "that does not wait");
    assert_eq!(
        (bench.reason("Reachable"), &bench.status()["objects"]),
        ("Unreachable".to_owned(), &counts)
    );
    let one = ObjectCounts::from_iter([ObjectState::Synced]);
    bench.reports.objects(&"east".into(), one);
    bench.pass(30, true).await;
    assert_eq!(bench.status()["objects"]["desired"], 1);
}
