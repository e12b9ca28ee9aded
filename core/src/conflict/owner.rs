//! Who owns a leaf, by managedFields.

use serde_json::Value;

use super::{
    leaf::{LeafKind, LeafPath},
    time::Moment,
};
use crate::{
    field_path::{FieldPath, Step},
    ownership::{ManagedEntry, fields},
};

/// The entry that wrote the leaf at `path` last, of those that own something of it. Nobody owns the order of a list.
pub(super) fn owner_of<'a>(entries: &'a [ManagedEntry<'a>], path: &LeafPath) -> Option<&'a ManagedEntry<'a>> {
    if path.kind == LeafKind::Order {
        return None;
    }
    let owns = |entry: &&ManagedEntry<'_>| node_at(entry.fields, &path.path).is_some_and(|node| !node.is_null());
    entries.iter().filter(owns).max_by_key(|entry| entry.time)
}

/// The node of a field set at `path`.
pub(super) fn node_at<'f>(fields: &'f Value, path: &FieldPath) -> Option<&'f Value> {
    path.steps().iter().try_fold(fields, child)
}

fn child<'f>(node: &'f Value, step: &Step) -> Option<&'f Value> {
    match step {
        Step::Field(name) => fields::child_of_field(node, name),
        Step::Item(key) => {
            let exact = node.get(format!("k:{}", Value::Object(key.clone())));
            exact.or_else(|| find(node, step))
        }
        Step::Element(_) | Step::Index(_) => find(node, step),
    }
}

fn find<'f>(node: &'f Value, step: &Step) -> Option<&'f Value> {
    let mut children = node.as_object()?.iter();
    children.find_map(|(name, child)| (fields::step(name).as_ref() == Some(step)).then_some(child))
}

/// When an entry last changed what it owns.
pub(super) fn time_of(entry: Option<&ManagedEntry<'_>>) -> Option<Moment> {
    entry.and_then(|entry| entry.time).and_then(Moment::parse)
}

/// The paths of the leaves of `ours`, a node at `path`, that no other entry owns.
pub(super) fn owned_alone(ours: &Value, path: &mut FieldPath, others: &[&Value], found: &mut Vec<FieldPath>) {
    if fields::is_leaf(ours) {
        if others.is_empty() {
            found.push(path.clone());
        }
        return;
    }
    for (name, node) in fields::children(ours) {
        let Some(step) = fields::step(name) else { continue };
        let is_key = match (path.steps().last(), &step) {
            (Some(Step::Item(key)), Step::Field(field)) => key.contains_key(&**field),
            _ => false,
        };
        if is_key {
            continue;
        }
        let others: Vec<&Value> = others
            .iter()
            .filter(|other| !fields::is_whole(other))
            .filter_map(|other| other.get(name))
            .collect();
        path.push(step);
        owned_alone(node, path, &others, found);
        path.pop();
    }
}
