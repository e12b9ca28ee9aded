//! What others change on the target, under `UpstreamWins`.

use std::process::Command;

use serde_json::{Value, json};
use syncer_harness::{Patch, Program, Testbed, wait_for};

use super::{
    clusters::{Alone, Beside, Down},
    object::{Object, deployment},
};
use crate::objects::{SOON, text, uid, version};

/// What `kubectl rollout restart` sets.
const RESTARTED: &str = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";

/// Makes the Deployment `web` in `namespace` and waits for it.
fn web(down: &Down, namespace: &str) -> Object {
    down.namespace(namespace);
    let object = Object::deployment(namespace, "web");
    let mut body = deployment("example.org/web:1");
    body["metadata"] = json!({"labels": {"team": "web"}, "annotations": {"example.org/note": "ours"}});
    body["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "A", "value": "1"}]);
    down.sync(&object, &body);
    object
}

/// Runs kubectl on the target.
#[track_caller]
fn kubectl(down: &Down, object: &Object, arguments: &[&str]) {
    down.east.kubectl(&[&["-n", &object.namespace], arguments].concat());
}

/// `kubectl edit`, with an editor that knows what to do.
#[track_caller]
fn edit(down: &Down, object: &Object) {
    let program = Testbed::locate().find(Program::Kubectl).unwrap();
    let output = Command::new(program)
        .arg("--kubeconfig")
        .arg(down.east.write(down.east.kubeconfig()))
        .args(["-n", &object.namespace, "edit", "deployment/web"])
        .env("KUBE_EDITOR", "sed -i s,example.org/web:1,example.org/edited:1,")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn what_people_change_with_kubectl_is_reverted_and_told() {
    let down = Beside::others();
    let _report = down.report();
    let object = web(&down, "drift-kubectl");
    let cases: [(&[&str], &str, &str); 6] = [
        (&["scale", "deployment/web", "--replicas=3"], "spec.replicas", "kubectl"),
        (
            &["set", "image", "deployment/web", "web=example.org/other:1"],
            "containers[name=web].image",
            "kubectl-set",
        ),
        (
            &["set", "env", "deployment/web", "A=2"],
            "env[name=A].value",
            "kubectl-set",
        ),
        (&["set", "env", "deployment/web", "A-"], "env[name=A]", ""),
        (
            &["patch", "deployment/web", "-p", r#"{"spec":{"minReadySeconds":9}}"#],
            "spec.minReadySeconds",
            "kubectl-patch",
        ),
        (
            &["label", "deployment/web", "team=other", "--overwrite"],
            "metadata.labels.team",
            "kubectl-label",
        ),
    ];
    for (arguments, path, manager) in cases {
        let before = version(&object.read(&down.east)).to_owned();
        kubectl(&down, &object, arguments);
        assert_ne!(
            version(&object.read(&down.east)),
            before,
            "{arguments:?} changed nothing"
        );
        down.wait_alike(&object);
        wait_for("our label", SOON, || {
            object.read(&down.east)["metadata"]["labels"]["team"] == "web"
        });
        down.wait_event(&object, "DriftReverted", &["east", path, manager]);
    }
    edit(&down, &object);
    down.wait_alike(&object);
    down.wait_event(
        &object,
        "DriftReverted",
        &["containers[name=web].image", "kubectl-edit"],
    );
    let annotate = ["annotate", "deployment/web", "example.org/note-"];
    kubectl(&down, &object, &annotate);
    wait_for("our annotation", SOON, || {
        object.read(&down.east)["metadata"]["annotations"]["example.org/note"] == "ours"
    });
}

#[test]
fn foreign_parts_of_the_spec_go() {
    let down = Beside::others();
    let _report = down.report();
    let object = web(&down, "drift-foreign");
    let of_pod = |pod: Value| json!({"spec": {"template": {"spec": pod}}});
    let cases = [
        of_pod(json!({"containers": [{"name": "extra", "image": "example.org/extra:1"}]})),
        of_pod(json!({"initContainers": [{"name": "extra", "image": "example.org/extra:1"}]})),
        of_pod(json!({"containers": [{"name": "web", "env": [{"name": "B", "value": "2"}]}]})),
        of_pod(json!({"containers": [{"name": "web", "args": ["x"]}]})),
        of_pod(json!({"containers": [{"name": "web", "readinessProbe": {"httpGet": {"port": 80}}}]})),
        of_pod(json!({"containers": [{"name": "web", "resources": {"limits": {"cpu": "1500m"}}}]})),
        of_pod(json!({"nodeSelector": {"zone": "a"}})),
        of_pod(json!({"tolerations": [{"key": "x", "operator": "Exists"}]})),
        of_pod(json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
        of_pod(json!({"hostNetwork": true})),
        json!({"spec": {"paused": true}}),
        json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 2}}}}),
    ];
    for change in cases {
        let before = version(&object.read(&down.east)).to_owned();
        object.strategic(&down.east, &change);
        assert_ne!(version(&object.read(&down.east)), before, "{change} changed nothing");
        down.wait_alike(&object);
    }
}

