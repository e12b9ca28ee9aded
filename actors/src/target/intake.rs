//! What comes in at a Target: orders, sightings and reports, taken in batches into the ledger.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use syncer_clusters::{Health, Next};
use syncer_core::{Gvr, ObjectKey, plan::Desired, proof::Absence};
use tracing::{error, info};

use super::{
    BATCH, Stage, Target, TargetMessage,
    confirm::Stillness,
    held::Judging,
    order::{Order, OrderKey, Orders},
    sighting::{Seen, Sighting, SightingKey},
    sweep,
    weighing::weighed,
};
use crate::{
    reconciler::Attempt,
    runtime::{Actor, Address, Context, Outbox, Signals, Taken},
    trails,
};

/// The hand-overs of a Target, and what has come in whole.
pub(super) struct Intake {
    orders: Orders,
    sightings: Outbox<SightingKey, Sighting>,
    reports: Outbox<ObjectKey, Attempt>,
    healths: Outbox<(), Health>,
    /// The resources of which this target was listed to the end.
    listed: BTreeSet<Gvr>,
    /// The resources that are not watched and were looked for once, to the end.
    swept: BTreeSet<Gvr>,
    /// The resources that may not be listed here.
    withheld: BTreeSet<Gvr>,
    /// The resources of which the upstream told everything, and which incarnation of it.
    complete: BTreeMap<Gvr, u64>,
    /// What the mass-deletion guard holds, by policy.
    pub(super) held: BTreeMap<Arc<str>, usize>,
    pub(super) judging: Judging,
    pub(super) stillness: Stillness,
    pub(super) sweep: sweep::Progress,
}

// === impl Intake ===

impl Intake {
    pub(super) fn new(signals: &Signals) -> Self {
        Self {
            orders: Outbox::newest("orders", signals),
            sightings: Outbox::newest("sightings", signals),
            reports: Outbox::newest("reports", signals),
            healths: Outbox::newest("health", signals),
            listed: BTreeSet::new(),
            swept: BTreeSet::new(),
            withheld: BTreeSet::new(),
            complete: BTreeMap::new(),
            held: BTreeMap::new(),
            judging: Judging::WhenNeeded,
            stillness: Stillness::Moving,
            sweep: sweep::Progress::UnderWay,
        }
    }

    /// Begins to listen.
    pub(super) fn bind(&self, to: &Address<TargetMessage>) {
        self.orders.bind(to, TargetMessage::Ordered);
        self.sightings.bind(to, TargetMessage::Sighted);
        self.reports.bind(to, TargetMessage::Reported);
        self.healths.bind(to, TargetMessage::HealthChanged);
    }

    pub(super) fn orders(&self) -> Orders {
        self.orders.clone()
    }

    pub(super) fn sightings(&self) -> Outbox<SightingKey, Sighting> {
        self.sightings.clone()
    }

    pub(super) fn reports(&self) -> Outbox<ObjectKey, Attempt> {
        self.reports.clone()
    }

    pub(super) fn healths(&self) -> Outbox<(), Health> {
        self.healths.clone()
    }

    pub(super) fn is_listed(&self, gvr: &Gvr) -> bool {
        self.listed.contains(gvr) || self.swept.contains(gvr)
    }

    /// The resources of which this target was listed to the end.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Gvr> {
        self.listed.iter()
    }

    /// Whether `gvr` may not be listed here, so that nobody waits for it.
    pub(super) fn is_withheld(&self, gvr: &Gvr) -> bool {
        self.withheld.contains(gvr)
    }

    /// What may not be listed here.
    pub(super) fn withheld(&self) -> impl Iterator<Item = &Gvr> {
        self.withheld.iter()
    }

    /// All of `gvr`, which is not watched, was looked for.
    pub(super) fn swept(&mut self, gvr: &Gvr) {
        self.swept.insert(gvr.clone());
    }

    /// Whether all that was handed over is taken in.
    pub(super) fn is_taken_in(&self) -> bool {
        self.orders.is_empty() && self.sightings.is_empty()
    }

    /// Whether everything of `gvr` is listed, upstream under the present rules and here.
    pub(super) fn is_complete(&self, gvr: &Gvr) -> bool {
        let swept = self.swept.contains(gvr) && self.sweep == sweep::Progress::Over;
        swept || (self.complete.contains_key(gvr) && self.listed.contains(gvr))
    }
}

// === impl Target ===

impl Target {
    pub(super) fn take_orders(&mut self, ctx: &mut Context<Self>) {
        let mut completed = BTreeSet::new();
        let mut turned = HashSet::new();
        let name = self.settings.name.clone();
        for Taken { key, value, cause } in self.intake.orders.take(BATCH) {
            match key {
                OrderKey::Object(key) => cause.handled(Self::KIND, &name, &key, || self.take_order(&key, value)),
                OrderKey::Departing(namespace) => self.depart(&namespace),
                OrderKey::Standing(cluster) => drop(turned.insert(cluster)),
                OrderKey::Incomplete(gvr) => {
                    self.intake.complete.remove(&gvr);
                }
                OrderKey::Release(key) => self.say_farewell(&key),
                OrderKey::Complete(gvr) => {
                    if let Order::Complete { incarnation } = value {
                        self.intake.complete.insert(gvr.clone(), incarnation);
                        completed.insert(gvr);
                    }
                }
            }
        }
        // One look at the ledger for all of them: at the start every workspace is bound.
        self.weigh(&turned);
        for gvr in completed {
            self.absent_where_complete(&gvr);
        }
        self.judge();
        self.give_turns(ctx);
    }

