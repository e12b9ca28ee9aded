//! One decision: every leaf of an object on one target.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::{
    Agreed, ApplyNeed, Base, Clocks, Decision, Fallback, Memory, Rules, Sides, Standing, WriteBack,
    claim::{LeftOut, claim},
    elsewhere,
    leaf::{Content, LeafHash, LeafHasher, LeafId, LeafKind, LeafPath},
    owner::{node_at, owned_alone, owner_of, time_of},
    schema::Schema,
    settle::{Changed, Times, settle},
    time::{Certainty, Moment, WriteTime},
    trail::Trail,
    verdict::{Said, Verdict, Why, Winner},
    walk::{Met, Part, Place, Sink, Walk},
    written_back::{WRITTEN_BACK_ANNOTATION, WrittenBack},
};
use crate::{
    config::{FieldOwner, Strategy},
    field_path::{FieldPath, Step},
    identity::Gvr,
    marker::FIELD_MANAGER,
    ownership::{HANDOVER_MANAGER, ManagedEntry},
};

/// Decides about every leaf of the object `sides` by the `rules`. What is remembered of times is kept in `memory`.
pub fn decide(sides: &Sides<'_>, rules: &Rules<'_>, clocks: Clocks, memory: &mut Memory) -> Decision {
    // The upstream wins whatever both sides agreed on.
    let upstreams = Sides { base: None, ..*sides };
    let follow = |fallback| Decision {
        fallback: Some(fallback),
        ..run(
            &upstreams,
            &Rules {
                strategy: Strategy::UpstreamWins,
                ..*rules
            },
            clocks,
            &mut Memory::default(),
        )
    };
    if rules.strategy == Strategy::UpstreamWins {
        return run(&upstreams, rules, clocks, memory);
    }
    if sides.base.is_none() {
        let base = base_of(sides.gvr, sides.schema, sides.hasher, None, sides.desired, clocks.now);
        if let Err(too_large) = base.encode(Base::limit(sides.gvr)) {
            return follow(Fallback::TooLarge(too_large));
        }
        // From here on both sides agree on what is desired.
        return Decision {
            base: Some(base),
            apply: ApplyNeed::Due,
            ..follow(Fallback::NoBase)
        };
    }
    let decision = run(sides, rules, clocks, memory);
    match decision.base.as_ref().map(|base| base.encode(Base::limit(sides.gvr))) {
        Some(Err(too_large)) => follow(Fallback::TooLarge(too_large)),
        _ => decision,
    }
}

/// The base of an object of `gvr` that is to be applied as it is `desired`, without anything left to the target. What is as it was in
/// `known` keeps its time.
pub fn base_of(
    gvr: &Gvr,
    schema: &Schema,
    hasher: LeafHasher<'_>,
    known: Option<&Base>,
    desired: &Value,
    now: Moment,
) -> Base {
    let mut all = Collected::new(known, now, hasher);
    collect(gvr, schema, &FieldPath::default(), desired, &mut all);
    all.base
}

fn run(sides: &Sides<'_>, rules: &Rules<'_>, clocks: Clocks, memory: &mut Memory) -> Decision {
    let live_entries = ManagedEntry::all_of(sides.live);
    let upstream_entries = ManagedEntry::all_of(sides.upstream);
    let ours = live_entries.iter().find(|entry| entry.is_our_apply());
    let written = sides
        .upstream
        .get("metadata")
        .and_then(|metadata| metadata.get("annotations"));
    let written = written.and_then(|annotations| annotations.get(WRITTEN_BACK_ANNOTATION)?.as_str());
    let mut settling = Settling {
        sides,
        rules,
        clocks,
        memory,
        live_entries: &live_entries,
        upstream_entries: &upstream_entries,
        written: written.map(WrittenBack::parse).unwrap_or_default(),
        next: Base::default(),
        met: HashSet::new(),
        differing: Vec::new(),
        left_out: Vec::new(),
        composites: Vec::new(),
        given_up: Vec::new(),
        out: Decision {
            hand_over: Vec::new(),
            removals: Vec::new(),
            base_without: None,
            claim: Value::Null,
            base: None,
            apply: ApplyNeed::None,
            write_back: Vec::new(),
            verdicts: Vec::new(),
            fallback: None,
        },
    };
    let root = Place {
        desired: sides.desired,
        live: Some(sides.live),
        ours: ours.map(|entry| entry.fields),
        others: live_entries
            .iter()
            .filter(|entry| !entry.is_our_apply() && entry.manager != HANDOVER_MANAGER)
            .map(|entry| (entry, entry.fields))
            .collect(),
        part: Part::Settled,
    };
    let mut walk = Walk {
        gvr: sides.gvr,
        hasher: sides.hasher,
        trail: Trail::default(),
        sink: &mut settling,
    };
    walk.object(&root, sides.schema.root());
    elsewhere::settle(&mut settling);
    settling.finish()
}

