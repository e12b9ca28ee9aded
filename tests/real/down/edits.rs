//! Edits upstream arrive as they are, also where an apply alone would not do.

use serde_json::{Value, json};
use syncer_harness::{Scratch, wait_for};

use super::{
    clusters::{Beside, Down},
    object::{Object, deployment},
};
use crate::objects::{SOON, text, uid};

/// The one container of what a Deployment says.
fn container(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]["containers"][0]
}

/// Changes upstream, and all of it is the target's in place.
#[track_caller]
fn follows(down: &Down, object: &Object, change: &Value) -> Value {
    let before = uid(&object.read(&down.east)).to_owned();
    object.strategic(&down.upstream, change);
    let held = down.wait_alike(object);
    assert_eq!(uid(&held), before);
    held
}

fn of_container(change: &Value) -> Value {
    let mut container = change.clone();
    container["name"] = json!("web");
    of_pod(&json!({"containers": [container]}))
}

fn of_pod(change: &Value) -> Value {
    json!({"spec": {"template": {"spec": change}}})
}

#[test]
fn images_and_the_order_of_variables_follow() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("edit-env");
    let object = Object::deployment("edit-env", "web");
    let mut body = deployment("example.org/web:1");
    body["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}, {"name": "C", "value": "3"}]);
    down.sync(&object, &body);

    down.upstream.kubectl(&[
        "set",
        "image",
        "-n",
        "edit-env",
        "deployment/web",
        "web=example.org/web:2",
    ]);
    assert_eq!(container(&down.wait_alike(&object))["image"], "example.org/web:2");

    let reordered = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/env", "value": [
        {"name": "C", "value": "3"}, {"name": "B", "value": "$(A)"}, {"name": "A", "value": "1"},
    ]}]);
    let client = down.upstream.client();
    client.patch(&object.path(), syncer_harness::Patch::Json(&reordered));
    let held = down.wait_alike(&object);
    let names: Vec<_> = container(&held)["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| text(v, "/name"))
        .collect();
    assert_eq!(names, ["C", "B", "A"]);

    // One goes, one comes in front.
    let other = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/env", "value": [
        {"name": "NEW", "value": "0"}, {"name": "C", "value": "4"}, {"name": "A", "value": "1"},
    ]}]);
    client.patch(&object.path(), syncer_harness::Patch::Json(&other));
    down.wait_alike(&object);
}

#[test]
fn a_variable_turns_into_a_reference_and_back() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("edit-reference");
    let object = Object::deployment("edit-reference", "web");
    let mut body = deployment("example.org/web:1");
    body["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "A", "value": "1"}]);
    down.sync(&object, &body);
    let key = json!({"configMapKeyRef": {"name": "settings", "key": "a"}});
    let held = follows(
        &down,
        &object,
        &of_container(&json!({"env": [{"name": "A", "value": null, "valueFrom": key}]})),
    );
    assert_eq!(container(&held)["env"], json!([{"name": "A", "valueFrom": key}]));
    follows(
        &down,
        &object,
        &of_container(&json!({"env": [{"name": "A", "value": "2", "valueFrom": null}]})),
    );
}

#[test]
fn a_strategy_and_a_volume_take_their_other_form_and_back() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("edit-union");
    let object = Object::deployment("edit-union", "web");
    let mut body = deployment("example.org/web:1");
    body["spec"]["template"]["spec"]["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
    down.sync(&object, &body);

    let recreate = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    follows(&down, &object, &recreate);
    follows(
        &down,
        &object,
        &json!({"spec": {"strategy": {"type": "RollingUpdate"}}}),
    );
    follows(
        &down,
        &object,
        &json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 3}}}}),
    );
    follows(&down, &object, &recreate);

    let volume = |change: &Value| of_pod(&json!({"volumes": [change]}));
    follows(
        &down,
        &object,
        &volume(&json!({"$retainKeys": ["name", "configMap"], "name": "v", "configMap": {"name": "settings"}})),
    );
    follows(
        &down,
        &object,
        &volume(&json!({"$retainKeys": ["name", "emptyDir"], "name": "v", "emptyDir": {"medium": "Memory"}})),
    );
    let probe = |change: &Value| of_container(&json!({"readinessProbe": change}));
    follows(&down, &object, &probe(&json!({"httpGet": {"port": 80}})));
    follows(
        &down,
        &object,
        &probe(&json!({"httpGet": null, "exec": {"command": ["true"]}})),
    );
    follows(&down, &object, &probe(&Value::Null));
}

