//! The run of a schedule.

mod ending;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use syncer_sandbox::{
    Fleet, FleetOptions, TimerClock, WorkloadPlan, Workloads,
    scenario::{Act, Chaos, ObjectName, Script, differences},
};
use tokio::{
    task::LocalSet,
    time::{Instant, sleep_until},
};

use crate::{
    checks::bounds,
    logs,
    observation::Observation,
    outcome::{Invariant, Outcome},
    schedule::{KINDS, Schedule},
    syncer::{BOUNDS, Syncer, everything},
};

/// How old a change is that has to be on all healthy targets (S9).
const FAIR: Duration = Duration::from_secs(10);
/// The time of day at which every simulation begins: 2026-01-01.
const START: u64 = 1_767_225_600;

/// A schedule under way.
struct Run<'a> {
    schedule: &'a Schedule,
    script: Script,
    fleet: Fleet,
    observation: Observation,
    syncer: Option<Syncer>,
    start: SystemTime,
    lives: u64,
    /// When each object was changed last, on either side.
    touched: BTreeMap<ObjectName, Instant>,
    dead: BTreeSet<String>,
}

/// Runs `schedule` to its end, or to the first invariant that breaks.
///
/// # Errors
/// No runtime can be started.
pub fn simulate(schedule: &Schedule) -> io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // What goes to other threads comes back in the order in which it went.
        .max_blocking_threads(1)
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut run = Run::new(schedule)?;
        run.all().await;
        Ok(run.outcome())
    })
}

// === impl Run ===

impl<'a> Run<'a> {
    fn new(schedule: &'a Schedule) -> io::Result<Self> {
        let begin = i64::try_from(START)
            .ok()
            .and_then(|start| Timestamp::from_second(start).ok());
        let fleet = Fleet::new(&FleetOptions {
            seed: schedule.seed,
            clock: Arc::new(TimerClock::new(begin.unwrap_or_default())),
            targets: schedule.targets,
            workspaces: Vec::new(),
        })
        .map_err(io::Error::other)?;
        let names: Vec<String> = fleet.targets.iter().map(|(name, _)| name.clone()).collect();
        let script = schedule.plan(&names).script();
        script.prepare(&fleet).map_err(io::Error::other)?;
        for (_, server) in &fleet.targets {
            tokio::task::spawn_local(Workloads::new(server, WorkloadPlan::default()).run());
        }
        let observation = Observation::new(&fleet.upstream);
        Ok(Self {
            schedule,
            script,
            fleet,
            observation,
            syncer: None,
            start: SystemTime::UNIX_EPOCH + Duration::from_secs(START),
            lives: 0,
            touched: BTreeMap::new(),
            dead: BTreeSet::new(),
        })
    }

    fn outcome(&self) -> Outcome {
        let (requests, writes, trace) = self.observation.totals();
        Outcome {
            seed: self.schedule.seed,
            steps: self.script.steps.len(),
            requests,
            writes,
            most_idle_writes: self.observation.most_idle_writes(),
            trace,
            simulated: self.observation.elapsed(),
            broken: self.observation.broken(),
        }
    }

    async fn all(&mut self) {
        let _logs = logs::read(&self.observation, self.schedule.telling);
        self.begin();
        self.steps().await;
        self.converge("all faults have ended").await;
        self.rest("at rest").await;
        self.restart().await;
        self.converge("after a restart").await;
        self.rest("after a restart").await;
        self.end().await;
    }

    fn is_broken(&self) -> bool {
        self.observation.broken().is_some()
    }

    /// A new life of the syncer.
    fn begin(&mut self) {
        let time = self.start + self.observation.elapsed();
        let laws = everything(self.schedule, &self.fleet);
        match Syncer::start(self.schedule, &self.fleet, &self.observation, &laws, time, self.lives) {
            Ok(syncer) => self.syncer = Some(syncer),
            Err(error) => self
                .observation
                .broke(Invariant::S7, format!("the syncer does not start: {error}")),
        }
        self.lives += 1;
    }

    async fn restart(&mut self) {
        if let Some(syncer) = self.syncer.take() {
            syncer.kill().await;
        }
        self.observation.restarted();
        self.begin();
    }

    async fn steps(&mut self) {
        let begin = Instant::now();
        for (number, step) in self.script.steps.clone().iter().enumerate() {
            self.wait(begin + step.at()).await;
            if self.is_broken() {
                return;
            }
            if matches!(step.act, Act::TargetReturns { .. }) {
                self.check_fairness();
            }
            self.observation.step(number + 1, step.act.to_string());
            self.note(&step.act);
            if let Err(refused) = self.script.carry_out(step, &self.fleet) {
                self.observation
                    .broke(Invariant::S7, format!("the script is refused: {refused}"));
            }
            if matches!(step.act, Act::Restart) {
                self.restart().await;
            }
            self.check_step();
        }
    }

    /// Waits until `until`, or until the syncer ends by itself, which it must not.
    async fn wait(&self, until: Instant) {
        let Some(syncer) = &self.syncer else { return };
        tokio::select! {
            biased;
            why = syncer.ended() => self.observation.broke(Invariant::S7, format!("the syncer gave up: {why}")),
            () = sleep_until(until) => {}
        }
    }

    /// Takes note of what `act` is about.
    fn note(&mut self, act: &Act) {
        if let Some(object) = act.object() {
            self.touched.insert(object.clone(), Instant::now());
        }
        match act {
            Act::TargetDies { target } => {
                self.dead.insert(target.clone());
            }
            Act::TargetReturns { target } => {
                self.dead.remove(target);
            }
            _ => {}
        }
    }

    /// S10, after each step.
    fn check_step(&self) {
        let Some(syncer) = &self.syncer else { return };
        // A value per object and target, one per list and stream, and room for those that are gone.
        let entries = (self.touched.len() * 2 + 16) * (self.fleet.targets.len() + 1) * KINDS.len();
        if let Some(seen) = bounds::exceeded(&syncer.tree(), syncer.signals(), BOUNDS, entries) {
            self.observation.broke(Invariant::S10, seen);
        }
    }

    /// S9: with one target dead and nothing else wrong, the others have what was changed a while ago.
    fn check_fairness(&self) {
        if self.schedule.chaos == Chaos::Wild {
            return;
        }
        let young = self.touched.iter().filter(|(_, at)| at.elapsed() < FAIR);
        let young: BTreeSet<ObjectName> = young.map(|(object, _)| object.clone()).collect();
        for (name, server) in self.fleet.targets.iter().filter(|(name, _)| !self.dead.contains(name)) {
            if let Some(first) = differences(&self.script, &self.fleet, name, server, &young).first() {
                let seen = format!("with another target dead, after {FAIR:?} {first}");
                self.observation.broke(Invariant::S9, seen);
            }
        }
    }
}