/// A decision in the making.
pub(super) struct Settling<'a, 's> {
    pub(super) sides: &'s Sides<'a>,
    pub(super) rules: &'s Rules<'a>,
    clocks: Clocks,
    memory: &'s mut Memory,
    pub(super) live_entries: &'s [ManagedEntry<'s>],
    upstream_entries: &'s [ManagedEntry<'s>],
    written: WrittenBack,
    next: Base,
    /// The leaves that were met.
    met: HashSet<LeafId>,
    /// The leaves that differ from the base now.
    differing: Vec<LeafId>,
    left_out: Vec<LeftOut>,
    /// Leaves that have parts, and whether the upstream has them.
    pub(super) composites: Vec<(FieldPath, Holder)>,
    /// Leaves that a rule gives to the target.
    given_up: Vec<LeafPath>,
    pub(super) out: Decision,
}

/// Who has a leaf that has parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Upstream,
    Downstream,
}

/// A leaf, and what both sides have of it.
pub(super) struct Case<'c> {
    pub(super) path: LeafPath,
    pub(super) id: LeafId,
    pub(super) upstream: Option<&'c Content<'c>>,
    pub(super) downstream: Option<&'c Content<'c>>,
    pub(super) owner: Option<&'c ManagedEntry<'c>>,
    pub(super) changed: Changed,
    pub(super) strategy: Strategy,
}

impl<'s> Sink<'s> for Settling<'_, 's> {
    fn leaf(&mut self, trail: &Trail, met: Met<'s>) {
        let hash = self.sides.hasher.value(&met.desired);
        if met.part == Part::Remembered {
            self.met.insert(met.id);
            self.agree(met.id, hash);
            return;
        }
        let path = || LeafPath {
            path: trail.path.clone(),
            kind: met.kind,
        };
        let rule = self.owner_by_rule(&trail.path);
        if rule == Some(FieldOwner::Downstream) {
            if met.live.is_some() {
                self.leave_out(path(), &met);
                self.given_up.push(path());
            }
            return;
        }
        let known = self.sides.base.and_then(|base| base.get(met.id));
        let echo = self.echo(path, Some(hash));
        let known = echo.or(known);
        let agreed = match (met.part, self.sides.base, self.sides.standing) {
            (Part::Agreed, _, _) | (_, None, Standing::Applied) => Some(hash),
            _ => known.map(|agreed| agreed.hash),
        };
        let alike = match (&met.desired, &met.live) {
            (Content::Order(desired), Some(Content::Order(live))) => is_same_order(desired, live),
            (desired, live) => live.as_ref().is_some_and(|live| desired.is_met_by(live)),
        };
        // A value that was another one, and is the base's again, was written since: then the times decide.
        let watched = self.rules.strategy == Strategy::LastWriteWins;
        let again = |times: &super::LeafTimes| watched && times.remembers(met.id, known);
        let upstream_differs = agreed != Some(hash);
        let downstream_differs = match (agreed, &met.live) {
            _ if met.kind == LeafKind::Order => {
                !alike && !upstream_differs && self.rules.strategy != Strategy::UpstreamWins
            }
            (None, None) => false,
            (None, Some(_)) => !met.mine && met.owner.is_some(),
            (Some(_), None) => true,
            (Some(agreed), Some(live)) => !met.mine && self.sides.hasher.value(live) != agreed,
        };
        let upstream_changed = upstream_differs || (downstream_differs && again(&self.memory.upstream));
        let taken_back = upstream_differs && !met.mine && met.live.is_some();
        let downstream_changed = downstream_differs || (taken_back && again(&self.memory.downstream));
        self.met.insert(met.id);
        let changed = Changed::of(upstream_changed, downstream_changed, alike);
        if changed == Changed::Nobody {
            self.agree(met.id, hash);
            self.note_composite(trail, &met, Holder::Upstream);
            return;
        }
        let case = Case {
            path: path(),
            id: met.id,
            upstream: Some(&met.desired),
            downstream: met.live.as_ref(),
            owner: met.owner,
            changed,
            strategy: self.strategy(&trail.path),
        };
        match self.judge(&case) {
            None | Some(Winner::Upstream | Winner::Same) => {
                self.agree(met.id, hash);
                if changed != Changed::Alike {
                    self.out.apply = ApplyNeed::Due;
                }
                self.note_composite(trail, &met, Holder::Upstream);
            }
            Some(Winner::Downstream | Winner::WrittenBack) => {
                self.keep(met.id);
                self.note_composite(trail, &met, Holder::Downstream);
                self.leave_out(path(), &met);
            }
        }
    }