    fn take_order(&mut self, key: &ObjectKey, order: Order) {
        match order {
            Order::Wanted {
                uid,
                hash,
                prescription,
                newcomer,
                seen,
                incarnation,
            } => {
                let desired = Desired::Wanted { uid, hash, newcomer };
                self.ledger.want(key, desired, prescription, incarnation);
                self.ledger.date(key, seen);
            }
            Order::Adrift { incarnation } => {
                let desired = Desired::Withheld(Absence::NotInCompleteList);
                self.ledger.unwant(key, desired, incarnation);
            }
            Order::Kept { incarnation } => self.ledger.unwant(key, Desired::Unknown, incarnation),
            // What is gone on both sides needs no record.
            Order::Gone { .. } if self.intake.is_listed(&key.gvr) && self.ledger.turn(key).is_none() => return,
            Order::Gone { absence, incarnation } => {
                let absence = self.absence_here(absence, &key.gvr);
                let desired = weighed(&self.upstream.workspaces, key, absence);
                self.ledger.unwant(key, desired, incarnation);
            }
            Order::Complete { .. } | Order::Weigh | Order::Release => return,
        }
        trails::leave(&self.settings.name, key);
        self.changed_upstream(key);
    }

    pub(super) fn take_sightings(&mut self, ctx: &mut Context<Self>) {
        let name = self.settings.name.clone();
        for Taken { key, value, cause } in self.intake.sightings.take(BATCH) {
            match (key, value) {
                (SightingKey::Object(key), Sighting::Present { seen, list }) => {
                    cause.handled(Self::KIND, &name, &key, || self.seen(&key, seen, list));
                }
                (SightingKey::Object(key), Sighting::OutOfSight { uid, version }) => {
                    cause.handled(Self::KIND, &name, &key, || self.out_of_sight(&key, &uid, &version));
                }
                (SightingKey::Disowned(uid), _) => self.disowned(&uid),
                (SightingKey::Listed(gvr, list), _) => self.listed(&gvr, list),
                (SightingKey::Swept(gvr), _) => self.swept(&gvr),
                (SightingKey::SweepOver, _) => {
                    self.intake.sweep = sweep::Progress::Over;
                    self.intake.judging = Judging::Due;
                }
                (SightingKey::Stream(gvr), Sighting::Interrupted(cause)) => {
                    error!(target = %self.settings.name, "{cause}");
                    if matches!(cause.next(), Next::Forbidden | Next::Unserved) {
                        self.intake.withheld.insert(gvr.clone());
                        self.intake.judging = Judging::Due;
                    }
                    if matches!(cause.next(), Next::Forbidden | Next::Reauthenticate) {
                        let (reports, name) = (&self.upstream.reports, &self.settings.name);
                        reports.refused(name, &gvr.to_string(), &cause.to_string());
                    }
                    self.upstream.readiness.unreachable(&self.settings.name);
                }
                (SightingKey::Stream(gvr), Sighting::Recovered) => {
                    self.intake.withheld.remove(&gvr);
                    self.upstream.reports.allowed(&self.settings.name, &gvr.to_string());
                    info!(target = %self.settings.name, kind = %gvr, "the watch goes on");
                }
                (SightingKey::Object(_) | SightingKey::Stream(_), _) => {}
            }
        }
        self.judge();
        self.give_turns(ctx);
    }

    fn seen(&mut self, key: &ObjectKey, seen: Seen, list: u64) {
        self.ledger.sight(key, seen, list);
        self.unpark(key);
        // An object of ours that a complete upstream did not name is absent there.
        if let Some(incarnation) = self.intake.complete.get(&key.gvr)
            && self.intake.listed.contains(&key.gvr)
            && self.ledger.is_unnamed(key)
        {
            let absence = self.absence_here(Absence::NotInCompleteList, &key.gvr);
            let absent = weighed(&self.upstream.workspaces, key, absence);
            self.ledger.unwant(key, absent, *incarnation);
        }
        self.changed_downstream(key);
    }

    fn out_of_sight(&mut self, key: &ObjectKey, uid: &str, version: &str) {
        self.ledger.out_of_sight(key, uid, version);
        self.unpark(key);
        self.changed_downstream(key);
    }

    fn disowned(&mut self, uid: &str) {
        let Some(key) = self.ledger.disowned(uid) else { return };
        self.upstream.status.target_gone(&self.settings.name, &key);
        error!(
            target = %self.settings.name, workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
            "somebody took our marker off: the object is left alone; delete it there to have it made again"
        );
        self.changed_downstream(&key);
    }

    fn listed(&mut self, gvr: &Gvr, list: u64) {
        self.ledger.listed(gvr, list);
        self.upstream.arbiter.docket.gap(Some(&self.settings.name));
        self.upstream.reports.resource_listed(&self.settings.name, gvr);
        if self.intake.listed.insert(gvr.clone()) {
            info!(target = %self.settings.name, kind = %gvr, objects = self.ledger.len(), "listed the target");
        }
        if let Stage::Syncing(downstream) = &self.stage
            && self.intake.listed.len() == downstream.resources.len()
        {
            self.upstream.readiness.listed(&self.settings.name);
        }
        self.absent_where_complete(gvr);
        for key in self.ledger.keys(gvr) {
            self.unpark(&key);
            self.changed_downstream(&key);
        }
    }

    /// What a complete upstream list did not have is absent, once this target is listed too (S3).
    fn absent_where_complete(&mut self, gvr: &Gvr) {
        if let Some(incarnation) = self.intake.complete.get(gvr).copied()
            && self.intake.listed.contains(gvr)
        {
            let absence = self.absence_here(Absence::NotInCompleteList, gvr);
            self.ledger.complete(gvr, incarnation, absence);
            self.recall_abandoned(gvr, incarnation);
            self.intake.judging = Judging::Due;
        }
    }
}
