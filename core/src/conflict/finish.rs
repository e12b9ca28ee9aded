//! What comes of all leaves together: what is claimed, left out, and handed over.

use serde_json::Value;

use super::{
    ApplyNeed, Decision,
    claim::{LeftOut, claim},
    handing_over::with_held,
    leaf::{Content, LeafKind, LeafPath},
    owner::{node_at, owned_alone},
    settling::{Holder, Settling},
    trail::Trail,
    walk::Met,
};
use crate::{
    config::{FieldOwner, Strategy},
    field_path::{FieldPath, Step},
    ownership::kept_of_handover,
};

impl Settling<'_, '_> {
    pub(super) fn note_composite(&mut self, trail: &Trail, met: &Met<'_>, holder: Holder) {
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

    pub(super) fn leave_out(&mut self, path: LeafPath, met: &Met<'_>) {
        let names = match (&met.desired, &met.live) {
            (Content::Arms(arms), _) => arms.iter().map(|(arm, _)| (*arm).to_owned()).collect(),
            (Content::Order(_), Some(Content::Order(live))) => live.clone(),
            _ => Vec::new(),
        };
        self.left_out.push(LeftOut { path, names });
    }

    /// The fields of the leaves that are left out which our entry alone owns: an omission would reset them.
    pub(super) fn alone(&self) -> Vec<FieldPath> {
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

    /// What the handover manager keeps, if that is not all that it has: what a rule gives to the target, and what is left to it now.
    fn keep_handed_over(&self) -> Option<Vec<FieldPath>> {
        kept_of_handover(self.live_entries, |path| {
            let left = path.find(self.sides.desired).is_some() && path.find(&self.out.claim).is_none();
            left || self.owner_by_rule(path) == Some(FieldOwner::Downstream)
        })
    }

    pub(super) fn finish(mut self) -> Decision {
        self.out.hand_over = with_held(self.live_entries, self.sides.live, self.alone());
        if !self.out.hand_over.is_empty() {
            self.out.apply = ApplyNeed::Due;
        }
        self.out.claim = claim(self.sides.desired, &self.left_out);
        self.out.keep_handed_over = self.keep_handed_over();
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
