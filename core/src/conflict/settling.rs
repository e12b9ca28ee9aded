//! A decision in the making: what becomes of each leaf that is met.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    Agreed, ApplyNeed, Base, Clocks, Decision, LeafTimes, Memory, Rules, Sides, Standing, WriteBack,
    claim::LeftOut,
    leaf::{Content, LeafHash, LeafId, LeafKind, LeafPath},
    order::is_same_order,
    owner::owner_of,
    settle::{Changed, Times, settle},
    time::WriteTime,
    trail::Trail,
    verdict::{Said, Verdict, Why, Winner},
    walk::{Met, Part, Sink},
    written_back::WrittenBack,
};
use crate::{
    config::{FieldOwner, Strategy},
    field_path::{FieldPath, Step},
    ownership::ManagedEntry,
};

/// A decision in the making.
pub(super) struct Settling<'a, 's> {
    pub(super) sides: &'s Sides<'a>,
    pub(super) rules: &'s Rules<'a>,
    pub(super) clocks: Clocks,
    pub(super) memory: &'s mut Memory,
    pub(super) live_entries: &'s [ManagedEntry<'s>],
    pub(super) upstream_entries: &'s [ManagedEntry<'s>],
    pub(super) written: WrittenBack,
    pub(super) next: Base,
    /// The leaves that were met.
    pub(super) met: HashSet<LeafId>,
    /// The leaves that differ from the base now.
    pub(super) differing: Vec<LeafId>,
    pub(super) left_out: Vec<LeftOut>,
    /// Leaves that have parts, and whether the upstream has them.
    pub(super) composites: Vec<(FieldPath, Holder)>,
    /// Leaves that a rule gives to the target.
    pub(super) given_up: Vec<LeafPath>,
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
        let is_untaken = known.is_some_and(|agreed| agreed.hash == LeafHash::UNTAKEN);
        if is_untaken && met.live.is_none() && self.sides.standing == Standing::Applied {
            // The target was given it, and does not take it: nobody removed it.
            self.met.insert(met.id);
            self.keep(met.id);
            return;
        }
        let known = known.filter(|_| !is_untaken);
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
        let again = |times: &LeafTimes| watched && times.remembers(met.id, known);
        let reordered = match (&met.desired, &met.live) {
            (Content::Order(desired), Some(Content::Order(live))) => {
                Some(self.reordered(trail, (desired, live), (hash, agreed)))
            }
            _ => None,
        };
        let upstream_differs = reordered.map_or(agreed != Some(hash), |order| order.upstream);
        let downstream_differs = match (agreed, &met.live) {
            _ if met.kind == LeafKind::Order => reordered.is_some_and(|order| order.downstream),
            // It had the leaf when it was last looked at, and removed it since.
            (None, None) => again(&self.memory.downstream),
            (None, Some(_)) => !met.mine && met.owner.is_some(),
            (Some(_), None) => !met.mine,
            (Some(agreed), Some(live)) => !met.mine && self.sides.hasher.value(live) != agreed,
        };
        let upstream_changed = upstream_differs || (downstream_differs && again(&self.memory.upstream));
        let taken_back = upstream_differs && !met.mine && met.live.is_some();
        let downstream_changed = downstream_differs || (taken_back && again(&self.memory.downstream));
        self.met.insert(met.id);
        let changed = Changed::of(upstream_changed, downstream_changed, alike);
        if changed == Changed::Nobody {
            self.agree(met.id, hash);
            // What others put into an empty map is no part of what was settled here.
            if !met.desired.is_empty_map() {
                self.note_composite(trail, &met, Holder::Upstream);
            }
            return;
        }
        let case = Case {
            path: path(),
            id: met.id,
            upstream: Some(&met.desired),
            downstream: met.live.as_ref(),
            owner: met.owner,
            changed,
            strategy: self.strategy_of(&trail.path, &met.desired),
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
                if reordered.is_some_and(|order| !order.upstream) {
                    self.keep_order(met.id, hash);
                } else {
                    self.keep(met.id);
                }
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
        if at_target && self.rules.resting.contains(case.id) {
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

    /// The strategy for the leaf at `path` that is `desired`. A transform that makes a part of items says nothing of which items there are, of their
    /// order, or of the arms that it does not touch.
    fn strategy_of(&self, path: &FieldPath, desired: &Content<'_>) -> Strategy {
        let is_produced = |path: &FieldPath| self.rules.produced.iter().any(|produced| produced.covers(path));
        let produced = match desired {
            Content::One(_) => is_produced(path),
            Content::Arms(arms) => arms.iter().any(|(arm, _)| {
                let mut path = path.clone();
                path.push(Step::Field((*arm).into()));
                is_produced(&path)
            }),
            Content::Order(_) => self.rules.produced.iter().any(|produced| produced.holds(path)),
        };
        if produced || self.owner_by_rule(path) == Some(FieldOwner::Upstream) {
            return Strategy::UpstreamWins;
        }
        self.rules.strategy
    }

    /// The strategy for what is not desired at `path`: what a transform makes, and what a rule gives to the upstream, is the upstream's.
    pub(super) fn strategy(&self, path: &FieldPath) -> Strategy {
        let produced = self.rules.produced.iter().any(|produced| produced.covers(path));
        if produced || self.owner_of_foreign(path) == Some(FieldOwner::Upstream) {
            return Strategy::UpstreamWins;
        }
        self.rules.strategy
    }

    pub(super) fn owner_by_rule(&self, path: &FieldPath) -> Option<FieldOwner> {
        let mut owned = self.rules.owned.iter();
        owned.find(|(owned, _)| owned.meets(path)).map(|(_, owner)| *owner)
    }

    /// The same of what is not desired at `path`: a rule about a part of items does not say which items there are.
    pub(super) fn owner_of_foreign(&self, path: &FieldPath) -> Option<FieldOwner> {
        let mut owned = self.rules.owned.iter();
        owned.find(|(owned, _)| owned.covers(path)).map(|(_, owner)| *owner)
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
}
