//! Watches: the order of events, selectors, bookmarks, and versions that are forgotten.

use serde_json::{Value, json};

use super::bodies::{CM, DEPLOY, at, cm, deploy, labelled, with};
use crate::row::{Row, plain};

/// A real server watches Leases without a cache in this test: it forgets them when its store is compacted.
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/$ns/leases";

fn lease() -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}})
}

/// The types and names of events.
fn types(events: &Value) -> Value {
    let events = events.as_array().map(Vec::as_slice).unwrap_or_default();
    let told = events.iter().map(|event| {
        json!([
            event["type"],
            event["object"]["kind"],
            event["object"]["metadata"]["name"]
        ])
    });
    told.collect()
}

/// What bookmarks hold.
fn bookmarks(events: &Value) -> Value {
    let events = events.as_array().map(Vec::as_slice).unwrap_or_default();
    let bookmarks = events.iter().filter(|event| event["type"] == "BOOKMARK");
    bookmarks.cloned().collect()
}

pub(super) fn rows() -> Vec<Row> {
    let a = &*at(CM, "a");
    let begun = |name| {
        plain(name)
            .post(CM, labelled("first", json!({"x": "1"})))
            .keep("from", "/metadata/resourceVersion")
    };
    let on = |query: &str| format!("{CM}?watch=1&resourceVersion=$from{query}");
    let events = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    vec![
        begun("a watch tells what happens after its version, in order")
            .post(CM, cm("a", json!({"k": "v"})))
            .merge(a, json!({"data": {"k": "w"}}))
            .delete(a)
            .status_only()
            .watch(on(""), 3)
            .is(200)
            .shows("/0/type", "ADDED")
            .shows("/1/type", "MODIFIED")
            .shows("/2/type", "DELETED"),
        begun("a deleted object has a version of its own in its event")
            .post(CM, cm("a", json!({})))
            .keep("made", "/metadata/resourceVersion")
            .delete(a)
            .status_only()
            .watch(on(""), 2)
            .is(200)
            .shows("/0/object/metadata/resourceVersion", "$made"),
        plain("a watch from version 0 begins with what is there")
            .post(CM, cm("a", json!({})))
            .post(CM, cm("b", json!({})))
            .get(format!("{CM}?resourceVersion=0"))
            .in_time()
            .shows("/items/1/metadata/name", "b")
            .watch(format!("{CM}?watch=1&resourceVersion=0"), 2)
            .is(200)
            .seen(types),
        plain("a watch without a version begins with what is there")
            .post(CM, cm("a", json!({})))
            .watch(format!("{CM}?watch=1"), 1)
            .is(200)
            .shows("/0/type", "ADDED"),
        begun("a watch ends after its timeout")
            .watch(on("&timeoutSeconds=1"), usize::MAX)
            .is(200)
            .shows("", json!([])),
        begun("what begins to match a selector is added, what ceases to is deleted")
            .post(CM, labelled("a", json!({"x": "2"})))
            .merge(a, json!({"metadata": {"labels": {"x": "1"}}}))
            .merge(a, json!({"metadata": {"annotations": {"n": "1"}}}))
            .merge(a, json!({"metadata": {"labels": {"x": "3"}}}))
            .watch(on("&labelSelector=x%3D1"), 3)
            .is(200)
            .seen(types),
        begun("what ceases to match is told as it last matched, with the new version")
            .post(CM, labelled("a", json!({"x": "1"})))
            .merge(a, json!({"metadata": {"labels": {"x": "3"}}}))
            .keep("after", "/metadata/resourceVersion")
            .watch(on("&labelSelector=x%3D1"), 2)
            .is(200)
            .shows("/1/type", "DELETED")
            .shows("/1/object/metadata/resourceVersion", "$after"),
        begun("a watch of one name sees no other")
            .post(CM, cm("b", json!({})))
            .post(CM, cm("a", json!({})))
            .watch(on("&fieldSelector=metadata.name%3Da"), 1)
            .is(200)
            .seen(types),
        begun("a write that changes nothing is no event")
            .post(CM, cm("a", json!({"k": "v"})))
            .merge(a, json!({"data": {"k": "v"}}))
            .merge(a, json!({"data": {"k": "w"}}))
            .watch(on(""), 2)
            .is(200)
            .shows("/1/object/data/k", "w"),
        begun("a finalizer makes of a delete a change, and of the last removal a delete")
            .post(CM, with(cm("a", json!({})), "/metadata/finalizers", json!(["x.io/f"])))
            .delete(a)
            .status_only()
            .merge(a, json!({"metadata": {"finalizers": null}}))
            .watch(on(""), 3)
            .is(200),
        plain("initial events end with a bookmark that says so")
            .post(CM, cm("a", json!({})))
            .post(CM, cm("b", json!({})))
            .watch(format!("{CM}?watch=1&{events}"), 3)
            .is(200)
            .shows("/2/type", "BOOKMARK")
            .shows("/2/object/metadata/annotations/k8s.io~1initial-events-end", "true"),
        plain("the bookmark after initial events holds only a version")
            .post(CM, cm("a", json!({})))
            .watch(format!("{CM}?watch=1&{events}"), 2)
            .is(200)
            .seen(bookmarks),
        plain("initial events need a way to match")
            .watch(
                format!("{CM}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"),
                1,
            )
            .is(422),
        plain("initial events are for watches only")
            .get(format!("{CM}?{events}"))
            .is(422)
            .status_only(),
        plain("a watch from a forgotten version ends with an error in the stream")
            .post(LEASES, lease())
            .keep("old", "/metadata/resourceVersion")
            .delete(at(LEASES, "l"))
            .status_only()
            .post(LEASES, lease())
            .forget()
            .watch(format!("{LEASES}?watch=1&resourceVersion=$old"), 1)
            .in_time()
            .is(200)
            .shows("/0/type", "ERROR")
            .shows("/0/object/code", 410)
            .shows("/0/object/reason", "Expired")
            .fields(&[
                "/0/type",
                "/0/object/kind",
                "/0/object/code",
                "/0/object/reason",
                "/0/object/status",
            ]),
        begun("a watch from a version that is no number is refused")
            .watch(format!("{CM}?watch=1&resourceVersion=abc"), 1)
            .is(500),
        plain("a status write is an event of its object")
            .post(DEPLOY, deploy("web"))
            .keep("from", "/metadata/resourceVersion")
            .merge(
                format!("{}/status", at(DEPLOY, "web")),
                json!({"status": {"replicas": 1}}),
            )
            .watch(format!("{DEPLOY}?watch=1&resourceVersion=$from"), 1)
            .is(200)
            .shows("/0/object/status/replicas", 1),
        begun("a watch of one object by its path")
            .post(CM, cm("a", json!({})))
            .watch(format!("{a}?watch=1&resourceVersion=$from"), 1)
            .status_only(),
        plain("a watch from a version yet to come waits")
            .post(CM, cm("a", json!({})))
            .watch(
                format!("{CM}?watch=1&resourceVersion=900000000&timeoutSeconds=1"),
                usize::MAX,
            )
            .is(200)
            .shows("", json!([])),
        begun("a watch over all namespaces sees each")
            .post(CM, labelled("a", json!({"of": "$ns"})))
            .watch(
                "/api/v1/configmaps?watch=1&resourceVersion=$from&labelSelector=of%3D$ns",
                1,
            )
            .is(200)
            .seen(types),
    ]
}
