//! The Upstream: one, with however many endpoints. It learns who the upstream is, follows its objects, and tells the Targets
//! what is wanted of them.

mod bindings;
mod continuity;
mod departures;
mod endpoints;
mod follow;
mod gate;
mod identify;
mod index;
mod link;
mod provider;
mod reread;
mod sight;
mod workspace_news;
mod workspaces;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use syncer_clusters::Next;
use syncer_core::{Gvr, LogicalCluster, ObjectKey, event_reason::EventReason};
use tokio::time::Instant;
use tracing::{error, info, warn};

use self::{
    bindings::{Notices, weightiest},
    endpoints::{EndpointId, Endpoints, Scope},
    index::{Index, ListAt, Tiding, Tidings},
    reread::Rereads,
    sight::{SightKey, Sights, Word, newest},
    workspace_news::SliceState,
};
pub(crate) use self::{
    continuity::Continuity,
    departures::Departures,
    gate::{Refused, WriteGate, Writer},
    identify::{IdentifyError, Identity},
    link::{NamespaceLabels, UpstreamBase, UpstreamLink},
    workspaces::Workspaces,
};
use crate::{
    events::{EventRecorder, Subject},
    prescription::{RenderError, names_namespace},
    rulebook::{self, Rulebook},
    runtime::{
        Actor, Address, Beginning, Context, Exit, Exponential, Failure, Message, Origin, Outbox, Outcome, Spec, Taken,
        Timer, Wake, begin_trace, is_traced,
    },
    settings::UpstreamSource,
    supervisor::SupervisorMessage,
    target::{Order, OrderKey, Orders},
    watcher::{Watcher, hand_over, hand_over_all},
};

