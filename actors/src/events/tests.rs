//! What is told becomes Events on an API server.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::Value;
use syncer_clusters::Cluster;
use syncer_core::{Gvr, Scope};
use syncer_sandbox::{ApiServer, Effect, Fault, FaultPlan, Flavor, Options, Reach, TimerClock, Verb, Which};
use tokio::task::LocalSet;
use tower::ServiceExt as _;

use super::*;
use crate::{
    in_memory,
    runtime::{self, Address, Clock, Runtime, Spec},
};

/// The note `note` on a ConfigMap.
pub(super) fn key(cluster: &str, namespace: &str, name: &str, note: &str) -> Arc<EventKey> {
    Arc::new(EventKey {
        subject: config_map(cluster, namespace, name),
        reason: EventReason::SyncFailed,
        note: note.into(),
    })
}

fn config_map(cluster: &str, namespace: &str, name: &str) -> Subject {
    let gvr = Gvr::new("", "v1", "configmaps");
    Subject {
        key: ObjectKey::new(LogicalCluster::new(cluster), gvr.clone(), namespace, name),
        resource: ResourceType {
            gvr,
            kind: "ConfigMap".into(),
            scope: Scope::Namespaced,
        },
        uid: format!("uid-of-{name}").into(),
    }
}

/// A sandbox API server in this process, and how often it was asked.
struct Server {
    api: ApiServer,
    asked: Arc<AtomicUsize>,
}

/// A recorder on a paused clock, with the server that it writes to.
struct Bench {
    server: Server,
    events: Events,
    metrics: Metrics,
    cluster: Cluster,
    runtime: Runtime,
}

impl Bench {
    fn start(&mut self) -> Address<EventRecorderMessage> {
        let (cluster, events) = (self.cluster.clone(), self.events.clone());
        let (recorder, _) = self.runtime.start(Spec::new("upstream"), move || {
            EventRecorder::new(cluster.clone(), &events)
        });
        recorder
    }

    /// Another process, with nothing in its memory.
    fn start_anew(&mut self) {
        self.runtime.stop();
        self.events = Events::new(&Signals::new(), &self.metrics, &Recent::default());
        self.runtime = runtime_here();
        self.start();
    }

    fn tell(&self, name: &str, note: &str) {
        self.events
            .tell(config_map("", "default", name), EventReason::SyncFailed, note);
    }

