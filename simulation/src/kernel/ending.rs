//! What has to hold once the script is over: everything converges, stays at rest, and ends clean.

use std::{collections::BTreeSet, time::Duration};

use syncer_sandbox::{
    Reach,
    scenario::{differences, secret_shown_on},
};
use tokio::time::{Instant, sleep, timeout};

use super::Run;
use crate::outcome::Invariant;

/// Within this everything has to have converged (S7).
const CONVERGES: Duration = Duration::from_secs(30);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long things may take to come to rest after they have converged.
const SETTLE: Duration = Duration::from_mins(1);
/// How long nothing may be written then (S5).
const REST: Duration = Duration::from_mins(10);

impl Run<'_> {
    fn all_differences(&self) -> Vec<String> {
        let none = BTreeSet::new();
        let targets = self.fleet.targets.iter();
        targets
            .flat_map(|(name, server)| differences(&self.script, &self.fleet, name, server, &none))
            .collect()
    }

    /// S7: everything is as it should be within 30 s.
    pub(super) async fn converge(&mut self, why: &str) {
        if self.is_broken() {
            return;
        }
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
        self.observation.step(self.script.steps.len(), why.to_owned());
        let end = Instant::now() + CONVERGES;
        loop {
            let left = self.all_differences();
            if left.is_empty() || self.is_broken() {
                return;
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

    /// S5: nothing is written for minutes; and S8 on all servers.
    pub(super) async fn rest(&mut self, when: &str) {
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
        let left = self.all_differences();
        if let Some(first) = left.first() {
            self.observation
                .broke(Invariant::S7, format!("it came apart again {when}: {first}"));
        }
        if let Some(place) = secret_shown_on(&self.fleet) {
            self.observation
                .broke(Invariant::S8, format!("{place} shows the value of a Secret"));
        }
    }

    /// A clean end leaves nothing alive (S10).
    pub(super) async fn end(&mut self) {
        let Some(syncer) = self.syncer.take() else { return };
        if self.is_broken() {
            syncer.kill().await;
            return;
        }
        match timeout(Duration::from_mins(1), syncer.drain()).await {
            Ok(census) if census.actors == 0 && census.requests == 0 => {}
            Ok(census) => self
                .observation
                .broke(Invariant::S10, format!("after the end there are {census:?}")),
            Err(_) => self
                .observation
                .broke(Invariant::S7, "SIGTERM does not end it".to_owned()),
        }
    }
}
