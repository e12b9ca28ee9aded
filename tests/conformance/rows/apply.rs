//! Server-side apply: what it creates, refuses, and leaves alone.

use serde_json::json;

use super::bodies::{CM, DEPLOY, at, cm, deploy, deploy_of, with};
use crate::row::{Row, plain};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

pub(super) fn rows() -> Vec<Row> {
    let a = &*at(CM, "a");
    let web = &*at(DEPLOY, "web");
    let ports = |ports| deploy_of("web", json!([{"name": "web", "image": "nginx:1", "ports": ports}]));
    let applied = |name| {
        plain(name)
            .apply("one", a, cm("a", json!({"k": "v"})))
            .is(201)
            .keep("rv", "/metadata/resourceVersion")
            .keep("uid", "/metadata/uid")
    };
    vec![
        applied("an apply creates what is absent, with an Apply entry"),
        applied("an apply that changes nothing keeps the version")
            .apply("one", a, cm("a", json!({"k": "v"})))
            .is(200)
            .shows("/metadata/resourceVersion", "$rv"),
        plain("an apply needs a manager")
            .patch_as("application/apply-patch+yaml", a, cm("a", json!({})))
            .is(422),
        plain("an apply with version 1 creates what is absent")
            .apply("one", a, with(cm("a", json!({"k": "v"})), "/metadata/resourceVersion", json!("1")))
            .is(201),
        applied("an apply with version 1 is a conflict where anything is")
            .apply("one", a, with(cm("a", json!({"k": "w"})), "/metadata/resourceVersion", json!("1")))
            .is(409),
        applied("an apply with version 1 by another is a conflict too, by force as well")
            .force("two", a, with(cm("a", json!({"k": "w"})), "/metadata/resourceVersion", json!("1")))
            .is(409),
        applied("an apply with the present version goes through")
            .apply("one", a, with(cm("a", json!({"k": "w"})), "/metadata/resourceVersion", json!("$rv")))
            .is(200),
        applied("an apply with an old version is a conflict")
            .apply("one", a, cm("a", json!({"k": "w"})))
            .is(200)
            .apply("one", a, with(cm("a", json!({"k": "x"})), "/metadata/resourceVersion", json!("$rv")))
            .is(409),
        applied("an apply for the present UID goes through")
            .apply("one", a, with(cm("a", json!({"k": "w"})), "/metadata/uid", json!("$uid")))
            .is(200),
        applied("an apply for another UID is invalid")
            .apply("one", a, with(cm("a", json!({"k": "w"})), "/metadata/uid", json!(NOBODY)))
            .is(422),
        plain("an apply for a UID where nothing is creates nothing")
            .apply("one", a, with(cm("a", json!({"k": "w"})), "/metadata/uid", json!(NOBODY)))
            .is(409)
            .get(a)
            .is(404),
        applied("an apply must not carry managedFields")
            .apply("one", a, with(cm("a", json!({})), "/metadata/managedFields", json!([])))
            .status_only()
            .apply("one", a, with(cm("a", json!({})), "/metadata/managedFields", json!([{"manager": "x"}])))
            .is(400),
        plain("an apply needs kind and version")
            .apply("one", a, json!({"metadata": {"name": "a"}}))
            .is(400)
            .status_only(),
        plain("the name in an apply must be that of the path")
            .apply("one", a, cm("b", json!({})))
            .is(400),
        plain("an apply with an unknown field fails")
            .apply("one", a, with(cm("a", json!({})), "/unknown", json!(1)))
            .is(500),
        plain("a dry-run apply creates nothing")
            .apply("one", &format!("{a}?dryRun=All"), cm("a", json!({})))
            .is(201)
            .get(a)
            .is(404),
        plain("an apply to a namespace that is not there is refused")
            .apply("one", "/api/v1/namespaces/$ns-none/configmaps/a", cm("a", json!({})))
            .is(404),
        plain("duplicate names in env fail an apply")
            .apply(
                "one",
                web,
                deploy_of("web", json!([{"name": "web", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}])),
            )
            .is(500),
        plain("duplicate ports fail an apply")
            .apply("one", web, ports(json!([{"containerPort": 80, "name": "a"}, {"containerPort": 80, "name": "b"}])))
            .is(500),
        plain("duplicate names in env pass a create")
            .post(
                DEPLOY,
                deploy_of("web", json!([{"name": "web", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}])),
            )
            .is(201),
        plain("the same port with two protocols is two items")
            .apply("one", web, ports(json!([{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}])))
            .is(201),
        plain("an apply owns no defaults")
            .apply("one", web, deploy("web"))
            .is(201)
            .shows("/spec/replicas", 1),
        plain("a create owns the defaults").post(DEPLOY, deploy("web")).is(201),
        plain("from RollingUpdate to Recreate by apply is invalid")
            .apply("one", web, deploy("web"))
            .is(201)
            .apply("one", web, with(deploy("web"), "/spec/strategy", json!({"type": "Recreate"})))
            .is(422),
        plain("from RollingUpdate to Recreate by a JSON patch goes through")
            .apply("one", web, deploy("web"))
            .json_patch(web, json!([{"op": "replace", "path": "/spec/strategy", "value": {"type": "Recreate"}}]))
            .is(200),
        plain("an apply to the status owns the status only")
            .apply("one", web, deploy("web"))
            .is(201)
            .force("two", &at(DEPLOY, "web/status"), json!({"apiVersion": "apps/v1", "kind": "Deployment", "status": {"replicas": 3}}))
            .is(200),
        plain("a status in an apply to the object is ignored")
            .apply("one", web, with(deploy("web"), "/status", json!({"replicas": 3})))
            .is(201)
            .shows("/status", json!({})),
        plain("a quantity reads back in its canonical form and stays the same by apply")
            .apply(
                "one",
                web,
                deploy_of("web", json!([{"name": "web", "image": "i", "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}}}])),
            )
            .is(201)
            .shows("/spec/template/spec/containers/0/resources/requests", json!({"cpu": "1", "memory": "1Gi"}))
            .keep("rv", "/metadata/resourceVersion")
            .apply(
                "one",
                web,
                deploy_of("web", json!([{"name": "web", "image": "i", "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}}}])),
            )
            .is(200)
            .shows("/metadata/resourceVersion", "$rv"),
    ]
}
