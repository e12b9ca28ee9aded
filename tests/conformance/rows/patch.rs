//! JSON patch, merge patch and strategic merge patch.

use serde_json::json;

use super::bodies::{CM, DEPLOY, at, cm, deploy, deploy_of, with};
use crate::row::{Row, plain};

pub(super) fn rows() -> Vec<Row> {
    let a = at(CM, "a");
    let web = at(DEPLOY, "web");
    let made = |name| {
        plain(name)
            .post(CM, cm("a", json!({"k": "v", "l": "v"})))
            .keep("rv", "/metadata/resourceVersion")
            .keep("uid", "/metadata/uid")
    };
    let deployed = |name| plain(name).post(DEPLOY, deploy("web")).is(201);
    vec![
        made("a JSON patch adds, replaces and removes")
            .json_patch(
                &*a,
                json!([
                    {"op": "add", "path": "/data/m", "value": "v"},
                    {"op": "replace", "path": "/data/k", "value": "w"},
                    {"op": "remove", "path": "/data/l"},
                ]),
            )
            .is(200),
        made("a JSON patch whose tests hold goes through")
            .json_patch(
                &*a,
                json!([
                    {"op": "test", "path": "/metadata/uid", "value": "$uid"},
                    {"op": "test", "path": "/metadata/resourceVersion", "value": "$rv"},
                    {"op": "remove", "path": "/data/l"},
                ]),
            )
            .is(200),
        made("a JSON patch whose test fails is invalid")
            .json_patch(&*a, json!([{"op": "test", "path": "/metadata/uid", "value": "x"}, {"op": "remove", "path": "/data/l"}]))
            .is(422),
        made("a JSON patch that removes what is not there is invalid")
            .json_patch(&*a, json!([{"op": "remove", "path": "/data/none"}]))
            .is(422),
        made("a JSON patch moves and copies")
            .json_patch(
                &*a,
                json!([{"op": "move", "from": "/data/k", "path": "/data/m"}, {"op": "copy", "from": "/data/l", "path": "/data/n"}]),
            )
            .is(200),
        made("a JSON patch with an unknown operation is refused")
            .json_patch(&*a, json!([{"op": "shuffle", "path": "/data"}]))
            .is(422),
        made("a JSON patch must be a list").json_patch(&*a, json!({"data": {}})).is(400),
        made("a merge patch removes by null").merge(&*a, json!({"data": {"l": null}})).is(200).lacks("/data/l"),
        made("a merge patch must be an object").merge(&*a, json!([1])).is(400),
        made("a merge patch that changes nothing keeps the version")
            .merge(&*a, json!({"data": {"k": "v"}}))
            .is(200)
            .shows("/metadata/resourceVersion", "$rv"),
        deployed("a merge patch replaces a list as a whole")
            .merge(&*web, json!({"spec": {"template": {"spec": {"containers": [{"name": "other", "image": "nginx:1"}]}}}}))
            .is(200)
            .lacks("/spec/template/spec/containers/1"),
        deployed("a strategic merge patch merges a list by key")
            .strategic(&*web, json!({"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s:1"}]}}}}))
            .is(200)
            .shows("/spec/template/spec/containers/1/name", "web"),
        deployed("a strategic merge patch changes an item of a list")
            .strategic(&*web, json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}}}}))
            .is(200)
            .shows("/spec/template/spec/containers/0/image", "nginx:2"),
        plain("a strategic merge patch deletes an item of a list")
            .post(DEPLOY, deploy_of("web", json!([{"name": "web", "image": "nginx:1"}, {"name": "side", "image": "s:1"}])))
            .is(201)
            .strategic(&*web, json!({"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}}))
            .is(200)
            .lacks("/spec/template/spec/containers/1"),
        deployed("a strategic merge patch replaces by directive")
            .strategic(&*web, json!({"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}}))
            .is(200)
            .shows("/spec/strategy", json!({"type": "Recreate"})),
        deployed("a strategic merge patch orders a list by directive")
            .strategic(
                &*web,
                json!({"spec": {"template": {"spec": {
                    "$setElementOrder/containers": [{"name": "web"}, {"name": "side"}],
                    "containers": [{"name": "side", "image": "s:1"}],
                }}}}),
            )
            .is(200)
            .shows("/spec/template/spec/containers/0/name", "web"),
        plain("a strategic merge patch unites a list of words")
            .post(CM, with(cm("a", json!({})), "/metadata/finalizers", json!(["x.io/a", "x.io/b"])))
            .is(201)
            .strategic(&*a, json!({"metadata": {"finalizers": ["x.io/c", "x.io/b"]}}))
            .is(200)
            .strategic(&*a, json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/a"]}}))
            .is(200),
        made("a strategic merge patch retains keys by directive")
            .strategic(&*a, json!({"data": {"$retainKeys": ["k"], "k": "w"}}))
            .is(200)
            .lacks("/data/l"),
        made("an unknown type of patch is refused")
            .patch_as("application/json", &*a, json!({}))
            .is(415),
        made("force belongs to apply only").merge(format!("{a}?force=true"), json!({})).is(422),
        made("a patch cannot rename")
            .merge(&*a, json!({"metadata": {"name": "b"}}))
            .is(400),
        made("a patch cannot move to another namespace")
            .merge(&*a, json!({"metadata": {"namespace": "other"}}))
            .is(400),
        made("a patch of what the server sets is ignored")
            .merge(&*a, json!({"metadata": {"creationTimestamp": null, "generation": 7}}))
            .is(200)
            .shows("/metadata/resourceVersion", "$rv"),
    ]
}
