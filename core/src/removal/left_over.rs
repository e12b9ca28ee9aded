//! What we applied, no longer want, and others keep there.

use serde_json::Value;

use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
    kind_rules,
    ownership::{ManagedEntry, fields},
};

/// Groups of the API server's own kinds, beside those that end in `.k8s.io`.
const BUILT_IN: [&str; 5] = ["", "apps", "batch", "autoscaling", "policy"];
/// The fields of those kinds that are maps.
const MAPS: [&str; 8] = [
    "annotations",
    "data",
    "hard",
    "labels",
    "limits",
    "nodeSelector",
    "requests",
    "selector",
];

/// A place in the answer to an apply, with what is known of the same place elsewhere.
struct Place<'a> {
    /// The node of our entry before the apply.
    previous: &'a Value,
    answer: &'a Value,
    desired: Option<&'a Value>,
    /// The nodes of those who own something there now.
    keepers: Vec<&'a Value>,
}

/// The paths that our apply before owned (`previous`, its FieldsV1), that `desired` lacks, and that somebody else keeps
/// in the `answer` of the new apply. `entries` are those of the answer, all of them.
///
/// What nobody owns there is a default of the API server, which a removal would only bring back; what a subresource
/// wrote (an autoscaler's `scale`) or our handover keeps is meant to stay.
pub fn left_over(
    gvr: &Gvr,
    previous: &Value,
    desired: &Value,
    answer: &Value,
    entries: &[ManagedEntry<'_>],
) -> Vec<FieldPath> {
    let place = Place {
        previous,
        answer,
        desired: Some(desired),
        keepers: entries
            .iter()
            .filter(|entry| entry.keeps())
            .map(|entry| entry.fields)
            .collect(),
    };
    let mut paths = Vec::new();
    place.walk(gvr, &mut FieldPath::default(), &mut paths);
    paths
}

// === impl Place ===

impl Place<'_> {
    fn walk(&self, gvr: &Gvr, path: &mut FieldPath, paths: &mut Vec<FieldPath>) {
        for (name, previous) in fields::children(self.previous) {
            // Nearly always nobody does: nothing is looked for then.
            let keepers: Vec<_> = self.keepers.iter().filter_map(|node| node.get(name)).collect();
            if keepers.is_empty() {
                continue;
            }
            let Some(step) = fields::step(name) else { continue };
            let Some(answer) = step.get(self.answer) else { continue };
            let desired = self.desired.and_then(|desired| step.get(desired));
            let place = Place {
                previous,
                answer,
                desired: desired.filter(|value| !value.is_null()),
                keepers,
            };
            path.push(step);
            if !kind_rules::left_to_cluster(gvr, path) {
                place.visit(gvr, path, paths);
            }
            path.pop();
        }
    }

    fn visit(&self, gvr: &Gvr, path: &mut FieldPath, paths: &mut Vec<FieldPath>) {
        let in_parts = !fields::is_leaf(self.previous);
        if self.desired.is_none() && (!in_parts || self.goes_as_a_whole(gvr, path)) {
            paths.push(path.clone());
        } else if in_parts {
            self.walk(gvr, path, paths);
        }
    }

    /// Whether all of a struct or item goes: a part of it would be refused (an item without its name, a probe without
    /// its handler), and who made the object by a POST owns the defaults within.
    fn goes_as_a_whole(&self, gvr: &Gvr, path: &FieldPath) -> bool {
        let name = match path.steps().last() {
            Some(Step::Field(name)) if path.len() > 1 && !self.answer.is_array() => name,
            last => return !matches!(last, None | Some(Step::Field(_))),
        };
        let nothing_else = || self.keepers.iter().all(|node| fields::is_within(node, self.previous));
        // In a map each entry stands for itself, and what others added is not for this removal.
        let in_parts = || holds_metadata(self.previous) || is_map(gvr, name, self.answer);
        nothing_else() || !in_parts()
    }
}

/// Whether a value is a map and no struct. In custom resources that is guessed: maps of plain values.
fn is_map(gvr: &Gvr, name: &str, value: &Value) -> bool {
    if BUILT_IN.contains(&gvr.group()) || gvr.group().ends_with(".k8s.io") {
        return MAPS.contains(&name);
    }
    let mut values = value.as_object().into_iter().flat_map(|map| map.values());
    values.all(|value| !value.is_object() && !value.is_array())
}

/// Whether labels and annotations are within, those of others stay.
fn holds_metadata(node: &Value) -> bool {
    fields::children(node).any(|(name, child)| name == "f:metadata" || holds_metadata(child))
}
