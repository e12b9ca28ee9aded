//! What a write may be made dependent on: versions and UIDs; and what it may not change: the other part of the object.

use serde_json::json;

use super::bodies::{CM, DEPLOY, at, cm, deploy, with};
use crate::row::{Row, plain};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

pub(super) fn rows() -> Vec<Row> {
    let a = at(CM, "a");
    let web = at(DEPLOY, "web");
    let status = at(DEPLOY, "web/status");
    let scale = at(DEPLOY, "web/scale");
    let made = |name| {
        plain(name)
            .post(CM, cm("a", json!({"k": "v"})))
            .keep("rv", "/metadata/resourceVersion")
            .keep("uid", "/metadata/uid")
    };
    let deployed = |name| {
        plain(name)
            .post(DEPLOY, deploy("web"))
            .is(201)
            .keep("rv", "/metadata/resourceVersion")
            .keep("uid", "/metadata/uid")
    };
    vec![
        made("an update from an old version is a conflict")
            .put(&*a, cm("a", json!({"k": "w"})))
            .is(200)
            .put(&*a, with(cm("a", json!({"k": "x"})), "/metadata/resourceVersion", json!("$rv")))
            .is(409),
        made("an update from the present version goes through")
            .put(&*a, with(cm("a", json!({"k": "x"})), "/metadata/resourceVersion", json!("$rv")))
            .is(200),
        made("an update for another UID is a conflict")
            .put(&*a, with(cm("a", json!({"k": "x"})), "/metadata/uid", json!(NOBODY)))
            .is(409),
        deployed("an update of a Deployment for another UID is a conflict")
            .put(&*web, with(deploy("web"), "/metadata/uid", json!(NOBODY)))
            .is(409),
        made("a merge patch with an old version is a conflict")
            .merge(&*a, json!({"data": {"k": "w"}}))
            .is(200)
            .merge(&*a, json!({"metadata": {"resourceVersion": "$rv"}, "data": {"k": "x"}}))
            .is(409),
        made("a merge patch with the present version and UID goes through")
            .merge(&*a, json!({"metadata": {"resourceVersion": "$rv", "uid": "$uid"}, "data": {"k": "x"}}))
            .is(200),
        made("a merge patch with another UID is invalid")
            .merge(&*a, json!({"metadata": {"uid": NOBODY}, "data": {"k": "x"}}))
            .is(422),
        made("a merge patch with another UID that changes nothing else is invalid")
            .merge(&*a, json!({"metadata": {"uid": NOBODY}}))
            .is(422),
        made("a version that is no number is refused")
            .merge(&*a, json!({"metadata": {"resourceVersion": "abc"}, "data": {"k": "x"}}))
            .is(500),
        deployed("a status is not created with its object")
            .delete(&*web)
            .status_only()
            .post(DEPLOY, with(deploy("own"), "/status", json!({"replicas": 3})))
            .is(201)
            .shows("/status", json!({})),
        deployed("a patch of the object leaves the status alone")
            .merge(&*web, json!({"status": {"replicas": 3}}))
            .is(200)
            .shows("/status", json!({}))
            .shows("/metadata/resourceVersion", "$rv"),
        deployed("a patch of the status leaves the specification alone")
            .merge(&*status, json!({"spec": {"replicas": 9}, "status": {"replicas": 3}}))
            .is(200)
            .shows("/spec/replicas", 1)
            .shows("/status/replicas", 3)
            .shows("/metadata/generation", 1),
        deployed("labels are not written through the status")
            .merge(&*status, json!({"metadata": {"labels": {"x": "y"}, "annotations": {"x": "y"}}, "status": {"replicas": 3}}))
            .is(200)
            .lacks("/metadata/labels"),
        deployed("a status write with an old version is a conflict")
            .merge(&*web, json!({"spec": {"replicas": 2}}))
            .is(200)
            .merge(&*status, json!({"metadata": {"resourceVersion": "$rv"}, "status": {"replicas": 3}}))
            .is(409),
        deployed("a status write that changes nothing keeps the version")
            .merge(&*status, json!({"status": {"replicas": 3}}))
            .keep("after", "/metadata/resourceVersion")
            .merge(&*status, json!({"status": {"replicas": 3}}))
            .shows("/metadata/resourceVersion", "$after"),
        deployed("a status write has an owner of its own")
            .merge(format!("{status}?fieldManager=controller"), json!({"status": {"replicas": 3}}))
            .is(200),
        deployed("the status is read with its object").get(&*status).is(200),
        deployed("the scale shows replicas and selector")
            .get(&*scale)
            .is(200)
            .shows("/kind", "Scale")
            .shows("/spec/replicas", 1),
        deployed("the scale changes replicas, under the subresource")
            .merge(&*scale, json!({"spec": {"replicas": 4}}))
            .is(200)
            .get(&*web)
            .shows("/spec/replicas", 4)
            .shows("/metadata/generation", 2),
        deployed("a scale is updated from a known version")
            .put(
                &*scale,
                json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web", "namespace": "$ns", "resourceVersion": "$rv"}, "spec": {"replicas": 2}}),
            )
            .is(200)
            .put(
                &*scale,
                json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web", "namespace": "$ns", "resourceVersion": "$rv"}, "spec": {"replicas": 3}}),
            )
            .is(409),
        deployed("a scale is applied")
            .known_difference("the sandbox takes no apply of a scale, and nothing of ours sends one")
            .apply("one", &scale, json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 3}})),
        deployed("fewer than no replicas are invalid")
            .merge(&*scale, json!({"spec": {"replicas": -1}}))
            .is(422),
    ]
}