    fn knows_as_one(&self, trail: &Trail, list: &Value) -> bool {
        let hasher = self.sides.hasher;
        let id = hasher.id(&trail.text, LeafKind::Value);
        let known = self.sides.base.and_then(|base| base.get(id));
        known.is_some_and(|agreed| agreed.hash == hasher.value(&Content::One(list)))
    }
}

// === impl Settling ===

impl Settling<'_, '_> {
    /// What becomes of a leaf that somebody changed; `None` if there is nothing to say.
    pub(super) fn judge(&mut self, case: &Case<'_>) -> Option<Winner> {
        self.differing.push(case.id);
        let at_target = matches!(case.changed, Changed::Downstream | Changed::Differently);
        if at_target && self.rules.resting.contains(&case.id) {
            self.tell(case, (Winner::Downstream, Why::Fight), None);
            return Some(Winner::Downstream);
        }
        let follows_rule = self.rules.strategy != case.strategy;
        let times = (case.strategy == Strategy::LastWriteWins).then(|| self.times(case));
        let (mut winner, mut why) = settle(case.strategy, case.changed, times)?;
        if at_target && follows_rule {
            why = match self.owner_by_rule(&case.path.path) {
                Some(_) => Why::FieldRule,
                None => Why::Produced,
            };
        }
        if winner == Winner::WrittenBack
            && let Some(times) = times
            && self.was_written_back(case, times)
        {
            // The upstream has seen this very write, and says something else since.
            (winner, why) = (Winner::Upstream, Why::Later);
        }
        self.tell(case, (winner, why), times);
        if winner == Winner::Upstream
            && case.upstream.is_none()
            && let Some(times) = times
        {
            // We take it out for the upstream, which is no removal by the target.
            let at = self.clocks.downstream.to_theirs(times.upstream.at);
            self.memory
                .downstream
                .taken_out(case.id, WriteTime { at, ..times.upstream });
        }
        if winner == Winner::WrittenBack
            && let Some(times) = times
        {
            self.out.write_back.push(WriteBack {
                path: case.path.clone(),
                leaf: case.id,
                value: case.downstream.map(Content::to_value),
                hash: case.downstream.map(|content| self.sides.hasher.value(content)),
                at: times.downstream.at,
                manager: case.owner.map(|owner| owner.manager.into()),
            });
        }
        Some(winner)
    }

    /// On what both sides agree by what the target wrote and the upstream shows since: it was written back, and nobody took the leaf. The
    /// base in the target's marker moves with the next write only; what the target writes until then is a successor of that, however near.
    pub(super) fn echo(&self, path: impl Fn() -> LeafPath, hash: Option<LeafHash>) -> Option<Agreed> {
        if self.written.is_empty() {
            return None;
        }
        let path = path();
        let write = self.written.get(&path.to_string())?;
        if !write.is_of(self.sides.target, hash) {
            return None;
        }
        let owner = owner_of(self.upstream_entries, &path);
        if owner.is_some_and(|owner| owner.manager != FIELD_MANAGER) {
            return None;
        }
        let at = write.at()?;
        hash.map(|hash| Agreed { hash, at })
    }

