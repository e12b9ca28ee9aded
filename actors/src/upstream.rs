//! The Upstream: one per upstream endpoint. It learns who the upstream is, follows its objects, and tells the Targets
//! what is wanted of them.

mod identify;
mod index;
mod link;
mod sight;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::FutureExt;
use syncer_clusters::{FieldsV1Kept, Next, WatchOptions};
use syncer_core::{Gvr, ObjectKey, ResourceType, proof::Absence};
use tracing::{error, info, warn};

pub(crate) use self::{
    identify::{IdentifyError, Identity},
    link::{UpstreamBase, UpstreamLink},
};
use self::{
    index::{Index, Novelty},
    sight::{Sight, SightKey, UpstreamReading},
};
use crate::{
    runtime::{Actor, Address, Context, Exponential, Failure, Message, Outbox, Spec, Taken, Timer, Wake},
    supervisor::SupervisorMessage,
    target::{Order, OrderKey, Orders},
    watcher::{Watcher, hand_over, read},
};

/// How many sights are taken before the neighbours on the thread have a turn.
const BATCH: usize = 256;
/// The delays between tries to learn who the upstream is.
const IDENTIFY_RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// The actor around one upstream endpoint.
pub(crate) struct Upstream {
    base: UpstreamBase,
    supervisor: Address<SupervisorMessage>,
    stage: Stage,
    sights: Outbox<SightKey, Sight>,
    index: Index,
    targets: Vec<Orders>,
    /// Distinguishes what this Upstream says from what one before it said.
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
    /// A Target entered the roster.
    TargetEntered(Arc<str>),
}

impl Message for UpstreamMessage {}

// === impl Upstream ===

impl Upstream {
    pub(crate) fn new(base: UpstreamBase, supervisor: Address<SupervisorMessage>) -> Self {
        let sights = Outbox::newest("sights", &base.signals);
        let incarnation = base.incarnations.fetch_add(1, Ordering::Relaxed) + 1;
        Self {
            base,
            supervisor,
            stage: Stage::Identifying,
            sights,
            index: Index::default(),
            targets: Vec::new(),
            incarnation,
            failures: 0,
            retry: None,
        }
    }

    fn identify(&self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let (cluster, wanted) = (self.base.cluster.clone(), self.base.wanted.clone());
        ctx.request(async move { UpstreamMessage::Identified(identify::identify(&cluster, &wanted).await) })?;
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
        self.later(delay, ctx);
    }

    fn identified(&mut self, identity: &Identity, ctx: &mut Context<Self>) {
        let known = self.base.id.get_or_init(|| identity.id.clone());
        if *known != identity.id {
            error!(
                was = %known, is = %identity.id,
                "another upstream answers under this address: nothing is written or deleted; start anew to sync from it"
            );
            self.later(IDENTIFY_RETRY.1, ctx);
            return;
        }
        info!(server = self.base.cluster.server(), id = %identity.id, "connected to the upstream");
        for missing in identity.unserved.iter() {
            warn!(
                kind = missing,
                "the upstream does not serve this resource: nothing of it is synced"
            );
        }
        self.stage = Stage::Following(identity.clone());
        for resource in identity.resources.iter() {
            self.watch(resource.clone(), ctx);
        }
        self.announce(ctx);
    }

    /// Tells the Supervisor, which starts the Targets.
    fn announce(&mut self, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let link = self.base.link(identity, ctx.address());
        if self.supervisor.try_offer(SupervisorMessage(link)).is_err() {
            self.later(IDENTIFY_RETRY.0, ctx);
        }
    }

    fn watch(&self, resource: ResourceType, ctx: &mut Context<Self>) {
        let sights = self.sights.clone();
        let options = WatchOptions {
            managed_fields: FieldsV1Kept::None,
            ..WatchOptions::default()
        };
        let (cluster, base) = (self.base.cluster.clone(), self.base.clone());
        ctx.spawn(Spec::new(resource.gvr.to_string()), move || {
            let (cluster, base, resource, options, sights) = (
                cluster.clone(),
                base.clone(),
                resource.clone(),
                options.clone(),
                sights.clone(),
            );
            Watcher::new(Box::new(move || {
                let (protection, bodies) = (base.protection.clone(), base.bodies.clone());
                let reading = UpstreamReading::new(resource.clone(), protection, bodies, sights.clone());
                read(cluster.watch(resource.clone(), options.clone()), reading).boxed()
            }))
        });
    }

