//! What was handed over to the target, and is to be taken back.

use serde_json::Value;

use super::{HANDOVER_MANAGER, ManagedEntry, fields};
use crate::field_path::{FieldPath, Step};

/// The fields that the handover manager goes on owning, of all that it owns by `entries`: those of which `is_kept` says so. `None` if these are
/// all, so that there is nothing to take back.
pub fn kept_of_handover(entries: &[ManagedEntry<'_>], is_kept: impl Fn(&FieldPath) -> bool) -> Option<Vec<FieldPath>> {
    entries.iter().find(|entry| entry.manager == HANDOVER_MANAGER)?;
    let mut leaves = leaves_of_handover(entries);
    let all = leaves.len();
    leaves.retain(is_kept);
    (all == 0 || leaves.len() < all).then_some(leaves)
}

/// All that the handover manager owns by `entries`.
pub(crate) fn leaves_of_handover(entries: &[ManagedEntry<'_>]) -> Vec<FieldPath> {
    let handover = entries.iter().find(|entry| entry.manager == HANDOVER_MANAGER);
    handover.map(leaves_of_entry).unwrap_or_default()
}

/// All that `entry` owns.
pub(crate) fn leaves_of_entry(entry: &ManagedEntry<'_>) -> Vec<FieldPath> {
    let mut leaves = Vec::new();
    leaves_of(entry.fields, &mut FieldPath::default(), &mut leaves);
    leaves
}

/// The leaves of `node`, which is at `path`; an item of which only the key is owned is one.
fn leaves_of(node: &Value, path: &mut FieldPath, leaves: &mut Vec<FieldPath>) {
    let before = leaves.len();
    for (name, child) in fields::children(node) {
        let Some(step) = fields::step(name) else { continue };
        let is_key = match (path.steps().last(), &step) {
            (Some(Step::Item(key)), Step::Field(field)) => key.contains_key(&**field),
            _ => false,
        };
        if is_key {
            continue;
        }
        path.push(step);
        leaves_of(child, path, leaves);
        path.pop();
    }
    if leaves.len() == before && path.len() > 0 {
        leaves.push(path.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_kept_any_more_is_taken_back() {
        let fields = json!({"f:spec": {"f:replicas": {}, "f:containers": {
            "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}}, "k:{\"name\":\"log\"}": {".": {}, "f:name": {}},
        }}});
        let entries = [ManagedEntry {
            manager: HANDOVER_MANAGER,
            operation: "Apply",
            subresource: "",
            time: None,
            fields: &fields,
        }];
        let kept = |names: &'static [&str]| {
            let kept = kept_of_handover(&entries, |path| names.contains(&path.to_string().as_str()))?;
            Some(kept.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let all = [
            "spec.containers[name=log]",
            "spec.containers[name=web].image",
            "spec.replicas",
        ];
        assert_eq!(
            kept(&[
                "spec.containers[name=log]",
                "spec.containers[name=web].image",
                "spec.replicas"
            ]),
            None,
            "{all:?}"
        );
        assert_eq!(kept(&["spec.replicas"]), Some(vec!["spec.replicas".to_owned()]));
        assert_eq!(kept(&[]), Some(Vec::new()));
        assert_eq!(kept_of_handover(&[], |_| false), None);
    }
}