    /// Whether a leaf that the upstream lacks is missing there because this target removed it: then what it has of it is newer.
    pub(super) fn is_removal_echo(&self, path: &LeafPath) -> bool {
        let write = self.written.get(&path.to_string());
        write.is_some_and(|write| write.is_of(self.sides.target, None))
    }

    /// Remembers since when the upstream lacks what the base knows: a write at the target is told by it whether it is the later one.
    pub(super) fn watch_removals(&mut self) {
        let now = self.clocks.upstream.to_theirs(self.clocks.now);
        for id in self.sides.base.into_iter().flat_map(Base::leaves) {
            if !self.met.contains(&id) {
                let agreed = self.sides.base.and_then(|base| base.get(id));
                self.memory.upstream.observe(id, None, agreed, (None, now));
                self.differing.push(id);
            }
        }
    }

    /// Whether the upstream had a leaf that neither it nor the base has now.
    pub(super) fn upstream_had(&self, id: LeafId) -> bool {
        self.rules.strategy == Strategy::LastWriteWins && self.memory.upstream.remembers(id, None)
    }

    /// A leaf of others is kept.
    pub(super) fn tell_foreign(&mut self, case: &Case<'_>, winner: Winner) {
        self.differing.push(case.id);
        self.tell(case, (winner, Why::Foreign), None);
    }

    fn tell(&mut self, case: &Case<'_>, (winner, why): (Winner, Why), times: Option<Times>) {
        let hasher = self.sides.hasher;
        let owner = owner_of(self.upstream_entries, &case.path);
        let time = |time: WriteTime| (time.at, time.certainty);
        self.out.verdicts.push(Verdict {
            path: case.path.clone(),
            leaf: case.id,
            upstream: Said {
                value: case.upstream.map(|content| content.shown(hasher)),
                manager: owner.map(|owner| owner.manager.into()),
                time: times.map(|times| time(times.upstream)),
                target: self.origin_of(&case.path, owner),
            },
            downstream: Said {
                value: case.downstream.map(|content| content.shown(hasher)),
                manager: case.owner.map(|owner| owner.manager.into()),
                time: times.map(|times| time(times.downstream)),
                target: None,
            },
            winner,
            why,
        });
    }

    /// The target from which the upstream has the leaf at `path`, if it was written back and nobody took it.
    fn origin_of(&self, path: &LeafPath, owner: Option<&ManagedEntry<'_>>) -> Option<Box<str>> {
        if self.written.is_empty() || owner.is_some_and(|owner| owner.manager != FIELD_MANAGER) {
            return None;
        }
        let write = self.written.get(&path.to_string())?;
        Some(write.target.as_str().into())
    }

    /// When both sides wrote a leaf, on our clock.
    fn times(&mut self, case: &Case<'_>) -> Times {
        let hasher = self.sides.hasher;
        let Clocks {
            now,
            upstream,
            downstream,
        } = self.clocks;
        let owner = owner_of(self.upstream_entries, &case.path);
        let hash = case.upstream.map(|content| hasher.value(content));
        let known = self.sides.base.and_then(|base| base.get(case.id));
        let agreed = self.echo(|| case.path.clone(), hash).or(known);
        // Only a side that changed the leaf is remembered: that it differed once means that what it has now was written since.
        let (mut none, mut other) = (super::LeafTimes::default(), super::LeafTimes::default());
        let (above, below) = match case.changed {
            Changed::Upstream => (&mut self.memory.upstream, &mut other),
            Changed::Downstream => (&mut none, &mut self.memory.downstream),
            Changed::Nobody | Changed::Alike | Changed::Differently => {
                (&mut self.memory.upstream, &mut self.memory.downstream)
            }
        };
        let up = above.observe(case.id, hash, agreed, (time_of(owner), upstream.to_theirs(now)));
        let found = case.downstream.map(|content| hasher.value(content));
        let down = below.observe(case.id, found, agreed, (time_of(case.owner), downstream.to_theirs(now)));
        // Ours stands there, or nothing stands there since a removal was written back.
        let recorded = self.written.get(&case.path.to_string()).filter(|write| match owner {
            Some(owner) => owner.manager == FIELD_MANAGER,
            None => hash.is_none() && write.is_removal(),
        });
        let recorded = recorded.and_then(super::OriginalWrite::at);
        let on_ours = |clock: super::SideClock, time: WriteTime| WriteTime {
            at: clock.to_ours(time.at),
            ..time
        };
        Times {
            // A write does not get younger by travelling.
            upstream: recorded.map_or_else(
                || on_ours(upstream, up),
                |at| WriteTime {
                    at,
                    certainty: Certainty::Watched,
                },
            ),
            downstream: on_ours(downstream, down),
            uncertainty: upstream.uncertainty.saturating_add(downstream.uncertainty),
        }
    }

