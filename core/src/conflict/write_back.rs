//! The patch that writes leaves of a target upstream.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    WriteBack,
    claim::{Place, find_mut, reorder},
    leaf::LeafKind,
    owner::owner_of,
    written_back::{OriginalWrite, WRITTEN_BACK_ANNOTATION, WrittenBack},
};
use crate::{
    field_path::{FieldPath, Step, Token},
    marker::FIELD_MANAGER,
    ownership::ManagedEntry,
    removal::{PatchOp, for_this_version},
};

/// The patch that writes `leaves` of `target` into the `upstream` object, under its UID and resourceVersion, with the annotation that says
/// where they come from. Empty if there is nothing to write, or if `upstream` does not say which object and version it is.
pub fn write_back_patch(upstream: &Value, leaves: &[WriteBack], target: &str) -> Vec<PatchOp> {
    let mut draft = Draft {
        object: upstream.clone(),
        ops: Vec::new(),
    };
    for leaf in leaves {
        draft.write(leaf);
    }
    if draft.ops.is_empty() {
        return Vec::new();
    }
    let Ok(annotation) = annotation(upstream, leaves, target).to_annotation() else {
        return Vec::new();
    };
    let mut path = FieldPath::of_fields(["metadata", "annotations"]);
    path.push(Step::Field(WRITTEN_BACK_ANNOTATION.into()));
    draft.set(&path, annotation.into());
    for_this_version(upstream, draft.ops)
}

/// What the annotation says: what it said of leaves that nobody else took since, and `leaves`.
fn annotation(upstream: &Value, leaves: &[WriteBack], target: &str) -> WrittenBack {
    let path = format!("/metadata/annotations/{}", WRITTEN_BACK_ANNOTATION.replace('/', "~1"));
    let known = upstream.pointer(&path).and_then(Value::as_str);
    let mut written = known.map(WrittenBack::parse).unwrap_or_default();
    let entries = ManagedEntry::all_of(upstream);
    let others: Vec<_> = entries.iter().filter(|entry| entry.manager != FIELD_MANAGER).collect();
    let taken: BTreeSet<String> = leaves
        .iter()
        .filter(|leaf| {
            others
                .iter()
                .any(|entry| owner_of(std::slice::from_ref(*entry), &leaf.path).is_some())
        })
        .map(|leaf| leaf.path.to_string())
        .collect();
    let fields: Vec<&Value> = others.iter().map(|entry| entry.fields).collect();
    written.retain(|path| !taken.contains(path) && !fields.iter().any(|fields| owns_text(fields, path)));
    for leaf in leaves {
        written.record(leaf.path.to_string(), OriginalWrite::new(target, leaf.at, leaf.hash));
    }
    written
}

/// Whether a field set owns the leaf whose path reads `wanted`.
fn owns_text(fields: &Value, wanted: &str) -> bool {
    fn walk(node: &Value, path: &mut FieldPath, wanted: &str) -> bool {
        crate::ownership::fields::children(node).any(|(name, child)| {
            let Some(step) = crate::ownership::fields::step(name) else {
                return false;
            };
            path.push(step);
            let text = path.to_string();
            let found = text == wanted || (wanted.starts_with(&text) && walk(child, path, wanted));
            path.pop();
            found
        })
    }
    walk(fields, &mut FieldPath::default(), wanted)
}

/// The object as it is after the operations so far.
struct Draft {
    object: Value,
    ops: Vec<PatchOp>,
}

// === impl Draft ===

impl Draft {
    fn write(&mut self, leaf: &WriteBack) {
        let path = &leaf.path.path;
        match (leaf.path.kind, &leaf.value) {
            (LeafKind::Value | LeafKind::Item, Some(value)) => self.set(path, value.clone()),
            (LeafKind::Value | LeafKind::Item, None) => self.remove(path),
            (LeafKind::Union(_), value) => {
                let arms = value.as_ref().and_then(Value::as_object);
                self.exchange(path, arms.unwrap_or(&Map::new()), leaf.path.kind);
            }
            (LeafKind::Order, Some(Value::Array(names))) => self.put_in_order(path, names),
            (LeafKind::Order, _) => {}
        }
    }

