//! Deployments: defaults and what may not change.

use serde_json::json;

use super::bodies::{DEPLOY, at, deploy, deploy_of, with};
use crate::row::{Row, plain};

pub(super) fn rows() -> Vec<Row> {
    let web = at(DEPLOY, "web");
    let deployed = |name| plain(name).post(DEPLOY, deploy("web")).is(201);
    let container = |name, container| plain(name).post(DEPLOY, deploy_of("web", json!([container]))).is(201);
    vec![
        deployed("defaults of a Deployment")
            .shows("/spec/progressDeadlineSeconds", 600)
            .shows("/spec/revisionHistoryLimit", 10)
            .shows("/spec/strategy/rollingUpdate/maxSurge", "25%"),
        container(
            "defaults of probes and ports",
            json!({"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}],
                "livenessProbe": {"httpGet": {"port": 80}}, "readinessProbe": {"tcpSocket": {"port": 80}}}),
        ),
        container("an image without a tag is always pulled", json!({"name": "web", "image": "nginx"}))
            .shows("/spec/template/spec/containers/0/imagePullPolicy", "Always"),
        container(
            "limits are the default of requests",
            json!({"name": "web", "image": "nginx:1", "resources": {"limits": {"cpu": "500m"}}}),
        ),
        container(
            "defaults of an environment from fields and keys",
            json!({"name": "web", "image": "nginx:1", "env": [
                {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            ]}),
        ),
        plain("defaults of volumes")
            .post(
                DEPLOY,
                with(
                    deploy("web"),
                    "/spec/template/spec/volumes",
                    json!([
                        {"name": "a", "configMap": {"name": "c"}},
                        {"name": "b", "secret": {"secretName": "s"}},
                        {"name": "c", "emptyDir": {}},
                        {"name": "d"},
                    ]),
                ),
            )
            .is(201),
        plain("Recreate has no rolling update")
            .post(DEPLOY, with(deploy("web"), "/spec/strategy", json!({"type": "Recreate"})))
            .is(201)
            .shows("/spec/strategy", json!({"type": "Recreate"})),
        deployed("the selector of a Deployment may not change")
            .merge(
                &*web,
                json!({"spec": {"selector": {"matchLabels": {"app": "other"}}, "template": {"metadata": {"labels": {"app": "other"}}}}}),
            )
            .is(422),
        plain("the selector must match the template")
            .post(DEPLOY, with(deploy("web"), "/spec/template/metadata/labels", json!({"app": "other"})))
            .is(422),
        plain("a Deployment needs a selector")
            .post(
                DEPLOY,
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {
                    "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "i"}]}}}}),
            )
            .is(422),
        plain("a Deployment needs containers").post(DEPLOY, deploy_of("web", json!([]))).is(422),
        plain("containers need images").post(DEPLOY, deploy_of("web", json!([{"name": "web"}]))).is(422),
        plain("names of containers are unique")
            .post(DEPLOY, deploy_of("web", json!([{"name": "web", "image": "i"}, {"name": "web", "image": "j"}])))
            .is(422),
        plain("a mount needs its volume")
            .post(DEPLOY, deploy_of("web", json!([{"name": "web", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}])))
            .is(422),
        plain("an unknown strategy is refused")
            .post(DEPLOY, with(deploy("web"), "/spec/strategy", json!({"type": "Sometimes"})))
            .is(422),
        plain("a number that is text is refused")
            .post(DEPLOY, with(deploy("web"), "/spec/replicas", json!("two")))
            .is(400),
        plain("a quantity that cannot be read is refused")
            .post(DEPLOY, deploy_of("web", json!([{"name": "web", "image": "i", "resources": {"limits": {"cpu": "much"}}}])))
            .is(400),
    ]
}
