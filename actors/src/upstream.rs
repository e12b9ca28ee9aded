//! The Upstream: one, with however many endpoints. It learns who the upstream is, follows its objects, and tells the Targets
//! what is wanted of them.

mod bindings;
mod continuity;
mod departures;
mod endpoint_news;
mod endpoints;
mod export_news;
mod follow;
mod gate;
mod identify;
mod index;
mod intake;
mod link;
mod listing;
mod missing_kinds;
mod orders;
mod provider;
mod reading;
mod reread;
mod sight;
mod workspace_news;
mod workspaces;

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use syncer_clusters::upstream_identity::IdentifyError;
use syncer_core::LogicalCluster;
use tokio::time::Instant;

use self::{
    bindings::{Notices, weightiest},
    endpoints::{Endpoints, Scope},
    export_news::SliceState,
    index::Index,
    reread::Rereads,
    sight::{Sights, newest},
};
pub(crate) use self::{
    continuity::Continuity,
    departures::Departures,
    gate::{Refused, WriteGate, Writer},
    identify::Identity,
    link::{NamespaceLabels, UpstreamBase, UpstreamLink},
    workspaces::Workspaces,
};
use crate::{
    events::EventRecorder,
    rulebook::{self, Rulebook},
    runtime::{Actor, Address, Context, Exit, Failure, Message, Outbox, Outcome, Spec, Timer, Wake},
    settings::UpstreamSource,
    supervisor::SupervisorMessage,
    target::Orders,
};

/// The actor around the upstream.
pub(crate) struct Upstream {
    base: UpstreamBase,
    supervisor: Address<SupervisorMessage>,
    stage: Stage,
    rulebook: Arc<Rulebook>,
    changes: Outbox<(), Arc<Rulebook>>,
    sights: Sights,
    index: Index,
    targets: Vec<(Arc<str>, Orders)>,
    rereads: Rereads,
    endpoints: Endpoints,
    notices: Notices,
    slice: SliceState,
    /// The endpoints that the slice named, while they cannot be followed yet.
    announced: Option<Arc<[String]>>,
    /// The export that is followed: the URL of its workspace, and its name.
    export: Option<(String, Arc<str>)>,
    /// Workspaces whose objects were shown before their bindings were: read again when the binding comes.
    passed_over: BTreeSet<LogicalCluster>,
    incarnation: u64,
    failures: u32,
    retry: Option<Timer>,
    /// Runs while bindings turn to other schemas; since when they do.
    rebound: Option<(Timer, Instant)>,
    /// Until resources are asked for that the upstream does not serve yet.
    look: Option<Timer>,
}

/// How far an Upstream has come.
enum Stage {
    /// It is asked who it is and what it serves.
    Identifying,
    /// Its objects are followed.
    Following(Identity),
}

