//! Leaves that are not desired: what the upstream removed, and what only the target has.

use serde_json::Value;

use super::{
    Base,
    collected::{Collected, collect},
    handing_over::items_left_in_part,
    leaf::{Content, LeafId, LeafKind, LeafPath},
    owner::node_at,
    settle::Changed,
    settling::{Case, Holder, Settling},
    trail::Trail,
    verdict::{Why, Winner},
};
use crate::{
    config::{FieldOwner, ForeignLeaves, Strategy},
    drift,
    field_path::{FieldPath, Step},
    kind_rules,
    marker::FIELD_MANAGER,
    ownership::{HANDOVER_MANAGER, ManagedEntry},
    removal,
    transform::reserved::is_of_kcp,
};

/// Where labels and annotations are, beside those of the object itself.
const METADATA: [&[&str]; 4] = [
    &["metadata", "labels"],
    &["metadata", "annotations"],
    &["spec", "template", "metadata", "labels"],
    &["spec", "template", "metadata", "annotations"],
];

/// Settles them.
pub(super) fn settle(settling: &mut Settling<'_, '_>) {
    if settling.rules.strategy == Strategy::LastWriteWins {
        settling.watch_removals();
    }
    for leaf in foreign(settling) {
        settling.foreign(&leaf);
    }
    settling.removed_metadata();
    settling.left_over();
    settling.left_in_part();
}

fn foreign(settling: &Settling<'_, '_>) -> Vec<FieldPath> {
    let sides = settling.sides;
    let found = drift::foreign(
        sides.gvr,
        sides.live,
        settling.live_entries,
        sides.desired,
        settling.rules.ignored,
    );
    found.into_iter().map(|leaf| leaf.path).collect()
}

// === impl Settling ===

impl Settling<'_, '_> {
    /// A leaf of others in spec or data that is not desired.
    fn foreign(&mut self, path: &FieldPath) {
        let sides = self.sides;
        let Some(live) = path.find(sides.live) else { return };
        match self.within(path) {
            // A part of a leaf that was settled as a whole. What an arm excludes is exchanged by the apply.
            Some((Holder::Downstream, _)) => return,
            Some((Holder::Upstream, around)) if around.find(sides.desired).is_none() => return,
            Some((Holder::Upstream, _)) => {
                self.remove(path);
                return;
            }
            None => {}
        }
        let leaf = LeafPath {
            path: path.clone(),
            kind: match path.steps().last() {
                Some(Step::Item(_) | Step::Element(_) | Step::Index(_)) => LeafKind::Item,
                Some(Step::Field(_)) | None => LeafKind::Value,
            },
        };
        let (ids, changed) = self.known_within(&leaf, live);
        // What the target's cluster set in it by itself, as a port of its nodes, goes nowhere else.
        let own = kind_rules::without_clusters_part(sides.gvr, path, live);
        let content = Content::One(&own);
        let entries = self.live_entries;
        let owner = others(entries).filter(|entry| node_at(entry.fields, path).is_some());
        let strategy = self.strategy(path);
        let case = Case {
            id: sides.hasher.id(&Trail::of(path).text, leaf.kind),
            path: leaf,
            upstream: None,
            downstream: Some(&content),
            owner: owner.max_by_key(|entry| entry.time),
            changed,
            strategy,
        };
        let winner = match (self.owner_of_foreign(path), changed) {
            (Some(FieldOwner::Downstream), _) => return,
            (_, Changed::Downstream) => self.judge_foreign(&case),
            _ => self.judge(&case),
        };
        match winner {
            Some(Winner::Upstream) => self.remove(path),
            Some(Winner::WrittenBack | Winner::Downstream) => {
                for id in ids {
                    self.keep(id);
                }
            }
            Some(Winner::Same) | None => {}
        }
    }

    /// What becomes of a leaf that never came from the upstream.
    fn judge_foreign(&mut self, case: &Case<'_>) -> Option<Winner> {
        let keeps = case.strategy == Strategy::UpstreamWins
            && self.rules.strategy == Strategy::UpstreamWins
            && self.rules.foreign == ForeignLeaves::Keep;
        let merged = case.strategy == Strategy::MergeChanges;
        if keeps || merged {
            self.tell_foreign(case, Winner::Downstream);
            return Some(Winner::Downstream);
        }
        let before = self.out.verdicts.len();
        let winner = self.judge(case);
        if let Some(verdict) = self.out.verdicts.get_mut(before)
            && verdict.why == Why::OnlyDownstream
        {
            verdict.why = Why::Foreign;
        }
        winner
    }

    /// The ids of the leaves within `leaf` that the base knows, and with that who changed it.
    fn known_within(&self, leaf: &LeafPath, live: &Value) -> (Vec<LeafId>, Changed) {
        let sides = self.sides;
        let mut all = Collected::new(None, super::Moment(0), sides.hasher);
        collect(sides.gvr, sides.schema, &leaf.path, live, &mut all);
        let own = sides.hasher.id(&Trail::of(&leaf.path).text, leaf.kind);
        let mut ids = all.ids;
        ids.push(own);
        ids.retain(|id| sides.base.is_some_and(|base| base.get(*id).is_some()));
        let changed = if (ids.is_empty() && !self.upstream_had(own)) || self.is_removal_echo(leaf) {
            Changed::Downstream
        } else {
            Changed::Differently
        };
        (ids, changed)
    }

