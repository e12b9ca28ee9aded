//! S4: what is written upstream.

use serde_json::Value;

use super::Wrong;
use crate::{outcome::Invariant, request::Asked, wire::Change};

/// How our finalizers begin.
const FINALIZER: &str = "workload.kcp.io/syncer-";
/// The annotation beside what a write-back wrote.
const WRITTEN_BACK: &str = "workload.kcp.io/written-back";
/// The group of the syncer's own types.
const OWN_GROUP: &str = "workload.kcp.io";
/// The Secret of the syncer's own.
const HASH_KEY: &str = "tmc-syncer-hash-key";
/// What a server changes by itself with every write.
const BOOKKEEPING: [&str; 3] = ["managedFields", "resourceVersion", "generation"];

/// What is wrong with a change upstream.
pub(super) fn changed(asked: &Asked, change: &Change) -> Option<Wrong> {
    let own = asked.is_pulse() || (asked.resource == "secrets" && asked.name == HASH_KEY);
    if own || (asked.group == OWN_GROUP && asked.subresource == "status") {
        return None;
    }
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        let what = if change.before.is_none() { "made" } else { "removed" };
        // Our finalizer was the last thing that held it.
        let let_go = change.before.as_ref().is_some_and(is_deleting);
        return (!let_go).then(|| (Invariant::S4, format!("{} was {what} upstream", asked.path)));
    };
    let status = asked.subresource == "status";
    let (before, after) = (essence(before, status), essence(after, status));
    if before == after {
        return None;
    }
    let written_back = after
        .pointer("/metadata/annotations")
        .and_then(|found| found.get(WRITTEN_BACK))
        .is_some();
    (!written_back).then(|| {
        let parts: Vec<&str> = ["metadata", "spec", "data", "status"]
            .into_iter()
            .filter(|part| before.get(part) != after.get(part))
            .collect();
        (
            Invariant::S4,
            format!(
                "{} {} changed {} upstream",
                asked.method,
                asked.path,
                parts.join(" and ")
            ),
        )
    })
}

fn is_deleting(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// What of `object` is not ours to write.
fn essence(object: &Value, status: bool) -> Value {
    let mut object = object.clone();
    if status && let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
        return object;
    };
    for name in BOOKKEEPING {
        metadata.remove(name);
    }
    if let Some(Value::Array(finalizers)) = metadata.get_mut("finalizers") {
        finalizers.retain(|finalizer| !finalizer.as_str().is_some_and(|name| name.starts_with(FINALIZER)));
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::json;

    use super::*;

    fn wrong(path: &str, before: Value, after: Value) -> bool {
        let asked = Asked::of(&Request::builder().method("PATCH").uri(path).body(()).unwrap());
        let of = |value: Value| (!value.is_null()).then_some(value);
        let change = Change {
            before: of(before),
            after: of(after),
        };
        changed(&asked, &change).is_some()
    }

    #[test]
    fn only_what_is_ours_to_write_may_change() {
        let object = "/apis/apps/v1/namespaces/a/deployments/b";
        let status = "/apis/apps/v1/namespaces/a/deployments/b/status";
        let ours = json!(["workload.kcp.io/syncer-x"]);
        let cases = [
            (status, json!({}), json!({"status": {"replicas": 1}}), false),
            (object, json!({}), json!({"status": {"replicas": 1}}), true),
            (
                object,
                json!({"metadata": {}}),
                json!({"metadata": {"finalizers": ours}}),
                false,
            ),
            (
                object,
                json!({"metadata": {}}),
                json!({"metadata": {"finalizers": ["other"]}}),
                true,
            ),
            (object, json!({"spec": 1}), json!({"spec": 2}), true),
            (
                object,
                json!({"spec": 1}),
                json!({"spec": 2, "metadata": {"annotations": {WRITTEN_BACK: "{}"}}}),
                false,
            ),
            (object, json!({"spec": 1}), Value::Null, true),
            (
                object,
                json!({"metadata": {"deletionTimestamp": "now"}}),
                Value::Null,
                false,
            ),
            (object, Value::Null, json!({"spec": 1}), true),
            (
                "/apis/coordination.k8s.io/v1/namespaces/a/leases/b",
                Value::Null,
                json!({}),
                false,
            ),
            (
                "/apis/workload.kcp.io/v1alpha1/synctargets/b/status",
                json!({}),
                json!({"status": 1}),
                false,
            ),
        ];
        for (path, before, after, expected) in cases {
            assert_eq!(
                wrong(path, before.clone(), after.clone()),
                expected,
                "{path}: {before} to {after}"
            );
        }
    }
}
