//! What a write does to an object and to its managers.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value};

use super::{
    compare::compare,
    element::Element,
    fieldset::{FieldSet, display},
    managers::{Manager, Managers, Operation, Ownership},
    merge::merge,
    remove::remove,
    typed::fields_of,
};
use crate::schema::Shape;

/// Who writes, and when.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    /// The manager.
    pub(crate) manager: String,
    /// The version that it writes.
    pub(crate) version: String,
    /// The subresource that it writes through; empty for the object itself.
    pub(crate) subresource: String,
    /// The time of the write, in seconds; `None` leaves the entry without one.
    pub(crate) time: Option<String>,
}

/// Fields that others own with other values: by manager, the paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conflicts(pub(crate) BTreeMap<String, Vec<String>>);

/// The manager that owns what was there before the first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Fields that nobody owns.
static UNOWNED: LazyLock<FieldSet> = LazyLock::new(|| {
    let mut set = FieldSet::default();
    for name in ["apiVersion", "kind", "metadata"] {
        set.insert(&[Element::field(name)]);
    }
    let metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    for name in metadata
        .into_iter()
        .chain(["deletionTimestamp", "deletionGracePeriodSeconds"])
    {
        set.insert(&[Element::field("metadata"), Element::field(name)]);
    }
    set
});

/// The managers after `author` replaced `live` by `new` (an update, or a patch other than apply).
pub(crate) fn update(shape: &Shape, live: &Value, new: &Value, mut managers: Managers, author: &Author) -> Managers {
    let difference = compare(shape, live, new);
    let (set, removed) = (
        difference.set().difference(&UNOWNED),
        difference.removed.difference(&UNOWNED),
    );
    let manager = author.updater();
    for owned in managers.0.values_mut() {
        owned.fields = owned.fields.difference(&set).difference(&removed);
    }
    if !set.is_empty() {
        let previous = managers
            .0
            .remove(&manager)
            .map(|owned| owned.fields)
            .unwrap_or_default();
        let fields = previous.union(&set);
        managers.0.insert(
            manager,
            Ownership {
                fields,
                version: author.version.clone(),
                time: author.time.clone(),
            },
        );
    }
    managers.prune();
    managers.cap();
    managers
}

/// The managers of an object that had none before its first apply.
pub(crate) fn before_first_apply(shape: &Shape, zero: &Value, live: &Value, author: &Author) -> Managers {
    let before = Author {
        manager: BEFORE_FIRST_APPLY.to_owned(),
        ..author.clone()
    };
    update(shape, zero, live, Managers::default(), &before)
}

/// Whether an apply takes fields from their owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Force {
    /// It takes them.
    Take,
    /// It is refused with the conflicts.
    Refuse,
}

/// What comes of applying `applied` to `live`.
pub(crate) struct Applied {
    /// The new object.
    pub(crate) object: Value,
    /// Its managers. The applier's time is its last one if nothing changed.
    pub(crate) managers: Managers,
}

/// Applies `applied` to `live`. `zero` is what the kind has where nothing is set.
///
/// # Errors
/// Fields that others own with other values, unless forced.
pub(crate) fn apply(
    shape: &Shape,
    zero: &Value,
    live: &Value,
    applied: &Value,
    managers: &Managers,
    author: &Author,
    force: Force,
) -> Result<Applied, Conflicts> {
    let manager = author.applier();
    let last = managers.0.get(&manager).cloned();
    let merged = merge(shape, live, applied);
    // What nobody owns counts as applied until the giving up is settled: a name must not go along with the last label.
    let fields = fields_of(shape, applied);
    let mut after = managers.clone();
    after.0.insert(
        manager.clone(),
        Ownership {
            fields,
            version: author.version.clone(),
            time: author.time.clone(),
        },
    );

    let object = match &last {
        Some(last) if !last.fields.is_empty() => give_up(shape, &merged, &last.fields, &after),
        _ => merged,
    };
    let object = if object.is_null() {
        Value::Object(Map::new())
    } else {
        object
    };
    let difference = compare(shape, &with_zero(live, zero), &with_zero(&object, zero));
    let (set, removed) = (
        difference.set().difference(&UNOWNED),
        difference.removed.difference(&UNOWNED),
    );
    let mut conflicts = BTreeMap::new();
    for (other, owned) in after.0.iter_mut().filter(|(other, _)| **other != manager) {
        let taken = owned.fields.intersection(&set);
        if !taken.is_empty() && force == Force::Refuse {
            conflicts.insert(
                other.describe(),
                taken.paths().iter().map(|path| display(path)).collect(),
            );
        }
        owned.fields = owned.fields.difference(&taken).difference(&removed);
    }
    if !conflicts.is_empty() {
        return Err(Conflicts(conflicts));
    }
    if let Some(own) = after.0.get_mut(&manager) {
        own.fields = own.fields.difference(&UNOWNED);
    }
    after.prune();
    let unchanged = set.is_empty() && removed.is_empty();
    if unchanged {
        if same_fields(&after, managers) {
            after = managers.clone();
        } else if let Some(own) = after.0.get_mut(&manager) {
            // A write of who owns what, and nothing else, has no time.
            own.time = last.and_then(|last| last.time);
        }
    }
    Ok(Applied {
        object,
        managers: after,
    })
}

