//! Custom resources: registration, pruning, defaults, lists with keys.

use serde_json::{Value, json};

use super::bodies::at;
use crate::row::{Row, plain};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const THINGS: &str = "/apis/$ns.example.com/v1/namespaces/$ns/things";

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.$ns.example.com"},
        "spec": {
            "group": "$ns.example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": {
                            "type": "object",
                            "required": ["size"],
                            "properties": {
                                "size": {"type": "integer"},
                                "color": {"type": "string", "default": "blue"},
                                "replicas": {"type": "integer"},
                                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                                "parts": {
                                    "type": "array",
                                    "x-kubernetes-list-type": "map",
                                    "x-kubernetes-list-map-keys": ["name"],
                                    "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}},
                                },
                                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                                "plain": {"type": "array", "items": {"type": "string"}},
                            },
                        },
                        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
                    },
                }},
            }],
        },
    })
}

fn thing(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "$ns.example.com/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec})
}

/// A row with the definition registered and served.
fn defined(name: &'static str) -> Row {
    plain(name)
        .post(CRDS, definition())
        .is(201)
        .status_only()
        .get(THINGS)
        .in_time()
        .is(200)
        .status_only()
}

pub(super) fn rows() -> Vec<Row> {
    let t = &*at(THINGS, "t");
    let made = |name| {
        defined(name)
            .post(THINGS, thing("t", json!({"size": 1})))
            .is(201)
            .keep("rv", "/metadata/resourceVersion")
    };
    vec![
        plain("a definition is established")
            .post(CRDS, definition())
            .is(201)
            .status_only()
            .get(format!("{CRDS}/things.$ns.example.com"))
            .in_time()
            .shows("/status/acceptedNames/kind", "Thing")
            .shows("/status/conditions/1/type", "Established")
            .fields(&["/spec", "/status/acceptedNames", "/status/storedVersions"]),
        made("a custom object gets defaults, a generation and an owner")
            .shows("/spec/color", "blue")
            .shows("/metadata/generation", 1),
        defined("what the schema does not know is pruned")
            .post(THINGS, thing("t", json!({"size": 1, "unknown": 2, "free": {"x": {"y": 1}}})))
            .is(201)
            .lacks("/spec/unknown")
            .shows("/spec/free/x/y", 1),
        defined("what the schema does not know is refused if Strict is asked for")
            .post(format!("{THINGS}?fieldValidation=Strict"), thing("t", json!({"size": 1, "unknown": 2})))
            .is(400),
        defined("a required field is required").post(THINGS, thing("t", json!({"color": "red"}))).is(422),
        defined("a value of the wrong type is invalid").post(THINGS, thing("t", json!({"size": "big"}))).is(422),
        made("a custom object is only updated from a known version")
            .put(t, thing("t", json!({"size": 2})))
            .is(422)
            .put(t, json!({"apiVersion": "$ns.example.com/v1", "kind": "Thing", "metadata": {"name": "t", "resourceVersion": "$rv"}, "spec": {"size": 2}}))
            .is(200)
            .shows("/metadata/generation", 2),
        made("an update of a custom object for another UID is a conflict")
            .put(t, json!({"apiVersion": "$ns.example.com/v1", "kind": "Thing", "metadata": {"name": "t", "resourceVersion": "$rv", "uid": "00000000-0000-0000-0000-000000000000"}, "spec": {"size": 2}}))
            .is(409),
        made("a merge patch of a custom object").merge(t, json!({"spec": {"size": 3}})).is(200),
        made("a custom object takes no strategic merge patch").strategic(t, json!({"spec": {"size": 3}})).is(415),
        made("the status of a custom object is kept apart")
            .merge(t, json!({"status": {"replicas": 3}}))
            .is(200)
            .lacks("/status")
            .merge(format!("{t}/status"), json!({"status": {"replicas": 3}, "spec": {"size": 9}}))
            .is(200)
            .shows("/spec/size", 1),
        made("the scale of a custom object")
            .merge(t, json!({"spec": {"replicas": 2}}))
            .status_only()
            .get(format!("{t}/scale"))
            .is(200)
            .shows("/spec/replicas", 2),
        defined("a custom list with keys is merged by key")
            .apply("one", t, thing("t", json!({"size": 1, "parts": [{"name": "a", "n": 1}]})))
            .is(201)
            .apply("two", t, json!({"apiVersion": "$ns.example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"parts": [{"name": "b", "n": 2}]}}))
            .is(200)
            .shows("/spec/parts/1/name", "b"),
        defined("a custom set has owners per item")
            .apply("one", t, thing("t", json!({"size": 1, "tags": ["a"]})))
            .is(201)
            .apply("two", t, json!({"apiVersion": "$ns.example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"tags": ["b"]}}))
            .is(200),
        defined("a custom list without a type is atomic")
            .apply("one", t, thing("t", json!({"size": 1, "plain": ["a"]})))
            .is(201)
            .apply("two", t, json!({"apiVersion": "$ns.example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"plain": ["b"]}}))
            .is(409),
        defined("duplicate keys fail an apply of a custom object")
            .apply("one", t, thing("t", json!({"size": 1, "parts": [{"name": "a"}, {"name": "a"}]})))
            .is(500),
        defined("an apply of a custom object with a field that the schema does not know")
            .apply("one", t, thing("t", json!({"size": 1, "unknown": 1})))
            .is(500),
        made("custom objects go with their definition")
            .delete(format!("{CRDS}/things.$ns.example.com"))
            .is(200)
            .status_only()
            .get(THINGS)
            .in_time()
            .is(404)
            .status_only(),
        made("a deleted custom object is answered with a Status").delete(t).is(200),
        made("a custom object is listed with its kind").get(THINGS).is(200).shows("/items/0/kind", "Thing"),
    ]
}
