//! Leaves that others added, and that a policy may have removed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Change, Found, defaults, latest};
use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
    kind_rules,
    ownership::{ManagedEntry, fields},
};

/// Members in which nothing is foreign: identity, labels and annotations (kept), what garbage collection needs, status.
const OUTSIDE: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// A place in the live object, with what is known of the same place elsewhere.
struct Place<'a> {
    live: &'a Value,
    desired: Option<&'a Value>,
    /// The node of our entry: what we applied last.
    ours: Option<&'a Value>,
    /// The nodes of managers whose additions are foreign; and of our own JSON Patches, of which an apply by omission
    /// takes nothing back.
    foreign: Vec<(&'a ManagedEntry<'a>, &'a Value)>,
    /// The nodes of managers whose additions stay: ignored ones, subresources, our handover.
    tolerated: Vec<&'a Value>,
}

pub(super) fn find<'a>(
    gvr: &Gvr,
    live: &'a Value,
    entries: &'a [ManagedEntry<'a>],
    desired: &'a Value,
    ignored: &[&str],
    found: &mut Found,
) {
    let ours = entries.iter().find(|entry| entry.is_our_apply());
    let others = entries.iter().filter(|entry| !entry.is_our_apply());
    let (foreign, tolerated): (Vec<&ManagedEntry<'_>>, Vec<_>) =
        others.partition(|entry| entry.keeps() && !ignored.contains(&entry.manager));
    let root = Place {
        live,
        desired: Some(desired),
        ours: ours.map(|entry| entry.fields),
        foreign: foreign.into_iter().map(|entry| (entry, entry.fields)).collect(),
        tolerated: tolerated.into_iter().map(|entry| entry.fields).collect(),
    };
    root.walk(gvr, found);
}

// === impl Place ===

impl<'a> Place<'a> {
    fn walk(&self, gvr: &Gvr, found: &mut Found) {
        let names: BTreeSet<&str> = self
            .foreign
            .iter()
            .flat_map(|(_, node)| fields::children(node))
            .map(|(name, _)| name)
            .collect();
        for name in names {
            let Some(step) = fields::step(name).filter(|step| !is_key(step, &found.path)) else {
                continue;
            };
            let Some(place) = self.child(name, &step, found) else {
                continue;
            };
            found.path.push(step);
            if !is_outside(gvr, &found.path) {
                place.visit(gvr, self.live, found);
            }
            found.path.pop();
            if found.full {
                return;
            }
        }
    }

    /// The child `name` of the field sets, at `step`; `None` if nothing is there any more.
    fn child(&self, name: &str, step: &Step, found: &mut Found) -> Option<Self> {
        let under = |node: &'a Value| node.get(name);
        Some(Self {
            live: found.look_up(step, self.live)?,
            desired: self
                .desired
                .and_then(|desired| found.look_up(step, desired))
                .filter(|value| !value.is_null()),
            ours: self.ours.and_then(under),
            foreign: self
                .foreign
                .iter()
                .filter_map(|(entry, node)| Some((*entry, under(node)?)))
                .collect(),
            tolerated: self.tolerated.iter().filter_map(|node| under(node)).collect(),
        })
    }

    fn visit(&self, gvr: &Gvr, parent: &Value, found: &mut Found) {
        let in_parts = self.foreign.iter().any(|(_, node)| !fields::is_leaf(node));
        if self.desired.is_some() || self.ours.is_some() {
            // Desired or applied as it is: if it is not ours any more, it counts as taken.
            if in_parts {
                self.walk(gvr, found);
            }
            return;
        }
        if in_parts && !self.goes_as_a_whole(gvr, &found.path) {
            self.walk(gvr, found);
            return;
        }
        if defaults::is_default(gvr, &found.path, self.live, parent) {
            return;
        }
        found.add(Change::Added, latest(self.foreign.iter().map(|(entry, _)| *entry)));
    }

    /// Whether all of it is foreign, so that it is one leaf: a union, an item, a struct that nobody else has a part in.
    /// Its parts are no leaves of their own, since the rest (defaults, a handler without its port) would be refused.
    fn goes_as_a_whole(&self, gvr: &Gvr, path: &FieldPath) -> bool {
        let is_member = path.len() < 2;
        let is_item = !matches!(path.steps().last(), Some(Step::Field(_)));
        let shared = !self.tolerated.is_empty();
        if is_item {
            // Who added the item owns its `.`; who only changed it does not.
            return !shared || self.foreign.iter().any(|(_, node)| node.get(".").is_some());
        }
        let in_parts = is_member || shared || self.live.is_array();
        !in_parts && !self.has_outside(gvr, &mut path.clone())
    }

    fn has_outside(&self, gvr: &Gvr, path: &mut FieldPath) -> bool {
        self.foreign.iter().any(|(_, node)| has_outside(gvr, node, path))
    }
}

/// Whether `step` leads to a part of the key of the item at `path`: it is there as long as the item is.
fn is_key(step: &Step, path: &FieldPath) -> bool {
    match (path.steps().last(), step) {
        (Some(Step::Item(key)), Step::Field(name)) => key.contains_key(&**name),
        _ => false,
    }
}

/// What is never foreign, wherever it is: members of the kind and labels and annotations, the object's and those of a
/// template within it.
fn is_outside(gvr: &Gvr, path: &FieldPath) -> bool {
    let field = |step: Option<&Step>| match step {
        Some(Step::Field(name)) => Some(name.clone()),
        _ => None,
    };
    if path.len() == 1 && field(path.steps().first()).is_some_and(|member| OUTSIDE.contains(&&*member)) {
        return true;
    }
    if let [.., Step::Field(metadata), Step::Field(member)] = path.steps()
        && &**metadata == "metadata"
        && matches!(&**member, "labels" | "annotations" | "finalizers" | "ownerReferences")
    {
        return true;
    }
    kind_rules::left_to_cluster(gvr, path)
}

fn has_outside(gvr: &Gvr, node: &Value, path: &mut FieldPath) -> bool {
    fields::children(node).any(|(name, child)| {
        let Some(step) = fields::step(name) else { return false };
        path.push(step);
        let outside = is_outside(gvr, path) || has_outside(gvr, child, path);
        path.pop();
        outside
    })
}
