//! An object as people are shown it: what they decide, without what every write moves, and never a value of a Secret (S8).

use serde_json::{Map, Value};

use crate::{
    Gvr,
    hash_key::HashKey,
    kind_rules,
    marker::{APPLIED_ANNOTATION, CLUSTER_LABEL, NAMESPACE_LOCATOR_ANNOTATION, ORIGIN_ANNOTATION},
    ownership::ManagedEntry,
};

/// Members of the metadata that say which object this is, or that every write moves.
const MOVED: [&str; 9] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
    "ownerReferences",
];

/// Members of a Secret whose values nobody may see.
const CONFIDENTIAL: [&str; 2] = ["data", "stringData"];

/// Our markers, by where they are.
const MARKERS: [(&str, &[&str]); 2] = [
    ("labels", &[CLUSTER_LABEL]),
    (
        "annotations",
        &[APPLIED_ANNOTATION, ORIGIN_ANNOTATION, NAMESPACE_LOCATOR_ANNOTATION],
    ),
];

/// `object` of `gvr` as it is shown: without status, versions and our markers. Of a Secret every value stands as its hash under `key`.
pub fn shown(gvr: &Gvr, object: &Value, key: &HashKey) -> Value {
    let mut shown = object.clone();
    if let Some(members) = shown.as_object_mut() {
        members.remove("status");
    }
    if let Some(metadata) = shown.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|member, _| !MOVED.contains(&member.as_str()));
        without_markers(metadata);
    }
    if is_secret(gvr) {
        hide(&mut shown, key);
    }
    shown
}

/// Whether `object` carries our markers: then it was synced there, by whatever syncer.
pub fn is_marked(object: &Value) -> bool {
    let annotations = object.pointer("/metadata/annotations");
    annotations.is_some_and(|annotations| annotations.get(ORIGIN_ANNOTATION).is_some())
}

/// Takes out of `object`, which a trial created, what its cluster made up for that trial: the next try gets something else.
pub fn without_allocated(gvr: &Gvr, object: &mut Value) {
    if !kind_rules::reads_managed_fields(gvr) {
        return;
    }
    let owners = object.clone();
    let metadata = object.get("metadata").cloned();
    kind_rules::strip(gvr, object, Some(&ManagedEntry::all_of(&owners)));
    if let (Some(members), Some(metadata)) = (object.as_object_mut(), metadata) {
        members.insert("metadata".to_owned(), metadata);
    }
}

fn without_markers(metadata: &mut Map<String, Value>) {
    for (member, keys) in MARKERS {
        let Some(pairs) = metadata.get_mut(member).and_then(Value::as_object_mut) else {
            continue;
        };
        for key in keys {
            pairs.remove(*key);
        }
        if pairs.is_empty() {
            metadata.remove(member);
        }
    }
}

fn is_secret(gvr: &Gvr) -> bool {
    gvr.group().is_empty() && gvr.resource() == "secrets"
}

/// An annotation may hold the whole Secret once more (`last-applied-configuration`).
fn hide(secret: &mut Value, key: &HashKey) {
    for member in CONFIDENTIAL {
        if let Some(value) = secret.get_mut(member) {
            hide_all(value, key);
        }
    }
    if let Some(annotations) = secret.pointer_mut("/metadata/annotations") {
        hide_all(annotations, key);
    }
}

fn hide_all(value: &mut Value, key: &HashKey) {
    match value {
        Value::Object(members) => members.values_mut().for_each(|member| hide_all(member, key)),
        Value::Array(items) => items.iter_mut().for_each(|item| hide_all(item, key)),
        Value::String(text) => *value = hashed(text, key).into(),
        other => *other = hashed(&other.to_string(), key).into(),
    }
}

/// What stands for `text` where it must not be read: the same for the same text under the same key.
pub fn hashed(text: &str, key: &HashKey) -> String {
    let hash = key.hash([text]);
    let digits = format!("{:032x}", hash.0);
    format!("(hash {})", digits.get(..16).unwrap_or(&digits))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key() -> HashKey {
        HashKey::new(b"the key of this test")
    }

    #[test]
    fn what_every_write_moves_and_our_markers_are_not_shown() {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"}, "status": {"x": 1},
            "metadata": {
                "name": "web", "namespace": "default", "uid": "u", "resourceVersion": "7", "generation": 2, "managedFields": [],
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {CLUSTER_LABEL: "k"}, "annotations": {ORIGIN_ANNOTATION: "{}", APPLIED_ANNOTATION: "{}", "team": "a"},
            },
        });
        assert!(is_marked(&object));
        let shown = shown(&Gvr::new("", "v1", "configmaps"), &object, &key());
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"},
            "metadata": {"name": "web", "namespace": "default", "annotations": {"team": "a"}},
        });
        assert_eq!(shown, expected);
        assert!(!is_marked(&shown));
    }

    #[test]
    fn no_value_of_a_secret_is_shown_and_equal_values_look_equal() {
        let gvr = Gvr::new("", "v1", "secrets");
        let secret = |password: &str| {
            json!({
                "kind": "Secret", "type": "Opaque", "data": {"password": password, "user": "YWRtaW4="}, "stringData": {"plain": "tell-nobody"},
                "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"data\":\"tell-nobody\"}"}},
            })
        };
        let one = shown(&gvr, &secret("aHVudGVyMg=="), &key());
        let text = one.to_string();
        for value in ["aHVudGVyMg", "YWRtaW4", "tell-nobody"] {
            assert!(!text.contains(value), "{text}");
        }
        assert_eq!(one["type"], "Opaque");
        let other = shown(&gvr, &secret("c29tZXRoaW5nIGVsc2U="), &key());
        assert_eq!(one["data"]["user"], other["data"]["user"]);
        assert_ne!(one["data"]["password"], other["data"]["password"]);
        let under_another = shown(&gvr, &secret("aHVudGVyMg=="), &HashKey::new(b"another key"));
        assert_ne!(
            one["data"]["user"], under_another["data"]["user"],
            "keyed: no guess can be checked offline"
        );
    }

    #[test]
    fn what_a_cluster_made_up_for_a_trial_is_taken_out_and_what_a_user_set_stays() {
        let gvr = Gvr::new("", "v1", "services");
        let service = |owned: Value| {
            json!({
                "kind": "Service", "metadata": {"name": "web", "labels": {"a": "b"}, "managedFields": [
                    {"manager": "tmc-syncer", "operation": "Apply", "fieldsV1": {"f:spec": owned}},
                ]},
                "spec": {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "ports": [{"port": 80}]},
            })
        };
        let mut allocated = service(json!({"f:ports": {}}));
        without_allocated(&gvr, &mut allocated);
        assert_eq!(allocated["spec"], json!({"ports": [{"port": 80}]}));
        assert_eq!(allocated["metadata"]["labels"]["a"], "b");
        let mut set = service(json!({"f:clusterIP": {}, "f:clusterIPs": {}, "f:ports": {}}));
        without_allocated(&gvr, &mut set);
        assert_eq!(set["spec"]["clusterIP"], "10.0.0.7");
    }
}
