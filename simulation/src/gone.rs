//! Deletions under rules that change: random policies and targets, outages, kills and deletes, each delete downstream held against
//! what the world itself says at that moment.

mod acts;

use std::{
    collections::BTreeSet,
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};
use syncer_core::{
    config::WaitForDownstream,
    marker::CLUSTER_LABEL,
    naming::{finalizer, target_key},
};
use syncer_sandbox::{ApiServer, Fleet, FleetOptions, Hand, Reach, TimerClock};
use tokio::{
    task::LocalSet,
    time::{Instant, sleep, sleep_until},
};

use self::acts::Act;
use crate::{
    checks::{docket::Docket, downstream_origin},
    laws::{Citizen, Law, Laws},
    logs,
    observation::{Deletes, Observation},
    outcome::{Broken, Invariant},
    schedule::{Schedule, Telling},
    syncer::Syncer,
};

/// The time of day at which every run begins: 2026-01-01.
const START: u64 = 1_767_225_600;
/// Within this everything has to have gone, and everything to be there, that should.
const CONVERGES: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(500);
const SETTLE: Duration = Duration::from_secs(45);
const REST: Duration = Duration::from_mins(3);

pub(crate) const NAMESPACES: [&str; 2] = ["red", "blue"];
pub(crate) const KINDS: [(&str, &str); 2] = [("", "configmaps"), ("", "services")];

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The seed.
    pub seed: u64,
    /// How many requests the syncer sent.
    pub requests: u64,
    /// Deletes downstream.
    pub deletes: Deletes,
    /// How long it took, in simulated time.
    pub simulated: Duration,
    /// The first invariant that broke, if one did.
    pub broken: Option<Broken>,
}

/// A run under way.
pub(crate) struct World {
    pub(crate) schedule: Schedule,
    pub(crate) fleet: Fleet,
    pub(crate) observation: Observation,
    pub(crate) syncer: Option<Syncer>,
    pub(crate) laws: Laws,
    pub(crate) chance: Rng,
    pub(crate) made: usize,
    lives: u64,
}

/// Runs the world of `seed` to its end, or to the first invariant that breaks.
///
/// # Errors
/// No runtime can be started.
pub fn simulate_gone(seed: u64, telling: Telling) -> io::Result<Gone> {
    on_a_thread(async {
        let mut world = World::new(seed, telling)?;
        let _logs = logs::read(&world.observation, telling);
        world.begin();
        for number in 1..=world.chance.usize(20..=45) {
            world.pause().await;
            if world.is_broken() {
                break;
            }
            world.act(number).await;
        }
        world.end().await;
        Ok(world.outcome(seed))
    })
}

/// Runs `all` on one thread, under paused time.
pub(crate) fn on_a_thread<T>(all: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        .build()?;
    LocalSet::new().block_on(&runtime, all)
}

// === impl World ===

impl World {
    /// A world with objects and rules, in which no syncer runs yet.
    pub(crate) fn new(seed: u64, telling: Telling) -> io::Result<Self> {
        let mut chance = Rng::with_seed(seed ^ 0x90e);
        let begin = i64::try_from(START).unwrap_or_default();
        let fleet = Fleet::new(&FleetOptions {
            seed,
            clock: Arc::new(TimerClock::new(Timestamp::from_second(begin).unwrap_or_default())),
            targets: chance.usize(2..=3),
            workspaces: Vec::new(),
        })
        .map_err(io::Error::other)?;
        let observation = Observation::new(&fleet.upstream);
        let schedule = Schedule {
            telling,
            ..Schedule::of_seed(seed)
        };
        let mut world = Self {
            schedule,
            fleet,
            observation,
            syncer: None,
            laws: Laws::default(),
            chance,
            made: 0,
            lives: 0,
        };
        for namespace in NAMESPACES {
            world.make_namespace(namespace).map_err(io::Error::other)?;
        }
        // In half of the worlds the mass-deletion guard has something to hold.
        let objects = if world.chance.bool() {
            world.chance.usize(3..=8)
        } else {
            world.chance.usize(24..=36)
        };
        for _ in 0..objects {
            world.make_object().map_err(io::Error::other)?;
        }
        world.laws = world.all_laws();
        world.observation.keep(Docket {
            fleet: world.fleet.clone(),
            laws: world.laws.clone(),
            decreed: Instant::now(),
            touched: std::collections::BTreeMap::new(),
        });
        Ok(world)
    }

    pub(crate) fn outcome(&self, seed: u64) -> Gone {
        let (requests, ..) = self.observation.totals();
        Gone {
            seed,
            requests,
            deletes: self.observation.deletes(),
            simulated: self.observation.elapsed(),
            broken: self.observation.broken(),
        }
    }

