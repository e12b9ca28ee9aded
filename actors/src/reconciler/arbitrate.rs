//! Objects that both sides change: what [`syncer_core::conflict`] decides is carried out, one request after the other, each over the version
//! that it was decided on.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use syncer_clusters::{Apply, Cause, Cluster, FieldsV1Kept, Next, Object, Write};
use syncer_core::{
    body::Expects,
    config::{ConflictRules, FieldOwner, Strategy},
    conflict::{
        ApplyNeed, Base, Clocks, Decision, Fallback, LeafHasher, LeafId, Moment, Rules, Schema, SideClock, Sides,
        Standing, Verdict, base_of, decide, excerpt, write_back_patch,
    },
    event_reason::EventReason,
    field_path::FieldPath,
    immutable,
    marker::{APPLIED_ANNOTATION, Applied, FIELD_MANAGER, HANDOVER_MANAGER},
    payload::Payload,
    removal,
    transform::Path,
};

use super::{
    Attempt, AttemptFailure, End, Retry,
    work::{Work, tree_of},
};
use crate::{
    conflict_arbiter::{Noticed, Party, told},
    metrics::{DriftAction, WriteResult, WriteSide, WriteVerb},
    prescription::{Body, is_namespace, is_secret},
    settings::Writes,
    target::{After, Others, Seen},
    upstream::Writer,
};

/// Requests about one object in one attempt, whatever the reason: then others have their turn.
const MOST_ROUNDS: u32 = 24;

/// How one round ended.
enum Round {
    /// The attempt is over.
    Over(Attempt),
    /// A request was made, and the rest is decided anew.
    Next,
    /// Somebody was quicker: what was decided does not hold any more.
    Overtaken,
    /// The API server calls the merge invalid.
    Invalid(String),
}

/// What one round looks at.
struct View {
    live: Object,
    tree: Value,
    seen: Seen,
    desired: Value,
    upstream: Value,
    /// The base as it stands with the object; empty if there is none that counts.
    base: Box<str>,
}