/// What an Upstream is told.
pub(crate) enum UpstreamMessage {
    /// Who the upstream is, or why it does not say.
    Identified(Result<Identity, IdentifyError>),
    /// Time to ask again, or to tell the Supervisor again.
    TryAgain,
    /// Sights of the watchers wait.
    Sighted(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// There are other rules.
    RulesChanged(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// A Target entered the roster.
    TargetEntered(Arc<str>),
    /// Notices about endpoints and workspaces wait.
    Noticed(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// The bindings that turned to other schemas are through.
    Rebound,
    /// The objects of a namespace were read again; the last of their sights ends that.
    Reread,
    /// Time to ask for the resources that the upstream does not serve yet.
    LookForMissingKinds,
    /// What the upstream serves by now, of what the rules of this revision want.
    LookedForMissingKinds(u64, Result<Identity, IdentifyError>),
}

impl Message for UpstreamMessage {}

// === impl Upstream ===

impl Upstream {
    pub(crate) fn new(base: UpstreamBase, supervisor: Address<SupervisorMessage>) -> Self {
        let sights = Outbox::merging("sights", &base.signals, newest);
        let changes = Outbox::newest("rules", &base.signals);
        let incarnation = base.incarnations.fetch_add(1, Ordering::Relaxed) + 1;
        let rulebook = base.rulebooks.borrow().clone();
        base.rules_told.store(rulebook.revision, Ordering::Release);
        let index = Index::new(base.references.clone(), incarnation);
        let notices = Outbox::merging("notices", &base.signals, weightiest);
        let mut endpoints = Endpoints::none(base.endpoints.clone());
        if base.source == UpstreamSource::Plain {
            endpoints.add("", &base.cluster, Scope::Plain);
        }
        Self {
            base,
            supervisor,
            stage: Stage::Identifying,
            rulebook,
            changes,
            sights,
            index,
            targets: Vec::new(),
            rereads: Rereads::default(),
            endpoints,
            notices,
            slice: SliceState::Awaited,
            announced: None,
            export: None,
            passed_over: BTreeSet::new(),
            incarnation,
            failures: 0,
            retry: None,
            rebound: None,
            look: None,
        }
    }

    fn later(&mut self, delay: Duration, ctx: &mut Context<Self>) {
        self.retry = Some(ctx.after(delay, UpstreamMessage::TryAgain));
    }
}

impl Actor for Upstream {
    const KIND: &'static str = "Upstream";
    type Message = UpstreamMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.base.status.begin(ctx.clock());
        self.sights.bind(&ctx.address(), UpstreamMessage::Sighted);
        self.changes.bind(&ctx.address(), UpstreamMessage::RulesChanged);
        self.notices.bind(&ctx.address(), UpstreamMessage::Noticed);
        // What one before it knew is known again from the endpoints.
        self.base.workspaces.clear();
        self.follow_slice(ctx);
        rulebook::follow(&self.base.rulebooks, &self.changes, ctx);
        let (cluster, events) = (self.base.cluster.clone(), self.base.events.clone());
        let continuity = self.base.continuity.clone();
        ctx.spawn(Spec::new("events"), move || {
            EventRecorder::new(cluster.clone(), &events).while_unbroken(continuity.clone())
        });
        self.keep_finalizers(ctx);
        self.arbitrate_conflicts(ctx);
        self.read_roster();
        self.identify(ctx)
    }

    /// Events are a courtesy: without them the sync goes on.
    fn child_exited(&mut self, exit: &Exit, _: &mut Context<Self>) -> Result<(), Failure> {
        match exit.outcome {
            Outcome::GaveUp { .. } if exit.kind != EventRecorder::KIND => Err(Failure::new(exit.to_string())),
            _ => Ok(()),
        }
    }

    fn handle(&mut self, message: &UpstreamMessage, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            UpstreamMessage::Identified(Ok(identity)) => {
                self.base.trouble("", None);
                self.identified(identity, ctx)?;
            }
            UpstreamMessage::Identified(Err(cause)) => self.not_identified(cause, ctx),
            UpstreamMessage::TryAgain => match self.stage {
                Stage::Identifying => self.identify(ctx)?,
                Stage::Following(_) if self.failures > 0 => self.identify(ctx)?,
                Stage::Following(_) => self.announce(ctx),
            },
            UpstreamMessage::Sighted(_) => self.take_sights(ctx)?,
            UpstreamMessage::Noticed(_) => self.take_notices(ctx)?,
            UpstreamMessage::Rebound => self.list_rebound(ctx)?,
            UpstreamMessage::RulesChanged(_) => self.take_rules(ctx)?,
            UpstreamMessage::TargetEntered(name) => {
                self.read_roster();
                self.tell_everything(name);
                self.base.finalizers.entered(name);
            }
            UpstreamMessage::Reread => {}
            UpstreamMessage::LookForMissingKinds => self.look_for_missing_kinds(ctx)?,
            UpstreamMessage::LookedForMissingKinds(revision, found) => {
                self.looked_for_missing_kinds(*revision, found, ctx);
            }
        }
        Ok(())
    }

    /// Nothing that is in flight here is a write.
    fn drain(&mut self, ctx: &mut Context<Self>) {
        ctx.stop();
    }

    fn state(&self) -> &'static str {
        match self.stage {
            Stage::Identifying => "identifying",
            Stage::Following(_) => "following",
        }
    }
}

#[cfg(test)]
mod tests;