    /// Sets what is at `path`, and makes the structs and lists around it. An item that is not there is added at the end.
    fn set(&mut self, path: &FieldPath, value: Value) {
        let Some((last, around)) = path.steps().split_last() else {
            return;
        };
        let mut parent = FieldPath::default();
        let of_list = |step: &Step| !matches!(step, Step::Field(_));
        for (index, step) in around.iter().enumerate() {
            parent.push(step.clone());
            if parent.find(&self.object).is_some_and(|found| !found.is_null()) {
                continue;
            }
            // An item that is not there is nobody's to fill in: it was removed upstream meanwhile.
            if of_list(step) {
                return;
            }
            let next = around.get(index + 1).unwrap_or(last);
            let empty = if of_list(next) {
                Value::Array(Vec::new())
            } else {
                Value::Object(Map::new())
            };
            self.add(&parent, empty);
        }
        if let Step::Field(_) = last {
            self.add(path, value);
            return;
        }
        match path.tokens(&self.object) {
            Some(tokens) => {
                let pointer = Token::pointer(&tokens);
                let tokens: Vec<Place> = tokens.iter().map(Place::of).collect();
                if let Some(item) = find_mut(&mut self.object, &tokens) {
                    *item = value.clone();
                }
                self.ops.push(PatchOp::Replace { path: pointer, value });
            }
            None => self.append(&parent, value),
        }
    }

    /// Sets a field of a struct that is there.
    fn add(&mut self, path: &FieldPath, value: Value) {
        let (Some(parent), Some(Step::Field(name))) = (path.parent(), path.steps().last()) else {
            return;
        };
        let Some(tokens) = parent.tokens(&self.object) else {
            return;
        };
        let pointer = format!("{}{}", Token::pointer(&tokens), Token::pointer(&[Token::Key(name)]));
        let tokens: Vec<Place> = tokens.iter().map(Place::of).collect();
        let Some(Value::Object(map)) = find_mut(&mut self.object, &tokens) else {
            return;
        };
        if map.get(&**name) == Some(&value) {
            return;
        }
        map.insert(name.to_string(), value.clone());
        self.ops.push(PatchOp::Add { path: pointer, value });
    }

    fn append(&mut self, list: &FieldPath, value: Value) {
        let Some(tokens) = list.tokens(&self.object) else {
            return;
        };
        let pointer = format!("{}/-", Token::pointer(&tokens));
        let tokens: Vec<Place> = tokens.iter().map(Place::of).collect();
        let Some(Value::Array(items)) = find_mut(&mut self.object, &tokens) else {
            return;
        };
        items.push(value.clone());
        self.ops.push(PatchOp::Add { path: pointer, value });
    }

    fn remove(&mut self, path: &FieldPath) {
        let Some(tokens) = path.tokens(&self.object) else {
            return;
        };
        let pointer = Token::pointer(&tokens);
        let mut tokens: Vec<Place> = tokens.iter().map(Place::of).collect();
        let Some(last) = tokens.pop() else { return };
        match (find_mut(&mut self.object, &tokens), last) {
            (Some(Value::Object(map)), Place::Key(key)) => {
                map.remove(&key);
            }
            (Some(Value::Array(items)), Place::Index(index)) if index < items.len() => {
                items.remove(index);
            }
            _ => return,
        }
        self.ops.push(PatchOp::Remove { path: pointer });
    }

    /// Brings a union to the arms of `value`.
    fn exchange(&mut self, path: &FieldPath, value: &Map<String, Value>, kind: LeafKind) {
        let with = |arm: &str| {
            let mut path = path.clone();
            path.push(Step::Field(arm.into()));
            path
        };
        let present: Vec<String> = match path.find(&self.object) {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            _ => Vec::new(),
        };
        let of_union = |arm: &str| super::schema::is_arm(path, arm, kind);
        for arm in present.iter().filter(|arm| of_union(arm) && !value.contains_key(*arm)) {
            self.remove(&with(arm));
        }
        for (arm, value) in value {
            self.set(&with(arm), value.clone());
        }
    }

    fn put_in_order(&mut self, path: &FieldPath, names: &[Value]) {
        let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let before = path.find(&self.object).cloned();
        reorder(&mut self.object, path, &names);
        let (Some(after), Some(tokens)) = (path.find(&self.object), path.tokens(&self.object)) else {
            return;
        };
        if before.as_ref() != Some(after) {
            self.ops.push(PatchOp::Replace {
                path: Token::pointer(&tokens),
                value: after.clone(),
            });
        }
    }
}