    async fn read(&self, path: &str) -> Value {
        let request = Request::builder().method(Method::GET).uri(path);
        let request = request.body(Full::new(Bytes::new())).unwrap();
        let answer = self.server.api.clone().oneshot(request).await.unwrap();
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    async fn written(&self) -> Vec<Value> {
        let list = self.read("/api/v1/events").await;
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until there are `count` Events.
    async fn until_written(&self, count: usize) -> Vec<Value> {
        for _ in 0..10_000 {
            let written = self.written().await;
            if written.len() == count {
                return written;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!(
            "waited in vain for {count} events, there are {}",
            self.written().await.len()
        );
    }

    async fn until_counted(&self, count: u64) -> Value {
        for _ in 0..100_000 {
            if let [event] = &self.written().await[..]
                && event["count"] == count
            {
                return event.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited in vain for a count of {count} in {:?}", self.written().await);
    }

    async fn until_shown(&self, line: &str) {
        for _ in 0..10_000 {
            if self.shown().contains(line) {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("waited in vain for {line} in {}", self.shown());
    }

    fn shown(&self) -> String {
        let mut registry = Registry::default();
        self.metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    fn asked(&self) -> usize {
        self.server.asked.load(Ordering::SeqCst)
    }
}

fn start_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn runtime_here() -> Runtime {
    Runtime::local(runtime::Settings {
        seed: 1,
        clock: Clock::simulated(start_time()),
        ..runtime::Settings::default()
    })
}

fn simulate<F: Future<Output = ()>>(options: Options, test: impl FnOnce(Bench) -> F) {
    let pool = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&pool, async {
        let clock = TimerClock::new(start_time().try_into().unwrap());
        let server = Server {
            api: ApiServer::new(Options {
                clock: Arc::new(clock),
                ..options
            }),
            asked: Arc::default(),
        };
        let asked = Arc::clone(&server.asked);
        let counted = in_memory::service(server.api.clone(), move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
        });
        let metrics = Metrics::default();
        let cluster = Cluster::builder("upstream").seed(1);
        test(Bench {
            events: Events::new(&Signals::new(), &metrics, &Recent::default()),
            cluster: cluster.service("http://upstream", counted).unwrap(),
            runtime: runtime_here(),
            server,
            metrics,
        })
        .await;
    });
}

#[test]
fn an_event_is_what_kubectl_describe_looks_for() {
    simulate(Options::default(), |mut bench| async move {
        bench.start();
        bench.tell("web", "target east: the server does not take it");
        let event = &bench.until_written(1).await[0];
        let at = "2026-11-18T11:06:40Z";
        let expected = serde_json::json!({
            "involvedObject": {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": "web", "uid": "uid-of-web"},
            "type": "Warning",
            "reason": "SyncFailed",
            "message": "target east: the server does not take it",
            "count": 1,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "source": {"component": "tmc-syncer"},
            "reportingComponent": "tmc-syncer",
        });
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&event[member], value, "{member}");
        }
        assert_eq!(event["metadata"]["namespace"], "default");
        assert!(bench.shown().contains("tmc_syncer_events_total{verb=\"create\"} 1"));
    });
}

#[test]
fn an_event_about_a_cluster_scoped_object_is_in_the_default_namespace() {
    simulate(Options::default(), |mut bench| async move {
        bench.start();
        let gvr = Gvr::new("workload.kcp.io", "v1alpha1", "synctargets");
        let target = Subject {
            key: ObjectKey::new(LogicalCluster::plain(), gvr.clone(), "", "east"),
            resource: ResourceType {
                gvr,
                kind: "SyncTarget".into(),
                scope: Scope::Cluster,
            },
            uid: "1".into(),
        };
        bench.events.tell(target, EventReason::MassDeletionHeld, "12 objects");
        let event = &bench.until_written(1).await[0];
        assert_eq!(event["metadata"]["namespace"], "default");
        assert_eq!(event["involvedObject"]["namespace"], Value::Null);
        assert_eq!(event["involvedObject"]["apiVersion"], "workload.kcp.io/v1alpha1");
    });
}

#[test]
fn an_event_is_written_into_the_logical_cluster_of_its_object() {
    let options = Options {
        flavor: Flavor::Kcp,
        ..Options::default()
    };
    simulate(options, |mut bench| async move {
        let root = bench.server.api.logical_cluster("root").unwrap();
        bench.start();
        bench
            .events
            .tell(config_map(&root, "default", "web"), EventReason::Conflict, "note");
        bench.until_shown("tmc_syncer_events_total{verb=\"create\"} 1").await;
        let list = bench.read(&format!("/clusters/{root}/api/v1/events")).await;
        assert_eq!(list["items"][0]["reason"], "Conflict");
    });
}

#[test]
fn a_storm_is_one_event_and_few_requests() {
    simulate(Options::default(), |mut bench| async move {
        bench.start();
        for _ in 0..1_000 {
            bench.tell("web", "it fails");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let event = bench.until_counted(1_000).await;
        assert_eq!(event["firstTimestamp"], "2026-11-18T11:06:40Z");
        assert!(event["lastTimestamp"].as_str() > Some("2026-11-18T11:08"), "{event}");
        assert_eq!(bench.asked(), 5, "at 0, 10, 30, 70 and 150 seconds");
    });
}

#[test]
fn after_a_restart_the_same_event_goes_on() {
    simulate(Options::default(), |mut bench| async move {
        bench.start();
        bench.tell("web", "it fails");
        bench.until_counted(1).await;
        for count in 2..5 {
            bench.start_anew();
            bench.tell("web", "it fails");
            bench.until_counted(count).await;
        }
    });
}

#[test]
fn an_event_that_the_server_has_forgotten_is_written_anew() {
    simulate(Options::default(), |mut bench| async move {
        bench.start();
        bench.tell("web", "it fails");
        let event = bench.until_counted(1).await;
        let name = event["metadata"]["name"].as_str().unwrap();
        let uid = event["metadata"]["uid"].as_str().unwrap().to_owned();
        let events = ResourceType {
            gvr: Gvr::new("", "v1", "events"),
            kind: "Event".into(),
            scope: Scope::Namespaced,
        };
        let proof = syncer_core::proof::prove(
            syncer_core::proof::Absence::DeletionSeen,
            &syncer_core::proof::Look::NotFound,
        )
        .unwrap();
        let preconditions = syncer_clusters::Preconditions {
            uid,
            resource_version: None,
        };
        let deleted = bench.cluster.delete(&events, "default", name, &preconditions, &proof);
        deleted.await.unwrap();
        bench.tell("web", "it fails");
        let event = bench.until_counted(2).await;
        assert_eq!(event["firstTimestamp"], "2026-11-18T11:06:40Z");
    });
}

#[test]
fn whoever_tells_never_waits_and_what_is_lost_is_counted() {
    simulate(Options::default(), |mut bench| async move {
        bench.server.api.faults().set_reach(Reach::Silent);
        bench.start();
        // No await in between: the recorder has no chance to take anything.
        for number in 0..5_000 {
            bench.tell(&number.to_string(), "it fails");
        }
        assert!(
            bench
                .shown()
                .contains("tmc_syncer_events_lost_total{cause=\"full\"} 904")
        );
        bench
            .until_shown("tmc_syncer_events_lost_total{cause=\"failed\"} 4096")
            .await;
        bench.server.api.faults().clear();
        tokio::time::sleep(Duration::from_mins(10)).await;
        bench.tell("web", "it fails");
        bench.until_written(1).await;
    });
}

#[test]
fn a_failure_that_passes_is_survived() {
    simulate(Options::default(), |mut bench| async move {
        bench.server.api.faults().set(FaultPlan {
            faults: vec![Fault {
                which: Which {
                    verbs: vec![Verb::Create],
                    ..Which::default()
                },
                effect: Effect::Status {
                    code: 500,
                    retry_after: None,
                },
                odds: 1.0,
                times: Some(2),
            }],
        });
        bench.start();
        bench.tell("web", "it fails");
        bench.until_written(1).await;
        assert_eq!(bench.asked(), 3);
    });
}

#[test]
fn an_event_that_is_not_taken_is_not_tried_again() {
    simulate(Options::default(), |mut bench| async move {
        bench.start();
        bench
            .events
            .tell(config_map("", "no-such", "web"), EventReason::Synced, "note");
        bench
            .until_shown("tmc_syncer_events_lost_total{cause=\"refused\"} 1")
            .await;
        tokio::time::sleep(Duration::from_mins(30)).await;
        assert_eq!(bench.asked(), 1);
    });
}

#[test]
fn a_long_note_is_shortened_to_what_the_api_takes() {
    for (note, expected) in [
        ("a".repeat(1_024), "a".repeat(1_024)),
        ("a".repeat(1_025), format!("{}...", "a".repeat(1_021))),
        ("ä".repeat(2_000), format!("{}...", "ä".repeat(510))),
    ] {
        assert_eq!(shortened(note), expected);
    }
}

#[test]
fn a_muted_place_takes_everything_and_keeps_nothing() {
    simulate(Options::default(), |mut bench| async move {
        bench.events = Events::muted();
        bench.start();
        bench.tell("web", "it fails");
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(bench.asked(), 0);
    });
}

#[test]
fn names_are_stable_different_and_such_as_an_event_may_have() {
    let name = |key: &Arc<EventKey>| write::name(key);
    let web = key("", "default", "web", "note");
    assert_eq!(name(&web), name(&key("", "default", "web", "note")));
    assert!(name(&web).starts_with("web."), "{}", name(&web));
    assert_ne!(name(&web), name(&key("", "default", "web", "other")));
    let mut replaced = (*web).clone();
    replaced.subject.uid = "another".into();
    assert_ne!(name(&web), name(&Arc::new(replaced)));
    for long in ["a".repeat(253), format!("{}.b", "a".repeat(235)), "system:x".to_owned()] {
        let name = name(&key("", "default", &long, "note"));
        assert!(
            name.len() <= 253 && !name.contains("..") && !name.contains(':'),
            "{name}"
        );
    }
}
