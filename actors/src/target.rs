//! The Target: one per physical cluster. It keeps the ledger of what the cluster holds and what it should hold, gives
//! objects their turn, and knows whether the cluster can be reached.

mod at_rest;
mod confirm;
mod connection;
mod counting;
mod fair_queue;
mod farewell;
mod health;
mod heartbeat;
mod held;
mod inheritance;
mod intake;
mod leaving;
mod ledger;
mod missing_kinds;
mod names;
mod order;
mod same_cluster;
mod sighting;
mod sweep;
mod turns;
mod waits;
mod watches;
mod weighing;

use std::{sync::Arc, time::Duration};

use syncer_clusters::{Cluster, ConfigError, Error, Served};
use syncer_core::naming::target_key;

pub use self::names::NamespaceNames;
use self::{at_rest::Rest, counting::Counting, intake::Intake, ledger::Ledger, names::Previous, turns::Turns};
pub(crate) use self::{
    fair_queue::FairQueue,
    heartbeat::EVERY as HEARTBEAT_EVERY,
    ledger::{After, Loss, Others, Task},
    order::{Order, OrderKey, Orders, Roster},
    sighting::{Handover, Seen},
    waits::Waits,
};
use crate::{
    metrics::QueueMetrics,
    reconciler::{Downstream, Reconciler},
    rulebook::TargetSettings,
    runtime::{Actor, Context, Exit, Failure, Message, Outcome, Wake},
    settings::{Bounds, Writes},
    upstream::UpstreamLink,
};

/// How many entries a Target takes out of a hand-over before it lets its neighbours on the thread have a turn.
const BATCH: usize = 256;

/// The time between two counts of how the objects stand.
const COUNT_EVERY: Duration = Duration::from_secs(2);
/// The same where writes are only tried, and somebody waits for the end.
const REHEARSED_EVERY: Duration = Duration::from_millis(250);

/// The actor around one physical cluster.
pub(crate) struct Target {
    settings: TargetSettings,
    bounds: Bounds,
    writes: Writes,
    upstream: UpstreamLink,
    /// What its key and its namespaces' names are made with: the logical cluster of its SyncTarget, or the upstream id.
    home: Arc<str>,
    /// The label value by which this target's objects are known.
    key: String,
    /// The one by which those are known that an upstream before this one put here; `None` for none.
    previous_key: Option<String>,
    /// That upstream.
    previous: Option<Previous>,
    stage: Stage,
    ledger: Ledger,
    intake: Intake,
    turns: Turns,
    rest: Rest,
    counting: Counting,
    queue: QueueMetrics,
}

/// How far a Target has come.
enum Stage {
    /// There is no client yet: its kubeconfig is being read.
    Connecting,
    /// The cluster is asked what it serves.
    Discovering(Cluster),
    /// Objects are listed, watched and written.
    Syncing(Arc<Downstream>),
}

