//! The performance: every step at its time, and every outcome followed.

mod ending;

use std::{collections::BTreeMap, time::Duration};

use syncer_sandbox::{
    Fleet, Reach, Refused,
    scenario::{Act, Done, Script, Step},
};
use tokio::time::{Instant, interval};

use super::{
    DemoError,
    bystanders::Bystanders,
    errand::{Cause, TwoSides},
    narrator::Narrator,
    pursuit::{Arrived, Pursuit},
    syncer_process::SyncerProcess,
};

/// The performance.
pub(super) struct Play<'a> {
    script: &'a Script,
    fleet: &'a Fleet,
    syncer: SyncerProcess,
    narrator: Narrator,
    pursuit: Pursuit<'a>,
    bystanders: Bystanders,
    /// What has arrived of each step, and how many arrivals it still lacks.
    stories: BTreeMap<usize, Story>,
    broken: Vec<String>,
    begun: usize,
}

/// The arrivals of one step.
#[derive(Default)]
struct Story {
    left: usize,
    arrivals: Vec<String>,
}

/// What was measured.
pub(super) struct Measured {
    pub(super) arrived: Arrived,
    /// What was still different at the end; empty if all converged.
    pub(super) differences: Vec<String>,
    /// The invariants that broke, each with what was seen.
    pub(super) broken: Vec<String>,
    pub(super) took: Duration,
    pub(super) admin: String,
}

/// How often arrivals are looked for: the resolution of what is measured.
const LOOK: Duration = Duration::from_millis(2);
/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(2);
/// Within this everything has to have converged once faults have ended (S7).
const CONVERGES: Duration = Duration::from_secs(30);

// === impl Play ===

impl<'a> Play<'a> {
    pub(super) fn new(
        script: &'a Script,
        fleet: &'a Fleet,
        syncer: SyncerProcess,
        narrator: Narrator,
    ) -> Result<Self, Refused> {
        Ok(Self {
            script,
            fleet,
            syncer,
            narrator,
            pursuit: Pursuit::new(script, fleet),
            bystanders: Bystanders::new(fleet)?,
            stories: BTreeMap::new(),
            broken: Vec::new(),
            begun: 0,
        })
    }

    /// Plays all of it.
    pub(super) async fn all(mut self) -> Result<Measured, DemoError> {
        let begin = Instant::now();
        for (number, step) in self.script.steps.iter().enumerate() {
            self.follow(begin + step.at(), Until::Then).await;
            self.step(number, step).await?;
        }
        self.narrator
            .tell("the script is over; every server is well: all has to converge within 30 s");
        for server in self
            .fleet
            .targets
            .iter()
            .map(|(_, server)| server)
            .chain([&self.fleet.upstream])
        {
            server.faults().clear();
            server.faults().set_reach(Reach::Up);
        }
        self.follow(Instant::now() + CONVERGES, Until::NothingIsUnderWay).await;
        let differences = self.differences();
        if differences.is_empty() {
            self.narrator.tell("all has converged; now nothing may be written");
            self.rest().await;
        } else {
            self.broken
                .push(format!("S7: {} differences after {CONVERGES:?}", differences.len()));
        }
        self.check_the_rest();
        let admin = self.syncer.admin().to_string();
        if let Some(wrong) = self.syncer.end().await {
            self.broken.push(wrong);
        }
        Ok(Measured {
            arrived: self.pursuit.arrived,
            differences,
            broken: self.broken,
            took: self.narrator.elapsed(),
            admin,
        })
    }