/// `merged` without what the applier owned and no longer applies, unless someone owns it, or something below it.
fn give_up(shape: &Shape, merged: &Value, last: &FieldSet, managers: &Managers) -> Value {
    let last = last.with_named_fields(shape);
    let pruned = remove(shape, merged, &last);
    let owned = managers
        .0
        .values()
        .fold(FieldSet::default(), |all, owned| all.union(&owned.fields))
        .with_named_fields(shape);
    let merged_fields = fields_of(shape, merged).with_named_fields(shape);
    let pruned_fields = fields_of(shape, &pruned).with_named_fields(shape);
    let pruned = remove(shape, merged, &merged_fields.difference(&pruned_fields.union(&owned)));
    // What went along with a removed parent but was never the applier's comes back.
    let pruned_fields = fields_of(shape, &pruned).with_named_fields(shape);
    remove(
        shape,
        merged,
        &merged_fields.difference(&pruned_fields).intersection(&last),
    )
}

fn same_fields(a: &Managers, b: &Managers) -> bool {
    a.0.len() == b.0.len()
        && a.0.iter().zip(&b.0).all(|((a, owned_a), (b, owned_b))| {
            a == b && owned_a.fields == owned_b.fields && owned_a.version == owned_b.version
        })
}

/// `value` with what its kind has where nothing is set, as the API server's own types do.
pub(crate) fn with_zero(value: &Value, zero: &Value) -> Value {
    let (Value::Object(value), Value::Object(zero)) = (value, zero) else {
        return value.clone();
    };
    let mut filled = value.clone();
    for (name, zero) in zero {
        let value = match filled.get(name) {
            Some(value) => with_zero(value, zero),
            None => zero.clone(),
        };
        filled.insert(name.clone(), value);
    }
    Value::Object(filled)
}

// === impl Author ===

impl Author {
    fn updater(&self) -> Manager {
        Manager {
            name: self.manager.clone(),
            operation: Operation::Update,
            subresource: self.subresource.clone(),
            version: self.version.clone(),
        }
    }

    /// This author as an applier.
    pub(crate) fn applier(&self) -> Manager {
        Manager {
            name: self.manager.clone(),
            operation: Operation::Apply,
            subresource: self.subresource.clone(),
            version: String::new(),
        }
    }
}

// === impl Conflicts ===

impl Conflicts {
    /// The message of the API server.
    pub(crate) fn message(&self) -> String {
        let count: usize = self.0.values().map(Vec::len).sum();
        if let (1, Some((manager, [path]))) = (
            count,
            self.0.iter().next().map(|(manager, paths)| (manager, paths.as_slice())),
        ) {
            return format!("Apply failed with 1 conflict: conflict with {manager}: {path}");
        }
        let managers = self
            .0
            .iter()
            .map(|(manager, paths)| format!("conflicts with {manager}:\n- {}", paths.join("\n- ")));
        format!(
            "Apply failed with {count} conflicts: {}",
            managers.collect::<Vec<_>>().join("\n")
        )
    }
}
