//! Walking what is desired beside what is live: leaf by leaf, with who owns it there.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    leaf::{Content, LeafHasher, LeafId, LeafKind},
    place::{Place, owns_all},
    schema::{Hint, ListKind},
    trail::Trail,
};
use crate::{
    field_path::Step,
    identity::Gvr,
    ownership::{
        ManagedEntry,
        fields::{self, Items},
    },
    transform::reserved::is_of_kcp,
};

/// A leaf that was met.
pub(super) struct Met<'a> {
    pub(super) id: LeafId,
    pub(super) kind: LeafKind,
    pub(super) desired: Content<'a>,
    pub(super) live: Option<Content<'a>>,
    /// Whether our Apply entry owns it, so that nobody else changed it.
    pub(super) mine: bool,
    /// Who else owns something of it: the one that wrote last.
    pub(super) owner: Option<&'a ManagedEntry<'a>>,
    pub(super) part: Part,
}

/// What a leaf that was met is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// To be settled.
    Settled,
    /// To be remembered in the base only: it is settled with what is around it, or as its parts.
    Remembered,
    /// To be settled; the base knows what is around it as one value, and that is unchanged upstream.
    Agreed,
}

/// What is told of each leaf.
pub(super) trait Sink<'a> {
    /// A leaf was met at `trail`.
    fn leaf(&mut self, trail: &Trail, met: Met<'a>);

    /// Whether the base knows the list at `trail` as one value that is `list` now.
    fn knows_as_one(&self, trail: &Trail, list: &Value) -> bool;
}

/// The objects that are walked.
pub(super) struct Walk<'a, 'w> {
    pub(super) gvr: &'w Gvr,
    pub(super) hasher: LeafHasher<'w>,
    pub(super) trail: Trail,
    pub(super) sink: &'w mut dyn Sink<'a>,
}

/// Members that are no leaves: identity; labels and annotations are walked apart.
const UNTRACKED: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];
/// Of the metadata, what has leaves.
const TRACKED_METADATA: [&str; 2] = ["labels", "annotations"];

// === impl Walk ===

