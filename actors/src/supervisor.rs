//! The Supervisor: the root of the actor tree. It starts the Upstream, and the Targets once the upstream is known, and keeps them
//! as the rules say.

use std::{collections::BTreeMap, sync::Arc};

use futures::FutureExt;
use syncer_core::ResourceType;
use tracing::info;

use crate::{
    metrics::Metrics,
    own_status::OwnStatus,
    readiness::Readiness,
    rulebook::{self, Rulebook},
    runtime::{Actor, Context, Failure, Message, Outbox, Placement, Signals, Spec, Wake},
    settings::{Bounds, Settings, StandingBy},
    standby::Standby,
    target::Target,
    upstream::{Upstream, UpstreamBase, UpstreamLink},
    watcher::{Watcher, hand_over},
};

/// The keys of what a standby has.
const HEARTBEATS: &str = "heartbeats of SyncTargets";
const LEADERSHIP: &str = "leadership";

/// The root actor.
pub struct Supervisor {
    settings: Settings,
    base: UpstreamBase,
    changes: Outbox<(), Arc<Rulebook>>,
    elected: Outbox<(), ()>,
    progress: Progress,
}

/// How far the Supervisor has come.
enum Progress {
    /// Another process leads: nothing is begun.
    Standby,
    /// The upstream has not said who it is.
    AwaitingUpstream,
    /// The Targets run.
    Running {
        /// What they get of their upstream.
        link: Box<UpstreamLink>,
        /// What each of them was started with.
        targets: BTreeMap<Arc<str>, u64>,
    },
}

/// What the Supervisor is told.
pub enum SupervisorMessage {
    /// The upstream said who it is, and what of it is synced.
    #[doc(hidden)]
    Known(#[expect(private_interfaces, reason = "only the Upstream says so")] Box<UpstreamLink>),
    /// There are other rules.
    #[doc(hidden)]
    RulesChanged(Wake),
    /// This process leads from here on.
    #[doc(hidden)]
    Elected(Wake),
}

impl Message for SupervisorMessage {}

// === impl Supervisor ===

impl Supervisor {
    /// A factory of the root actor for `settings`; what it has to show is in `readiness`, `signals` and `metrics`.
    pub fn factory(
        settings: Settings,
        readiness: Readiness,
        signals: Signals,
        metrics: Metrics,
    ) -> impl Fn() -> Self + Send + 'static {
        let base = UpstreamBase::new(&settings, readiness, signals, metrics);
        move || Self {
            settings: settings.clone(),
            base: base.clone(),
            changes: Outbox::newest("rules", &base.signals),
            elected: Outbox::newest("leadership", &base.signals),
            progress: Progress::AwaitingUpstream,
        }
    }

    /// An Upstream that was built anew says it again, with the same address. Other resources mean other watches: then every
    /// target begins anew.
    fn known(&mut self, link: &UpstreamLink, ctx: &mut Context<Self>) {
        // What an Upstream of a Supervisor before this one said: that Upstream has ended, and Targets that knew it would wait for ever.
        if link.address.is_closed() {
            return;
        }
        let same = |old: &[ResourceType], new: &[ResourceType]| old == new;
        match &mut self.progress {
            Progress::Standby => return,
            Progress::AwaitingUpstream => {
                self.progress = Progress::Running {
                    link: Box::new(link.clone()),
                    targets: BTreeMap::new(),
                };
            }
            Progress::Running { link: old, .. } if same(&old.resources, &link.resources) => return,
            Progress::Running { link: old, targets } => {
                **old = link.clone();
                for name in std::mem::take(targets).keys() {
                    ctx.stop_child(Target::KIND, name);
                    self.base.roster.remove(name);
                }
            }
        }
        self.keep_targets(ctx);
    }

