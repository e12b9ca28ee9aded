//! What comes in at a Target: orders, sightings and reports, taken in batches into the ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use syncer_clusters::{Health, Next};
use syncer_core::{Gvr, ObjectKey, placement, plan::Desired, proof::Absence};
use tracing::{error, info};

use super::{
    BATCH, Stage, Target, TargetMessage,
    order::{Order, OrderKey, Orders},
    sighting::{Seen, Sighting, SightingKey},
    weighing::weighed,
};
use crate::{
    reconciler::Attempt,
    runtime::{Address, Context, Outbox, Signals, Taken},
};

/// The hand-overs of a Target, and what has come in whole.
pub(super) struct Intake {
    orders: Orders,
    sightings: Outbox<SightingKey, Sighting>,
    reports: Outbox<ObjectKey, Attempt>,
    healths: Outbox<(), Health>,
    /// The resources of which this target was listed to the end.
    listed: BTreeSet<Gvr>,
    /// The resources of which the upstream told everything, and which incarnation of it.
    complete: BTreeMap<Gvr, u64>,
    /// What the mass-deletion guard holds, by policy.
    held: BTreeMap<Arc<str>, usize>,
}

/// Whether the mass-deletion guard has to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// Something is missing.
    Due,
    /// Nothing new is missing.
    None,
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
            complete: BTreeMap::new(),
            held: BTreeMap::new(),
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
        self.listed.contains(gvr)
    }
}

// === impl Target ===

impl Target {
    pub(super) fn take_orders(&mut self, ctx: &mut Context<Self>) {
        let mut to_judge = BTreeSet::new();
        for Taken { key, value, .. } in self.intake.orders.take(BATCH) {
            match key {
                OrderKey::Object(key) => {
                    if self.take_order(&key, value) == Judgement::Due {
                        to_judge.insert(key.gvr);
                    }
                }
                OrderKey::Standing(cluster) => to_judge.extend(self.weigh(&cluster)),
                OrderKey::Incomplete(gvr) => {
                    self.intake.complete.remove(&gvr);
                }
                OrderKey::Complete(gvr) => {
                    if let Order::Complete { incarnation } = value {
                        self.intake.complete.insert(gvr.clone(), incarnation);
                        to_judge.insert(gvr);
                    }
                }
            }
        }
        for gvr in to_judge {
            self.judge_absences(&gvr);
        }
        self.give_turns(ctx);
    }