#[test]
fn an_apply_of_another_manager_is_reverted() {
    let down = Beside::others();
    let _report = down.report();
    let object = web(&down, "drift-apply");
    let body = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 4,
            "minReadySeconds": 5,
            "template": {"spec": {"containers": [{"name": "web", "image": "example.org/other:1"}]}},
        },
    });
    let taken = Patch::ForceApply {
        manager: "other",
        body: &body,
    };
    down.east.client().patch(&object.path(), taken);
    down.wait_alike(&object);
    down.wait_event(&object, "DriftReverted", &["spec.replicas", "other"]);

    // To apply what we apply is no drift.
    let mut same = body.clone();
    same["spec"] = json!({"replicas": 1});
    let before = object.read(&down.upstream)["spec"].clone();
    let shared = Patch::Apply {
        manager: "friend",
        body: &same,
    };
    down.east.client().patch(&object.path(), shared);
    assert_eq!(down.wait_alike(&object)["spec"], before);
    // And what we share goes when the upstream changes it.
    object.merge(&down.upstream, &json!({"spec": {"replicas": 2}}));
    down.wait_alike(&object);
}

/// Labels and annotations of others stay, the object's and its pod template's.
#[test]
fn foreign_labels_and_a_rollout_restart_stay() {
    let down = Alone::here();
    let _report = down.report();
    let object = web(&down, "drift-labels");
    kubectl(&down, &object, &["label", "deployment/web", "their/label=1"]);
    kubectl(&down, &object, &["annotate", "deployment/web", "their/annotation=1"]);
    kubectl(&down, &object, &["rollout", "restart", "deployment/web"]);
    let kept = |held: &Value| {
        assert_eq!(text(held, "/metadata/labels/their~1label"), "1", "{held}");
        assert_eq!(text(held, "/metadata/annotations/their~1annotation"), "1", "{held}");
        assert_ne!(text(held, RESTARTED), "", "{held}");
    };
    down.wait_turn("drift-labels", "later");
    kept(&object.read(&down.east));
    // The roll-out has to be over: its controller writes too.
    wait_for("the roll-out", SOON, || {
        let held = object.read(&down.east);
        let done = held["status"]["observedGeneration"] == held["metadata"]["generation"]
            && held["status"]["updatedReplicas"] == 1
            && held["status"]["replicas"] == 1
            && held["status"]["readyReplicas"] == 1;
        if done { Ok(()) } else { Err(held["status"].to_string()) }
    });
    down.stays_quiet("drift-labels", "beside labels of others");

    // An edit upstream leaves them.
    let image =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "example.org/web:2"}]}}}});
    object.strategic(&down.upstream, &image);
    wait_for("the edit", SOON, || {
        let held = object.read(&down.east);
        let arrived = held["spec"]["template"]["spec"]["containers"][0]["image"] == "example.org/web:2";
        if arrived { Ok(()) } else { Err(held.to_string()) }
    });
    kept(&object.read(&down.east));
}

#[test]
fn data_of_config_maps_and_secrets_is_put_right() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("drift-data");
    let map = Object::config_map("drift-data", "web");
    down.sync(
        &map,
        &json!({"data": {"a": "1", "b": "2"}, "binaryData": {"c": "AAEC"}}),
    );
    let secret = Object::secret("drift-data", "web");
    down.sync(&secret, &json!({"data": {"a": "MQ==", "b": "Mg=="}}));
    let cases = [
        (&map, json!({"data": {"a": "x"}})),
        (&map, json!({"data": {"a": null}})),
        (&map, json!({"data": {"d": "x"}})),
        (&map, json!({"data": null})),
        (&map, json!({"binaryData": {"c": null, "e": "AAEC"}})),
        (&secret, json!({"data": {"a": "eA=="}})),
        (&secret, json!({"data": {"b": null, "d": "eA=="}})),
    ];
    for (object, change) in cases {
        object.merge(&down.east, &change);
        down.wait_alike(object);
    }
    down.wait_event(&map, "DriftReverted", &["data.a"]);
    let told = down.wait_event(&secret, "DriftReverted", &["data.a"]);
    assert!(!told.to_string().contains("eA=="), "S8: {told}");

    // What clusters inject is left alone.
    map.merge(&down.east, &json!({"data": {"ca-bundle.crt": "injected"}}));
    down.wait_turn("drift-data", "later");
    map.merge(&down.upstream, &json!({"data": {"a": "3"}}));
    wait_for("the edit beside what was injected", SOON, || {
        let held = map.read(&down.east)["data"].clone();
        if held == json!({"a": "3", "b": "2", "ca-bundle.crt": "injected"}) {
            Ok(())
        } else {
            Err(held.to_string())
        }
    });
}