    /// Whether this very write of the target was written back before, and the upstream has changed the leaf since.
    fn was_written_back(&self, case: &Case<'_>, times: Times) -> bool {
        let hash = case.downstream.map(|content| self.sides.hasher.value(content));
        let Some(write) = self.written.get(&case.path.to_string()) else {
            return false;
        };
        let Some(at) = write.at().filter(|_| write.is_of(self.sides.target, hash)) else {
            return false;
        };
        let slack = times.uncertainty.max(super::LEAST_UNCERTAINTY);
        // What was agreed on since makes it another write of the same value.
        let known = self.sides.base.and_then(|base| base.get(case.id));
        let agreed_since = known.is_some_and(|agreed| agreed.at.0 > at.0.saturating_add(slack));
        !agreed_since && times.downstream.at.0 < at.0.saturating_add(slack)
    }

    /// The strategy for the leaf at `path`: what a transform makes, and what a rule gives to the upstream, is the upstream's.
    pub(super) fn strategy(&self, path: &FieldPath) -> Strategy {
        let produced = self.rules.produced.iter().any(|produced| produced.meets(path));
        if produced || self.owner_by_rule(path) == Some(FieldOwner::Upstream) {
            return Strategy::UpstreamWins;
        }
        self.rules.strategy
    }

    pub(super) fn owner_by_rule(&self, path: &FieldPath) -> Option<FieldOwner> {
        let mut owned = self.rules.owned.iter();
        owned.find(|(owned, _)| owned.meets(path)).map(|(_, owner)| *owner)
    }

    fn agree(&mut self, id: LeafId, hash: LeafHash) {
        let known = self.sides.base.and_then(|base| base.get(id));
        let agreed = known.filter(|agreed| agreed.hash == hash);
        self.next.agree(
            id,
            agreed.unwrap_or(Agreed {
                hash,
                at: self.clocks.now,
            }),
        );
    }

    /// The base of a leaf that is the target's stays as it is.
    pub(super) fn keep(&mut self, id: LeafId) {
        if let Some(agreed) = self.sides.base.and_then(|base| base.get(id)) {
            self.next.agree(id, agreed);
        }
    }

    fn note_composite(&mut self, trail: &Trail, met: &Met<'_>, holder: Holder) {
        match &met.desired {
            Content::One(value) if value.is_object() && met.kind == LeafKind::Value => {
                self.composites.push((trail.path.clone(), holder));
            }
            Content::Arms(desired) => {
                let live = match &met.live {
                    Some(Content::Arms(live)) => live.as_slice(),
                    _ => &[],
                };
                for (arm, _) in desired.iter().chain(live) {
                    let mut path = trail.path.clone();
                    path.push(Step::Field((*arm).into()));
                    self.composites.push((path, holder));
                }
            }
            _ => {}
        }
    }

    fn leave_out(&mut self, path: LeafPath, met: &Met<'_>) {
        let names = match (&met.desired, &met.live) {
            (Content::Arms(arms), _) => arms.iter().map(|(arm, _)| (*arm).to_owned()).collect(),
            (Content::Order(_), Some(Content::Order(live))) => live.clone(),
            _ => Vec::new(),
        };
        self.left_out.push(LeftOut { path, names });
    }

