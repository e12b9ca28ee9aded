//! A deletion that waits for two targets, one of them dead, with the syncer killed at one request of it.

use std::{io, time::Duration};

use syncer_core::config::WaitForDownstream;
use syncer_sandbox::{Hand, Reach};
use tokio::time::Instant;

use crate::{
    gone::{World, body, on_a_thread},
    logs,
    outcome::{Broken, Invariant},
    schedule::Telling,
};

/// How long the dead target may hold the deletion up.
const ABANDON_AFTER: Duration = Duration::from_secs(20);
/// Within this after a restart, or after the time for which a dead target may hold it up, it has ended.
const ENDS: Duration = Duration::from_secs(20);
/// How many objects are deleted.
const OBJECTS: u64 = 3;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killed {
    /// How many requests there were from the deletion to its end; fewer than the one at which the syncer was to be killed: it lived.
    pub requests: u64,
    /// The first invariant that broke, if one did.
    pub broken: Option<Broken>,
}

/// Deletes objects upstream while a target is dead, and kills the syncer when it has sent its request number `at` after that.
///
/// # Errors
/// No runtime can be started.
pub fn simulate_killed(at: u64, telling: Telling) -> io::Result<Killed> {
    on_a_thread(async {
        let mut world = World::new(1, telling)?;
        let _logs = logs::read(&world.observation, telling);
        let requests = world.deletion_killed_at(at).await?;
        Ok(Killed {
            requests,
            broken: world.observation.broken(),
        })
    })
}

// === impl World ===

impl World {
    async fn deletion_killed_at(&mut self, at: u64) -> io::Result<u64> {
        self.laws = self.all_laws();
        for law in &mut self.laws.policies {
            law.waits = WaitForDownstream::Always;
            law.abandon_after = ABANDON_AFTER;
        }
        self.decree();
        let people = Hand::at(&self.fleet.upstream, "kubectl");
        let mut paths = Vec::new();
        for number in 0..OBJECTS {
            let (name, collection) = (format!("k-{number}"), "/api/v1/namespaces/red/configmaps");
            let body = body("configmaps", &name, number);
            people.create(collection, &body).map_err(io::Error::other)?;
            paths.push(format!("{collection}/{name}"));
        }
        self.begin();
        self.until("everything is synced", Duration::from_secs(30), |world| {
            world.differences().is_empty()
        })
        .await;
        let Some((_, dead)) = self.fleet.targets.last().cloned() else {
            return Ok(0);
        };
        dead.faults().set_reach(Reach::Refused);
        for path in &paths {
            self.touch(path);
            people.delete(path).map_err(io::Error::other)?;
        }
        let deleted = Instant::now();
        let (before, ..) = self.observation.totals();
        let gone = |world: &Self| {
            let hand = Hand::at(&world.fleet.upstream, "observer");
            paths.iter().all(|path| hand.get(path).is_none())
        };
        let limit = deleted + ABANDON_AFTER + ENDS;
        self.observation.kill_at(before + at);
        tokio::select! {
            biased;
            () = self.observation.killed() => {}
            () = self.until("the deletion ends", limit.duration_since(Instant::now()), &gone) => {}
        }
        let (after, ..) = self.observation.totals();
        self.observation
            .step(1, format!("the syncer is killed at its request {}", after - before));
        self.restart().await;
        let left = limit.max(Instant::now() + ENDS).duration_since(Instant::now());
        self.until("the deletion ends after a restart", left, &gone).await;
        let alive = self.fleet.targets.first().map(|(_, server)| server.clone());
        let holds = |server: &syncer_sandbox::ApiServer| {
            let hand = Hand::at(server, "observer");
            paths.iter().any(|path| hand.get(path).is_some())
        };
        if alive.is_some_and(|server| holds(&server)) {
            let seen = "it is gone upstream, and on a target that was reached it is not".to_owned();
            self.observation.broke(Invariant::S7, seen);
        }
        dead.faults().set_reach(Reach::Up);
        self.until("the target that returns lets it go", Duration::from_mins(1), |_| {
            !holds(&dead)
        })
        .await;
        self.until("all is as it should be", Duration::from_mins(1), |world| {
            world.differences().is_empty()
        })
        .await;
        if let Some(syncer) = self.syncer.take() {
            syncer.kill().await;
        }
        Ok(after - before)
    }

    /// Waits until `holds`; breaks an invariant if that takes longer than `within`.
    async fn until(&self, what: &str, within: Duration, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + within;
        while !holds(self) && !self.is_broken() {
            if Instant::now() >= end {
                let left = self.differences();
                let left: Vec<_> = left.iter().take(3).cloned().collect();
                let seen = format!("not within {within:?}: {what}; {}", left.join("; "));
                self.observation.broke(Invariant::S7, seen);
                return;
            }
            self.wait(Instant::now() + Duration::from_millis(50)).await;
        }
    }
}