#[test]
fn what_kubectl_apply_leaves_out_goes() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("edit-omit");
    let object = Object::deployment("edit-omit", "web");
    let scratch = Scratch::new("edit-omit");
    let apply = |name: &str, body: &Value| {
        let mut body = body.clone();
        body["apiVersion"] = json!("apps/v1");
        body["kind"] = json!("Deployment");
        body["metadata"] = json!({"name": "web", "namespace": "edit-omit", "labels": body["labels"]});
        body.as_object_mut().unwrap().remove("labels");
        let file = scratch.write(name, &body.to_string());
        down.upstream.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    };
    let mut full = deployment("example.org/web:1");
    full["labels"] = json!({"kept": "1", "goes": "1"});
    full["spec"]["minReadySeconds"] = json!(3);
    full["spec"]["revisionHistoryLimit"] = json!(2);
    full["spec"]["template"]["spec"]["nodeSelector"] = json!({"kubernetes.io/os": "linux", "zone": "a"});
    full["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "1"}});
    full["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["a"]);
    full["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "init", "image": "example.org/init:1"}]);
    apply("full.json", &full);
    down.wait_alike(&object);

    let mut less = deployment("example.org/web:1");
    less["labels"] = json!({"kept": "1"});
    less["spec"]["template"]["spec"]["nodeSelector"] = json!({"kubernetes.io/os": "linux"});
    apply("less.json", &less);
    let held = wait_for("the label to go", SOON, || {
        let held = down.wait_alike(&object);
        held["metadata"]["labels"]["goes"].is_null().then_some(held)
    });
    assert_eq!(held["metadata"]["labels"]["kept"], "1");
    assert_eq!(held["spec"]["minReadySeconds"], Value::Null);
    assert_eq!(held["spec"]["revisionHistoryLimit"], 10, "the default is back");
    assert_eq!(held["spec"]["template"]["spec"]["initContainers"], Value::Null);
}

/// A POST accepts what an apply refuses with 500.
#[test]
fn duplicate_variables_and_ports_arrive_once() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("edit-twice");
    let object = Object::deployment("edit-twice", "web");
    let mut body = deployment("example.org/web:1");
    let web = &mut body["spec"]["template"]["spec"]["containers"][0];
    web["env"] = json!([
        {"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "A", "value": "3"},
    ]);
    web["ports"] = json!([
        {"name": "one", "containerPort": 80}, {"name": "two", "containerPort": 80}, {"containerPort": 81},
    ]);
    object.create(&down.upstream, &body);
    let held = wait_for("the Deployment", SOON, || object.get(&down.east));
    let values: Vec<_> = container(&held)["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| (text(v, "/name"), text(v, "/value")))
        .collect();
    assert_eq!(values, [("B", "2"), ("A", "3")]);
    let ports: Vec<_> = container(&held)["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["containerPort"].as_i64().unwrap())
        .collect();
    assert_eq!(ports, [80, 81]);
    assert_eq!(text(container(&held), "/ports/0/name"), "one");

    // An edit of such an object follows too.
    object.merge(&down.upstream, &json!({"spec": {"replicas": 3}}));
    wait_for("the edit", SOON, || object.read(&down.east)["spec"]["replicas"] == 3);
}

/// What cannot be told apart is reported with its path, and the last good state stays (S11).
#[test]
fn a_duplicate_that_is_needed_is_reported() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("edit-needed");
    let object = Object::deployment("edit-needed", "web");
    let mut body = deployment("example.org/web:1");
    body["spec"]["template"]["spec"]["containers"][0]["env"] = json!([
        {"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}, {"name": "A", "value": "3"},
    ]);
    object.create(&down.upstream, &body);
    down.wait_event(&object, "TransformFailed", &["containers[name=web].env", "name=A"]);
    assert_eq!(object.get(&down.east), None);
}

#[test]
fn a_service_changes_ports_type_and_node_port() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("edit-service");
    let object = Object::service("edit-service", "web");
    let spec = json!({"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]});
    let first = down.sync(&object, &json!({"spec": spec}));

    let json_patch = |ops: &Value| {
        let client = down.upstream.client();
        client.patch(&object.path(), syncer_harness::Patch::Json(ops));
        let held = down.wait_alike(&object);
        assert_eq!(uid(&held), uid(&first));
        held
    };
    json_patch(&json!([{"op": "replace", "path": "/spec/ports", "value": [
        {"name": "http", "port": 8080, "targetPort": 80, "protocol": "TCP"},
        {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]}]));
    // One port renamed, one gone, a target port by name.
    json_patch(&json!([{"op": "replace", "path": "/spec/ports", "value": [
        {"name": "web", "port": 8080, "targetPort": "http", "protocol": "TCP"},
        {"name": "dns", "port": 53, "protocol": "UDP"},
    ]}]));
    let held = json_patch(&json!([{"op": "replace", "path": "/spec/type", "value": "NodePort"}]));
    assert!(held["spec"]["ports"][0]["nodePort"].as_i64().unwrap() >= 30000);

    json_patch(&json!([{"op": "replace", "path": "/spec/ports/0/nodePort", "value": 30123}]));
    wait_for("the node port that the user set", SOON, || {
        object.read(&down.east)["spec"]["ports"][0]["nodePort"] == 30123
    });

    json_patch(&json!([{"op": "replace", "path": "/spec/type", "value": "LoadBalancer"}]));
    json_patch(&json!([{"op": "replace", "path": "/spec/externalTrafficPolicy", "value": "Local"}]));
    let back = json!([
        {"op": "replace", "path": "/spec/type", "value": "ClusterIP"},
        {"op": "remove", "path": "/spec/externalTrafficPolicy"},
    ]);
    let held = json_patch(&back);
    assert_eq!(held["spec"]["clusterIP"], first["spec"]["clusterIP"]);
    wait_for("the node ports to go", SOON, || {
        object.read(&down.east)["spec"]["ports"][0]["nodePort"].is_null()
    });
    json_patch(&json!([
        {"op": "replace", "path": "/spec/type", "value": "ExternalName"},
        {"op": "add", "path": "/spec/externalName", "value": "db.example.org"},
        {"op": "remove", "path": "/spec/clusterIP"},
        {"op": "remove", "path": "/spec/clusterIPs"},
    ]));
}

#[test]
fn a_secret_follows() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("edit-secret");
    let object = Object::secret("edit-secret", "web");
    down.sync(&object, &json!({"data": {"a": "MQ==", "b": "Mg=="}}));
    object.merge(&down.upstream, &json!({"data": {"a": "Mw==", "b": null, "c": ""}}));
    down.wait_alike(&object);
    object.merge(&down.upstream, &json!({"stringData": {"d": "plain"}}));
    down.wait_alike(&object);
}
