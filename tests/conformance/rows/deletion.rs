//! Deletes, finalizers, and namespaces that end.

use serde_json::json;

use super::bodies::{CM, DEPLOY, NS, at, cm, deploy, labelled, with};
use crate::row::{Row, plain};

/// Nothing in the sandbox looks for objects whose owner is gone.
const NO_COLLECTOR: &str = "the sandbox has no garbage collector";

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

pub(super) fn rows() -> Vec<Row> {
    let a = at(CM, "a");
    let made = |name| {
        plain(name)
            .post(CM, cm("a", json!({"k": "v"})))
            .keep("rv", "/metadata/resourceVersion")
            .keep("uid", "/metadata/uid")
    };
    let held = |name| {
        plain(name)
            .post(
                CM,
                with(cm("a", json!({})), "/metadata/finalizers", json!(["x.io/f", "x.io/g"])),
            )
            .is(201)
            .keep("rv", "/metadata/resourceVersion")
    };
    vec![
        made("a delete answers with a Status that names the object")
            .delete(&*a)
            .is(200)
            .get(&*a)
            .is(404),
        plain("a delete of a Deployment answers with a Status")
            .post(DEPLOY, deploy("web"))
            .delete(at(DEPLOY, "web"))
            .is(200)
            .shows("/kind", "Status"),
        made("a delete for another UID is a conflict")
            .delete_with(&*a, json!({"preconditions": {"uid": NOBODY}}))
            .is(409)
            .get(&*a)
            .is(200),
        made("a delete for the present UID goes through")
            .delete_with(&*a, json!({"preconditions": {"uid": "$uid"}}))
            .is(200),
        made("a delete from an old version is a conflict")
            .merge(&*a, json!({"data": {"k": "w"}}))
            .delete_with(&*a, json!({"preconditions": {"resourceVersion": "$rv"}}))
            .is(409),
        made("a dry-run delete deletes nothing")
            .delete(format!("{a}?dryRun=All"))
            .is(200)
            .get(&*a)
            .is(200),
        held("a finalizer holds an object that is deleted")
            .delete(&*a)
            .is(200)
            .get(&*a)
            .is(200)
            .shows("/metadata/deletionGracePeriodSeconds", 0),
        held("a second delete changes nothing")
            .delete(&*a)
            .keep("after", "/metadata/resourceVersion")
            .delete(&*a)
            .is(200)
            .shows("/metadata/resourceVersion", "$after"),
        held("the object goes with its last finalizer")
            .delete(&*a)
            .merge(&*a, json!({"metadata": {"finalizers": ["x.io/g"]}}))
            .is(200)
            .merge(&*a, json!({"metadata": {"finalizers": null}}))
            .is(200)
            .get(&*a)
            .is(404),
        held("no finalizer is added to an object that is deleted")
            .delete(&*a)
            .merge(&*a, json!({"metadata": {"finalizers": ["x.io/f", "x.io/g", "x.io/h"]}}))
            .is(422),
        held("an object that is deleted can still be changed")
            .delete(&*a)
            .merge(&*a, json!({"data": {"k": "w"}}))
            .is(200)
            .shows("/data/k", "w"),
        held("an apply to an object that is deleted changes it")
            .delete(&*a)
            .apply("one", &a, cm("a", json!({"z": "v"})))
            .is(200),
        held("a name is taken until its object is gone")
            .delete(&*a)
            .post(CM, cm("a", json!({})))
            .is(409),
        plain("deletecollection deletes what is selected")
            .post(CM, labelled("a", json!({"x": "1"})))
            .post(CM, labelled("b", json!({"x": "1"})))
            .post(CM, labelled("c", json!({"x": "2"})))
            .delete(format!("{CM}?labelSelector=x%3D1"))
            .is(200)
            .get(CM)
            .shows("/items/0/metadata/name", "c")
            .lacks("/items/1"),
        plain("a collection over all namespaces cannot be deleted")
            .delete("/api/v1/configmaps")
            .is(405),
        plain("a namespace that is deleted terminates")
            .post(CM, with(cm("a", json!({})), "/metadata/finalizers", json!(["x.io/f"])))
            .delete(at(NS, "$ns"))
            .is(200)
            .fields(&["/kind", "/metadata/name", "/status/phase", "/spec/finalizers"])
            .get(at(NS, "$ns"))
            .shows("/status/phase", "Terminating")
            .fields(&["/kind", "/spec/finalizers", "/status/phase"])
            .get(&*a)
            .in_time()
            .shows("/metadata/deletionGracePeriodSeconds", 0),
        plain("nothing is created in a namespace that terminates")
            .post(CM, with(cm("a", json!({})), "/metadata/finalizers", json!(["x.io/f"])))
            .delete(at(NS, "$ns"))
            .is(200)
            .status_only()
            .post(CM, cm("b", json!({})))
            .is(403)
            .shows("/details/causes/0/reason", "NamespaceTerminating")
            .apply("one", &at(CM, "c"), cm("c", json!({})))
            .is(403),
        plain("a namespace goes when its objects have")
            .post(CM, with(cm("a", json!({})), "/metadata/finalizers", json!(["x.io/f"])))
            .delete(at(NS, "$ns"))
            .status_only()
            .get(&*a)
            .in_time()
            .shows("/metadata/deletionGracePeriodSeconds", 0)
            .status_only()
            .merge(&*a, json!({"metadata": {"finalizers": null}}))
            .is(200)
            .status_only()
            .get(at(NS, "$ns"))
            .in_time()
            .is(404),
        plain("an object in a namespace that terminates can still be changed")
            .post(CM, with(cm("a", json!({})), "/metadata/finalizers", json!(["x.io/f"])))
            .delete(at(NS, "$ns"))
            .status_only()
            .merge(&*a, json!({"data": {"k": "v"}}))
            .is(200)
            .fields(&["/data"]),
        plain("the label that names a namespace comes back")
            .merge(
                at(NS, "$ns"),
                json!({"metadata": {"labels": {"kubernetes.io/metadata.name": null, "x": "y"}}}),
            )
            .is(200)
            .shows("/metadata/labels/kubernetes.io~1metadata.name", "$ns"),
        plain("the namespace default cannot be deleted")
            .delete(at(NS, "default"))
            .is(403),
        plain("what a deleted owner had is collected")
            .known_difference(NO_COLLECTOR)
            .post(CM, cm("parent", json!({})))
            .keep("parent", "/metadata/uid")
            .post(
                CM,
                with(
                    cm("a", json!({})),
                    "/metadata/ownerReferences",
                    json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "parent", "uid": "$parent"}]),
                ),
            )
            .delete(at(CM, "parent"))
            .is(200)
            .get(&*a)
            .on_real(404),
        plain("a foreground delete waits under a finalizer")
            .known_difference(NO_COLLECTOR)
            .post(CM, with(cm("a", json!({})), "/metadata/finalizers", json!(["x.io/f"])))
            .delete_with(&*a, json!({"propagationPolicy": "Foreground"}))
            .is(200),
        plain("an orphaning delete waits under a finalizer")
            .known_difference(NO_COLLECTOR)
            .post(CM, with(cm("a", json!({})), "/metadata/finalizers", json!(["x.io/f"])))
            .delete_with(&*a, json!({"propagationPolicy": "Orphan"}))
            .is(200),
    ]
}
