//! What owners are told of: failures once, and that they are over.

use serde_json::json;
use syncer_harness::{ApiServer, Patch, wait_for};

use super::{
    scene::{Scene, config_maps, policy},
    things::{collection, config_map, namespace_with, path, wait_that, wait_there},
};
use crate::objects::SOON;

/// Has `server` refuse ConfigMaps of `namespace` whose `key` is `bad`.
fn refuse_bad_ones(server: &ApiServer, namespace: &str) {
    let policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE", "UPDATE"]});
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
    let spec = json!({
        "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selector},
        "validations": [{"expression": "!has(object.data) || !('key' in object.data) || object.data['key'] != 'bad'"}],
    });
    let metadata = json!({"name": namespace});
    server
        .client()
        .create(policies, &json!({"metadata": metadata, "spec": spec}));
    let binding = json!({"policyName": namespace, "validationActions": ["Deny"]});
    let bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
    server
        .client()
        .create(bindings, &json!({"metadata": metadata, "spec": binding}));
    let tried = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tried"}, "data": {"key": "bad"}});
    let dry = format!("{}?dryRun=All", collection("configmaps", namespace));
    wait_for("the policy to be in force", SOON, || {
        let reply = server.client().call("POST", &dry, Some(&tried));
        if reply.status == 422 { Ok(()) } else { Err(reply.text) }
    });
}

#[test]
fn an_edit_that_a_target_refuses_and_that_is_taken_back_is_over() {
    let mut scene = Scene::new("taken-back");
    let up = scene.upstream;
    let spec = json!({"resources": config_maps(), "namespaces": {"names": ["taken-back"]}});
    scene.write(&[scene.target("east", &json!({})), policy("taken-back", &spec)]);
    for server in [up, scene.east] {
        namespace_with(server, "taken-back", &json!({}));
    }
    refuse_bad_ones(scene.east, "taken-back");
    let web = path("configmaps", "taken-back", "web");
    config_map(up, "taken-back", "web", &json!({}));
    scene.run(&[]);
    wait_there(scene.east, &web);

    let edit = |value: &str| up.client().patch(&web, Patch::Merge(&json!({"data": {"key": value}})));
    edit("bad");
    scene.wait_event("taken-back", "web", "SyncFailed", &["taken-back-east"]);
    scene.wait_objects("east", "failed", 1);
    edit("1");
    scene.wait_event("taken-back", "web", "Synced", &["taken-back-east"]);
    scene.wait_objects("east", "failed", 0);
    scene.end();
}

#[test]
fn failures_are_told_once_and_so_is_their_end() {
    let mut scene = Scene::new("told");
    let up = scene.upstream;
    let spec = json!({
        "resources": config_maps(),
        "namespaces": {"names": ["told"]},
        "conflict": {"onImmutable": "Report"},
    });
    scene.write(&[scene.target("east", &json!({})), policy("told", &spec)]);
    for server in [up, scene.east] {
        namespace_with(server, "told", &json!({}));
    }
    let fixed = |value: &str| json!({"metadata": {"name": "fixed"}, "immutable": true, "data": {"key": value}});
    let [fixed_path, foreign] = ["fixed", "foreign"].map(|name| path("configmaps", "told", name));
    up.client().create(&collection("configmaps", "told"), &fixed("1"));
    config_map(up, "told", "foreign", &json!({}));
    config_map(scene.east, "told", "foreign", &json!({"theirs": "1"}));
    scene.run(&[]);
    wait_there(scene.east, &fixed_path);
    scene.wait_event("told", "foreign", "AdoptionRefused", &["told-east"]);
    scene.wait_objects("east", "conflicted", 1);
    scene.end();

    // Made again under its name while nobody looks: the target does not let the value change.
    up.client().delete(&fixed_path);
    up.client().create(&collection("configmaps", "told"), &fixed("2"));
    scene.run(&[]);
    scene.wait_event("told", "fixed", "ImmutableField", &["told-east"]);
    scene.wait_objects("east", "failed", 1);

    // Somebody makes room for both.
    for path in [&fixed_path, &foreign] {
        scene.east.client().delete(path);
    }
    wait_that(scene.east, &fixed_path, |seen| seen["data"]["key"] == "2");
    wait_there(scene.east, &foreign);
    for name in ["fixed", "foreign"] {
        scene.wait_event("told", name, "Synced", &["told-east"]);
    }
    scene.wait_objects("east", "failed", 0);
    scene.wait_objects("east", "conflicted", 0);
    let events = up.client().items("/api/v1/namespaces/told/events");
    assert!(events.len() <= 6, "{events:?}");
    scene.end();
}