/// How many sights are taken before the neighbours on the thread have a turn.
const BATCH: usize = 256;
/// The delays between tries to learn who the upstream is.
const IDENTIFY_RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

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
    /// The objects of a namespace were read again; the last of their sights ends that.
    Reread,
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
        }
    }

    fn identify(&self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        if self.rulebook.is_unknown() {
            // The first rules bring it back here.
            return Ok(());
        }
        let (cluster, rulebook) = (self.base.cluster.clone(), self.rulebook.clone());
        let (source, endpoint) = (self.base.source.clone(), self.endpoints.iter().next());
        let endpoint = endpoint.map(|endpoint| endpoint.cluster.clone());
        ctx.request(async move {
            let wanted = rulebook.rules.resources();
            let identity = identify::identify(&cluster, &source, endpoint.as_ref(), wanted).await;
            UpstreamMessage::Identified(identity)
        })?;
        Ok(())
    }

    fn not_identified(&mut self, cause: &IdentifyError, ctx: &mut Context<Self>) {
        self.failures = self.failures.saturating_add(1);
        let (first, last) = IDENTIFY_RETRY;
        let delay = match cause.next() {
            Next::Wait(delay) => delay,
            _ => Exponential::nth(first, last, self.failures, ctx.chance()),
        };
        error!(retry_in = ?delay, "cannot learn who the upstream is: {cause}");
        self.base.trouble("", Some(&cause.to_string()));
        self.later(delay, ctx);
    }

    fn identified(&mut self, identity: &Identity, ctx: &mut Context<Self>) -> Result<(), Failure> {
        if self.base.continuity.heard(&identity.id).is_err() {
            self.failures = self.failures.saturating_add(1);
            self.later(IDENTIFY_RETRY.1, ctx);
            return Ok(());
        }
        self.base.reports.upstream_is_itself();
        self.failures = 0;
        info!(server = self.base.cluster.server(), id = %identity.id, "connected to the upstream");
        for missing in identity.unserved.iter() {
            warn!(
                kind = missing,
                "the upstream does not serve this resource: nothing of it is synced"
            );
        }
        if let Some(provider) = &identity.provider {
            self.base.workspaces.consume(provider.export.clone());
        }
        self.stage = Stage::Following(identity.clone());
        self.follow_provider(ctx);
        self.follow_objects(ctx);
        self.propagate_status(ctx);
        self.announce(ctx);
        self.follow_announced(ctx)
    }

    /// Tells the Supervisor, which starts the Targets.
    fn announce(&mut self, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let link = self.base.link(identity, ctx.address());
        if self
            .supervisor
            .try_offer(SupervisorMessage::Known(Box::new(link)))
            .is_err()
        {
            self.later(IDENTIFY_RETRY.0, ctx);
        }
    }

    /// There are other rules: what is served is asked anew, and every object is looked at again.
    fn take_rules(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let Some(Taken { value: rulebook, .. }) = self.changes.take(1).pop() else {
            return Ok(());
        };
        if rulebook.revision <= self.rulebook.revision {
            return Ok(());
        }
        info!(
            revision = rulebook.revision,
            "other rules: every object is looked at again"
        );
        self.rulebook = rulebook;
        self.unlist();
        self.identify(ctx)
    }

    /// What was listed under other rules says nothing about the present ones.
    fn unlist(&mut self) {
        self.endpoints.unlist();
        for gvr in self.index.unlist() {
            self.tell_all(&OrderKey::Incomplete(gvr), &self.complete());
        }
        self.base.rules_told.store(self.rulebook.revision, Ordering::Release);
    }

    fn take_sights(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        for Taken { key, value, .. } in self.sights.take(BATCH) {
            if key == SightKey::Reread {
                self.rereads.ended();
            }
            if value.revision < self.rulebook.revision {
                continue;
            }
            match key {
                SightKey::Object(key) => {
                    self.tell_departure(&key);
                    let tidings = self.object(&key, value.word, value.endpoint);
                    let traced = if tidings.is_empty() {
                        None
                    } else {
                        self.traced(&key, value.at, value.took)
                    };
                    let spread = || self.spread(tidings.into_iter().map(|tiding| index::dated(tiding, value.at)));
                    match traced {
                        Some(edit) => edit.handled(Self::KIND, ctx.key(), &key, spread),
                        None => spread(),
                    }
                    self.claim(&key);
                }
                SightKey::Listed(gvr, list) => {
                    if let Word::Listed { objects } = value.word {
                        self.listed(&gvr, list, (objects, value.endpoint), ctx);
                    }
                }
                SightKey::Reread => self.reread_through(),
                SightKey::Stream(gvr, _) => {
                    if let Word::Interrupted(cause) = value.word {
                        self.base.trouble(&gvr.to_string(), Some(&cause.to_string()));
                        self.interrupted(&gvr, value.endpoint, &cause, ctx);
                    } else {
                        self.base.trouble(&gvr.to_string(), None);
                        info!(kind = %gvr, "the upstream watch goes on");
                    }
                }
            }
        }
        self.reread_next(ctx)
    }

    /// The trace of an edit of `key` that changes something for somebody. What the first list brings is no edit.
    fn traced(&self, key: &ObjectKey, read: Instant, took: Duration) -> Option<Origin> {
        if !is_traced() || !self.endpoints.is_listed(&key.gvr) {
            return None;
        }
        let first = Beginning {
            kind: Watcher::KIND,
            key: &format!("{} upstream", key.gvr),
            object: &key.to_string(),
            ago: read.elapsed(),
            work: took,
        };
        begin_trace(&first).map(Origin::of)
    }

    fn object(&mut self, key: &ObjectKey, word: Word, endpoint: EndpointId) -> Tidings {
        if !matches!(word, Word::Deleted) && !self.base.workspaces.takes(key) {
            self.pass_over(&key.cluster);
            return Tidings::new();
        }
        match word {
            Word::Present { shown, list } => self.index.present(key, shown, ListAt { endpoint, list }),
            Word::Relabelled { shown, list } => {
                // Before the namespaces are listed nothing else was read.
                if self.rulebook.reads_namespace_labels() && self.endpoints.is_listed(&key.gvr) {
                    self.rereads.want(key);
                }
                self.index.present(key, shown, ListAt { endpoint, list })
            }
            Word::Deleted if self.index.is_elsewhere(key, endpoint) => Tidings::new(),
            Word::Deleted => {
                for prescription in self.index.prescriptions(key) {
                    self.base.bodies.forget(key, &prescription);
                }
                self.index.deleted(key)
            }
            // The binding came between this and now.
            Word::PassedOver => {
                self.rereads.want_workspace(&key.cluster);
                Tidings::new()
            }
            Word::Malformed { uid, cause, list } => {
                self.malformed(key, &uid, &cause);
                self.index.still_there(key, list);
                Tidings::new()
            }
            Word::Undecided { list } => {
                self.index.still_there(key, list);
                Tidings::new()
            }
            Word::Listed { .. } | Word::Reread | Word::Interrupted(_) | Word::Recovered => Tidings::new(),
        }
    }

    /// What a namespace that goes held need not be asked about any more.
    fn tell_departure(&self, key: &ObjectKey) {
        if !names_namespace(key) || !self.base.departures.has(key) {
            return;
        }
        self.tell_all(&OrderKey::Departing(key.clone()), &self.complete());
    }

    fn malformed(&self, key: &ObjectKey, uid: &str, cause: &RenderError) {
        error!(
            workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
            "not synced, what went down last stays: {cause}"
        );
        if let Stage::Following(identity) = &self.stage
            && let Some(resource) = identity.resources.iter().find(|resource| resource.gvr == key.gvr)
        {
            let subject = Subject {
                resource: resource.clone(),
                key: key.clone(),
                uid: uid.into(),
            };
            let events = &self.base.events;
            events.tell(subject, EventReason::TransformFailed, cause.to_string());
        }
    }

    fn listed(&mut self, gvr: &Gvr, list: u64, (objects, endpoint): (usize, EndpointId), ctx: &mut Context<Self>) {
        if self.endpoints.get(endpoint).is_none() {
            return;
        }
        let tidings = self.index.listed(gvr, ListAt { endpoint, list });
        self.absent_upstream(&tidings);
        self.spread(tidings);
        if self.endpoints.listed(endpoint, gvr) {
            info!(kind = %gvr, objects, "listed the upstream");
        }
        self.passed(gvr, endpoint, ctx);
    }

    /// One endpoint is through with `gvr`: if all are, everything of it was told.
    fn passed(&mut self, gvr: &Gvr, endpoint: EndpointId, ctx: &mut Context<Self>) {
        if !self.endpoints.is_listed(gvr) {
            self.namespaces_passed(gvr, endpoint, ctx);
            return;
        }
        self.tell_all(&OrderKey::Complete(gvr.clone()), &self.complete());
        self.see_whether_all_is_listed();
        self.namespaces_passed(gvr, endpoint, ctx);
    }

    fn see_whether_all_is_listed(&mut self) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        if self.knows_endpoints() && self.endpoints.are_through(&identity.resources) {
            let unnamed = self.index.settle();
            self.spread(unnamed);
            self.base.readiness.upstream_listed();
        }
    }

    /// The order that ends what was told of one kind.
    fn complete(&self) -> Order {
        Order::Complete {
            incarnation: self.incarnation,
        }
    }

    /// Gives every Target the same order.
    fn tell_all(&self, key: &OrderKey, order: &Order) {
        for (_, orders) in &self.targets {
            hand_over(orders, key.clone(), order.clone());
        }
    }

    /// Gives everyone the orders that are for it, to each Target all at once: what one list lacks is judged as one set (S3).
    fn spread(&self, tidings: impl IntoIterator<Item = Tiding>) {
        let mut for_each: BTreeMap<Arc<str>, Vec<(OrderKey, Order)>> = BTreeMap::new();
        let mut claimed = None;
        for (target, key, order) in tidings {
            // The tidings of one object come one after the other.
            if claimed.as_ref() != Some(&key) {
                self.claim(&key);
                claimed = Some(key.clone());
            }
            for_each.entry(target).or_default().push((OrderKey::Object(key), order));
        }
        for (name, orders) in &self.targets {
            if let Some(given) = for_each.remove(name) {
                hand_over_all(orders, given);
            }
        }
    }

    /// Says what the rules make of the finalizers of `key`.
    fn claim(&self, key: &ObjectKey) {
        if let Some(uid) = self.base.finalizers.uid(key) {
            self.base.finalizers.claim(key, &uid, self.index.claims(key));
        }
    }

    /// Takes the Targets from the roster, by name: the same seed gives the same run.
    fn read_roster(&mut self) {
        let roster = self.base.roster.iter();
        self.targets = roster
            .map(|entry| (entry.key().clone(), entry.value().clone()))
            .collect();
        self.targets.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    }

    /// Tells a Target that is new, or was built anew, everything that is known.
    fn tell_everything(&self, target: &str) {
        let Some(orders) = self.base.roster.get(target).map(|entry| entry.value().clone()) else {
            return;
        };
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let incarnation = self.incarnation;
        for resource in identity.resources.iter() {
            for (key, order) in self.index.orders_of(&resource.gvr, target) {
                hand_over(&orders, OrderKey::Object(key), order);
            }
            if self.endpoints.is_listed(&resource.gvr) {
                let complete = OrderKey::Complete(resource.gvr.clone());
                hand_over(&orders, complete, Order::Complete { incarnation });
            }
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
            UpstreamMessage::RulesChanged(_) => self.take_rules(ctx)?,
            UpstreamMessage::TargetEntered(name) => {
                self.read_roster();
                self.tell_everything(name);
                self.base.finalizers.entered(name);
            }
            UpstreamMessage::Reread => {}
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