    fn take_order(&mut self, key: &ObjectKey, order: Order) -> Judgement {
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
            Order::Gone { absence, incarnation } => {
                let absence = self.absence_here(absence, &key.gvr);
                let desired = weighed(&self.upstream.workspaces, key, absence);
                self.ledger.unwant(key, desired, incarnation);
                // What a list did not have, or no policy wants, waits for the guard.
                if matches!(absence, Absence::NotInCompleteList | Absence::Unselected) {
                    return Judgement::Due;
                }
            }
            Order::Complete { .. } | Order::Weigh => return Judgement::None,
        }
        self.changed_upstream(key);
        Judgement::None
    }

    pub(super) fn take_sightings(&mut self, ctx: &mut Context<Self>) {
        for Taken { key, value, .. } in self.intake.sightings.take(BATCH) {
            match (key, value) {
                (SightingKey::Object(key), Sighting::Present { seen, list }) => self.seen(&key, seen, list),
                (SightingKey::Object(key), Sighting::OutOfSight { uid }) => {
                    self.ledger.out_of_sight(&key, &uid);
                    self.unpark(&key);
                    self.changed_downstream(&key);
                }
                (SightingKey::Disowned(uid), _) => self.disowned(&uid),
                (SightingKey::Listed(gvr, list), _) => self.listed(&gvr, list),
                (SightingKey::Stream(gvr), Sighting::Interrupted(cause)) => {
                    error!(target = %self.settings.name, "{cause}");
                    if matches!(cause.next(), Next::Forbidden | Next::Reauthenticate) {
                        let (reports, name) = (&self.upstream.reports, &self.settings.name);
                        reports.refused(name, &gvr.to_string(), &cause.to_string());
                    }
                    self.upstream.readiness.unreachable(&self.settings.name);
                }
                (SightingKey::Stream(gvr), Sighting::Recovered) => {
                    self.upstream.reports.allowed(&self.settings.name, &gvr.to_string());
                    info!(target = %self.settings.name, kind = %gvr, "the watch goes on");
                }
                (SightingKey::Object(_) | SightingKey::Stream(_), _) => {}
            }
        }
        self.give_turns(ctx);
    }

    fn seen(&mut self, key: &ObjectKey, seen: Seen, list: u64) {
        let waited = self.ledger.awaits_judgement(key);
        self.ledger.sight(key, seen, list);
        self.judge_if_new(key, waited);
        self.unpark(key);
        // An object of ours that a complete upstream did not name is absent there.
        if let Some(incarnation) = self.intake.complete.get(&key.gvr)
            && self.intake.listed.contains(&key.gvr)
            && self.ledger.is_unnamed(key)
        {
            let absence = self.absence_here(Absence::NotInCompleteList, &key.gvr);
            let absent = weighed(&self.upstream.workspaces, key, absence);
            self.ledger.unwant(key, absent, *incarnation);
            self.judge_absences(&key.gvr.clone());
        }
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
        self.upstream.reports.resource_listed(&self.settings.name, gvr);
        if self.intake.listed.insert(gvr.clone()) {
            info!(target = %self.settings.name, kind = %gvr, objects = self.ledger.len(), "listed the target");
        }
        if let Stage::Syncing(downstream) = &self.stage
            && self.intake.listed.len() == downstream.resources.len()
        {
            self.upstream.readiness.listed(&self.settings.name);
        }
        for key in self.ledger.keys(gvr) {
            self.unpark(&key);
            self.changed_downstream(&key);
        }
        self.judge_absences(gvr);
    }

    /// Lets go, or holds, what a complete upstream list did not have, once this target is listed too (S3).
    fn judge_absences(&mut self, gvr: &Gvr) {
        let Some(incarnation) = self.intake.complete.get(gvr).copied() else {
            return;
        };
        if !self.intake.listed.contains(gvr) {
            return;
        }
        let absence = self.absence_here(Absence::NotInCompleteList, gvr);
        self.ledger.complete(gvr, incarnation, absence);
        self.tell_held();
        // The word on one resource may be what another one's objects waited for.
        for gvr in self.intake.complete.keys().cloned().collect::<Vec<_>>() {
            for key in self.ledger.keys(&gvr) {
                self.changed_downstream(&key);
            }
        }
    }

    /// What comes into sight when it is not wanted any more has to be judged too: it was being made when that was said, say.
    pub(super) fn judge_if_new(&mut self, key: &ObjectKey, waited: bool) {
        if !waited && self.ledger.awaits_judgement(key) {
            self.judge_absences(&key.gvr);
        }
    }

    /// Lets the guard judge, and says what it holds where that is new.
    fn tell_held(&mut self) {
        let rulebook = self.upstream.rulebooks.borrow().clone();
        let policies = rulebook.rules.policies();
        let suspended = |name: &str| {
            let policy = policies.iter().find(|policy| *policy.name == *name);
            policy.is_some_and(|policy| policy.writes() == placement::Writes::Suspended)
        };
        let (upstream, here) = (&self.intake.complete, &self.intake.listed);
        let complete = |gvr: &Gvr| upstream.contains_key(gvr) && here.contains(gvr);
        let held = self.ledger.guard(suspended, complete);
        if self.intake.held == held {
            return;
        }
        for (policy, count) in &held {
            error!(
                target = %self.settings.name, %policy, held = count,
                "most of what this policy put on this target is not in the upstream's complete list, or not wanted any more: nothing is \
                 deleted until the objects are seen again; if they are to go, delete them downstream"
            );
        }
        if held.is_empty() {
            info!(target = %self.settings.name, "what was held as a mass deletion is not any more");
        }
        self.upstream.reports.held(&self.settings.name, held.clone());
        self.intake.held = held;
        self.try_namespaces_again();
    }
}
