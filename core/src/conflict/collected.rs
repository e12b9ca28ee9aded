//! The leaves of an object that are only to be remembered: its base.

use serde_json::Value;

use super::{
    Agreed, Base,
    leaf::{LeafHasher, LeafId},
    place::Place,
    schema::Schema,
    time::Moment,
    trail::Trail,
    walk::{Met, Part, Sink, Walk},
};
use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
};

/// Leaves that are only to be remembered.
pub(super) struct Collected<'b> {
    pub(super) base: Base,
    pub(super) ids: Vec<LeafId>,
    known: Option<&'b Base>,
    now: Moment,
    hasher: LeafHasher<'b>,
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
    let hasher = all.hasher;
    collect_into((gvr, schema, hasher), path, value, all);
}

/// Tells any sink of them.
pub(super) fn collect_into<'v>(
    (gvr, schema, hasher): (&Gvr, &Schema, LeafHasher<'_>),
    path: &FieldPath,
    value: &'v Value,
    sink: &mut dyn Sink<'v>,
) {
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
        hasher,
        trail: Trail::of(path),
        sink,
    };
    if path.steps().is_empty() {
        walk.object(&place, hint);
    } else {
        walk.visit(&place, hint);
    }
}
