//! What is heard is counted, told and kept, each once.

use std::time::SystemTime;

use prometheus_client::{encoding::text::encode, registry::Registry};
use syncer_core::{
    Gvr, LogicalCluster, ObjectKey, ResourceType, Scope,
    config::{ConfigDuration, FightRule, Strategy},
    conflict::{LeafHasher, LeafKind, LeafPath, Moment, Said, Verdict, Winner, leaf_id},
    field_path::FieldPath,
};
use tokio::task::LocalSet;

use super::*;
use crate::{
    events::Recent,
    runtime::{self, Clock, Runtime, Signals},
};

struct Bench {
    arbiter: Arbiter,
    verdicts: Verdicts,
    metrics: Metrics,
    recent: Events,
    runtime: Runtime,
}

/// A bench with an arbiter, on a paused clock.
fn simulate<F: Future<Output = ()>>(test: impl FnOnce(Bench) -> F) {
    let pool = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&pool, async {
        let runtime = Runtime::local(runtime::Settings {
            seed: 1,
            clock: Clock::simulated(SystemTime::UNIX_EPOCH),
            ..runtime::Settings::default()
        });
        let (verdicts, metrics) = (Verdicts::default(), Metrics::default());
        let mut bench = Bench {
            arbiter: Arbiter::new(&verdicts),
            recent: Events::new(&Signals::new(), &metrics, &Recent::default()),
            verdicts,
            metrics,
            runtime,
        };
        bench.start();
        test(bench).await;
    });
}

impl Bench {
    fn start(&mut self) {
        let work = ArbiterWork {
            arbiter: self.arbiter.clone(),
            events: self.recent.clone(),
            metrics: self.metrics.clone(),
        };
        let (address, _) = self
            .runtime
            .start(ConflictArbiter::spec(), move || ConflictArbiter::new(work.clone()));
        self.arbiter.bind(address);
    }

    fn counted(&self, strategy: &str, verdict: &str) -> u64 {
        self.sample(&format!(
            "conflicts_total{{strategy=\"{strategy}\",verdict=\"{verdict}\"}}"
        ))
    }

