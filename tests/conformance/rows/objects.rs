//! Verbs and their codes.

use serde_json::json;

use super::bodies::{CM, DEPLOY, NS, SECRETS, at, cm, deploy, secret, with};
use crate::row::{Row, plain};

pub(super) fn rows() -> Vec<Row> {
    let a = at(CM, "a");
    let web = at(DEPLOY, "web");
    vec![
        plain("a create answers 201 with uid, version, time and owner")
            .post(CM, cm("a", json!({"k": "v"})))
            .is(201)
            .shows("/metadata/managedFields/0/operation", "Update")
            .shows("/metadata/managedFields/0/manager", "tester"),
        plain("what was created is read back the same")
            .post(CM, cm("a", json!({"k": "v"})))
            .is(201)
            .get(&*a)
            .is(200)
            .shows("/data/k", "v"),
        plain("what is not there is not found").get(&*a).is(404),
        plain("what is not there cannot be deleted").delete(&*a).is(404),
        plain("what is not there cannot be updated").put(&*a, cm("a", json!({}))).is(404),
        plain("what is not there cannot be patched").merge(&*a, json!({"data": {}})).is(404),
        plain("a name is taken once")
            .post(CM, cm("a", json!({})))
            .is(201)
            .post(CM, cm("a", json!({})))
            .is(409)
            .shows("/reason", "AlreadyExists"),
        plain("a resource that nobody knows is not found")
            .get("/apis/apps/v1/namespaces/$ns/nothings")
            .is(404)
            .get("/apis/nobody.example.com/v1/things")
            .is(404),
        plain("a create needs a namespace that is there")
            .post("/api/v1/namespaces/$ns-none/configmaps", cm("a", json!({})))
            .is(404),
        plain("the namespace of the object must be that of the path")
            .post(CM, with(cm("a", json!({})), "/metadata/namespace", json!("other")))
            .is(400),
        plain("a create without a name is invalid")
            .post(CM, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}))
            .is(422),
        plain("a version that nobody serves is not found").get("/apis/apps/v2/namespaces/$ns/deployments").is(404),
        plain("a request is not too large").post(CM, cm("a", json!({"k": "v".repeat(3_200_000)}))).is(413),
        plain("a ServiceAccount")
            .post(
                "/api/v1/namespaces/$ns/serviceaccounts",
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s"}, "imagePullSecrets": [{"name": "p"}]}),
            )
            .is(201),
        plain("an EndpointSlice")
            .post(
                "/apis/discovery.k8s.io/v1/namespaces/$ns/endpointslices",
                json!({
                    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "e", "labels": {"kubernetes.io/service-name": "s"}},
                    "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}], "ports": [{"port": 80}],
                }),
            )
            .is(201),
        plain("generateName gives a name")
            .post(CM, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}}))
            .is(201),
        plain("a body of another kind is refused").post(CM, secret("a", json!({}))).is(400),
        plain("a create must not carry a version")
            .post(CM, with(cm("a", json!({})), "/metadata/resourceVersion", json!("7")))
            .is(500)
            .status_only(),
        plain("an unknown field is dropped with a warning unless Strict is asked for")
            .post(CM, with(cm("a", json!({})), "/unknown", json!(1)))
            .is(201)
            .lacks("/unknown")
            .post(
                format!("{CM}?fieldValidation=Strict"),
                with(cm("b", json!({})), "/unknown", json!(1)),
            )
            .is(400),
        plain("a value of the wrong type is refused").post(CM, cm("a", json!({"k": 1}))).is(400),
        plain("a dry run creates nothing")
            .post(format!("{CM}?dryRun=All"), cm("a", json!({})))
            .is(201)
            .get(&*a)
            .is(404),
        plain("a dry run changes nothing")
            .post(CM, cm("a", json!({"k": "v"})))
            .merge(format!("{a}?dryRun=All"), json!({"data": {"k": "w"}}))
            .is(200)
            .shows("/data/k", "w")
            .get(&*a)
            .shows("/data/k", "v"),
        plain("an update replaces everything but what the server sets")
            .post(CM, cm("a", json!({"k": "v", "l": "v"})))
            .is(201)
            .put(&*a, cm("a", json!({"k": "w"})))
            .is(200)
            .lacks("/data/l"),
        plain("an update that changes nothing keeps the version")
            .post(CM, cm("a", json!({"k": "v"})))
            .keep("rv", "/metadata/resourceVersion")
            .put(&*a, cm("a", json!({"k": "v"})))
            .is(200)
            .shows("/metadata/resourceVersion", "$rv"),
        plain("the name in an update must be that of the path")
            .post(CM, cm("a", json!({})))
            .put(&*a, cm("b", json!({})))
            .is(400),
        plain("generation counts changes of the specification only")
            .post(DEPLOY, deploy("web"))
            .is(201)
            .shows("/metadata/generation", 1)
            .merge(&*web, json!({"metadata": {"labels": {"x": "y"}}}))
            .shows("/metadata/generation", 1)
            .merge(&*web, json!({"spec": {"replicas": 2}}))
            .shows("/metadata/generation", 2),
        plain("a ConfigMap has no generation")
            .post(CM, cm("a", json!({})))
            .lacks("/metadata/generation"),
        plain("stringData of a Secret becomes data")
            .post(SECRETS, with(secret("s", json!({})), "/stringData", json!({"k": "v"})))
            .is(201)
            .shows("/data/k", "dg==")
            .shows("/type", "Opaque"),
        plain("a namespace gets its name as a label, and a finalizer in its specification")
            .get(at(NS, "$ns"))
            .is(200)
            .shows("/metadata/labels/kubernetes.io~1metadata.name", "$ns")
            .shows("/spec/finalizers/0", "kubernetes"),
        plain("an Event can be written")
            .post(
                "/api/v1/namespaces/$ns/events",
                json!({
                    "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "reason": "Seen", "message": "m", "type": "Normal",
                    "involvedObject": {"kind": "ConfigMap", "namespace": "$ns", "name": "a"},
                    "source": {"component": "tester"}, "count": 1,
                }),
            )
            .is(201)
            .get("/api/v1/namespaces/$ns/events/e")
            .is(200),
        plain("a Lease is renewed from a known version only")
            .post(
                "/apis/coordination.k8s.io/v1/namespaces/$ns/leases",
                json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"},
                    "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"},
                }),
            )
            .is(201)
            .keep("old", "/metadata/resourceVersion")
            .merge(
                "/apis/coordination.k8s.io/v1/namespaces/$ns/leases/l",
                json!({"metadata": {"resourceVersion": "$old"}, "spec": {"holderIdentity": "b"}}),
            )
            .is(200)
            .merge(
                "/apis/coordination.k8s.io/v1/namespaces/$ns/leases/l",
                json!({"metadata": {"resourceVersion": "$old"}, "spec": {"holderIdentity": "c"}}),
            )
            .is(409),
    ]
}
