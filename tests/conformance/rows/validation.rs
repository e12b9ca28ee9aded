//! Names, labels and annotations.

use serde_json::json;

use super::bodies::{CM, NS, SVC, at, cm, labelled, service, with};
use crate::row::{Row, plain};

pub(super) fn rows() -> Vec<Row> {
    let long = "a".repeat(254);
    vec![
        plain("a name has no capitals").post(CM, cm("Web", json!({}))).is(422),
        plain("a name may have dots").post(CM, cm("a.b", json!({}))).is(201),
        plain("a name ends with a letter or digit")
            .post(CM, cm("a-", json!({})))
            .is(422),
        plain("a name is not too long").post(CM, cm(&long, json!({}))).is(422),
        plain("the name of a namespace has no dots")
            .post(
                NS,
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a.b"}}),
            )
            .is(422),
        plain("the name of a Service is a label")
            .post(SVC, service("a.b", json!({"ports": [{"port": 80}]})))
            .is(422),
        plain("the key of a label is checked")
            .post(CM, labelled("a", json!({"a b": "1"})))
            .is(422),
        plain("the value of a label is checked")
            .post(CM, labelled("a", json!({"a": "b c"})))
            .is(422),
        plain("the value of a label is not too long")
            .post(CM, labelled("a", json!({"a": "b".repeat(64)})))
            .is(422),
        plain("the key of an annotation is checked")
            .post(
                CM,
                with(cm("a", json!({})), "/metadata/annotations", json!({"a b": "1"})),
            )
            .is(422),
        plain("annotations are not too large")
            .post(
                CM,
                with(
                    cm("a", json!({})),
                    "/metadata/annotations",
                    json!({"a": "b".repeat(262_145)}),
                ),
            )
            .is(422),
        plain("a finalizer has a domain")
            .post(
                CM,
                with(cm("a", json!({})), "/metadata/finalizers", json!(["nodomain"])),
            )
            .status_only(),
        plain("keys of a ConfigMap are checked")
            .post(CM, cm("a", json!({"a b": "1"})))
            .is(422),
        plain("a ConfigMap is not too large")
            .post(CM, cm("a", json!({"a": "b".repeat(1_048_577)})))
            .is(422),
        plain("a manager's name is not too long")
            .post(format!("{CM}?fieldManager={}", "m".repeat(129)), cm("a", json!({})))
            .is(422),
        plain("an unknown dry run is refused")
            .post(format!("{CM}?dryRun=Some"), cm("a", json!({})))
            .is(422),
        plain("an unknown field validation is refused")
            .post(format!("{CM}?fieldValidation=Perhaps"), cm("a", json!({})))
            .is(422),
        plain("a body that is no object is refused")
            .post(CM, json!([1]))
            .is(400)
            .fields(&["/reason", "/code"]),
        plain("an empty name in a path is the collection")
            .get(format!("{CM}/"))
            .status_only(),
        plain("a collection takes no PUT").put(CM, cm("a", json!({}))).is(405),
        plain("an object takes no POST")
            .post(at(CM, "a"), cm("a", json!({})))
            .is(405),
        plain("an unknown subresource is not found")
            .get(at(CM, "a/status"))
            .is(404),
    ]
}
