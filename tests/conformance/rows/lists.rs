//! Lists: selectors, pages and versions.

use serde_json::json;

use super::bodies::{CM, DEPLOY, SECRETS, at, cm, deploy, labelled, secret};
use crate::row::{Row, plain};

/// Three ConfigMaps with labels.
fn three(name: &'static str) -> Row {
    plain(name)
        .post(CM, labelled("a", json!({"tier": "web", "x": "1"})))
        .post(CM, labelled("b", json!({"tier": "db"})))
        .post(CM, labelled("c", json!({"other": ""})))
        .keep("last", "/metadata/resourceVersion")
}

/// Three ConfigMaps, of which `selector` (percent-encoded) selects some.
fn selected(name: &'static str, selector: &str, found: &[&'static str]) -> Row {
    let mut row = three(name).get(format!("{CM}?labelSelector={selector}")).is(200);
    let pointers = [
        "/items/0/metadata/name",
        "/items/1/metadata/name",
        "/items/2/metadata/name",
    ];
    for (index, pointer) in pointers.into_iter().enumerate() {
        row = match found.get(index) {
            Some(name) => row.shows(pointer, *name),
            None => row.lacks(pointer),
        };
    }
    row
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        three("a list holds all objects in the order of their names")
            .get(CM)
            .is(200),
        plain("an empty list has no items")
            .get(CM)
            .is(200)
            .shows("/items", json!([])),
        selected("a label selector: equality", "tier%3Dweb", &["a"]),
        selected(
            "a label selector: inequality selects what lacks the label too",
            "tier!%3Dweb",
            &["b", "c"],
        ),
        selected("a label selector: in", "tier%20in%20(web,db)", &["a", "b"]),
        selected("a label selector: notin", "tier%20notin%20(web)", &["b", "c"]),
        selected("a label selector: exists", "tier", &["a", "b"]),
        selected("a label selector: does not exist", "!tier", &["c"]),
        selected("a label selector: several parts all hold", "tier,x%3D1", &["a"]),
        selected("a label selector: the empty value", "other%3D", &["c"]),
        three("a label selector that cannot be read is refused")
            .get(format!("{CM}?labelSelector=a%3D%3D%3Db"))
            .is(400)
            .fields(&["/reason", "/code"]),
        three("a field selector: name")
            .get(format!("{CM}?fieldSelector=metadata.name%3Db"))
            .is(200)
            .shows("/items/0/metadata/name", "b")
            .lacks("/items/1"),
        three("a field selector: not this name")
            .get(format!("{CM}?fieldSelector=metadata.name!%3Db"))
            .is(200)
            .lacks("/items/2"),
        plain("a field selector: the type of a Secret")
            .post(SECRETS, secret("a", json!({})))
            .post(
                SECRETS,
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}, "type": "example.com/own"}),
            )
            .get(format!("{SECRETS}?fieldSelector=type%3Dexample.com/own"))
            .is(200)
            .shows("/items/0/metadata/name", "b")
            .lacks("/items/1"),
        three("a field selector of an unknown field is refused")
            .get(format!("{CM}?fieldSelector=data.k%3Db"))
            .is(400),
        three("a page ends with a token and the number of the rest")
            .get(format!("{CM}?limit=2"))
            .is(200)
            .shows("/metadata/remainingItemCount", 1)
            .lacks("/items/2"),
        three("a page goes on where the last one ended, at its version")
            .get(format!("{CM}?limit=2"))
            .keep("next", "/metadata/continue")
            .keep("version", "/metadata/resourceVersion")
            .delete(at(CM, "c"))
            .status_only()
            .post(CM, cm("d", json!({})))
            .status_only()
            .get(format!("{CM}?limit=2&continue=$next"))
            .is(200)
            .shows("/items/0/metadata/name", "c")
            .shows("/metadata/resourceVersion", "$version")
            .lacks("/metadata/continue")
            .lacks("/items/1"),
        three("a page with a selector does not say how many are left")
            .get(format!("{CM}?limit=1&labelSelector=tier"))
            .is(200)
            .lacks("/metadata/remainingItemCount"),
        three("a token that cannot be read is refused")
            .get(format!("{CM}?limit=1&continue=abc"))
            .is(400)
            .fields(&["/reason", "/code"]),
        three("a token must come without a version")
            .get(format!("{CM}?limit=2"))
            .keep("next", "/metadata/continue")
            .get(format!("{CM}?limit=2&continue=$next&resourceVersion=$last"))
            .is(400),
        three("a token whose version is forgotten has expired")
            .get(format!("{CM}?limit=2"))
            .keep("next", "/metadata/continue")
            .delete(at(CM, "a"))
            .status_only()
            .forget()
            .get(format!("{CM}?limit=2&continue=$next"))
            .in_time()
            .is(410)
            .shows("/reason", "Expired"),
        three("an expired token brings one that goes on without consistency")
            .get(format!("{CM}?limit=2"))
            .keep("next", "/metadata/continue")
            .delete(at(CM, "a"))
            .status_only()
            .forget()
            .get(format!("{CM}?limit=2&continue=$next"))
            .in_time()
            .is(410)
            .keep("next", "/metadata/continue")
            .get(format!("{CM}?limit=2&continue=$next"))
            .is(200)
            .shows("/items/0/metadata/name", "c"),
        three("a list at version 0 is any state")
            .get(format!("{CM}?resourceVersion=0"))
            .in_time()
            .shows("/items/2/metadata/name", "c"),
        three("a list not older than a version holds what was written")
            .get(format!("{CM}?resourceVersion=$last&resourceVersionMatch=NotOlderThan"))
            .is(200),
        three("a list at an exact version shows the past")
            .delete(at(CM, "a"))
            .status_only()
            .get(format!("{CM}?resourceVersion=$last&resourceVersionMatch=Exact"))
            .is(200)
            .shows("/metadata/resourceVersion", "$last")
            .shows("/items/0/metadata/name", "a"),
        three("an exact version must not be 0")
            .get(format!("{CM}?resourceVersion=0&resourceVersionMatch=Exact"))
            .is(422),
        three("how to match a version needs a version")
            .get(format!("{CM}?resourceVersionMatch=Exact"))
            .is(422),
        three("a version yet to come is too large")
            .get(format!(
                "{CM}?resourceVersion=900000000&resourceVersionMatch=NotOlderThan"
            ))
            .is(504)
            .fields(&["/reason", "/details/causes", "/details/retryAfterSeconds"]),
        three("a version that is no number is refused in a list")
            .get(format!("{CM}?resourceVersion=abc"))
            .is(400)
            .fields(&["/reason", "/code"]),
        plain("a list over all namespaces holds those of each")
            .post(CM, labelled("a", json!({"of": "$ns"})))
            .get("/api/v1/configmaps?labelSelector=of%3D$ns")
            .is(200)
            .shows("/items/0/metadata/namespace", "$ns"),
        plain("items of a list do not name their kind")
            .post(DEPLOY, deploy("web"))
            .get(DEPLOY)
            .is(200)
            .shows("/kind", "DeploymentList")
            .lacks("/items/0/kind"),
        plain("a list in a namespace that is not there is empty")
            .get("/api/v1/namespaces/$ns-none/configmaps")
            .is(200)
            .shows("/items", json!([])),
    ]
}
