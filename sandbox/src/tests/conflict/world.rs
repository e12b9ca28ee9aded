//! One upstream, a few targets, and a syncer that makes one request at a time.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use syncer_core::{
    Gvr,
    config::{FieldOwner, ForeignLeaves, Strategy},
    conflict::{
        ApplyNeed, Base, Clocks, Decision, LeafHasher, Memory, Moment, Resting, Rules, Schema, SideClock, Sides, Sight,
        Standing, Verdict, base_of, decide, excerpt, to_hand_over, write_back_patch,
    },
    drift::IGNORED_MANAGERS,
    field_path::FieldPath,
    removal,
    transform::Path,
};

use crate::{ApiServer, Clock as _, Hand, ManualClock, Options, SkewedClock};

/// The mark that stands for the markers of the product.
const APPLIED: &str = "workload.kcp.io/applied";
/// A decision is made anew so often, and not more.
const MOST_ROUNDS: usize = 40;

/// A kind in the namespace `default`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ConfigMap,
    Deployment,
}

/// The world.
pub(super) struct World {
    pub(super) kind: Kind,
    pub(super) strategy: Strategy,
    pub(super) foreign: ForeignLeaves,
    pub(super) produced: Vec<Path>,
    pub(super) owned: Vec<(Path, FieldOwner)>,
    pub(super) resting: Resting,
    pub(super) upstream: ApiServer,
    pub(super) targets: Vec<Target>,
    clock: ManualClock,
    /// Every verdict, in order, with the target's index.
    pub(super) verdicts: Vec<(usize, Verdict)>,
}

/// A target, and what the syncer remembers of it.
pub(super) struct Target {
    pub(super) server: ApiServer,
    pub(super) skew: i64,
    memory: Memory,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Nothing,
    Request,
}

// === impl Kind ===

impl Kind {
    fn gvr(self) -> Gvr {
        match self {
            Self::ConfigMap => Gvr::new("", "v1", "configmaps"),
            Self::Deployment => Gvr::new("apps", "v1", "deployments"),
        }
    }

    fn collection(self) -> &'static str {
        match self {
            Self::ConfigMap => "/api/v1/namespaces/default/configmaps",
            Self::Deployment => "/apis/apps/v1/namespaces/default/deployments",
        }
    }

    fn head(self) -> (&'static str, &'static str) {
        match self {
            Self::ConfigMap => ("v1", "ConfigMap"),
            Self::Deployment => ("apps/v1", "Deployment"),
        }
    }
}

// === impl World ===

impl World {
    /// A world whose upstream and targets have `object`, made by somebody upstream and synced once.
    pub(super) fn new(kind: Kind, strategy: Strategy, targets: usize, object: &Value) -> Self {
        Self::skewed(kind, strategy, &vec![0; targets], object)
    }

    /// The same with targets whose clocks are ahead by so many seconds.
    pub(super) fn skewed(kind: Kind, strategy: Strategy, skews: &[i64], object: &Value) -> Self {
        let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
        let server = |seed: u64, skew: i64| {
            let clock = SkewedClock {
                inner: Arc::new(clock.clone()),
                ahead: SignedDuration::from_secs(skew),
            };
            ApiServer::new(Options {
                clock: Arc::new(clock),
                seed,
                ..Options::default()
            })
        };
        let targets = skews.iter().zip(1..).map(|(skew, seed)| Target {
            server: server(seed, *skew),
            skew: *skew,
            memory: Memory::default(),
        });
        let mut world = Self {
            kind,
            strategy,
            foreign: ForeignLeaves::Remove,
            produced: Vec::new(),
            owned: Vec::new(),
            resting: Resting::default(),
            upstream: server(0, 0),
            targets: targets.collect(),
            clock,
            verdicts: Vec::new(),
        };
        let mut object = object.clone();
        object["metadata"]["name"] = "web".into();
        let made = Hand::at(&world.upstream, "author").create(kind.collection(), &object);
        made.unwrap();
        world.settle();
        world.verdicts.clear();
        world
    }

    pub(super) fn path(&self) -> String {
        format!("{}/web", self.kind.collection())
    }