impl<'a> Walk<'a, '_> {
    /// Walks a whole object.
    pub(super) fn object(&mut self, root: &Place<'a>, hint: Hint<'_>) {
        let members = root.desired.as_object().into_iter().flatten();
        for (name, value) in members.filter(|(name, _)| !UNTRACKED.contains(&name.as_str())) {
            self.field(root, name, value, hint);
        }
        let Some(metadata) = root.desired.get("metadata").map(|value| root.field("metadata", value)) else {
            return;
        };
        self.trail.push(Step::Field("metadata".into()));
        for member in TRACKED_METADATA {
            let Some(Value::Object(pairs)) = metadata.desired.get(member) else {
                continue;
            };
            let place = metadata.field(member, metadata.desired.get(member).unwrap_or(&Value::Null));
            self.trail.push(Step::Field(member.into()));
            for (key, value) in pairs.iter().filter(|(key, _)| !is_of_kcp(key)) {
                self.field(&place, key, value, Hint::Unknown);
            }
            self.trail.pop();
        }
        self.trail.pop();
    }

    fn field(&mut self, place: &Place<'a>, name: &'a str, value: &'a Value, hint: Hint<'_>) {
        if value.is_null() {
            return;
        }
        let place = place.field(name, value);
        self.trail.push(Step::Field(name.into()));
        self.visit(&place, hint.field(name));
        self.trail.pop();
    }

    pub(super) fn visit(&mut self, place: &Place<'a>, hint: Hint<'_>) {
        match place.desired {
            Value::Object(map) if !map.is_empty() && !place.is_one_struct(hint, self) => self.fields(place, map, hint),
            Value::Array(items) if !items.is_empty() => match self.list_kind(place, items, hint) {
                Some((kind, texts)) => self.items(place, items, (&kind, &texts), hint),
                None => self.one(place),
            },
            _ => self.one(place),
        }
    }

    fn one(&mut self, place: &Place<'a>) {
        let live = place.live.map(Content::One);
        let mine = if place.desired.is_object() {
            place.is_mine_as_struct()
        } else {
            place.ours.is_some()
        };
        self.tell(place, LeafKind::Value, (Content::One(place.desired), live), mine);
    }

    fn tell(
        &mut self,
        place: &Place<'a>,
        kind: LeafKind,
        (desired, live): (Content<'a>, Option<Content<'a>>),
        mine: bool,
    ) {
        let met = Met {
            id: self.hasher.id(&self.trail.text, kind),
            kind,
            desired,
            live,
            mine,
            owner: place.owner(),
            part: place.part,
        };
        self.sink.leaf(&self.trail, met);
    }

    fn fields(&mut self, place: &Place<'a>, map: &'a Map<String, Value>, hint: Hint<'_>) {
        let key = match self.trail.path.steps().last() {
            Some(Step::Item(key)) => Some(key.clone()),
            _ => None,
        };
        let mut unions: Vec<&'static str> = Vec::new();
        for (name, value) in map {
            // What keys an item is there as long as the item is.
            if key.as_ref().is_some_and(|key| key.contains_key(name)) {
                continue;
            }
            match hint.union(self.gvr, &self.trail.path, name) {
                Some(union) if unions.contains(&union) => {}
                Some(union) => {
                    unions.push(union);
                    self.union(place, union, hint);
                }
                None => self.field(place, name, value, hint),
            }
        }
    }

    /// The arms of the union `name` in the struct at hand.
    fn union(&mut self, place: &Place<'a>, name: &'static str, hint: Hint<'_>) {
        let (gvr, path) = (self.gvr, &self.trail.path);
        let is_arm = |field: &str| hint.union(gvr, path, field) == Some(name);
        let arms = |value: &'a Value| {
            let fields = value.as_object().into_iter().flatten();
            let mut arms: Vec<_> = fields
                .filter(|(field, value)| is_arm(field) && !value.is_null())
                .map(|(field, value)| (field.as_str(), value))
                .collect();
            arms.sort_unstable_by_key(|(field, _)| *field);
            arms
        };
        let desired = arms(place.desired);
        let live = place.live.map(arms).filter(|arms| !arms.is_empty());
        let of_arms =
            |node: &'a Value| fields::children(node).any(|(child, _)| child.strip_prefix("f:").is_some_and(is_arm));
        let narrowed = Place {
            others: place.others.iter().filter(|(_, node)| of_arms(node)).copied().collect(),
            ..place.clone()
        };
        let mine = desired
            .iter()
            .all(|(arm, value)| place.field(arm, value).is_mine_as_struct())
            && narrowed.others.iter().all(|(_, node)| {
                fields::children(node)
                    .filter(|(child, _)| child.strip_prefix("f:").is_some_and(is_arm))
                    .all(|(child, node)| {
                        place
                            .ours
                            .and_then(|ours| ours.get(child))
                            .is_some_and(|ours| owns_all(ours, node))
                    })
            });
        self.tell(
            &narrowed,
            LeafKind::Union(name),
            (Content::Arms(desired), live.map(Content::Arms)),
            mine,
        );
    }

    /// A list of this kind, with the texts of the steps to its `items`.
    fn items(&mut self, place: &Place<'a>, items: &'a [Value], (kind, texts): (&ListKind, &[String]), hint: Hint<'_>) {
        let part = match place.part {
            Part::Settled if self.sink.knows_as_one(&self.trail, place.desired) => Part::Agreed,
            part => part,
        };
        let live = place.live.and_then(Value::as_array);
        let there: Vec<(String, &'a Value)> = live
            .into_iter()
            .flatten()
            .filter_map(|item| Some((kind.text_of(item)?, item)))
            .collect();
        let by_text: BTreeMap<&str, &'a Value> = there.iter().map(|(text, item)| (text.as_str(), *item)).collect();
        let owned = |node: &'a Value| node.as_object().map(Items::of);
        let ours = place.ours.and_then(owned);
        let others: Vec<_> = place
            .others
            .iter()
            .filter_map(|(entry, node)| Some((*entry, owned(node)?)))
            .collect();
        for (item, text) in items.iter().zip(texts) {
            let Some(step) = kind.step_to(item) else { continue };
            let there = by_text.get(text.as_str()).copied();
            let under = |items: &Items<'a>| items.child(item).map(|(_, node)| node);
            let mut child = Place {
                desired: item,
                live: there,
                ours: ours.as_ref().and_then(under),
                others: others
                    .iter()
                    .filter_map(|(entry, items)| Some((*entry, under(items)?)))
                    .collect(),
                part,
            };
            self.trail.push(step);
            match (there, part) {
                // On both sides: its fields are settled one by one, that it is there is remembered.
                (Some(_), Part::Settled | Part::Agreed) if !matches!(kind, ListKind::Set) => {
                    self.visit_item(&child, hint.item());
                    child.part = Part::Remembered;
                    self.tell_item(&child);
                }
                (_, part) => {
                    self.tell_item(&child);
                    if part != Part::Remembered {
                        child.part = Part::Remembered;
                    }
                    if !matches!(kind, ListKind::Set) {
                        self.visit_item(&child, hint.item());
                    }
                }
            }
            self.trail.pop();
        }
        if items.len() > 1 && !matches!(kind, ListKind::Set) {
            let live = live.map(|_| Content::Order(there.iter().map(|(text, _)| text.clone()).collect()));
            let contents = (Content::Order(texts.to_vec()), live);
            // Nobody owns an order in managedFields.
            let place = Place {
                part,
                others: Vec::new(),
                ..*place
            };
            self.tell(&place, LeafKind::Order, contents, true);
        }
    }

    /// The fields of an item, even where all of it would be one value.
    fn visit_item(&mut self, place: &Place<'a>, hint: Hint<'_>) {
        if let Value::Object(map) = place.desired {
            self.fields(place, map, hint);
        }
    }

    fn tell_item(&mut self, place: &Place<'a>) {
        let live = place.live.map(Content::One);
        let mine = place.ours.is_some();
        self.tell(place, LeafKind::Item, (Content::One(place.desired), live), mine);
    }

    /// What the server shows in managedFields decides, then what is known of the kind. With the texts of the steps to the items; a list whose
    /// items cannot all be told apart is one value: `None`.
    fn list_kind(&self, place: &Place<'a>, items: &[Value], hint: Hint<'_>) -> Option<(ListKind, Vec<String>)> {
        let nodes = place.ours.into_iter().chain(place.others.iter().map(|(_, node)| *node));
        let shown = nodes.filter(|node| !fields::is_leaf(node)).find_map(shown_kind);
        let known = hint.list(self.gvr, &self.trail.path);
        let kind = match (known, shown) {
            (ListKind::Atomic, Some(shown)) => shown,
            (known, _) => known,
        };
        if kind == ListKind::Atomic {
            return None;
        }
        let texts: Vec<String> = items.iter().map(|item| kind.text_of(item)).collect::<Option<_>>()?;
        let mut sorted: Vec<&str> = texts.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        let same = |pair: &[&str]| matches!(pair, [one, other] if one == other);
        (!sorted.windows(2).any(same)).then_some((kind, texts))
    }
}

fn shown_kind(node: &Value) -> Option<ListKind> {
    let (child, _) = fields::children(node).next()?;
    match fields::step(child)? {
        Step::Item(key) => {
            Some(ListKind::keyed(key.iter().map(|(name, _)| {
                (name.as_str(), (name == "protocol").then(|| Value::from("TCP")))
            })))
        }
        Step::Element(_) => Some(ListKind::Set),
        Step::Field(_) | Step::Index(_) => None,
    }
}
