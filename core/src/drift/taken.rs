//! Leaves that are desired and not ours any more.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Change, Found, latest};
use crate::{
    field_path::Step,
    ownership::{ManagedEntry, fields, owned_items},
};

/// Of the metadata, what an entry of ours tracks.
const TRACKED_METADATA: [&str; 2] = ["labels", "annotations"];
/// Members that no entry tracks.
const UNTRACKED: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// A place in desired, with what is known of the same place elsewhere.
#[derive(Clone)]
struct Place<'a> {
    desired: &'a Value,
    live: Option<&'a Value>,
    /// The node of our entry.
    ours: Option<&'a Value>,
    /// The nodes of all other entries that have one: of subresources too, an autoscaler writes through `scale`.
    others: Vec<(&'a ManagedEntry<'a>, &'a Value)>,
}

pub(super) fn find<'a>(live: &'a Value, entries: &'a [ManagedEntry<'a>], desired: &'a Value, found: &mut Found) {
    let ours = entries.iter().find(|entry| entry.is_our_apply());
    let root = Place {
        desired,
        live: Some(live),
        ours: ours.map(|entry| entry.fields),
        others: entries
            .iter()
            .filter(|entry| !entry.is_our_apply())
            .map(|entry| (entry, entry.fields))
            .collect(),
    };
    root.walk_fields(found, |member| !UNTRACKED.contains(&member));
    if let Some(metadata) = root.field("metadata") {
        found.path.push(Step::Field("metadata".into()));
        metadata.walk_fields(found, |member| TRACKED_METADATA.contains(&member));
        found.path.pop();
    }
}

// === impl Place ===

impl<'a> Place<'a> {
    /// The field `name` of a desired object; `None` if it is not desired.
    fn field(&self, name: &str) -> Option<Self> {
        let desired = self.desired.get(name).filter(|value| !value.is_null())?;
        let under = |node: &'a Value| fields::child_of_field(node, name);
        Some(Self {
            desired,
            live: self.live.and_then(|live| live.get(name)),
            ours: self.ours.and_then(under),
            others: self
                .others
                .iter()
                .filter_map(|(entry, node)| Some((*entry, under(node)?)))
                .collect(),
        })
    }

    /// An item of a desired list, and the step to it.
    fn item(&self, index: usize, desired: &'a Value, found: &mut Found) -> (Step, Self) {
        let step = self.step_to(desired).unwrap_or(Step::Index(index));
        let under = |node: &'a Value| fields::child_of_item(node.as_object()?, desired);
        let place = Self {
            desired,
            live: self.live.and_then(|live| found.look_up_near(&step, live, index)),
            ours: self.ours.and_then(under),
            others: self
                .others
                .iter()
                .filter_map(|(entry, node)| Some((*entry, under(node)?)))
                .collect(),
        };
        (step, place)
    }

    fn step_to(&self, item: &Value) -> Option<Step> {
        let nodes = self.ours.into_iter().chain(self.others.iter().map(|(_, node)| *node));
        nodes
            .filter_map(Value::as_object)
            .find_map(|node| fields::step_to_item(node, item))
    }

    fn walk_fields(&self, found: &mut Found, wanted: impl Fn(&str) -> bool) {
        for name in self.desired.as_object().into_iter().flat_map(Map::keys) {
            let Some(place) = wanted(name).then(|| self.field(name)).flatten() else {
                continue;
            };
            found.path.push(Step::Field(name.as_str().into()));
            place.visit(found);
            found.path.pop();
            if found.full {
                return;
            }
        }
    }

    fn walk_items(&self, found: &mut Found) {
        for (index, item) in self.desired.as_array().into_iter().flatten().enumerate() {
            let (step, place) = self.item(index, item, found);
            found.path.push(step);
            place.visit(found);
            found.path.pop();
            if found.full {
                return;
            }
        }
    }

    fn visit(&self, found: &mut Found) {
        match self.ours {
            // Ours as a whole: a scalar, an atomic list or map.
            Some(node) if fields::is_whole(node) && !self.is_shell() => {}
            Some(_) => self.walk(found),
            None => self.lost(found),
        }
    }

    /// Whether of a map that is ours nothing but the map is left to us: an entry that lost all of its parts, of an object without a schema,
    /// looks like one that owns the whole.
    fn is_shell(&self) -> bool {
        let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        self.desired.is_object()
            && !is_empty(self.desired)
            && (self.others.iter().any(|(_, node)| !fields::is_leaf(node)) || self.live.is_some_and(is_empty))
    }

    fn walk(&self, found: &mut Found) {
        match self.desired {
            Value::Object(_) => self.walk_fields(found, |_| true),
            Value::Array(items) => {
                self.walk_items(found);
                if self.is_reordered(items) && !found.full {
                    found.add(Change::Reordered, None);
                }
            }
            _ => {}
        }
    }

    /// Whether those items of a keyed list that are ours stand there in another order than desired.
    fn is_reordered(&self, desired: &[Value]) -> bool {
        let ours = self.ours.and_then(Value::as_object);
        let (Some(ours), Some(Value::Array(live))) = (ours, self.live) else {
            return false;
        };
        if !ours.keys().any(|name| name.starts_with("k:")) {
            return false;
        }
        let (desired, live) = (owned_items(ours, desired), owned_items(ours, live));
        // What one of them lacks was removed, which is told apart.
        let (wanted, there): (BTreeSet<_>, BTreeSet<_>) = (desired.iter().collect(), live.iter().collect());
        let both = |names: &Vec<&'a str>| -> Vec<&'a str> {
            let shared = names
                .iter()
                .filter(|name| wanted.contains(name) && there.contains(name));
            shared.copied().collect()
        };
        both(&desired) != both(&live)
    }

    /// Names what is lost: the parts, where somebody else owns it in parts, or else all of it.
    fn lost(&self, found: &mut Found) {
        let Some(live) = self.live else {
            found.add(Change::Removed, None);
            return;
        };
        let before = found.leaves.len();
        let in_parts = match (self.desired, live) {
            (Value::Object(_), Value::Object(_)) => self.others.iter().all(|(_, node)| !fields::is_whole(node)),
            (Value::Array(_), Value::Array(_)) => self.others.iter().any(|(_, node)| !fields::is_leaf(node)),
            _ => false,
        };
        if in_parts {
            self.walk(found);
        }
        if found.leaves.len() == before && !found.full {
            found.add(Change::Changed, latest(self.others.iter().map(|(entry, _)| *entry)));
        }
    }
}