    /// Starts the Targets that the rules name and that do not run; ends those that they do not name, or name otherwise.
    fn keep_targets(&mut self, ctx: &mut Context<Self>) {
        let rulebook = self.settings.rulebooks.borrow().clone();
        self.base.readiness.expect(rulebook.targets.keys());
        self.base.reports.rules_changed(rulebook.revision);
        self.base.reports.expect(rulebook.targets.keys());
        let Progress::Running { link, targets } = &mut self.progress else {
            return;
        };
        let stays = |name: &Arc<str>, fingerprint: &u64| {
            rulebook
                .targets
                .get(name)
                .is_some_and(|settings| settings.fingerprint == *fingerprint)
        };
        targets.retain(|name, fingerprint| {
            let stays = stays(name, fingerprint);
            if !stays {
                info!(target = %name, "the target was changed or taken off the list; what it holds stays");
                ctx.stop_child(Target::KIND, name);
                self.base.roster.remove(name);
                self.base.metrics.forget_target(name);
                self.base.status.target_removed(name);
                if !rulebook.targets.contains_key(name) {
                    self.base.reports.forget(name);
                }
            }
            stays
        });
        for (name, settings) in &rulebook.targets {
            if targets.contains_key(name) {
                continue;
            }
            targets.insert(name.clone(), settings.fingerprint);
            if let Some(heartbeat) = self
                .base
                .reports
                .remembered(name)
                .and_then(|remembered| remembered.heartbeat)
            {
                self.base.status.target_remembered(name, heartbeat);
            }
            let spec = Spec::new(name.clone())
                .mailbox(self.settings.bounds.mailbox)
                .placement(Placement::Spread);
            let (settings, link) = (settings.clone(), UpstreamLink::clone(link));
            let (bounds, writes): (Bounds, _) = (self.settings.bounds, self.settings.writes);
            ctx.spawn(spec, move || {
                Target::new(settings.clone(), bounds, writes, link.clone())
            });
        }
    }
}

impl Supervisor {
    /// Waits to be elected. Until then nothing is watched but the SyncTargets.
    fn stand_by(&mut self, standing_by: StandingBy, ctx: &mut Context<Self>) {
        self.progress = Progress::Standby;
        self.elected.bind(&ctx.address(), SupervisorMessage::Elected);
        let standby = Standby {
            upstream: standing_by.upstream,
            clock: ctx.clock().clone(),
        };
        ctx.spawn(Spec::new(HEARTBEATS), move || {
            let standby = standby.clone();
            Watcher::new(Box::new(move || standby.clone().run().boxed()))
        });
        let (leadership, elected) = (standing_by.leadership, self.elected.clone());
        ctx.spawn(Spec::new(LEADERSHIP), move || {
            let (leadership, elected) = (leadership.clone(), elected.clone());
            Watcher::new(Box::new(move || {
                let (leadership, elected) = (leadership.clone(), elected.clone());
                async move {
                    leadership.leading().await;
                    hand_over(&elected, (), ());
                    // A leader stays one as long as its process lives.
                    std::future::pending::<()>().await;
                }
                .boxed()
            }))
        });
    }

    fn elected(&mut self, ctx: &mut Context<Self>) {
        if !matches!(self.progress, Progress::Standby) {
            return;
        }
        for watcher in [HEARTBEATS, LEADERSHIP] {
            ctx.stop_child(Watcher::KIND, watcher);
        }
        self.lead(ctx);
    }

    /// Begins.
    fn lead(&mut self, ctx: &mut Context<Self>) {
        self.progress = Progress::AwaitingUpstream;
        let (base, supervisor) = (self.base.clone(), ctx.address());
        let spec = Spec::new(base.cluster.name())
            .mailbox(self.settings.bounds.mailbox)
            .placement(Placement::Spread);
        ctx.spawn(spec, move || Upstream::new(base.clone(), supervisor.clone()));
        self.write_own_status(ctx);
        self.changes.bind(&ctx.address(), SupervisorMessage::RulesChanged);
        rulebook::follow(&self.settings.rulebooks, &self.changes, ctx);
    }

    /// Begins to write the status of SyncTargets and SyncPolicies that are objects.
    fn write_own_status(&self, ctx: &mut Context<Self>) {
        let work = OwnStatus {
            cluster: self.base.cluster.clone(),
            objects: self.settings.own_objects.clone(),
            reports: self.base.reports.clone(),
            events: self.base.events.clone(),
            clock: ctx.clock().clone(),
            writes: self.settings.writes,
        };
        ctx.spawn(Spec::new("own status"), move || {
            let work = work.clone();
            Watcher::new(Box::new(move || work.clone().run().boxed()))
        });
    }
}

impl Actor for Supervisor {
    const KIND: &'static str = "Supervisor";
    type Message = SupervisorMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match self.settings.standing_by.clone() {
            Some(standing_by) if !standing_by.leadership.leads() => self.stand_by(standing_by, ctx),
            _ => self.lead(ctx),
        }
        Ok(())
    }

    fn handle(&mut self, message: &SupervisorMessage, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            SupervisorMessage::Known(link) => self.known(link, ctx),
            SupervisorMessage::RulesChanged(_) => {
                self.changes.take(1);
                self.keep_targets(ctx);
            }
            SupervisorMessage::Elected(_) => {
                self.elected.take(1);
                self.elected(ctx);
            }
        }
        Ok(())
    }

    fn state(&self) -> &'static str {
        match self.progress {
            Progress::Standby => "standby",
            Progress::AwaitingUpstream => "awaiting the upstream",
            Progress::Running { .. } => "running",
        }
    }
}