    pub(super) fn wait(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// The upstream object.
    pub(super) fn above(&self) -> Value {
        Hand::at(&self.upstream, "reader").get(&self.path()).unwrap()
    }

    /// The object of target `target`.
    pub(super) fn below(&self, target: usize) -> Value {
        Hand::at(&self.targets[target].server, "reader")
            .get(&self.path())
            .unwrap()
    }

    /// Somebody merges `change` into the upstream object.
    pub(super) fn edit_above(&self, manager: &str, change: &Value) {
        Hand::at(&self.upstream, manager).merge(&self.path(), change).unwrap();
    }

    /// Somebody merges `change` into the object of target `target`.
    pub(super) fn edit_below(&self, target: usize, manager: &str, change: &Value) {
        let hand = Hand::at(&self.targets[target].server, manager);
        hand.merge(&self.path(), change).unwrap();
    }

    fn now(&self) -> Moment {
        Moment(self.clock.now().as_millisecond())
    }

    /// The syncer forgets what it has in memory.
    pub(super) fn restart(&mut self) {
        for target in &mut self.targets {
            target.memory = Memory::default();
            target.memory.upstream.sight = Sight::AfterGap(Moment(i64::MAX));
            target.memory.downstream.sight = Sight::AfterGap(Moment(i64::MAX));
        }
    }

    /// The syncer goes on watching.
    pub(super) fn caught_up(&mut self) {
        for target in &mut self.targets {
            target.memory.upstream.sight = Sight::Watched;
            target.memory.downstream.sight = Sight::Watched;
        }
    }

    /// The paths that rules give to the target.
    fn given(&self) -> Vec<Path> {
        let given = self.owned.iter().filter(|(_, owner)| *owner == FieldOwner::Downstream);
        given.map(|(path, _)| path.clone()).collect()
    }

    /// What goes down of the upstream object.
    fn desired(&self, upstream: &Value) -> Value {
        let mut desired = upstream.clone();
        let metadata = desired["metadata"].as_object_mut().unwrap();
        metadata.retain(|name, _| matches!(name.as_str(), "labels" | "annotations"));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|key, _| !key.contains("kcp.io/") && !key.starts_with("deployment.kubernetes.io/"));
        }
        let members = desired.as_object_mut().unwrap();
        for member in ["apiVersion", "kind", "status"] {
            members.remove(member);
        }
        for path in self.given() {
            path.remove(&mut desired);
        }
        desired
    }

    /// What is decided for target `target` now. Times are remembered, nothing else happens.
    pub(super) fn look(&mut self, target: usize) -> Option<Decision> {
        let strategy = self.strategy;
        self.look_by(target, strategy)
    }

    fn look_by(&mut self, target: usize, strategy: Strategy) -> Option<Decision> {
        let upstream = self.above();
        let desired = self.desired(&upstream);
        let (gvr, now) = (self.kind.gvr(), self.now());
        let name = format!("target-{target}");
        let live = Hand::at(&self.targets[target].server, "reader").get(&self.path())?;
        let base = marker(&live).and_then(|marker| Base::decode(marker["base"].as_str()?));
        let owned: Vec<_> = self.owned.iter().map(|(path, owner)| (path, *owner)).collect();
        let sides = Sides {
            gvr: &gvr,
            schema: &Schema::of(&gvr),
            hasher: LeafHasher::Plain,
            base: base.as_ref(),
            standing: if is_edited(&live, &desired) {
                Standing::Edited
            } else {
                Standing::Applied
            },
            desired: &desired,
            upstream: &upstream,
            live: &live,
            target: &name,
        };
        let rules = Rules {
            strategy,
            foreign: self.foreign,
            ignored: &IGNORED_MANAGERS,
            owned: &owned,
            produced: &self.produced,
            resting: &self.resting,
        };
        let clocks = Clocks {
            now,
            upstream: SideClock::default(),
            downstream: SideClock {
                offset: self.targets[target].skew * 1000,
                uncertainty: 0,
            },
        };
        Some(decide(&sides, &rules, clocks, &mut self.targets[target].memory))
    }

    /// The syncer looks at target `target` and makes the first request that is due. A crash between any two requests is a restart between
    /// two steps.
    pub(super) fn step(&mut self, target: usize) -> Done {
        let upstream = self.above();
        let desired = self.desired(&upstream);
        let Some(decision) = self.look(target) else {
            let body = self.body(&desired, &desired, &self.first_base(&desired), None);
            let hand = Hand::at(&self.targets[target].server, "tmc-syncer");
            hand.apply(&self.path(), &body).unwrap();
            return Done::Request;
        };
        let verdicts = decision.verdicts.iter().cloned();
        self.verdicts.extend(verdicts.map(|verdict| (target, verdict)));
        if let Ok(done) = self.carry_out(target, &decision, &desired, &upstream) {
            return done;
        }
        // A merge that the server calls invalid: the upstream's stands.
        let decision = self.look_by(target, Strategy::UpstreamWins).unwrap();
        let decision = Decision {
            base: Some(self.first_base(&desired)),
            ..decision
        };
        self.carry_out(target, &decision, &desired, &upstream).unwrap()
    }

    fn carry_out(&self, target: usize, decision: &Decision, desired: &Value, upstream: &Value) -> Result<Done, ()> {
        let live = self.below(target);
        let path = self.path();
        let hand = Hand::at(&self.targets[target].server, "tmc-syncer");
        if !decision.hand_over.is_empty() {
            self.hand_over(target, &live, &decision.hand_over);
            return Ok(Done::Request);
        }
        if !decision.removals.is_empty() {
            let mut ops = removal::patch(&live, &decision.removals);
            if let Some(base) = &decision.base_without {
                let mut mark = marker(&live).unwrap();
                mark["base"] = base.encode(usize::MAX).unwrap().into();
                let annotations = FieldPath::of_fields(["metadata", "annotations"]);
                ops.push(removal::replacement(&annotations, APPLIED, mark.to_string().into()));
            }
            let patched = hand.patch(&path, &serde_json::to_value(ops).unwrap());
            return patched.map(|_| Done::Request).map_err(drop);
        }
        if decision.apply == ApplyNeed::Due || is_edited(&live, desired) {
            if let Some(paths) = to_hand_over(&live, desired, &self.given()) {
                self.hand_over(target, &live, &paths);
                return Ok(Done::Request);
            }
            let base = decision.base.clone().unwrap_or_default();
            let body = self.body(&decision.claim, desired, &base, Some(&live));
            return match hand.apply(&path, &body) {
                Ok(_) => Ok(Done::Request),
                Err(refused) if refused.code == 422 => self.exchange(target, decision, &body),
                Err(refused) => panic!("{refused}"),
            };
        }
        if !decision.write_back.is_empty() {
            let ops = write_back_patch(upstream, &decision.write_back, &format!("target-{target}"));
            let hand = Hand::at(&self.upstream, "tmc-syncer");
            hand.patch(&path, &serde_json::to_value(ops).unwrap()).unwrap();
            return Ok(Done::Request);
        }
        if let Some(kept) = &decision.keep_handed_over {
            self.hand_over(target, &live, kept);
            return Ok(Done::Request);
        }
        Ok(Done::Nothing)
    }

    /// The handover manager owns what `live` has at `paths` from now on.
    fn hand_over(&self, target: usize, live: &Value, paths: &[FieldPath]) {
        let mut leaves = excerpt(live, paths);
        leaves["metadata"]["name"] = "web".into();
        let (version, kind) = self.kind.head();
        leaves["apiVersion"] = version.into();
        leaves["kind"] = kind.into();
        let handover = Hand::at(&self.targets[target].server, "tmc-syncer-handover");
        handover.apply(&self.path(), &leaves).unwrap();
    }

    /// The other arms of unions are taken out, and the apply is tried again.
    fn exchange(&self, target: usize, decision: &Decision, body: &Value) -> Result<Done, ()> {
        let live = self.below(target);
        let hand = Hand::at(&self.targets[target].server, "tmc-syncer");
        let left = removal::union_leftover(&self.kind.gvr(), &live, &decision.claim, &[]);
        let ops = removal::union_patch(&live, &decision.claim, &left);
        if ops.is_empty() {
            return Err(());
        }
        let patched = hand
            .patch(&self.path(), &serde_json::to_value(ops).unwrap())
            .map_err(drop)?;
        let mut body = body.clone();
        body["metadata"]["resourceVersion"] = patched["metadata"]["resourceVersion"].clone();
        hand.apply(&self.path(), &body).map(|_| Done::Request).map_err(drop)
    }

    fn first_base(&self, desired: &Value) -> Base {
        let gvr = self.kind.gvr();
        base_of(&gvr, &Schema::of(&gvr), LeafHasher::Plain, None, desired, self.now())
    }

    fn body(&self, claim: &Value, desired: &Value, base: &Base, live: Option<&Value>) -> Value {
        let mut body = claim.clone();
        let (version, kind) = self.kind.head();
        body["apiVersion"] = version.into();
        body["kind"] = kind.into();
        body["metadata"]["name"] = "web".into();
        let marker = json!({"hash": desired.to_string(), "base": base.encode(usize::MAX).unwrap()});
        body["metadata"]["annotations"][APPLIED] = marker.to_string().into();
        if let Some(live) = live {
            for name in ["uid", "resourceVersion"] {
                body["metadata"][name] = live["metadata"][name].clone();
            }
        }
        body
    }

    /// Steps until nothing is to be done; says how many requests that took.
    pub(super) fn settle(&mut self) -> usize {
        let order: Vec<usize> = (0..self.targets.len()).collect();
        self.settle_in(&order)
    }

    /// The same, with the targets in this order.
    pub(super) fn settle_in(&mut self, order: &[usize]) -> usize {
        let mut requests = 0;
        for _ in 0..MOST_ROUNDS {
            let before = requests;
            for target in order {
                if self.step(*target) == Done::Request {
                    requests += 1;
                }
            }
            if requests == before {
                return requests;
            }
        }
        panic!(
            "it never comes to rest: {:#?}",
            self.verdicts.iter().rev().take(6).collect::<Vec<_>>()
        );
    }

    /// Nothing more is to be done, neither now nor after a restart.
    pub(super) fn assert_quiet(&mut self) {
        assert_eq!(self.settle(), 0);
        self.restart();
        assert_eq!(self.settle(), 0, "after a restart");
        self.caught_up();
    }
}

fn is_edited(live: &Value, desired: &Value) -> bool {
    marker(live).is_none_or(|marker| marker["hash"].as_str() != Some(&desired.to_string()))
}

fn marker(live: &Value) -> Option<Value> {
    serde_json::from_str(live["metadata"]["annotations"][APPLIED].as_str()?).ok()
}