    /// Follows what is under way until `end`, or until nothing is.
    async fn follow(&mut self, end: Instant, until: Until) {
        let (mut look, mut progress) = (interval(LOOK), interval(PROGRESS));
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        progress.tick().await;
        loop {
            for (errand, took) in self.pursuit.look() {
                let story = self.stories.entry(errand.step).or_default();
                story
                    .arrivals
                    .push(format!("{} after {} ms", errand.target, took.as_millis()));
                story.left = story.left.saturating_sub(1);
                if story.left == 0 {
                    self.conclude(errand.step);
                }
            }
            let done = until == Until::NothingIsUnderWay && self.pursuit.under_way() == 0;
            if done || Instant::now() >= end || !self.broken.is_empty() {
                return;
            }
            if let Some(why) = self.syncer.ended() {
                self.broken.push(why);
                return;
            }
            tokio::select! {
                biased;
                _ = progress.tick() => self.tell_progress(),
                () = tokio::time::sleep_until(end) => {}
                _ = look.tick() => {}
            }
        }
    }

    fn tell_progress(&self) {
        self.narrator.tell(&format!(
            "-- {} of {} steps, {} under way",
            self.begun,
            self.script.steps.len(),
            self.pursuit.under_way()
        ));
    }

    /// All of a step has arrived.
    fn conclude(&mut self, step: usize) {
        let Some(story) = self.stories.remove(&step) else {
            return;
        };
        let Some(step) = self.script.steps.get(step) else {
            return;
        };
        let Some(object) = step.act.object() else { return };
        let came = match &step.act {
            Act::Create { .. } => return,
            Act::Drift { .. } | Act::Loss { .. } => "reverted on",
            Act::Conflict { .. } => "settled on",
            Act::Delete { .. } => "gone from",
            _ => "on",
        };
        self.narrator
            .tell(&format!("    {object}: {came} {}", story.arrivals.join(", ")));
    }

    async fn step(&mut self, number: usize, step: &Step) -> Result<(), DemoError> {
        self.begun = number + 1;
        if !matches!(step.act, Act::Create { .. }) {
            self.narrator.tell(&step.act.to_string());
        }
        if matches!(step.act, Act::Restart) {
            self.syncer.kill_and_restart().await?;
        }
        match &step.act {
            Act::TargetDies { target: server } | Act::TroubleBegins { server, .. } => self.pursuit.fell_ill(server),
            _ => {}
        }
        let done = self.script.carry_out(step, self.fleet)?;
        let before = self.pursuit.under_way();
        match &step.act {
            Act::Create { object, .. } | Act::Edit { object, .. } | Act::Delete { object } => {
                self.pursuit.begin(number, object, None, &Cause::Change);
            }
            Act::Drift { target, object, .. } | Act::Loss { target, object } if done == Done::Yes => {
                self.pursuit.begin(number, object, Some(target), &Cause::Drift);
            }
            Act::Conflict {
                target,
                object,
                upstream,
                downstream,
            } => {
                let sides = TwoSides {
                    upstream: upstream.clone(),
                    downstream: downstream.clone(),
                };
                // On a target that does not have it yet, and on all others, it is a change like any other.
                let there = Some(target).filter(|_| done == Done::Yes);
                for (name, _) in &self.fleet.targets {
                    let cause = match there {
                        Some(target) if target == name => Cause::Conflict(Box::new(sides.clone())),
                        _ => Cause::Change,
                    };
                    self.pursuit.begin(number, object, Some(name), &cause);
                }
            }
            Act::TargetReturns { target: server } | Act::TroubleEnds { server } => self.pursuit.recovered(server),
            Act::Restart => self.pursuit.restarted(),
            Act::Drift { .. } | Act::Loss { .. } => self.narrator.tell("    it has not arrived there yet"),
            Act::TargetDies { .. } | Act::TroubleBegins { .. } => {}
        }
        let left = self.pursuit.under_way().saturating_sub(before);
        if left > 0 {
            self.stories.insert(
                number,
                Story {
                    left,
                    arrivals: Vec::new(),
                },
            );
        }
        Ok(())
    }
}

/// How long what is under way is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// To the end of the time.
    Then,
    /// To the end of the time, or until nothing is under way.
    NothingIsUnderWay,
}