    /// Everything goes to all targets; each kind has a policy of its own.
    pub(crate) fn all_laws(&mut self) -> Laws {
        let names: BTreeSet<String> = self.fleet.targets.iter().map(|(name, _)| name.clone()).collect();
        let policies = KINDS.map(|kind| self.law(kind, names.clone()));
        Laws {
            policies: policies.into(),
            targets: names.into_iter().map(|name| (name, Citizen::default())).collect(),
        }
    }

    pub(crate) fn law(&mut self, (group, plural): (&str, &str), targets: BTreeSet<String>) -> Law {
        Law {
            name: format!("of-{plural}"),
            kinds: [(group.to_owned(), plural.to_owned())].into(),
            targets,
            waits: if self.chance.u8(..3) == 0 {
                WaitForDownstream::Never
            } else {
                WaitForDownstream::Always
            },
            abandon_after: Duration::from_secs(self.chance.u64(5..=60)),
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.observation.broken().is_some()
    }

    /// A new life of the syncer.
    pub(crate) fn begin(&mut self) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(START) + self.observation.elapsed();
        match Syncer::start(
            &self.schedule,
            &self.fleet,
            &self.observation,
            &self.laws,
            time,
            self.lives,
        ) {
            Ok(syncer) => self.syncer = Some(syncer),
            Err(error) => self.observation.broke(Invariant::S7, format!("no start: {error}")),
        }
        self.lives += 1;
    }

    pub(crate) async fn restart(&mut self) {
        if let Some(syncer) = self.syncer.take() {
            syncer.kill().await;
        }
        self.begin();
    }

    /// The laws changed.
    pub(crate) fn decree(&mut self) {
        let laws = self.laws.clone();
        self.observation.docket(|docket| {
            docket.laws = laws;
            docket.decreed = Instant::now();
        });
        if let Some(Err(error)) = self.syncer.as_ref().map(|syncer| syncer.decree(&self.laws)) {
            self.observation.broke(Invariant::S7, format!("no rules: {error}"));
        }
    }

    /// The upstream object at `path` changes now.
    pub(crate) fn touch(&self, path: &str) {
        self.observation.docket(|docket| {
            docket.touched.insert(path.to_owned(), Instant::now());
        });
    }

    async fn pause(&mut self) {
        let millis = self.chance.u64(50..=9_000);
        self.wait(Instant::now() + Duration::from_millis(millis)).await;
    }

    /// Waits until `until`, or until the syncer ends by itself, which it must not.
    pub(crate) async fn wait(&self, until: Instant) {
        let Some(syncer) = &self.syncer else { return };
        tokio::select! {
            biased;
            why = syncer.ended() => self.observation.broke(Invariant::S7, format!("the syncer gave up: {why}")),
            () = sleep_until(until) => {}
        }
    }

    async fn act(&mut self, number: usize) {
        let act = Act::drawn(self);
        self.observation.step(number, format!("{act:?}"));
        if let Err(refused) = act.carry_out(self).await {
            self.observation
                .broke(Invariant::S7, format!("the act is refused: {refused}"));
        }
    }

    // --- the end ---

    /// Everything is well and everything goes everywhere: what is left that should be gone goes, also where a person has to confirm it.
    async fn end(&mut self) {
        if self.is_broken() {
            return self.kill().await;
        }
        for (_, server) in &self.fleet.targets {
            heal(server);
        }
        heal(&self.fleet.upstream);
        for namespace in NAMESPACES {
            let _ = self.make_namespace(namespace);
        }
        self.laws = self.all_laws();
        self.decree();
        self.observation.step(0, "all is well again".to_owned());
        self.converge().await;
        self.rest("at rest").await;
        self.restart().await;
        self.rest("after a restart").await;
        self.kill().await;
    }

    async fn kill(&mut self) {
        if let Some(syncer) = self.syncer.take() {
            syncer.kill().await;
        }
    }

    async fn converge(&mut self) {
        let (end, halfway) = (Instant::now() + CONVERGES, Instant::now() + CONVERGES / 2);
        let mut confirmed = false;
        loop {
            let left = self.differences();
            if left.is_empty() || self.is_broken() {
                return;
            }
            if Instant::now() >= halfway && !confirmed {
                confirmed = true;
                self.confirm();
            }
            if Instant::now() >= end {
                let shown: Vec<_> = left.iter().take(3).cloned().collect();
                let seen = format!("{} differences after {CONVERGES:?}: {}", left.len(), shown.join("; "));
                self.observation.broke(Invariant::S7, seen);
                return;
            }
            self.wait((Instant::now() + LOOK).min(end)).await;
        }
    }

