//! Letting go of objects: what takes our markers, our field ownership and our finalizers off them.
//!
//! Every patch holds only for the very object and version that was looked at (S1).

use serde_json::{Value, json};

use crate::{
    marker::{
        APPLIED_ANNOTATION, CLUSTER_LABEL, FIELD_MANAGER, HANDOVER_MANAGER, NAMESPACE_LOCATOR_ANNOTATION,
        ORIGIN_ANNOTATION,
    },
    removal::PatchOp,
};

/// The annotations that mark an object as ours.
const ANNOTATIONS: [&str; 3] = [APPLIED_ANNOTATION, ORIGIN_ANNOTATION, NAMESPACE_LOCATOR_ANNOTATION];

/// A downstream object of ours, as far as letting go of it is concerned.
#[derive(Clone, Debug)]
pub struct Marked<'a> {
    /// Its UID.
    pub uid: &'a str,
    /// The version that was looked at.
    pub resource_version: &'a str,
    /// The keys of its labels.
    pub labels: Vec<&'a str>,
    /// The keys of its annotations.
    pub annotations: Vec<&'a str>,
    /// The managers in its managedFields, all of them, in the server's order.
    pub managers: Vec<&'a str>,
}

/// The patch that makes nobody's what was ours: label and annotations go, and so do our entries in managedFields, so that
/// whoever applies the object next meets no conflict with us. Empty if nothing on it is ours.
pub fn unmark(object: &Marked<'_>) -> Vec<PatchOp> {
    let mut ops = Vec::new();
    if object.labels.contains(&CLUSTER_LABEL) {
        ops.push(remove("/metadata/labels/", CLUSTER_LABEL));
    }
    let marks = ANNOTATIONS.iter().filter(|key| object.annotations.contains(key));
    ops.extend(marks.map(|key| remove("/metadata/annotations/", key)));
    ops.extend(disown(&object.managers));
    if ops.is_empty() {
        return ops;
    }
    let tests = [
        test("/metadata/uid".to_owned(), object.uid),
        test("/metadata/resourceVersion".to_owned(), object.resource_version),
    ];
    tests.into_iter().chain(ops).collect()
}

/// Takes our entries out of managedFields.
fn disown(managers: &[&str]) -> Vec<PatchOp> {
    let ours: Vec<_> = (managers.iter().enumerate())
        .filter(|(_, manager)| matches!(**manager, FIELD_MANAGER | HANDOVER_MANAGER))
        .collect();
    if ours.is_empty() {
        return Vec::new();
    }
    // An empty list means "as it was" to the API server, a list of one empty entry means "nobody's".
    if ours.len() == managers.len() {
        return vec![PatchOp::Replace {
            path: "/metadata/managedFields".to_owned(),
            value: json!([{}]),
        }];
    }
    // From the back: an index stays valid while only later items went.
    let removals = ours.iter().rev().map(|(position, manager)| {
        let path = format!("/metadata/managedFields/{position}");
        [test(format!("{path}/manager"), manager), PatchOp::Remove { path }]
    });
    removals.flatten().collect()
}

/// The merge patch that takes the finalizers in `ours` off an upstream object that has `finalizers`; `None` if it has none of
/// them.
pub fn without_finalizers(uid: &str, resource_version: &str, finalizers: &[&str], ours: &[&str]) -> Option<Value> {
    let rest: Vec<_> = (finalizers.iter().copied())
        .filter(|finalizer| !ours.contains(finalizer))
        .collect();
    (rest.len() < finalizers.len()).then(|| {
        json!({"metadata": {
            "uid": uid,
            "resourceVersion": resource_version,
            // A list that is left out would stay.
            "finalizers": if rest.is_empty() { Value::Null } else { json!(rest) },
        }})
    })
}

fn remove(parent: &str, key: &str) -> PatchOp {
    PatchOp::Remove {
        path: format!("{parent}{}", key.replace('~', "~0").replace('/', "~1")),
    }
}

fn test(path: String, value: &str) -> PatchOp {
    PatchOp::Test {
        path,
        value: value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked<'a>(annotations: &[&'a str], managers: &[&'a str]) -> Marked<'a> {
        Marked {
            uid: "d1",
            resource_version: "7",
            labels: vec!["app", CLUSTER_LABEL],
            annotations: annotations.to_vec(),
            managers: managers.to_vec(),
        }
    }

    fn ops(object: &Marked<'_>) -> Value {
        serde_json::to_value(unmark(object)).unwrap()
    }

    #[test]
    fn an_object_that_is_let_go_keeps_what_is_not_ours() {
        let object = marked(
            &["team", ORIGIN_ANNOTATION, APPLIED_ANNOTATION],
            &[
                "tmc-syncer",
                "kubectl",
                "tmc-syncer-handover",
                "kube-controller-manager",
            ],
        );
        assert_eq!(
            ops(&object),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "d1"},
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "remove", "path": "/metadata/labels/internal.workload.kcp.io~1cluster"},
                {"op": "remove", "path": "/metadata/annotations/workload.kcp.io~1applied"},
                {"op": "remove", "path": "/metadata/annotations/workload.kcp.io~1origin"},
                {"op": "test", "path": "/metadata/managedFields/2/manager", "value": "tmc-syncer-handover"},
                {"op": "remove", "path": "/metadata/managedFields/2"},
                {"op": "test", "path": "/metadata/managedFields/0/manager", "value": "tmc-syncer"},
                {"op": "remove", "path": "/metadata/managedFields/0"},
            ])
        );
    }

    #[test]
    fn the_last_owner_leaves_the_fields_to_nobody() {
        let object = marked(&[NAMESPACE_LOCATOR_ANNOTATION], &["tmc-syncer"]);
        assert_eq!(
            ops(&object).as_array().unwrap()[3..],
            [
                json!({"op": "remove", "path": "/metadata/annotations/kcp.io~1namespace-locator"}),
                json!({"op": "replace", "path": "/metadata/managedFields", "value": [{}]}),
            ]
        );
    }

    #[test]
    fn what_is_nobody_s_is_not_written() {
        let object = Marked {
            labels: vec!["app"],
            ..marked(&["team"], &["kubectl"])
        };
        assert_eq!(ops(&object), json!([]));
    }

    #[test]
    fn only_our_finalizers_come_off() {
        let ours = ["workload.kcp.io/syncer-a", "workload.kcp.io/syncer-b"];
        let patch = |finalizers: &[&str]| without_finalizers("u1", "7", finalizers, &ours);
        let foreign = "workload.kcp.io/syncer-c";
        let cases = [
            (vec![], None),
            (vec!["kubernetes", foreign], None),
            (vec![ours[0]], Some(Value::Null)),
            (
                vec!["kubernetes", ours[1], foreign, ours[0]],
                Some(json!(["kubernetes", foreign])),
            ),
        ];
        for (finalizers, left) in cases {
            let expected =
                left.map(|left| json!({"metadata": {"uid": "u1", "resourceVersion": "7", "finalizers": left}}));
            assert_eq!(patch(&finalizers), expected, "{finalizers:?}");
        }
    }
}