    /// The fields of the leaves that are left out which our entry alone owns: an omission would reset them.
    fn alone(&self) -> Vec<FieldPath> {
        let Some(ours) = self.live_entries.iter().find(|entry| entry.is_our_apply()) else {
            return Vec::new();
        };
        let others: Vec<&Value> = self
            .live_entries
            .iter()
            .filter(|entry| !entry.is_our_apply())
            .map(|entry| entry.fields)
            .collect();
        let mut found = Vec::new();
        for leaf in &self.left_out {
            let mut paths = vec![leaf.path.path.clone()];
            match leaf.path.kind {
                LeafKind::Order => continue,
                LeafKind::Union(_) => {
                    paths = leaf.names.iter().map(|arm| with(&leaf.path.path, arm)).collect();
                }
                LeafKind::Value | LeafKind::Item => {}
            }
            for mut path in paths {
                let Some(node) = node_at(ours.fields, &path) else {
                    continue;
                };
                let beside: Vec<&Value> = others.iter().filter_map(|other| node_at(other, &path)).collect();
                owned_alone(node, &mut path, &beside, &mut found);
            }
        }
        found.retain(|path| path.find(self.sides.live).is_some());
        found
    }

    fn finish(mut self) -> Decision {
        self.out.hand_over = self.alone();
        if !self.out.hand_over.is_empty() {
            self.out.apply = ApplyNeed::Due;
        }
        self.out.claim = claim(self.sides.desired, &self.left_out);
        self.out.base_without = self.base_without();
        if self.rules.strategy != Strategy::UpstreamWins {
            self.out.base = Some(self.next);
        }
        let differing = self.differing;
        let differs = |id| differing.contains(&id);
        self.memory.upstream.retain(differs);
        self.memory.downstream.retain(differs);
        self.out
    }
}

fn with(path: &FieldPath, field: &str) -> FieldPath {
    let mut path = path.clone();
    path.push(Step::Field(field.into()));
    path
}

/// Whether what both lists have stands in one order in both.
fn is_same_order(desired: &[String], live: &[String]) -> bool {
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (desired.iter().collect(), live.iter().collect());
    let desired = desired.iter().filter(|step| theirs.contains(step));
    desired.eq(live.iter().filter(|step| ours.contains(step)))
}

/// Leaves that are only to be remembered.
pub(super) struct Collected<'b> {
    pub(super) base: Base,
    pub(super) ids: Vec<LeafId>,
    known: Option<&'b Base>,
    now: Moment,
    hasher: LeafHasher<'b>,
}

// === impl Collected ===

impl<'b> Collected<'b> {
    pub(super) fn new(known: Option<&'b Base>, now: Moment, hasher: LeafHasher<'b>) -> Self {
        Self {
            base: Base::default(),
            ids: Vec::new(),
            known,
            now,
            hasher,
        }
    }
}

impl<'a> Sink<'a> for Collected<'_> {
    fn leaf(&mut self, _trail: &Trail, met: Met<'a>) {
        let hash = self.hasher.value(&met.desired);
        let known = self
            .known
            .and_then(|known| known.get(met.id))
            .filter(|agreed| agreed.hash == hash);
        self.base.agree(met.id, known.unwrap_or(Agreed { hash, at: self.now }));
        self.ids.push(met.id);
    }

    fn knows_as_one(&self, _trail: &Trail, _list: &Value) -> bool {
        false
    }
}

/// Tells `all` of the leaves of `value`, which is at `path`.
pub(super) fn collect(gvr: &Gvr, schema: &Schema, path: &FieldPath, value: &Value, all: &mut Collected<'_>) {
    let place = Place {
        desired: value,
        live: Some(value),
        ours: None,
        others: Vec::new(),
        part: Part::Settled,
    };
    let mut hint = schema.root();
    for step in path.steps() {
        hint = match step {
            Step::Field(name) => hint.field(name),
            Step::Item(_) | Step::Element(_) | Step::Index(_) => hint.item(),
        };
    }
    let mut walk = Walk {
        gvr,
        hasher: all.hasher,
        trail: Trail::of(path),
        sink: all,
    };
    if path.steps().is_empty() {
        walk.object(&place, hint);
    } else {
        walk.visit(&place, hint);
    }
}