    /// A person looks how much is left on each target, finds that right, and confirms exactly that.
    fn confirm(&mut self) {
        let leftovers: Vec<(String, usize)> = self
            .fleet
            .targets
            .iter()
            .map(|(name, server)| (name.clone(), self.left_over(server).len()))
            .collect();
        for (name, count) in leftovers.into_iter().filter(|(_, count)| *count > 0) {
            if let Some(citizen) = self.laws.targets.get_mut(&name) {
                citizen.confirmed = Some(count);
            }
        }
        self.observation.step(0, "a person confirms what is left".to_owned());
        self.decree();
    }

    async fn rest(&mut self, when: &str) {
        if self.is_broken() {
            return;
        }
        sleep(SETTLE).await;
        let (before, _) = self.observation.deliberate_writes();
        self.wait(Instant::now() + REST).await;
        let (after, last) = self.observation.deliberate_writes();
        if after != before {
            let seen = format!("{} writes {when}, the last {last}", after - before);
            self.observation.broke(Invariant::S5, seen);
        }
        if let Some(first) = self.differences().first() {
            self.observation
                .broke(Invariant::S7, format!("it came apart again {when}: {first}"));
        }
    }

    /// Paths of what `server` holds of ours that is gone upstream.
    fn left_over(&self, server: &ApiServer) -> Vec<String> {
        let upstream = Hand::at(&self.fleet.upstream, "observer");
        let ours = ours(server);
        ours.into_iter().filter(|path| upstream.get(path).is_none()).collect()
    }

    /// What is not as it should be, with everything well.
    pub(crate) fn differences(&self) -> Vec<String> {
        let upstream = Hand::at(&self.fleet.upstream, "observer");
        let id = self.observation.upstream_id();
        let mut differences = Vec::new();
        let mut wanted = BTreeSet::new();
        for (group, plural) in KINDS {
            for object in upstream.list(&format!("/api/v1/{plural}")) {
                let path = path_of(plural, &object);
                if !is_ours_to_sync(&object) {
                    continue;
                }
                if object.pointer("/metadata/deletionTimestamp").is_some() {
                    differences.push(format!("{path} is still on its way out upstream"));
                    continue;
                }
                let carried = finalizers_of(&object);
                for name in self.laws.targets.keys() {
                    let ours = finalizer(&target_key(&id, name));
                    let waits = self.laws.law_of(group, plural, name).map(|law| law.waits);
                    if carried.contains(&ours) != (waits == Some(WaitForDownstream::Always)) {
                        differences.push(format!("the finalizer of {name} on {path} is not as it should be"));
                    }
                }
                wanted.insert(path);
            }
        }
        for (name, server) in &self.fleet.targets {
            let held: BTreeSet<String> = ours(server).into_iter().collect();
            differences.extend(wanted.difference(&held).map(|path| format!("{path} is not on {name}")));
            differences.extend(
                held.difference(&wanted)
                    .map(|path| format!("{path} is still on {name}")),
            );
        }
        differences
    }
}

/// Paths of what `server` holds of ours.
fn ours(server: &ApiServer) -> Vec<String> {
    let hand = Hand::at(server, "observer");
    let objects = KINDS.iter().flat_map(|(_, plural)| {
        let objects = hand.list(&format!("/api/v1/{plural}"));
        // What lost our label is found again while it is wanted; afterwards no list of ours has it, and it stays.
        let labelled = |object: &Value| {
            object
                .pointer("/metadata/labels")
                .is_some_and(|labels| labels.get(CLUSTER_LABEL).is_some())
        };
        let ours = objects
            .into_iter()
            .filter(|object| labelled(object) && downstream_origin(object).is_some());
        ours.map(|object| path_of(plural, &object)).collect::<Vec<_>>()
    });
    objects.collect()
}

fn heal(server: &ApiServer) {
    server.faults().clear();
    server.faults().set_reach(Reach::Up);
}

fn is_ours_to_sync(object: &Value) -> bool {
    let namespace = text(object, "/metadata/namespace");
    NAMESPACES.contains(&namespace) && text(object, "/metadata/name") != "kube-root-ca.crt"
}

fn path_of(plural: &str, object: &Value) -> String {
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    format!("/api/v1/namespaces/{namespace}/{plural}/{name}")
}

fn finalizers_of(object: &Value) -> BTreeSet<String> {
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    let finalizers = finalizers.into_iter().flatten().filter_map(Value::as_str);
    finalizers.map(str::to_owned).collect()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What an object of `plural` is made of.
pub(crate) fn body(plural: &str, name: &str, value: u64) -> Value {
    match plural {
        "services" => json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 1 + value % 60_000}]}}),
        _ => json!({"metadata": {"name": name}, "data": {"k": value.to_string()}}),
    }
}