impl Work<'_> {
    /// The strategy that is followed for this object. Of a namespace only labels and annotations go down.
    pub(super) fn strategy(&self) -> Strategy {
        match self.task.prescription.as_deref() {
            Some(prescription) if !is_namespace(self.resource) => prescription.spec().conflict.strategy,
            _ => Strategy::UpstreamWins,
        }
    }

    /// Whether the arbiter has a word in what happens to this object: by its strategy, or because a leaf of it is fought over.
    pub(super) fn is_arbitrated(&self) -> bool {
        self.strategy() != Strategy::UpstreamWins || !self.resting().is_empty()
    }

    fn resting(&self) -> BTreeSet<LeafId> {
        self.party()
            .map(|party| self.downstream.arbiter.resting(party, self.moment()))
            .unwrap_or_default()
    }

    fn party(&self) -> Option<Party<'_>> {
        let prescription = self.task.prescription.as_deref()?;
        Some(Party {
            key: self.key,
            target: &self.downstream.name,
            shape: prescription.shape,
        })
    }

    /// Now, on our clock.
    fn moment(&self) -> Moment {
        let since = self.downstream.clock.time().duration_since(std::time::UNIX_EPOCH);
        Moment(i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX))
    }

    fn hasher(&self) -> LeafHasher<'_> {
        if is_secret(self.resource) {
            LeafHasher::Keyed(self.downstream.bodies.hash_key())
        } else {
            LeafHasher::Plain
        }
    }

    /// The base of an object that is applied as it is desired; empty where the strategy needs none, or where it is too large.
    pub(super) fn first_base(&self, payload: &Payload) -> Result<String, AttemptFailure> {
        if self.strategy() == Strategy::UpstreamWins {
            return Ok(String::new());
        }
        let gvr = &self.resource.gvr;
        let desired = payload
            .to_value()
            .map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        let base = base_of(gvr, &Schema::of(gvr), self.hasher(), None, &desired, self.moment());
        Ok(base.encode(Base::limit(gvr)).unwrap_or_default())
    }

    /// Brings the object with `uid` to what is decided leaf by leaf.
    pub(super) async fn arbitrate(&self, body: &Body, uid: &str) -> Result<Attempt, AttemptFailure> {
        let rules = &self.prescription()?.spec().conflict;
        let mut overtaken = 0;
        let mut strategy = self.strategy();
        let mut before: Option<u64> = None;
        for _ in 0..MOST_ROUNDS {
            match self.round(body, uid, strategy, &mut before).await? {
                Round::Over(attempt) => return Ok(attempt),
                Round::Next => {}
                Round::Overtaken => {
                    overtaken += 1;
                    if overtaken > rules.max_retries {
                        return Err(self.unsettled(overtaken));
                    }
                    tokio::time::sleep(self.delay(rules.retry_delay.0, overtaken)).await;
                }
                Round::Invalid(why) if strategy != Strategy::UpstreamWins => {
                    let note = format!(
                        "target {}: the merge is refused, and the upstream wins: {why}",
                        self.downstream.name
                    );
                    self.log(&format_args!("{note}"));
                    self.tell(&body.uid, EventReason::Conflict, note);
                    strategy = Strategy::UpstreamWins;
                }
                Round::Invalid(why) => return Err(AttemptFailure::new(why, Retry::Rarely)),
            }
        }
        Err(self.unsettled(MOST_ROUNDS))
    }

    fn unsettled(&self, times: u32) -> AttemptFailure {
        let metrics = &self.downstream.metrics;
        metrics.conflict(self.strategy(), crate::metrics::Verdict::Unsettled);
        let message = format!(
            "target {}: {} changes faster than it can be settled: given up after {times} tries; it is tried again later",
            self.downstream.name, self.key
        );
        AttemptFailure::new(message, Retry::Rarely).because(EventReason::Conflict)
    }

    /// Doubled each time, and spread by the object, so that many do not come back at once.
    fn delay(&self, first: Duration, times: u32) -> Duration {
        let grown = first.saturating_mul(1 << times.saturating_sub(1).min(6));
        let spread = xxhash_rust::xxh3::xxh3_64(self.key.name.as_bytes()) % 100;
        grown.min(Duration::from_secs(10)) * (100 + u32::try_from(spread).unwrap_or_default()) / 200
    }

    /// Looks at both sides, decides, and makes the first request that is due; the last one ends the attempt.
    async fn round(
        &self,
        body: &Body,
        uid: &str,
        strategy: Strategy,
        before: &mut Option<u64>,
    ) -> Result<Round, AttemptFailure> {
        let Some(live) = self.read().await? else {
            return Ok(Round::Over(Attempt::done(After::Absent)));
        };
        let Some(seen) = self.seen(&live).filter(|seen| *seen.ours.uid == *uid) else {
            let after = self.seen(&live).map_or(After::Foreign, After::Seen);
            return Ok(Round::Over(Attempt::done(after)));
        };
        let view = self.view(body, live, seen, strategy).await?;
        let Some(view) = view else {
            return Ok(Round::Over(Attempt::done(After::Unchanged)));
        };
        // Who owns what moves with every change but a status.
        let only_status = before.replace(view.seen.fields_hash()) == Some(view.seen.fields_hash());
        let (decision, resting) = self.decision(body, &view, strategy)?;
        if self.downstream.writes == Writes::Reported {
            for verdict in &decision.verdicts {
                self.log(&format_args!("dry run: would decide: {verdict}"));
            }
            return Ok(Round::Over(Attempt::done(After::Applied(view.seen))));
        }
        match self.carry_out(body, uid, &view, decision, &resting).await {
            Ok(Round::Overtaken) if only_status => Ok(Round::Next),
            round => round,
        }
    }

    async fn view(
        &self,
        body: &Body,
        live: Object,
        seen: Seen,
        strategy: Strategy,
    ) -> Result<Option<View>, AttemptFailure> {
        let upstream = if strategy == Strategy::LastWriteWins {
            let (cluster, key) = (self.upstream(), self.key);
            let read = cluster
                .get(self.resource, &key.namespace, &key.name, FieldsV1Kept::All)
                .await?;
            // Its DELETED is on the way.
            let Some(object) = read.filter(|object| object.uid() == &*body.uid) else {
                return Ok(None);
            };
            tree_of(&object)?
        } else {
            Value::Null
        };
        let tree = tree_of(&live)?;
        let desired = body
            .payload
            .to_value()
            .map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        let applied = live.annotations().get(APPLIED_ANNOTATION).and_then(Applied::parse);
        let base = applied.filter(|applied| *applied.key == *self.downstream.hash_key(self.resource));
        Ok(Some(View {
            base: base.map(|applied| applied.base).unwrap_or_default(),
            live,
            tree,
            seen,
            desired,
            upstream,
        }))
    }

    fn decision(
        &self,
        body: &Body,
        view: &View,
        strategy: Strategy,
    ) -> Result<(Decision, BTreeSet<LeafId>), AttemptFailure> {
        let prescription = self.prescription()?;
        let gvr = &self.resource.gvr;
        let (schema, now) = (Schema::of(gvr), self.moment());
        let applied = view.seen.ours.applied == Some(body.payload.hash());
        // Where the policy asks for a base only now, both sides agree on what was applied, if that is what is desired still.
        let base = Base::decode(&view.base)
            .or_else(|| applied.then(|| base_of(gvr, &schema, self.hasher(), None, &view.desired, now)));
        let owned: Vec<(&Path, FieldOwner)> = prescription.policy.owned_fields(gvr).collect();
        let ignored = self.ignored_managers();
        let resting = self.resting();
        let rules = Rules {
            strategy,
            foreign: prescription.spec().conflict.foreign,
            ignored: &ignored,
            owned: &owned,
            produced: &prescription.produced,
            resting: &resting,
        };
        let sides = Sides {
            gvr,
            standing: if applied { Standing::Applied } else { Standing::Edited },
            schema: &schema,
            hasher: self.hasher(),
            base: base.as_ref(),
            desired: &view.desired,
            upstream: &view.upstream,
            live: &view.tree,
            target: &self.downstream.name,
        };
        let clocks = Clocks {
            now,
            upstream: clock_of(&self.downstream.upstream),
            downstream: clock_of(&self.downstream.cluster),
        };
        let Some(party) = self.party() else {
            return Ok((
                decide(&sides, &rules, clocks, &mut syncer_core::conflict::Memory::default()),
                resting,
            ));
        };
        let decision = self
            .downstream
            .arbiter
            .decide(party, |memory| decide(&sides, &rules, clocks, memory));
        Ok((decision, resting))
    }

    async fn carry_out(
        &self,
        body: &Body,
        uid: &str,
        view: &View,
        decision: Decision,
        resting: &BTreeSet<LeafId>,
    ) -> Result<Round, AttemptFailure> {
        if !decision.hand_over.is_empty() {
            return self.give_up(&decision.hand_over, view).await;
        }
        if !decision.removals.is_empty() {
            let ops = removal::patch(&view.tree, &decision.removals);
            if !ops.is_empty() {
                return self.take_out(&ops).await;
            }
        }
        let base = match &decision.base {
            Some(base) => base.encode(Base::limit(&self.resource.gvr)).unwrap_or_default(),
            None => String::new(),
        };
        let hash = body.payload.hash();
        let stale = view.seen.ours.applied != Some(hash) || (view.base.is_empty() && !base.is_empty());
        let rebound = *view.seen.ours.origin_uid != *body.uid;
        let mut seen = view.seen.clone();
        let drifted = decision
            .verdicts
            .iter()
            .any(|verdict| told(verdict).1 == Some(EventReason::DriftReverted));
        if decision.apply == ApplyNeed::Due || stale || rebound {
            let payload = Payload::of_value(&decision.claim);
            let expects = Expects::Version {
                uid,
                resource_version: view.live.resource_version(),
            };
            let bytes = self.apply_body_on(body, &payload, expects, &base)?;
            let object = match self.apply_known(bytes).await {
                Ok(object) => object,
                Err(error) => match error.next() {
                    Next::LookAgain | Next::NotFound => return Ok(Round::Overtaken),
                    Next::Invalid => {
                        let bytes = self.apply_body_on(body, &payload, Expects::Uid(uid), &base)?;
                        match self.refused_merge(body, uid, &bytes, &error).await? {
                            Ok(object) => object,
                            Err(round) => return Ok(round),
                        }
                    }
                    _ => return Err(self.refused(&error)),
                },
            };
            self.log(&format_args!("applied what was decided"));
            if drifted {
                let metrics = &self.downstream.metrics;
                metrics.drifted(&self.downstream.name, DriftAction::Reverted);
            }
            let Some(now) = self.seen(&object) else {
                return Ok(Round::Over(Attempt::done(After::Foreign)));
            };
            seen = now;
        }
        if !decision.write_back.is_empty() {
            match self.write_back(view, &decision).await? {
                Round::Over(_) => {}
                round => return Ok(round),
            }
        }
        let noticed = self.report(&body.uid, &decision);
        Ok(Round::Over(self.ended(seen, resting, &noticed, &decision)))
    }

    /// The merge is refused: another arm may be in the way, or the change is of what never changes.
    async fn refused_merge(
        &self,
        body: &Body,
        uid: &str,
        bytes: &Bytes,
        error: &syncer_clusters::Error,
    ) -> Result<Result<Object, Round>, AttemptFailure> {
        if Self::is_immutable(error) {
            let attempt = self.refused_change(body, uid, (bytes, None), error).await?;
            return Ok(Err(Round::Over(attempt)));
        }
        match self.after_other_arms(uid, bytes, error).await {
            Ok(Some(object)) => Ok(Ok(object)),
            Ok(None) | Err(_) => Ok(Err(Round::Invalid(error.to_string()))),
        }
    }

    /// Fields pass to the target: our entry alone owns them, and an omission would reset them.
    async fn give_up(&self, paths: &[FieldPath], view: &View) -> Result<Round, AttemptFailure> {
        let mut leaves = excerpt(&view.tree, paths);
        let Some(tree) = leaves.as_object_mut() else {
            return Ok(Round::Overtaken);
        };
        tree.insert("apiVersion".to_owned(), self.resource.gvr.api_version().into());
        tree.insert("kind".to_owned(), (*self.resource.kind).into());
        let head = json!({
            "name": self.name(), "namespace": self.namespace(),
            "uid": view.live.uid(), "resourceVersion": view.live.resource_version(),
        });
        tree.insert("metadata".to_owned(), head);
        let apply = Apply::forced(HANDOVER_MANAGER).keeping(FieldsV1Kept::None);
        match self.apply_as(&apply, Bytes::from(leaves.to_string())).await {
            Ok(_) => Ok(Round::Next),
            Err(error) if error.next() == Next::LookAgain => Ok(Round::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    async fn take_out(&self, ops: &[removal::PatchOp]) -> Result<Round, AttemptFailure> {
        let body = serde_json::to_vec(ops).map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        let write = Write {
            managed_fields: FieldsV1Kept::None,
            ..Write::by(FIELD_MANAGER)
        };
        let cluster = &self.downstream.cluster;
        let answer = cluster
            .patch_json(self.resource, self.namespace(), self.name(), body.into(), &write)
            .await;
        self.count(WriteVerb::Patch, answer.as_ref().err());
        match answer {
            Ok(_) => {
                self.log(&format_args!("removed what the upstream does not have"));
                Ok(Round::Next)
            }
            Err(error) => match error.next() {
                Next::LookAgain | Next::NotFound | Next::Invalid => Ok(Round::Overtaken),
                _ => Err(error.into()),
            },
        }
    }

    /// Writes leaves of the target upstream, over the version that they were compared with (S4, S6).
    async fn write_back(&self, view: &View, decision: &Decision) -> Result<Round, AttemptFailure> {
        let ops = write_back_patch(&view.upstream, &decision.write_back, &self.downstream.name);
        if ops.is_empty() {
            return Ok(Round::Over(Attempt::done(After::Unchanged)));
        }
        let body = serde_json::to_vec(&ops).map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        let over = view
            .upstream
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let pass = self.downstream.gate.pass(self.key, Writer::WriteBack).await;
        let Ok(mut pass) = pass else {
            return Ok(Round::Overtaken);
        };
        let write = Write {
            managed_fields: FieldsV1Kept::None,
            ..Write::by(FIELD_MANAGER)
        };
        let (cluster, key) = (self.upstream(), self.key);
        let answer = cluster
            .patch_json(self.resource, &key.namespace, &key.name, body.into(), &write)
            .await;
        let result = answer
            .as_ref()
            .err()
            .map_or(WriteResult::Ok, |error| error.next().into());
        self.downstream
            .metrics
            .wrote(WriteSide::Upstream, WriteVerb::Patch, result);
        match answer {
            Ok(object) => {
                pass.wrote(over, object.resource_version());
                for leaf in &decision.write_back {
                    self.log(&format_args!("wrote {} back upstream", leaf.path));
                }
                Ok(Round::Over(Attempt::done(After::Unchanged)))
            }
            Err(error) => match error.next() {
                Next::LookAgain | Next::NotFound => Ok(Round::Overtaken),
                // The target keeps it; the owner is told.
                Next::Invalid | Next::Forbidden => {
                    let message = format!(
                        "{}: what {} has is not written back: {error}",
                        error.cluster(),
                        self.downstream.name
                    );
                    Err(AttemptFailure::new(message, Retry::Rarely).because(EventReason::Conflict))
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Tells of what was decided and carried out, each once; returns the fights that came of it.
    fn report(&self, uid: &str, decision: &Decision) -> Vec<Noticed> {
        let (Some(party), Ok(prescription)) = (self.party(), self.prescription()) else {
            return Vec::new();
        };
        let rules: &ConflictRules = &prescription.spec().conflict;
        let arbiter = &self.downstream.arbiter;
        if let Some(Fallback::TooLarge(why)) = decision.fallback {
            let note = format!(
                "target {}: the upstream wins, whatever the policy says: {why}",
                self.downstream.name
            );
            self.tell(uid, EventReason::Conflict, note);
        }
        if decision.fallback == Some(Fallback::NoBase) && decision.verdicts.iter().any(Verdict::is_conflict) {
            let note = format!(
                "target {}: the upstream wins this once: it is not known on what both sides agreed before",
                self.downstream.name
            );
            self.tell(uid, EventReason::Conflict, note);
        }
        for verdict in arbiter.record(party, &decision.verdicts) {
            self.say(uid, rules.strategy, &verdict);
        }
        let noticed = arbiter.carried_out(party, &decision.verdicts, self.moment(), rules.fight);
        self.tell_fights(uid, &noticed);
        noticed
    }

    fn say(&self, uid: &str, strategy: Strategy, verdict: &Verdict) {
        let (counted, reason) = told(verdict);
        self.downstream.metrics.conflict(strategy, counted);
        self.log(&format_args!("decided: {verdict}"));
        if let Some(reason) = reason {
            self.tell(uid, reason, format!("target {}: {verdict}", self.downstream.name));
        }
    }

    fn tell_fights(&self, uid: &str, noticed: &[Noticed]) {
        for fight in noticed {
            self.downstream
                .metrics
                .conflict(self.strategy(), crate::metrics::Verdict::Fight);
            let note = self.fight_note(fight);
            self.log(&format_args!("{note}"));
            self.tell(uid, EventReason::FightDetected, note);
        }
    }

    fn fight_note(&self, fight: &Noticed) -> String {
        let manager = if fight.manager.is_empty() {
            "somebody"
        } else {
            &fight.manager
        };
        format!(
            "target {}: {manager} changes {} again and again: it is left alone until {}; give the field to one side in the policy \
             (conflict.fields)",
            self.downstream.name, fight.path, fight.until
        )
    }

    /// How an attempt ends: with a time to look again, where a leaf rests.
    fn ended(&self, seen: Seen, resting: &BTreeSet<LeafId>, noticed: &[Noticed], decision: &Decision) -> Attempt {
        let now = self.moment();
        let until = self
            .party()
            .and_then(|party| self.downstream.arbiter.next_end(party, now));
        let still = decision.verdicts.iter().find(|verdict| resting.contains(&verdict.leaf));
        let note = match (noticed.first(), still) {
            (Some(fight), _) => Some(self.fight_note(fight)),
            (None, Some(verdict)) => until.map(|until| {
                self.fight_note(&Noticed {
                    path: verdict.path.to_string(),
                    manager: verdict.downstream.manager.clone().unwrap_or_default(),
                    until,
                })
            }),
            (None, None) => None,
        };
        let (Some(until), Some(note)) = (until, note) else {
            return Attempt::done(After::Applied(seen));
        };
        let rest = Duration::from_millis(u64::try_from(until.0.saturating_sub(now.0)).unwrap_or_default());
        Attempt {
            after: After::Applied(seen),
            end: End::Resting {
                failure: AttemptFailure::new(note, Retry::After(rest)).because(EventReason::FightDetected),
                rest,
            },
        }
    }

    /// Under `UpstreamWins`: what is about to be reverted, leaf by leaf.
    pub(super) fn reverts(&self, body: &Body, live: &Object, desired: &Value) -> Result<Reverts, AttemptFailure> {
        let Some(seen) = self.seen(live) else {
            return Ok(Reverts::default());
        };
        let view = View {
            tree: tree_of(live)?,
            live: live.clone(),
            seen,
            desired: desired.clone(),
            upstream: Value::Null,
            base: Box::default(),
        };
        let (decision, _) = self.decision(body, &view, Strategy::UpstreamWins)?;
        Ok(Reverts(decision.verdicts))
    }

    /// The reverts were made.
    pub(super) fn reverted(&self, uid: &str, reverts: &Reverts, attempt: Attempt) -> Attempt {
        let (Some(party), Ok(prescription)) = (self.party(), self.prescription()) else {
            return attempt;
        };
        let (End::Done, After::Applied(seen)) = (&attempt.end, &attempt.after) else {
            return attempt;
        };
        let rule = prescription.spec().conflict.fight;
        let noticed = self
            .downstream
            .arbiter
            .carried_out(party, &reverts.0, self.moment(), rule);
        self.downstream.arbiter.record(party, &reverts.0);
        if noticed.is_empty() {
            return attempt;
        }
        self.tell_fights(uid, &noticed);
        let nothing = Decision {
            hand_over: Vec::new(),
            removals: Vec::new(),
            claim: Value::Null,
            base: None,
            apply: ApplyNeed::None,
            write_back: Vec::new(),
            verdicts: Vec::new(),
            fallback: None,
        };
        self.ended(seen.clone(), &BTreeSet::new(), &noticed, &nothing)
    }

    /// Whether nobody else wrote anything to the object, as far as its watch showed.
    pub(super) fn is_ours_alone(&self) -> bool {
        self.task.others == Others::None && self.task.fields.is_none() && self.resting().is_empty()
    }

    fn is_immutable(error: &syncer_clusters::Error) -> bool {
        let Cause::Api(status) = error.cause() else {
            return false;
        };
        let causes: Vec<_> = status
            .causes()
            .iter()
            .map(|cause| (&*cause.field, &*cause.message))
            .collect();
        immutable::is_immutable_refusal(status.code(), causes, status.message()).is_some()
    }

    fn upstream(&self) -> Cluster {
        self.downstream.upstream.logical(&self.key.cluster)
    }
}

/// What is about to be reverted.
#[derive(Default)]
pub(super) struct Reverts(Vec<Verdict>);

/// The clock of a server as far as its answers told; nothing known is no offset, and a second of doubt.
fn clock_of(cluster: &Cluster) -> SideClock {
    let Some(found) = cluster.clock_offset() else {
        return SideClock {
            offset: 0,
            uncertainty: 1000,
        };
    };
    SideClock {
        offset: i64::try_from(found.offset.as_millis()).unwrap_or_default(),
        uncertainty: i64::try_from(found.uncertainty.as_millis()).unwrap_or(i64::MAX),
    }
}