    fn sample(&self, name: &str) -> u64 {
        let mut registry = Registry::default();
        self.metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let wanted = format!("tmc_syncer_{name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&wanted));
        line.map_or(0, |count| count.parse().unwrap())
    }
}

fn hearing(name: &str, target: &str, verdicts: &[Verdict]) -> Hearing {
    let gvr = Gvr::new("", "v1", "configmaps");
    Hearing {
        key: ObjectKey::new(LogicalCluster::plain(), gvr.clone(), "default", name),
        resource: ResourceType {
            gvr,
            kind: "ConfigMap".into(),
            scope: Scope::Namespaced,
        },
        uid: "uid".into(),
        target: target.into(),
        shape: 1,
        strategy: Strategy::LastWriteWins,
        fight: FightRule {
            threshold: 3,
            window: ConfigDuration(Duration::from_mins(5)),
        },
        now: Moment(1_795_000_000_000),
        verdicts: verdicts.to_vec(),
        fallback: None,
        telling: Telling::Here,
    }
}

fn verdict(field: &str, (winner, why): (Winner, Why)) -> Verdict {
    let path = FieldPath::of_fields(["data", field]);
    let said = |value: &str, manager: &str| Said {
        value: Some(value.into()),
        manager: Some(manager.into()),
        time: None,
        target: None,
    };
    Verdict {
        leaf: leaf_id(LeafHasher::Plain, &path),
        path: LeafPath {
            path,
            kind: LeafKind::Value,
        },
        upstream: said("\"1\"", "alice"),
        downstream: said("\"2\"", "bob"),
        winner,
        why,
    }
}

#[test]
fn what_was_done_counts_each_time_and_what_is_left_alone_counts_once() {
    simulate(async |bench| {
        let written = verdict("a", (Winner::WrittenBack, Why::Later));
        let kept = verdict("b", (Winner::Downstream, Why::OnlyDownstream));
        for _ in 0..2 {
            let heard = bench
                .arbiter
                .hear(hearing("web", "east", &[written.clone(), kept.clone()]));
            assert_eq!(heard.await, []);
        }
        assert_eq!(bench.counted("last_write_wins", "written_back"), 2);
        assert_eq!(bench.counted("last_write_wins", "downstream"), 1);
        let shown = bench.verdicts.view(None, 10);
        let times: Vec<_> = shown.iter().map(|view| (&*view.path, view.times)).collect();
        assert_eq!(times, [("data.a", 2), ("data.b", 1)]);
    });
}

#[test]
fn each_edit_that_a_target_keeps_counts_as_drift_that_was_kept() {
    simulate(async |bench| {
        let kept = |value: &str, why: Why| {
            let mut verdict = verdict("a", (Winner::Downstream, why));
            verdict.downstream.value = Some(value.into());
            verdict
        };
        for (verdicts, count) in [
            (vec![kept("2", Why::OnlyDownstream)], 1),
            (vec![kept("2", Why::OnlyDownstream)], 1),
            (vec![kept("3", Why::OnlyDownstream)], 2),
            (
                vec![kept("4", Why::Foreign), verdict("b", (Winner::Upstream, Why::Conflict))],
                3,
            ),
            // A rule gives it to the target: that is no drift.
            (vec![kept("5", Why::FieldRule)], 3),
            (vec![kept("6", Why::Fight)], 3),
        ] {
            assert_eq!(bench.arbiter.hear(hearing("web", "east", &verdicts)).await, []);
            assert_eq!(
                bench.sample("drift_total{target=\"east\",action=\"kept\"}"),
                count,
                "{verdicts:?}"
            );
        }
        // What `UpstreamWins` keeps by `foreign: Keep` is heard from whoever looked for drift.
        let mut heard = hearing("web", "west", &[kept("7", Why::Foreign)]);
        (heard.strategy, heard.telling) = (Strategy::UpstreamWins, Telling::Elsewhere);
        bench.arbiter.hear(heard).await;
        assert_eq!(bench.sample("drift_total{target=\"west\",action=\"kept\"}"), 1);
        assert_eq!(bench.counted("upstream_wins", "foreign_kept"), 1);
    });
}

/// What is written down while a test runs.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One line each, with both sides, who won and why; of a Secret keyed hashes (S8).
#[test]
fn each_verdict_is_a_line_of_the_log_that_shows_no_value_of_a_secret() {
    runtime::tests::spans::install();
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        simulate(async |bench| {
            let open = verdict("a", (Winner::WrittenBack, Why::Later));
            bench.arbiter.hear(hearing("web", "east", &[open])).await;
            for verdict in of_secret() {
                bench.arbiter.hear(hearing("password", "east", &[verdict])).await;
            }
        });
    });
    let log = String::from_utf8(lines.0.lock().clone()).unwrap();
    let decided: Vec<_> = log.lines().filter(|line| line.contains("decided: ")).collect();
    assert_eq!(decided.len(), 3, "{log}");
    let wanted = "decided: data.a: upstream \"1\" by alice, target \"2\" by bob; target, written back: both sides changed it, and this is the later \
                  write";
    assert!(decided[0].contains(wanted), "{log}");
    for part in ["target=east", "kind=configmaps", "namespace=default", "name=web"] {
        assert!(decided[0].contains(part), "{part}: {log}");
    }
    for value in ["hunter2", "aHVudGVyMg", "sesame", "c2VzYW1l"] {
        assert!(!log.contains(value), "{value}: {log}");
    }
    assert!(
        decided[1].contains("data.password: upstream #") && decided[1].contains(" target #"),
        "{log}"
    );
}

