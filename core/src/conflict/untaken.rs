//! What a target does not take of what is applied: a field that its schema does not have, what a webhook strips.
//!
//! managedFields have no trace of it, so that it looks like a removal by the target. The base says that it is none.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Base,
    collected::collect_into,
    leaf::{LeafHasher, LeafId, LeafKind},
    schema::Schema,
    trail::Trail,
    walk::{Met, Sink},
};
use crate::{field_path::FieldPath, identity::Gvr};

/// The leaves of an object, without the orders of its lists: those go with the items.
#[derive(Default)]
struct There(BTreeSet<LeafId>);

/// `base` as it is where the target did not take all of what was `applied`, and has what is `taken`. `None` where that changes nothing.
pub fn base_of_taken(
    base: &Base,
    (gvr, schema, hasher): (&Gvr, &Schema, LeafHasher<'_>),
    applied: &Value,
    taken: &Value,
) -> Option<Base> {
    let leaves = |object: &Value| {
        let mut there = There::default();
        collect_into((gvr, schema, hasher), &FieldPath::default(), object, &mut there);
        there.0
    };
    let taken = leaves(taken);
    let missing: Vec<LeafId> = leaves(applied).difference(&taken).copied().collect();
    base.with_untaken(&missing)
}

// === impl There ===

impl<'a> Sink<'a> for There {
    fn leaf(&mut self, _trail: &Trail, met: Met<'a>) {
        if met.kind != LeafKind::Order {
            self.0.insert(met.id);
        }
    }

    fn knows_as_one(&self, _trail: &Trail, _list: &Value) -> bool {
        false
    }
}
