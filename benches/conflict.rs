//! What a three-way decision about a Deployment costs: reading the base, deciding about every leaf, writing the base and the patch.
//!
//! `cargo bench --bench conflict`. The Deployment is one that a kube-apiserver returned; both sides are servers of the sandbox, which own
//! fields as real ones do.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench: what fails ends it, and what it finds is told on stdout"
)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::Criterion;
use serde_json::{Value, json};
use syncer_core::{
    Gvr,
    config::{ForeignLeaves, Strategy},
    conflict::{
        Base, Clocks, Decision, LeafHasher, Memory, Moment, Resting, Rules, Schema, SideClock, Sides, Standing,
        base_of, decide, write_back_patch,
    },
    drift::IGNORED_MANAGERS,
};
use syncer_sandbox::{ApiServer, Hand, Options};

/// A Deployment as kube-apiserver 1.37 returns it.
const DEPLOYMENT: &str = include_str!("../clusters/src/object/testdata/deployment.json");
const COLLECTION: &str = "/apis/apps/v1/namespaces/default/deployments";
const PATH: &str = "/apis/apps/v1/namespaces/default/deployments/web";
/// What is decided at this moment.
const NOW: Moment = Moment(1_795_000_000_000);
/// Decisions of one printed figure.
const ROUNDS: u32 = 1_000;

/// One Deployment on both sides.
struct Pair {
    upstream: Value,
    desired: Value,
    live: Value,
    /// The base as the live object's marker has it.
    base: String,
}

// === impl Pair ===

impl Pair {
    /// The Deployment with so many more variables, `edited` upstream by the first change and on the target by the second.
    fn new(variables: usize, edited: Option<(&Value, &Value)>) -> Self {
        let upstream = ApiServer::new(Options::default());
        let target = ApiServer::new(Options {
            seed: 1,
            ..Options::default()
        });
        let (alice, bob) = (Hand::at(&upstream, "alice"), Hand::at(&target, "bob"));
        let made = alice.create(COLLECTION, &document(variables)).expect("made upstream");
        let desired = desired(&made);
        let mut applied = desired.clone();
        applied["apiVersion"] = "apps/v1".into();
        applied["kind"] = "Deployment".into();
        applied["metadata"]["name"] = "web".into();
        Hand::at(&target, "tmc-syncer")
            .apply(PATH, &applied)
            .expect("applied on the target");
        let base = base_of(&gvr(), &Schema::of(&gvr()), LeafHasher::Plain, None, &desired, NOW);
        let base = base.encode(Base::limit(&gvr())).expect("a base within its limit");
        if let Some((above, below)) = edited {
            alice.merge(PATH, above).expect("edited upstream");
            bob.merge(PATH, below).expect("edited on the target");
        }
        let upstream = alice.get(PATH).expect("the upstream object");
        Self {
            desired: self::desired(&upstream),
            live: bob.get(PATH).expect("the live object"),
            upstream,
            base,
        }
    }

    /// What an attempt does between its reads and its writes.
    fn decide(&self, strategy: Strategy) -> Decision {
        let (gvr, schema) = (gvr(), Schema::of(&gvr()));
        let base = Base::decode(&self.base);
        let sides = Sides {
            gvr: &gvr,
            schema: &schema,
            hasher: LeafHasher::Plain,
            base: base.as_ref(),
            standing: Standing::Edited,
            desired: &self.desired,
            upstream: if strategy == Strategy::LastWriteWins {
                &self.upstream
            } else {
                &Value::Null
            },
            live: &self.live,
            target: "east",
        };
        let resting = Resting::default();
        let rules = Rules {
            strategy,
            foreign: ForeignLeaves::Remove,
            ignored: &IGNORED_MANAGERS,
            owned: &[],
            produced: &[],
            resting: &resting,
        };
        let clock = SideClock {
            offset: 0,
            uncertainty: 100,
        };
        let clocks = Clocks {
            now: NOW,
            upstream: clock,
            downstream: clock,
        };
        let decision = decide(&sides, &rules, clocks, &mut Memory::default());
        if !decision.write_back.is_empty() {
            black_box(write_back_patch(&self.upstream, &decision.write_back, "east"));
        }
        if let Some(base) = &decision.base {
            black_box(base.encode(Base::limit(&gvr)).expect("a base within its limit"));
        }
        decision
    }
}

fn gvr() -> Gvr {
    Gvr::new("apps", "v1", "deployments")
}

fn document(variables: usize) -> Value {
    let mut document: Value = serde_json::from_str(DEPLOYMENT).expect("a document");
    let metadata = document["metadata"].as_object_mut().expect("metadata");
    metadata.retain(|name, _| matches!(name.as_str(), "name" | "labels" | "annotations"));
    document.as_object_mut().expect("an object").remove("status");
    let env = &mut document["spec"]["template"]["spec"]["containers"][0]["env"];
    let env = env.as_array_mut().expect("variables");
    env.extend((0..variables).map(|number| json!({"name": format!("VARIABLE_{number}"), "value": number.to_string()})));
    document
}

fn desired(upstream: &Value) -> Value {
    let mut desired = upstream.clone();
    let members = desired.as_object_mut().expect("an object");
    members.retain(|name, _| matches!(name.as_str(), "metadata" | "spec"));
    let metadata = desired["metadata"].as_object_mut().expect("metadata");
    metadata.retain(|name, _| matches!(name.as_str(), "labels" | "annotations"));
    desired
}

/// Fields that both sides change, one of them alone, and one that only the target has.
fn edits() -> (Value, Value) {
    (
        json!({
            "metadata": {"labels": {"tier": "up"}},
            "spec": {"replicas": 5, "minReadySeconds": 3, "revisionHistoryLimit": 4, "paused": false},
        }),
        json!({
            "metadata": {"labels": {"tier": "down", "by": "bob"}},
            "spec": {"replicas": 7, "minReadySeconds": 9, "revisionHistoryLimit": 2, "progressDeadlineSeconds": 900},
        }),
    )
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let (above, below) = edits();
    let pairs = [
        ("at rest", Pair::new(0, None)),
        (
            "4 fields changed on both sides, 1 on the target alone",
            Pair::new(0, Some((&above, &below))),
        ),
        ("the same with 100 variables", Pair::new(100, Some((&above, &below)))),
    ];
    let strategies = [
        ("LastWriteWins", Strategy::LastWriteWins),
        ("MergeChanges", Strategy::MergeChanges),
        ("UpstreamWins", Strategy::UpstreamWins),
    ];
    for (what, pair) in &pairs {
        println!(
            "{what}: {} bytes live, a base of {} characters",
            pair.live.to_string().len(),
            pair.base.len()
        );
        for (name, strategy) in strategies {
            let begun = Instant::now();
            for _ in 0..ROUNDS {
                black_box(pair.decide(strategy));
            }
            let each = begun.elapsed() / ROUNDS;
            let verdicts = pair.decide(strategy).verdicts.len();
            println!("figure: {name}, {what}: {each:?} a decision, {verdicts} verdicts");
            criterion.bench_function(&format!("{name}, {what}"), |bencher| {
                bencher.iter(|| black_box(pair.decide(strategy)));
            });
        }
    }
    criterion.final_summary();
}