#[test]
fn a_service_is_put_right() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("drift-service");
    let object = Object::service("drift-service", "web");
    let ports = json!([{"name": "http", "port": 80}]);
    down.sync(&object, &json!({"spec": {"selector": {"app": "web"}, "ports": ports}}));
    let cases = [
        json!({"spec": {"selector": {"app": "other"}}}),
        json!({"spec": {"selector": {"tier": "x"}}}),
        json!({"spec": {"ports": [{"name": "more", "port": 81}]}}),
        json!({"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}),
        json!({"spec": {"sessionAffinity": "ClientIP"}}),
        json!({"spec": {"type": "NodePort"}}),
    ];
    for change in cases {
        object.strategic(&down.east, &change);
        down.wait_alike(&object);
    }
}

#[test]
fn what_is_deleted_on_the_target_is_made_again() {
    let down = Beside::others();
    let _report = down.report();
    let object = web(&down, "drift-deleted");
    let first = uid(&object.read(&down.east)).to_owned();
    kubectl(&down, &object, &["delete", "deployment/web"]);
    assert_ne!(uid(&down.wait_alike(&object)), first);

    // Markers and labels of ours come back too.
    kubectl(
        &down,
        &object,
        &["label", "deployment/web", "internal.workload.kcp.io/cluster-"],
    );
    wait_for("our label", SOON, || {
        let held = object.read(&down.east);
        let label = text(&held, "/metadata/labels/internal.workload.kcp.io~1cluster").to_owned();
        if label.is_empty() {
            Err(held.to_string())
        } else {
            Ok(())
        }
    });
}

/// After a restart ownership alone tells.
#[test]
fn what_others_did_while_the_syncer_was_away_is_put_right() {
    let mut down = Alone::here();
    let object = web(&down, "drift-away");
    let [changed, taken, added, deleted, labelled] =
        ["changed", "taken", "added", "deleted", "labelled"].map(|name| Object::config_map("drift-away", name));
    for object in [&changed, &taken, &added, &deleted, &labelled] {
        down.sync(object, &json!({"data": {"a": "1", "b": "2"}}));
    }
    down.restart_after(|down| {
        kubectl(down, &object, &["scale", "deployment/web", "--replicas=3"]);
        changed.merge(&down.east, &json!({"data": {"a": "x"}}));
        // The very same values, but another's.
        taken.merge(&down.east, &json!({"data": {"a": null}}));
        taken.merge(&down.east, &json!({"data": {"a": "1"}}));
        added.merge(&down.east, &json!({"data": {"c": "x"}}));
        deleted.delete(&down.east);
        labelled.merge(&down.east, &json!({"metadata": {"labels": {"their/label": "1"}}}));
        changed.merge(&down.upstream, &json!({"data": {"b": "3"}}));
    });
    for object in [&object, &changed, &taken, &added, &deleted, &labelled] {
        down.wait_alike(object);
    }
    down.wait_event(&object, "DriftReverted", &["spec.replicas", "kubectl"]);
    wait_for("a and b to be ours", SOON, || {
        let held = taken.read(&down.east);
        let entries = held["metadata"]["managedFields"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let ours = entries.iter().find(|entry| entry["manager"] == "tmc-syncer");
        ours.is_some_and(|entry| entry["fieldsV1"]["f:data"] == json!({"f:a": {}, "f:b": {}}))
    });
    let held = labelled.read(&down.east);
    assert_eq!(text(&held, "/metadata/labels/their~1label"), "1");
    down.wait_turn("drift-away", "later");
    down.stays_quiet("drift-away", "after a restart that put right what others did");
}
