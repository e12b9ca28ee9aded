//! What has to pass to the handover manager before an apply leaves it out.

use serde_json::Value;

use super::owner::{node_at, owned_alone};
use crate::{
    field_path::{FieldPath, Step},
    ownership::{HANDOVER_MANAGER, ManagedEntry, leaves_of_entry, leaves_of_handover},
    transform::{Path, reserved::is_of_kcp},
};

/// What the handover manager has to own before `desired` is applied over `live`: the leaves that `rules` give to the target, that `desired` leaves
/// out and that our entry alone owns, since an omission would reset them; and what it owns already, since an apply takes from its manager what it
/// leaves out. `None` where it owns all of that.
pub fn to_hand_over(live: &Value, desired: &Value, rules: &[Path]) -> Option<Vec<FieldPath>> {
    let entries = ManagedEntry::all_of(live);
    let ours = entries.iter().find(|entry| entry.is_our_apply())?;
    let others = entries.iter().filter(|entry| !entry.is_our_apply());
    let others: Vec<&Value> = others.map(|entry| entry.fields).collect();
    let mut found = Vec::new();
    owned_alone(ours.fields, &mut FieldPath::default(), &others, &mut found);
    found.retain(|path| {
        let mut rules = rules.iter().filter(|rule| rule.holds(path));
        !is_marker(path)
            && path.find(desired).is_none()
            && path.find(live).is_some()
            && rules.any(|rule| missing_item(path, rule, desired).is_none())
    });
    if found.is_empty() {
        return None;
    }
    Some(with_held(&entries, live, found))
}

/// The items of lists that the upstream removed and that our next apply would leave behind in part, since others, the handover manager among them,
/// own what `rules` give to the target in them: what is left would be refused, so that they have to be taken out before.
pub fn items_left_in_part<'r>(live: &Value, desired: &Value, rules: impl Iterator<Item = &'r Path>) -> Vec<FieldPath> {
    let entries = ManagedEntry::all_of(live);
    let Some(ours) = entries.iter().find(|entry| entry.is_our_apply()) else {
        return Vec::new();
    };
    let rules: Vec<&Path> = rules.collect();
    let mut found = Vec::new();
    let others = entries
        .iter()
        .filter(|entry| !entry.is_our_apply() && entry.subresource.is_empty());
    for path in others.flat_map(leaves_of_entry) {
        let of_path = rules.iter().filter(|rule| rule.holds(&path));
        for item in of_path.filter_map(|rule| missing_item(&path, rule, desired)) {
            if node_at(ours.fields, &item).is_some() && item.find(live).is_some() && !found.contains(&item) {
                found.push(item);
            }
        }
    }
    found
}