    fn take_sights(&mut self) {
        for Taken { key, value, .. } in self.sights.take(BATCH) {
            match (key, value) {
                (SightKey::Object(key), Sight::Present { uid, hash, list }) => {
                    if self.index.present(&key, &uid, hash, list) == Novelty::New {
                        let incarnation = self.incarnation;
                        self.order(&OrderKey::Object(key), &Order::Wanted { uid, hash, incarnation });
                    }
                }
                (SightKey::Object(key), Sight::Deleted) => {
                    if self.index.deleted(&key) == Novelty::New {
                        self.gone(key, Absence::DeletionSeen);
                    }
                }
                (SightKey::Object(key), Sight::Malformed(cause)) => {
                    error!(
                        workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                        "not synced, what went down last stays: {cause}"
                    );
                }
                (SightKey::Listed(gvr, list), Sight::Listed { objects }) => self.listed(gvr, list, objects),
                (SightKey::Stream(_), Sight::Interrupted(cause)) => error!("{cause}"),
                (SightKey::Stream(gvr), Sight::Recovered) => info!(kind = %gvr, "the upstream watch goes on"),
                (SightKey::Object(_) | SightKey::Listed(..) | SightKey::Stream(_), _) => {}
            }
        }
    }

    fn listed(&mut self, gvr: Gvr, list: u64, objects: usize) {
        if !self.index.is_listed(&gvr) {
            info!(kind = %gvr, objects, "listed the upstream");
        }
        for key in self.index.listed(&gvr, list) {
            self.gone(key, Absence::NotInCompleteList);
        }
        let incarnation = self.incarnation;
        self.order(&OrderKey::Complete(gvr), &Order::Complete { incarnation });
        if let Stage::Following(identity) = &self.stage
            && identity
                .resources
                .iter()
                .all(|resource| self.index.is_listed(&resource.gvr))
        {
            self.base.readiness.upstream_listed();
        }
    }

    fn gone(&mut self, key: ObjectKey, absence: Absence) {
        self.base.bodies.forget(&key);
        let incarnation = self.incarnation;
        self.order(&OrderKey::Object(key), &Order::Gone { absence, incarnation });
    }

    fn order(&self, key: &OrderKey, order: &Order) {
        for orders in &self.targets {
            hand_over(orders, key.clone(), order.clone());
        }
    }

    /// Takes the Targets from the roster, by name: the same seed gives the same run.
    fn read_roster(&mut self) {
        let mut targets: Vec<_> = self
            .base
            .roster
            .iter()
            .map(|entry| (entry.key().clone(), entry.value().clone()))
            .collect();
        targets.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        self.targets = targets.into_iter().map(|(_, orders)| orders).collect();
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
            for (key, entry) in self.index.objects(&resource.gvr) {
                let order = Order::Wanted {
                    uid: entry.uid.clone(),
                    hash: entry.hash,
                    incarnation,
                };
                hand_over(&orders, OrderKey::Object(key.clone()), order);
            }
            if self.index.is_listed(&resource.gvr) {
                hand_over(
                    &orders,
                    OrderKey::Complete(resource.gvr.clone()),
                    Order::Complete { incarnation },
                );
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
        self.sights.bind(&ctx.address(), UpstreamMessage::Sighted);
        self.read_roster();
        self.identify(ctx)
    }

    fn handle(&mut self, message: &UpstreamMessage, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            UpstreamMessage::Identified(Ok(identity)) => self.identified(identity, ctx),
            UpstreamMessage::Identified(Err(cause)) => self.not_identified(cause, ctx),
            UpstreamMessage::TryAgain => match self.stage {
                Stage::Identifying => self.identify(ctx)?,
                Stage::Following(_) => self.announce(ctx),
            },
            UpstreamMessage::Sighted(_) => self.take_sights(),
            UpstreamMessage::TargetEntered(name) => {
                self.read_roster();
                self.tell_everything(name);
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