/// What is decided of a Secret that both sides changed.
fn of_secret() -> Vec<Verdict> {
    use serde_json::{Value, json};
    use syncer_core::{
        config::ForeignLeaves,
        conflict::{Clocks, Memory, Resting, Rules, Schema, SideClock, Sides, Standing, base_of, decide},
        hash_key::HashKey,
    };
    let (gvr, key, now) = (
        Gvr::new("", "v1", "secrets"),
        HashKey::new(b"key"),
        Moment(1_795_000_000_000),
    );
    let (hasher, schema) = (LeafHasher::Keyed(&key), Schema::of(&gvr));
    let base = base_of(&gvr, &schema, hasher, None, &json!({"data": {"password": "b2xk"}}), now);
    let desired = json!({"data": {"password": "aHVudGVyMg=="}});
    let live = json!({"data": {"password": "c2VzYW1l", "more": "c2VzYW1l"}, "metadata": {"managedFields": [{
        "manager": "bob", "operation": "Update", "fieldsV1": {"f:data": {"f:password": {}, "f:more": {}}},
    }]}});
    let sides = Sides {
        gvr: &gvr,
        schema: &schema,
        hasher,
        base: Some(&base),
        standing: Standing::Edited,
        desired: &desired,
        upstream: &Value::Null,
        live: &live,
        target: "east",
    };
    let rules = Rules {
        strategy: Strategy::MergeChanges,
        foreign: ForeignLeaves::Remove,
        ignored: &[],
        owned: &[],
        produced: &[],
        resting: &Resting::default(),
    };
    let clock = SideClock::default();
    let clocks = Clocks {
        now,
        upstream: clock,
        downstream: clock,
    };
    decide(&sides, &rules, clocks, &mut Memory::default()).verdicts
}

#[test]
fn a_fight_over_two_targets_is_answered_counted_and_kept_apart_from_other_objects() {
    simulate(async |bench| {
        let pulled = verdict("a", (Winner::WrittenBack, Why::OnlyDownstream));
        let mut noticed = Vec::new();
        for target in ["east", "west", "east"] {
            noticed = bench
                .arbiter
                .hear(hearing("web", target, std::slice::from_ref(&pulled)))
                .await;
            let other = bench.arbiter.hear(hearing("other", "east", &[]));
            assert_eq!(other.await, []);
        }
        assert_eq!(noticed.len(), 1);
        let note = noticed[0].note("east");
        assert!(note.contains("bob changes data.a again and again"), "{note}");
        assert_eq!(bench.counted("last_write_wins", "fight"), 1);
    });
}

#[test]
fn without_an_arbiter_nothing_waits() {
    simulate(async |bench| {
        bench.runtime.stop();
        let before = tokio::time::Instant::now();
        let unheard = Arbiter::default().hear(hearing("web", "east", &[])).await;
        assert_eq!((unheard, before.elapsed()), (Vec::new(), Duration::ZERO));
        // Its actor has ended.
        assert_eq!(bench.arbiter.hear(hearing("web", "east", &[])).await, []);
        assert!(before.elapsed() <= HEARD_WITHIN);
    });
}

#[test]
fn one_built_anew_goes_on_with_what_is_remembered() {
    simulate(async |mut bench| {
        let pulled = [verdict("a", (Winner::WrittenBack, Why::OnlyDownstream))];
        for _ in 0..2 {
            assert_eq!(bench.arbiter.hear(hearing("web", "east", &pulled)).await, []);
        }
        bench.start();
        assert_eq!(bench.arbiter.hear(hearing("web", "east", &pulled)).await.len(), 1);
    });
}

#[test]
fn there_is_an_end_to_what_people_can_look_at() {
    simulate(async |bench| {
        for object in 0..40 {
            let all: Vec<_> = (0..100)
                .map(|field| verdict(&field.to_string(), (Winner::Upstream, Why::Tie)))
                .collect();
            bench.arbiter.hear(hearing(&object.to_string(), "east", &all)).await;
        }
        assert_eq!(bench.verdicts.view(None, usize::MAX).len(), 1_024);
        let of_one = bench.verdicts.view(Some("default/39"), usize::MAX);
        assert_eq!(of_one.len(), 64);
        assert_eq!(
            (&*of_one[0].path, of_one[0].winner, of_one[0].why),
            ("data.99", "upstream", "tie")
        );
        let json = serde_json::to_value(&of_one[0]).unwrap();
        assert_eq!(json["downstream"]["manager"], "bob");
        assert_eq!(json["strategy"], "LastWriteWins");
    });
}
