//! What the versions of an object showed, as a watch brought them: which value each leaf has, and since when.
//!
//! managedFields have one time for each manager, which that manager's later writes elsewhere move. So each version that comes is compared with
//! the one before: a leaf that changed has the time that its owner's entry shows *then*.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    leaf::{LeafHash, LeafHasher, LeafId},
    owner::time_of,
    place::Place,
    schema::Schema,
    time::{MOST_TIMES, Moment},
    trail::Trail,
    walk::{Met, Part, Sink, Walk},
};
use crate::{identity::Gvr, ownership::ManagedEntry};

/// The most leaves of an object that is followed so; of a larger one times are its managers'.
const MOST_LEAVES: usize = 256;

/// One leaf in one version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownLeaf {
    /// Stands for it.
    pub leaf: LeafId,
    /// Stands for its value.
    pub value: LeafHash,
    /// When the one who owns it wrote last, on the server's clock; `None` where nobody is shown to.
    pub entry: Option<Moment>,
}

/// The version of an object that first showed the present value of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstShown {
    /// Stands for the value; `None` while the leaf is missing.
    pub value: Option<LeafHash>,
    /// When it was written, on the server's clock.
    pub at: Moment,
}

/// What the versions of one object showed: the last one, and since when leaves have what it shows, at most [`MOST_TIMES`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeafSheet {
    leaves: Box<[(LeafId, LeafHash)]>,
    first_shown: BTreeMap<LeafId, FirstShown>,
}

/// How a version follows the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// A watch brought both, with no other between them.
    Watched,
    /// A list brought it: there may have been others.
    Listed,
}

/// The leaves of the `object` of `gvr` as it is, with its managedFields.
pub fn leaves_of(gvr: &Gvr, schema: &Schema, hasher: LeafHasher<'_>, object: &Value) -> Vec<ShownLeaf> {
    let entries = ManagedEntry::all_of(object);
    let mut shown = Shown {
        hasher,
        leaves: Vec::new(),
    };
    let root = Place {
        desired: object,
        live: Some(object),
        ours: None,
        others: entries.iter().map(|entry| (entry, entry.fields)).collect(),
        part: Part::Settled,
    };
    let mut walk = Walk {
        gvr,
        hasher,
        trail: Trail::default(),
        sink: &mut shown,
    };
    walk.object(&root, schema.root());
    shown.leaves
}

/// Leaves as they are met.
struct Shown<'h> {
    hasher: LeafHasher<'h>,
    leaves: Vec<ShownLeaf>,
}

impl<'a> Sink<'a> for Shown<'_> {
    fn leaf(&mut self, _trail: &Trail, met: Met<'a>) {
        self.leaves.push(ShownLeaf {
            leaf: met.id,
            value: self.hasher.value(&met.desired),
            entry: time_of(met.owner),
        });
    }

    fn knows_as_one(&self, _trail: &Trail, _list: &Value) -> bool {
        false
    }
}

// === impl LeafSheet ===

impl LeafSheet {
    /// A version came that has `leaves`, when the server's clock showed `now`.
    pub fn show(&mut self, mut leaves: Vec<ShownLeaf>, now: Moment, succession: Succession) {
        leaves.sort_unstable_by_key(|shown| shown.leaf);
        if leaves.len() > MOST_LEAVES {
            *self = Self::default();
            return;
        }
        let before: BTreeMap<LeafId, LeafHash> = self.leaves.iter().copied().collect();
        let known = !before.is_empty();
        let changed = leaves
            .iter()
            .filter(|shown| before.get(&shown.leaf) != Some(&shown.value))
            .map(|shown| (shown.leaf, Some(shown.value), shown.entry.unwrap_or(now)));
        let is_there = |leaf: &LeafId| leaves.binary_search_by_key(leaf, |shown| shown.leaf).is_ok();
        let missing = before
            .keys()
            .filter(|leaf| !is_there(leaf))
            .map(|leaf| (*leaf, None, now));
        let changed: Vec<_> = changed.chain(missing).collect();
        for (leaf, value, at) in changed {
            // What a list shows may have been written long before, and what a first version shows too.
            if known && succession == Succession::Watched {
                self.first_shown.insert(leaf, FirstShown { value, at });
            } else {
                self.first_shown.remove(&leaf);
            }
        }
        while self.first_shown.len() > MOST_TIMES {
            let oldest = self.first_shown.iter().min_by_key(|(_, shown)| shown.at);
            let Some(oldest) = oldest.map(|(leaf, _)| *leaf) else {
                break;
            };
            self.first_shown.remove(&oldest);
        }
        self.leaves = leaves.into_iter().map(|shown| (shown.leaf, shown.value)).collect();
    }

