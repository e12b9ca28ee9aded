//! A place in an object that is walked, and who owns something there.

use serde_json::Value;

use super::{
    schema::{Hint, MapKind},
    walk::{Part, Walk},
};
use crate::ownership::{
    ManagedEntry,
    fields::{self, Items},
};

/// A place in what is desired, with what is known of the same place elsewhere.
#[derive(Clone)]
pub(super) struct Place<'a> {
    pub(super) desired: &'a Value,
    pub(super) live: Option<&'a Value>,
    /// The node of our entry.
    pub(super) ours: Option<&'a Value>,
    /// The nodes of all other entries that have one.
    pub(super) others: Vec<(&'a ManagedEntry<'a>, &'a Value)>,
    pub(super) part: Part,
}

// === impl Place ===

impl<'a> Place<'a> {
    pub(super) fn field(&self, name: &str, desired: &'a Value) -> Self {
        let child = format!("f:{name}");
        let under = |node: &'a Value| node.get(&child);
        Self {
            desired,
            live: self.live.and_then(|live| live.get(name)).filter(|live| !live.is_null()),
            ours: self.ours.and_then(under),
            others: self.under(under),
            part: self.part,
        }
    }

    pub(super) fn under(
        &self,
        under: impl Fn(&'a Value) -> Option<&'a Value>,
    ) -> Vec<(&'a ManagedEntry<'a>, &'a Value)> {
        self.others
            .iter()
            .filter_map(|(entry, node)| Some((*entry, under(node)?)))
            .collect()
    }

    /// Whether all of a map or struct is one value.
    pub(super) fn is_one_struct(&self, hint: Hint<'_>, walk: &Walk<'_, '_>) -> bool {
        if hint.map(&walk.trail.path) == MapKind::Atomic || self.live.is_some_and(|live| !live.is_object()) {
            return true;
        }
        if !matches!(hint, Hint::Unknown) {
            return false;
        }
        // Ours, and empty there: all of its parts were taken from us, and the map alone is left.
        let is_empty = |live: &Value| live.as_object().is_some_and(serde_json::Map::is_empty);
        if self.ours.is_some() && self.live.is_some_and(is_empty) {
            return false;
        }
        // Somebody owns it as a whole, and nobody a part of it.
        let mut nodes = self
            .ours
            .into_iter()
            .chain(self.others.iter().map(|(_, node)| *node))
            .peekable();
        nodes.peek().is_some() && nodes.all(fields::is_whole)
    }

    /// Whether our entry has all of a struct that is desired, and nobody else a part that it has not.
    pub(super) fn is_mine_as_struct(&self) -> bool {
        let Some(ours) = self.ours else { return false };
        has_all(ours, self.desired) && self.others.iter().all(|(_, node)| owns_all(ours, node))
    }

    pub(super) fn owner(&self) -> Option<&'a ManagedEntry<'a>> {
        self.others
            .iter()
            .map(|(entry, _)| *entry)
            .max_by_key(|entry| entry.time)
    }
}

/// Whether our node has every field of `desired`; what is owned as a whole has all.
fn has_all(ours: &Value, desired: &Value) -> bool {
    if fields::is_whole(ours) {
        return true;
    }
    match desired {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .all(|(name, value)| fields::child_of_field(ours, name).is_some_and(|ours| has_all(ours, value))),
        Value::Array(items) => {
            let Some(owned) = ours.as_object().map(Items::of) else {
                return items.is_empty();
            };
            let mut items = items.iter();
            items.all(|item| owned.child(item).is_some_and(|(_, ours)| has_all(ours, item)))
        }
        _ => true,
    }
}

/// Whether every leaf of `theirs` is ours too.
pub(super) fn owns_all(ours: &Value, theirs: &Value) -> bool {
    fields::is_whole(ours) || (fields::is_leaf(theirs) || fields::is_within(theirs, ours))
}