/// What the handover manager of `live` owns already, beside `more` that it is to own: its next apply has to name all of it.
pub(super) fn with_held(entries: &[ManagedEntry<'_>], live: &Value, mut more: Vec<FieldPath>) -> Vec<FieldPath> {
    if more.is_empty() || entries.iter().all(|entry| entry.manager != HANDOVER_MANAGER) {
        return more;
    }
    let held = leaves_of_handover(entries);
    let held = held
        .into_iter()
        .filter(|path| path.find(live).is_some() && !more.contains(path));
    let held: Vec<_> = held.collect();
    more.extend(held);
    more
}

/// The outermost item of a list around `path`, above what `rule` gives away, that `desired` does not have.
fn missing_item(path: &FieldPath, rule: &Path, desired: &Value) -> Option<FieldPath> {
    let mut around = FieldPath::default();
    for step in path.steps().iter().take(rule.steps().len().saturating_sub(1)) {
        around.push(step.clone());
        if !matches!(step, Step::Field(_)) && around.find(desired).is_none() {
            return Some(around);
        }
    }
    None
}

/// Our own marks in labels and annotations go with each apply.
fn is_marker(path: &FieldPath) -> bool {
    match path.steps() {
        [Step::Field(metadata), Step::Field(_), Step::Field(key)] => &**metadata == "metadata" && is_of_kcp(key),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::marker::FIELD_MANAGER;

    fn live() -> Value {
        json!({
            "metadata": {"labels": {"app": "web", "internal.workload.kcp.io/cluster": "x"}},
            "spec": {"replicas": 5, "minReadySeconds": 7, "containers": [
                {"name": "web", "image": "web:2", "resources": {"limits": {"cpu": "2"}}},
                {"name": "log", "image": "log:2", "resources": {"limits": {"cpu": "1"}}},
            ]},
        })
    }

    fn entry(manager: &str, spec: &Value) -> Value {
        let mut fields = json!({"f:spec": spec});
        if manager == FIELD_MANAGER {
            fields["f:metadata"] = json!({"f:labels": {"f:app": {}, "f:internal.workload.kcp.io/cluster": {}}});
        }
        json!({"manager": manager, "operation": "Apply", "fieldsV1": fields})
    }

    fn item(parts: &Value) -> Value {
        let mut item = json!({".": {}, "f:name": {}});
        for part in parts.as_array().unwrap() {
            item[format!("f:{}", part.as_str().unwrap())] = match part.as_str() {
                Some("resources") => json!({"f:limits": {"f:cpu": {}}}),
                _ => json!({}),
            };
        }
        item
    }

    /// What is handed over where `rules` count, `ours` and `held` are owned by us and the handover, and these containers are desired.
    fn handed(rules: &[&str], ours: &Value, held: &Value, containers: &[&str]) -> Option<Vec<String>> {
        let mut live = live();
        let mut entries = vec![entry(FIELD_MANAGER, ours)];
        if held != &json!({}) {
            entries.push(entry(HANDOVER_MANAGER, held));
        }
        live["metadata"]["managedFields"] = entries.into();
        let containers: Vec<_> = containers.iter().map(|name| json!({"name": name})).collect();
        let desired = json!({"spec": {"containers": containers}});
        let rules: Vec<Path> = rules.iter().map(|rule| Path::parse(rule).unwrap()).collect();
        let paths = to_hand_over(&live, &desired, &rules)?;
        let mut paths: Vec<_> = paths.iter().map(ToString::to_string).collect();
        paths.sort();
        Some(paths)
    }

    #[test]
    fn what_was_handed_over_before_is_handed_over_with_what_comes_after() {
        let ours = json!({"f:minReadySeconds": {}, "f:paused": {}});
        let held = json!({"f:replicas": {}});
        let rules = ["spec.replicas", "spec.minReadySeconds"];
        let both = ["spec.minReadySeconds".to_owned(), "spec.replicas".to_owned()];
        assert_eq!(handed(&rules, &ours, &held, &[]), Some(both.to_vec()));
        assert_eq!(handed(&rules, &json!({}), &held, &[]), None, "nothing new");
        assert_eq!(handed(&[], &ours, &held, &[]), None, "no rule asks for it");
    }

    #[test]
    fn a_rule_through_a_list_is_handed_over_for_each_item_that_is_desired() {
        let item = item(&json!(["image", "resources"]));
        let ours = json!({"f:containers": {"k:{\"name\":\"web\"}": item, "k:{\"name\":\"log\"}": item}});
        let of = |name: &str| format!("spec.containers[name={name}].resources.limits.cpu");
        for (rule, desired, expected) in [
            (
                "spec.containers[name=web].resources",
                &["web", "log"][..],
                Some(vec![of("web")]),
            ),
            (
                "spec.containers[*].resources",
                &["web", "log"],
                Some(vec![of("log"), of("web")]),
            ),
            ("spec.containers[*].resources", &["web"], Some(vec![of("web")])),
            ("spec.containers[name=none].resources", &["web", "log"], None),
            // The item itself is given away.
            (
                "spec.containers[name=log]",
                &["web"],
                Some(vec!["spec.containers[name=log].image".to_owned(), of("log")]),
            ),
        ] {
            assert_eq!(handed(&[rule], &ours, &json!({}), desired), expected, "{rule}");
        }
    }

    #[test]
    fn an_item_that_the_upstream_removed_goes_before_others_keep_a_part_of_it() {
        let item = item(&json!(["resources"]));
        let both = json!({"f:containers": {"k:{\"name\":\"web\"}": item, "k:{\"name\":\"log\"}": item}});
        let mut live = live();
        live["metadata"]["managedFields"] = json!([entry(FIELD_MANAGER, &both), entry(HANDOVER_MANAGER, &both)]);
        let left = |rule: &str, names: &[&str]| {
            let containers: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
            let rules = [Path::parse(rule).unwrap()];
            let items = items_left_in_part(&live, &json!({"spec": {"containers": containers}}), rules.iter());
            items.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            left("spec.containers[*].resources", &["web"]),
            ["spec.containers[name=log]"]
        );
        assert!(left("spec.containers[*].resources", &["web", "log"]).is_empty());
        assert!(left("spec.containers[name=web].resources", &["web"]).is_empty());
        assert!(
            left("spec.containers[name=log]", &["web"]).is_empty(),
            "the item itself is given away"
        );
    }

    #[test]
    fn what_others_own_too_and_our_own_marks_are_not_handed_over() {
        let held = json!({"f:replicas": {}});
        let ours = json!({"f:replicas": {}});
        assert_eq!(handed(&["spec.replicas"], &ours, &held, &[]), None);
        let labels = handed(&["metadata.labels"], &ours, &json!({}), &[]);
        assert_eq!(labels, Some(vec!["metadata.labels.app".to_owned()]));
    }
}
