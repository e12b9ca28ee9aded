//! Sets of field paths, as tries.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};

use super::element::Element;
use crate::schema::Shape;

/// A set of field paths. A path may be a member while others below it are members too.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSet(BTreeMap<Element, Node>);

#[derive(Clone, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    below: FieldSet,
}

// === impl Node ===

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

// === impl FieldSet ===

impl FieldSet {
    /// Whether no path is a member.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds `path`. The empty path is never a member.
    pub(crate) fn insert(&mut self, path: &[Element]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let node = self.0.entry(first.clone()).or_default();
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Whether the step `element` alone is a member.
    pub(crate) fn has(&self, element: &Element) -> bool {
        self.0.get(element).is_some_and(|node| node.member)
    }

    /// The members below `element`.
    pub(crate) fn below(&self, element: &Element) -> Option<&Self> {
        self.0
            .get(element)
            .map(|node| &node.below)
            .filter(|below| !below.is_empty())
    }

    /// Whether `path` is a member.
    #[cfg(test)]
    pub(crate) fn contains(&self, path: &[Element]) -> bool {
        match path.split_first() {
            None => false,
            Some((first, [])) => self.has(first),
            Some((first, rest)) => self.0.get(first).is_some_and(|node| node.below.contains(rest)),
        }
    }

    /// What is in either.
    pub(crate) fn union(mut self, other: &Self) -> Self {
        for (element, theirs) in &other.0 {
            let ours = self.0.entry(element.clone()).or_default();
            ours.member |= theirs.member;
            ours.below = std::mem::take(&mut ours.below).union(&theirs.below);
        }
        self
    }

    /// What is in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |ours, theirs| Node {
            member: ours.member && theirs.is_some_and(|theirs| theirs.member),
            below: theirs
                .map(|theirs| ours.below.intersection(&theirs.below))
                .unwrap_or_default(),
        })
    }

    /// What is here and not there, path by path.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        self.zip(other, |ours, theirs| Node {
            member: ours.member && !theirs.is_some_and(|theirs| theirs.member),
            below: theirs.map_or_else(|| ours.below.clone(), |theirs| ours.below.difference(&theirs.below)),
        })
    }

    fn zip(&self, other: &Self, combine: impl Fn(&Node, Option<&Node>) -> Node) -> Self {
        let nodes = self
            .0
            .iter()
            .map(|(element, ours)| (element.clone(), combine(ours, other.0.get(element))));
        Self(nodes.filter(|(_, node)| !node.is_empty()).collect())
    }

    /// The same set, with every declared field on the way to a member as a member itself.
    ///
    /// Without it, giving up the last field of a struct would leave the empty struct behind.
    pub(crate) fn with_named_fields(&self, shape: &Shape) -> Self {
        let nodes = self.0.iter().map(|(element, node)| {
            let (declared, shape) = match element {
                Element::Field(name) => (shape.declares(name), shape.field(name)),
                _ => (false, shape.item()),
            };
            let member = node.member || (declared && !node.below.is_empty());
            (
                element.clone(),
                Node {
                    member,
                    below: node.below.with_named_fields(shape),
                },
            )
        });
        Self(nodes.collect())
    }

    /// The members, each as a whole path.
    pub(crate) fn paths(&self) -> Vec<Vec<Element>> {
        fn walk(set: &FieldSet, prefix: &mut Vec<Element>, paths: &mut Vec<Vec<Element>>) {
            for (element, node) in &set.0 {
                prefix.push(element.clone());
                if node.member {
                    paths.push(prefix.clone());
                }
                walk(&node.below, prefix, paths);
                prefix.pop();
            }
        }
        let mut paths = Vec::new();
        walk(self, &mut Vec::new(), &mut paths);
        paths
    }

    /// The form in `managedFields`.
    pub(crate) fn encode(&self) -> Value {
        Value::Object(
            self.0
                .iter()
                .map(|(element, node)| (element.encode(), node.encode()))
                .collect(),
        )
    }

    /// Reads the form in `managedFields`; steps that cannot be read are skipped.
    pub(crate) fn decode(fields: &Value) -> Self {
        let Some(fields) = fields.as_object() else {
            return Self::default();
        };
        let nodes = fields
            .iter()
            .filter_map(|(name, below)| Some((Element::decode(name)?, Node::decode(below))));
        Self(nodes.collect())
    }
}

impl Node {
    fn encode(&self) -> Value {
        let mut map = match self.below.encode() {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        if self.member && !map.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        Value::Object(map)
    }

    fn decode(value: &Value) -> Self {
        let below = FieldSet::decode(value);
        let member = below.is_empty() || value.get(".").is_some();
        Self { member, below }
    }
}

/// The paths, as messages show them.
impl fmt::Debug for FieldSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.paths().iter().map(|path| display(path)))
            .finish()
    }
}

/// A path as messages show it.
pub(crate) fn display(path: &[Element]) -> String {
    path.iter().map(ToString::to_string).collect()
}
