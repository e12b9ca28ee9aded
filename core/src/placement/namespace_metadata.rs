//! Labels and annotations of downstream namespaces.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{config::NamespaceMetadata, transform::reserved};

/// Written by every API server itself: the name, which is another one under `Hashed`.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// About the upstream object only.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The labels and annotations of a downstream namespace: those of upstream flow down, without what is of kcp or of the
/// upstream alone, and those of the policy win, so that a tenant cannot weaken `pod-security.kubernetes.io/*`.
pub fn namespace_metadata<'a>(
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    policy: &NamespaceMetadata,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    (merged(labels, &policy.labels), merged(annotations, &policy.annotations))
}

/// What the namespace `found`, which is somebody else's and is used as it is, lacks of the labels and annotations that `wanted` asks
/// for, in words; `None` where it has them all. Both are whole objects. Values are not said: they can be long.
pub fn lacked(wanted: &Value, found: &Value) -> Option<String> {
    let mut lacked = Vec::new();
    for (word, member) in [("label", "/metadata/labels"), ("annotation", "/metadata/annotations")] {
        let held = found.pointer(member);
        let pairs = wanted.pointer(member).and_then(Value::as_object);
        for (key, value) in pairs.into_iter().flatten() {
            let is_held = held.and_then(|held| held.get(key)) == Some(value);
            if !is_held && !reserved::is_of_kcp(key) {
                lacked.push(format!("{word} {key}"));
            }
        }
    }
    if lacked.is_empty() {
        None
    } else {
        Some(lacked.join(", "))
    }
}

fn merged<'a>(
    upstream: impl IntoIterator<Item = (&'a str, &'a str)>,
    policy: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let stays = |key: &str| reserved::is_of_kcp(key) || key == NAME_LABEL || key == LAST_APPLIED;
    let mut merged: BTreeMap<String, String> = upstream
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    merged.extend(policy.clone());
    merged.retain(|key, _| !stays(key));
    merged
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_somebody_elses_namespace_lacks_is_named_without_our_marks_and_values() {
        let wanted = json!({"metadata": {
            "labels": {"team": "web", "app": "shop", "internal.workload.kcp.io/cluster": "k"},
            "annotations": {"note": "n", "workload.kcp.io/origin": "o"},
        }});
        let cases = [
            (json!({}), Some("label app, label team, annotation note")),
            (
                json!({"metadata": {"labels": {"team": "others", "app": "shop"}, "annotations": {"note": "n"}}}),
                Some("label team"),
            ),
            (
                json!({"metadata": {"labels": {"team": "web", "app": "shop", "more": ""}, "annotations": {"note": "n"}}}),
                None,
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(lacked(&wanted, &found).as_deref(), expected, "{found}");
        }
        assert_eq!(lacked(&json!({}), &json!({})), None);
    }

    #[test]
    fn upstream_flows_down_and_the_policy_wins() {
        let policy = NamespaceMetadata {
            labels: map(&[("pod-security.kubernetes.io/enforce", "restricted"), ("kcp.io/x", "y")]),
            annotations: map(&[("team", "platform")]),
        };
        let labels = [
            ("pod-security.kubernetes.io/enforce", "privileged"),
            ("kubernetes.io/metadata.name", "web"),
            ("internal.workload.kcp.io/cluster", "k"),
            ("app", "shop"),
        ];
        let annotations = [
            ("kcp.io/cluster", "2xyz"),
            ("kcp.io/namespace-locator", "{}"),
            ("kubectl.kubernetes.io/last-applied-configuration", "{}"),
            ("note", "n"),
        ];
        assert_eq!(
            namespace_metadata(labels, annotations, &policy),
            (
                map(&[("app", "shop"), ("pod-security.kubernetes.io/enforce", "restricted")]),
                map(&[("note", "n"), ("team", "platform")]),
            )
        );
    }
}