    /// Since when leaves have what the last version shows.
    pub fn first_shown(&self) -> &BTreeMap<LeafId, FirstShown> {
        &self.first_shown
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{conflict::leaf_id, field_path::FieldPath};

    /// A ConfigMap with `data`, all of it owned by one manager that wrote last at `second`.
    fn version(data: &Value, second: u32) -> Vec<ShownLeaf> {
        let fields: serde_json::Map<String, Value> = data
            .as_object()
            .unwrap()
            .keys()
            .map(|key| (format!("f:{key}"), json!({})))
            .collect();
        let object = json!({
            "metadata": {"name": "web", "managedFields": [{
                "manager": "alice", "operation": "Update", "time": format!("2026-01-01T00:00:{second:02}Z"),
                "fieldsV1": {"f:data": fields},
            }]},
            "data": data,
        });
        let gvr = Gvr::new("", "v1", "configmaps");
        leaves_of(&gvr, &Schema::of(&gvr), LeafHasher::Plain, &object)
    }

    fn second(second: u32) -> Moment {
        Moment::parse(&format!("2026-01-01T00:00:{second:02}Z")).unwrap()
    }

    fn at(sheet: &LeafSheet, key: &str) -> Option<Moment> {
        let leaf = leaf_id(LeafHasher::Plain, &FieldPath::of_fields(["data", key]));
        sheet.first_shown().get(&leaf).map(|shown| shown.at)
    }

    #[test]
    fn a_leaf_has_the_time_of_the_version_that_first_showed_it_whatever_its_manager_writes_elsewhere() {
        let mut sheet = LeafSheet::default();
        sheet.show(
            version(&json!({"a": "1", "b": "1", "c": "1"}), 0),
            second(0),
            Succession::Listed,
        );
        assert_eq!(at(&sheet, "a"), None, "found, not watched");
        sheet.show(
            version(&json!({"a": "2", "b": "1", "c": "1"}), 5),
            second(6),
            Succession::Watched,
        );
        sheet.show(
            version(&json!({"a": "2", "b": "2"}), 20),
            second(21),
            Succession::Watched,
        );
        assert_eq!(at(&sheet, "a"), Some(second(5)));
        assert_eq!(at(&sheet, "b"), Some(second(20)));
        assert_eq!(
            at(&sheet, "c"),
            Some(second(21)),
            "a removal, when it was first seen missing"
        );
    }

    #[test]
    fn what_a_list_brings_after_a_gap_is_not_dated() {
        let mut sheet = LeafSheet::default();
        sheet.show(version(&json!({"a": "1", "b": "1"}), 0), second(0), Succession::Listed);
        sheet.show(version(&json!({"a": "2", "b": "2"}), 5), second(6), Succession::Watched);
        sheet.show(
            version(&json!({"a": "3", "b": "2"}), 20),
            second(21),
            Succession::Listed,
        );
        assert_eq!((at(&sheet, "a"), at(&sheet, "b")), (None, Some(second(5))));
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let data = |count: usize, value: &str| -> Value {
            let fields = (0..count).map(|key| (format!("{key:04}"), json!(value)));
            fields.collect::<serde_json::Map<_, _>>().into()
        };
        let mut sheet = LeafSheet::default();
        sheet.show(version(&data(200, "1"), 0), second(0), Succession::Listed);
        sheet.show(version(&data(200, "2"), 5), second(6), Succession::Watched);
        assert_eq!(sheet.first_shown().len(), MOST_TIMES);
        sheet.show(version(&data(300, "3"), 7), second(8), Succession::Watched);
        assert_eq!(sheet, LeafSheet::default());
    }
}
