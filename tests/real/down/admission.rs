//! What the API server makes of an apply is no drift.

use serde_json::{Value, json};
use syncer_harness::wait_for;

use super::{
    clusters::{Alone, Down},
    object::{Object, deployment},
};
use crate::{objects::SOON, world::writes};

/// Values that read back in another form, and such as are dropped.
#[test]
fn what_the_server_canonicalises_is_left_alone() {
    let down = Alone::here();
    let _report = down.report();
    down.namespace("canonical");
    let web = Object::deployment("canonical", "web");
    let mut body = deployment("example.org/web:1");
    body["metadata"] = json!({"annotations": {"example.org/empty": ""}, "labels": {}});
    body["spec"]["template"]["spec"] = json!({
        "containers": [{
            "name": "web", "image": "example.org/web:1", "args": [], "command": [],
            "env": [{"name": "EMPTY", "value": ""}, {"name": "NONE"}],
            "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": 2, "memory": "1e10"}},
            "securityContext": {},
        }],
        "nodeSelector": {},
        "tolerations": [],
        "securityContext": {},
        "volumes": [{"name": "v", "emptyDir": {"medium": "", "sizeLimit": "2048Mi"}}],
        "serviceAccountName": "",
    });
    down.sync(&web, &body);
    let map = Object::config_map("canonical", "web");
    down.sync(&map, &json!({"data": {}, "binaryData": {}}));
    let service = Object::service("canonical", "web");
    down.sync(
        &service,
        &json!({"spec": {"selector": {}, "ports": [{"port": 80}], "externalIPs": [], "sessionAffinity": "None"}}),
    );
    let secret = Object::secret("canonical", "web");
    down.sync(&secret, &json!({"data": {"empty": ""}}));
    wait_rolled_out(&down, &web);
    down.stays_quiet("canonical", "with what reads back otherwise");
}

/// A policy of the target that sets what nobody set, and changes what we set.
#[test]
fn what_an_admission_policy_changes_is_left_alone() {
    let mut down = Alone::here();
    add_policy(&down, "admitted");
    down.namespace("admitted");
    let web = Object::deployment("admitted", "web");
    // Made until the policy is in force.
    let held = wait_for("the policy to act", SOON, || {
        web.create(&down.upstream, &deployment("example.org/web:1"));
        let held = wait_for("the Deployment", SOON, || web.get(&down.east));
        if held["spec"]["revisionHistoryLimit"] == 3 {
            return Ok(held);
        }
        web.delete(&down.upstream);
        wait_for("its end", SOON, || web.get(&down.east).is_none());
        Err(held.to_string())
    });
    assert_admitted(&held);
    wait_rolled_out(&down, &web);
    down.stays_quiet("admitted", "with what a policy changed");

    // Edits go on, and are changed again.
    web.merge(&down.upstream, &json!({"spec": {"minReadySeconds": 1}}));
    wait_for("the edit", SOON, || {
        web.read(&down.east)["spec"]["minReadySeconds"] == 1
    });
    assert_admitted(&web.read(&down.east));
    wait_rolled_out(&down, &web);
    down.stays_quiet("admitted", "after an edit of what a policy changed");

    down.restart();
    down.wait_turn("admitted", "later");
    down.stays_quiet("admitted", "after a restart with what a policy changed");

    // What somebody else takes is put right.
    web.merge(&down.east, &json!({"spec": {"minReadySeconds": 7}}));
    wait_for("the revert", SOON, || {
        web.read(&down.east)["spec"]["minReadySeconds"] == 1
    });
    wait_rolled_out(&down, &web);
    down.stays_quiet("admitted", "after drift of what a policy changed");
}

/// A policy that comes later acts in somebody else's write, and what it sets is that one's then: a removal only brings it back.
#[test]
fn what_an_admission_policy_sets_again_and_again_is_not_fought_over() {
    let mut down = Alone::here();
    down.namespace("fought");
    let web = Object::deployment("fought", "web");
    down.sync(&web, &deployment("example.org/web:1"));
    wait_rolled_out(&down, &web);
    add_policy(&down, "fought");
    wait_for("the policy to act in another's write", SOON, || {
        let label = json!({"metadata": {"labels": {"their/label": "1"}}});
        let answer = web.merge(&down.east, &label);
        web.merge(&down.east, &json!({"metadata": {"labels": {"their/label": null}}}));
        answer["metadata"]["labels"]["admitted"] == "yes"
    });
    down.wait_turn("fought", "later");
    wait_rolled_out(&down, &web);
    down.stays_quiet("fought", "beside a policy that came later");
    assert_admitted(&web.read(&down.east));

    down.restart();
    down.wait_turn("fought", "later-still");
    down.stays_quiet("fought", "after a restart beside a policy that came later");

    // One write an edit, no more.
    let before = applied(&down);
    web.merge(&down.upstream, &json!({"spec": {"minReadySeconds": 1}}));
    wait_for("the edit", SOON, || {
        web.read(&down.east)["spec"]["minReadySeconds"] == 1
    });
    wait_rolled_out(&down, &web);
    down.stays_quiet("fought", "after an edit beside a policy that came later");
    assert_eq!(applied(&down), before + 1);
}

/// How often the syncer wrote to `fought/web`; what it only asked (dry runs) is no write.
fn applied(down: &Down) -> usize {
    let all = writes(&down.east).into_iter();
    all.filter(|event| event.namespace == "fought" && event.name == "web" && !event.uri.contains("dryRun"))
        .count()
}

#[track_caller]
fn assert_admitted(held: &Value) {
    assert_eq!(held["spec"]["revisionHistoryLimit"], 3, "{held}");
    assert_eq!(held["spec"]["replicas"], 2, "{held}");
    assert_eq!(held["metadata"]["labels"]["admitted"], "yes", "{held}");
    let pod = &held["spec"]["template"]["spec"];
    assert_eq!(pod["enableServiceLinks"], false, "nobody else says so: {held}");
    assert_eq!(pod["terminationGracePeriodSeconds"], 7, "upstream it is 30: {held}");
}

/// In `namespace`, Deployments get a label and fields of the pod and of their own, whatever they say.
fn add_policy(down: &Down, namespace: &str) {
    const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1";
    let client = down.east.client();
    let object = "Object{metadata: Object.metadata{labels: {'admitted': 'yes'}}, \
        spec: Object.spec{replicas: 2, revisionHistoryLimit: 3, template: Object.spec.template{\
        spec: Object.spec.template.spec{enableServiceLinks: false, terminationGracePeriodSeconds: 7}}}}";
    let policy = json!({
        "metadata": {"name": namespace},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [{
                    "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"],
                    "operations": ["CREATE", "UPDATE"],
                }],
            },
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": object}}],
        },
    });
    client.create(&format!("{POLICIES}/mutatingadmissionpolicies"), &policy);
    client.create(
        &format!("{POLICIES}/mutatingadmissionpolicybindings"),
        &json!({"metadata": {"name": namespace}, "spec": {"policyName": namespace}}),
    );
}

/// Waits until the target's own controller has nothing to write any more.
fn wait_rolled_out(down: &Down, object: &Object) {
    wait_for("the roll-out", SOON, || {
        let held = object.read(&down.east);
        let (spec, status) = (&held["spec"], &held["status"]);
        let done = status["observedGeneration"] == held["metadata"]["generation"]
            && status["updatedReplicas"] == spec["replicas"]
            && status["replicas"] == spec["replicas"]
            && status["availableReplicas"] == spec["replicas"];
        if done { Ok(()) } else { Err(status.to_string()) }
    });
}