/// What a Target is told.
pub(crate) enum TargetMessage {
    /// The client is made, or cannot be.
    Connected(Result<Cluster, Arc<ConfigError>>),
    /// What the cluster serves, and how namespaces are called there.
    Discovered(Result<(Served, NamespaceNames), Error>),
    /// Time to try again what the stage is about.
    TryAgain,
    /// The circuit breaker opened or closed.
    HealthChanged(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// Orders of the Upstream wait.
    Ordered(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// Sightings of the watchers wait.
    Sighted(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// Reports of Reconcilers wait.
    Reported(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// An object's wait is over.
    Due,
    /// Time to count how the objects stand.
    Count,
    /// Time to ask for the resources that the cluster does not serve yet.
    LookForMissingKinds,
    /// What the cluster serves by now.
    LookedForMissingKinds(Result<Served, Error>),
}

impl Message for TargetMessage {}

// === impl Target ===

impl Target {
    pub(crate) fn new(settings: TargetSettings, bounds: Bounds, writes: Writes, upstream: UpstreamLink) -> Self {
        let home = |id: &Arc<str>| -> Arc<str> {
            let rulebook = upstream.rulebooks.borrow();
            let rules = rulebook.rules.target(&settings.name);
            rules.map_or_else(|| id.clone(), |rules| rules.target.home(id).into())
        };
        let previous = upstream.previous.as_ref().map(|id| Previous {
            id: id.clone(),
            home: home(id),
        });
        let home = home(&upstream.id);
        let key = target_key(&home, &settings.name);
        let previous_key = previous
            .as_ref()
            .map(|previous| target_key(&previous.home, &settings.name))
            .filter(|previous| *previous != key);
        let intake = Intake::new(&upstream.signals);
        let queue = upstream.metrics.queue(&settings.name);
        queue.emptied();
        Self {
            settings,
            bounds,
            writes,
            ledger: Ledger::of(upstream.workspaces.clone()),
            upstream,
            home,
            key,
            previous_key,
            previous,
            stage: Stage::Connecting,
            intake,
            turns: Turns::default(),
            rest: Rest::default(),
            counting: Counting::Awaited { looks: 0 },
            queue,
        }
    }

    /// Shows how the objects stand, now and then.
    fn count(&mut self, ctx: &mut Context<Self>) {
        let (states, by_policy) = self.ledger.states();
        self.upstream.metrics.objects(&self.settings.name, &states);
        self.look_whether_to_count();
        if self.counting == Counting::Begun {
            self.upstream.reports.policy_objects(&self.settings.name, by_policy);
            self.upstream.reports.objects(&self.settings.name, states);
        }
        let abandoned = self.upstream.reports.abandoned(&self.settings.name).count;
        self.upstream.metrics.abandoned(&self.settings.name, abandoned);
        let every = match self.upstream.preview {
            None => COUNT_EVERY,
            Some(_) => REHEARSED_EVERY,
        };
        self.turns.count = Some(ctx.after(every, TargetMessage::Count));
    }
}

impl Actor for Target {
    const KIND: &'static str = "Target";
    type Message = TargetMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.intake.bind(&ctx.address());
        self.count(ctx);
        self.connect(ctx)
    }

    fn handle(&mut self, message: &TargetMessage, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            TargetMessage::Connected(Ok(cluster)) => return self.connected(cluster, ctx),
            TargetMessage::TryAgain => return self.try_again(ctx),
            TargetMessage::Connected(Err(cause)) => self.not_connected(cause, ctx),
            TargetMessage::Discovered(Ok((served, names))) => self.discovered(served, names, ctx),
            TargetMessage::Discovered(Err(cause)) => self.not_discovered(cause, ctx),
            TargetMessage::HealthChanged(_) => self.take_health(ctx),
            TargetMessage::Ordered(_) => self.take_orders(ctx),
            TargetMessage::Sighted(_) => self.take_sightings(ctx),
            TargetMessage::Reported(_) => self.take_reports(ctx),
            TargetMessage::Due => self.take_due(ctx),
            TargetMessage::LookForMissingKinds => return self.look_for_missing_kinds(ctx),
            TargetMessage::LookedForMissingKinds(served) => self.looked_for_missing_kinds(served, ctx),
            TargetMessage::Count => {
                self.hear(ctx);
                self.tell_rest();
                self.count(ctx);
            }
        }
        Ok(())
    }

    fn child_exited(&mut self, exit: &Exit, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let Outcome::GaveUp { .. } = exit.outcome else {
            return Ok(());
        };
        if exit.kind != Reconciler::KIND {
            return Err(Failure::new(exit.to_string()));
        }
        self.reconciler_died(exit, ctx);
        Ok(())
    }

    fn drain(&mut self, ctx: &mut Context<Self>) {
        self.turns.close();
        // Before the first write there is nothing to finish.
        if !matches!(self.stage, Stage::Syncing(_)) {
            ctx.stop();
        }
    }

    fn state(&self) -> &'static str {
        match self.stage {
            Stage::Connecting => "connecting",
            Stage::Discovering(_) => "discovering",
            Stage::Syncing(_) if self.turns.is_paused() => "unreachable",
            Stage::Syncing(_) => "syncing",
        }
    }
}

#[cfg(test)]
mod tests;