    /// The settled leaf around `path`, and who has it.
    fn within(&self, path: &FieldPath) -> Option<(Holder, FieldPath)> {
        let mut composites = self.composites.iter();
        composites
            .find(|(around, _)| path.steps().starts_with(around.steps()))
            .map(|(around, holder)| (*holder, around.clone()))
    }

    /// What the base is as soon as what is to be removed is gone.
    pub(super) fn base_without(&self) -> Option<Base> {
        let (sides, base) = (self.sides, self.sides.base?);
        let mut gone = Vec::new();
        for path in &self.out.removals {
            let Some(live) = path.find(sides.live) else { continue };
            let kind = match path.steps().last() {
                Some(Step::Item(_) | Step::Element(_) | Step::Index(_)) => LeafKind::Item,
                Some(Step::Field(_)) | None => LeafKind::Value,
            };
            let leaf = LeafPath {
                path: path.clone(),
                kind,
            };
            gone.extend(self.known_within(&leaf, live).0);
        }
        base.without(&gone)
    }

    fn remove(&mut self, path: &FieldPath) {
        if !self.out.removals.contains(path) {
            self.out.removals.push(path.clone());
        }
    }

    /// Labels and annotations that the upstream removed, and that somebody changed at the target before.
    fn removed_metadata(&mut self) {
        let sides = self.sides;
        let entries = self.live_entries;
        for names in METADATA {
            let parent = FieldPath::of_fields(names.iter().copied());
            let Some(Value::Object(live)) = parent.find(sides.live) else {
                continue;
            };
            let desired = parent.find(sides.desired);
            for (key, value) in live {
                if is_of_kcp(key) || desired.is_some_and(|desired| desired.get(key).is_some()) {
                    continue;
                }
                let mut path = parent.clone();
                path.push(Step::Field(key.as_str().into()));
                let id = sides.hasher.id(&Trail::of(&path).text, LeafKind::Value);
                let known = sides.base.is_some_and(|base| base.get(id).is_some());
                let ours = entries.iter().find(|entry| entry.is_our_apply());
                let mine = ours.is_some_and(|entry| node_at(entry.fields, &path).is_some());
                if !known || mine || self.owner_by_rule(&path) == Some(FieldOwner::Downstream) {
                    continue;
                }
                let content = Content::One(value);
                let owner = others(entries).filter(|entry| node_at(entry.fields, &path).is_some());
                let leaf = LeafPath {
                    path: path.clone(),
                    kind: LeafKind::Value,
                };
                let changed = if self.is_removal_echo(&leaf) {
                    Changed::Downstream
                } else {
                    Changed::Differently
                };
                let case = Case {
                    id,
                    strategy: self.strategy(&path),
                    path: leaf,
                    upstream: None,
                    downstream: Some(&content),
                    owner: owner.max_by_key(|entry| entry.time),
                    changed,
                };
                match self.judge(&case) {
                    Some(Winner::Upstream) => self.remove(&path),
                    Some(Winner::WrittenBack | Winner::Downstream) => self.keep(id),
                    Some(Winner::Same) | None => {}
                }
            }
        }
    }

    /// Items that the upstream removed, and of which the handover manager has a part that a rule gives to the target.
    fn left_in_part(&mut self) {
        let (sides, entries) = (self.sides, self.live_entries);
        let owned = self.rules.owned.iter();
        let given = owned.filter(|(_, owner)| *owner == FieldOwner::Downstream);
        for item in items_left_in_part(sides.live, sides.desired, given.map(|(path, _)| *path)) {
            // What becomes of an item of which others have a part is decided with that.
            if others(entries).all(|entry| node_at(entry.fields, &item).is_none()) {
                self.remove(&item);
            }
        }
    }

    /// What we applied, is not desired any more, and others own too: an omission would leave it there.
    fn left_over(&mut self) {
        let sides = self.sides;
        let Some(ours) = self.live_entries.iter().find(|entry| entry.is_our_apply()) else {
            return;
        };
        let paths = removal::left_over(sides.gvr, ours.fields, sides.desired, sides.live, self.live_entries);
        for path in paths {
            let given = self.owner_of_foreign(&path) == Some(FieldOwner::Downstream);
            if !given && self.within(&path).is_none() {
                self.remove(&path);
            }
        }
    }
}

/// The entries of others: not ours, not the handover's, no subresource's.
fn others<'a>(entries: &'a [ManagedEntry<'a>]) -> impl Iterator<Item = &'a ManagedEntry<'a>> {
    entries.iter().filter(|entry| {
        !entry.is_our_apply()
            && entry.manager != HANDOVER_MANAGER
            && entry.manager != FIELD_MANAGER
            && entry.subresource.is_empty()
    })
}
