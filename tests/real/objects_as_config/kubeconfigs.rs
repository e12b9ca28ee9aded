//! Kubeconfigs in Secrets: missing, refused, rotated, taken away.

use serde_json::json;
use syncer_harness::{Patch, wait_for};

use super::scene::{NAMESPACE, Scene, TARGETS, condition, config_maps_of, kubeconfig};
use crate::objects::{ConfigMap, SOON, create_namespace};

/// A kubeconfig whose user runs `touch <file>`.
fn with_plugin(kubeconfig: &str, file: &str) -> String {
    let (before, _) = kubeconfig.split_once("users:\n").unwrap();
    let (_, contexts) = kubeconfig.split_once("contexts:\n").unwrap();
    format!(
        "{before}users:\n- name: test\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      \
         command: touch\n      args: [{file}]\n      interactiveMode: Never\ncontexts:\n{contexts}"
    )
}

#[test]
fn a_missing_secret_and_one_with_a_plugin_are_conditions_and_mending_it_is_enough() {
    let mut scene = Scene::new("refused");
    let east = &TARGETS.east;
    create_namespace(&scene.upstream, "refused");
    let web = ConfigMap::new("refused", "web");
    web.create(&scene.upstream, &json!({"a": "1"}));
    scene.policy("refused", &config_maps_of("refused"));
    scene.target("refused-east");
    scene.run(&[]);
    let target = ("synctargets", "refused-east");
    scene.wait_condition(target, "Ready", ("False", "SecretMissing"));

    let folder = tempfile::tempdir().unwrap();
    let touched = folder.path().join("touched");
    let good = kubeconfig(east, "one").to_yaml();
    scene.secret("refused-east", &with_plugin(&good, touched.to_str().unwrap()));
    let seen = scene.wait_condition(target, "Ready", ("False", "KubeconfigRefused"));
    let message = condition(&seen, "Ready").unwrap()["message"].as_str().unwrap();
    assert!(
        message.contains("exec plugin") && message.contains("clusters/refused-east"),
        "{message}"
    );
    assert!(!touched.exists(), "the plugin ran");
    scene.secret("refused-east", "certificate-authority: /etc/passwd\n{]");
    scene.wait_condition(target, "Ready", ("False", "KubeconfigRefused"));
    let unverified = good.replace(
        "certificate-authority-data:",
        "insecure-skip-tls-verify: true\n    was:",
    );
    scene.secret("refused-east", &unverified);
    scene.wait_condition(target, "Ready", ("False", "KubeconfigRefused"));
    assert_eq!(web.get(east), None);

    scene.change(
        "synctargets",
        "refused-east",
        &json!({"spec": {"insecureSkipTLSVerify": true}}),
    );
    web.wait_data(east, &json!({"a": "1"}));
    scene.wait_condition(target, "Ready", ("True", "InStep"));
    scene.secret("refused-east", &good);
    scene.change(
        "synctargets",
        "refused-east",
        &json!({"spec": {"insecureSkipTLSVerify": false}}),
    );
    scene.wait_condition(target, "Ready", ("True", "InStep"));
    // What was in the Secret is nowhere to be read (S8).
    let token = good
        .lines()
        .find(|line| line.contains("client-key-data") || line.contains("token: "))
        .unwrap();
    let secret = token.rsplit(' ').next().unwrap();
    assert!(!scene.syncer().log().contains(secret));
    scene.assert_allowed();
    scene.end();
}

#[test]
fn a_rotated_kubeconfig_is_used_at_once_and_a_bad_one_cuts_no_connection() {
    let mut scene = Scene::new("rotated");
    let east = &TARGETS.east;
    create_namespace(&scene.upstream, "rotated");
    let web = ConfigMap::new("rotated", "web");
    web.create(&scene.upstream, &json!({"a": "1"}));
    scene.policy("rotated", &config_maps_of("rotated"));
    scene.target_of("rotated-east", east, "one");
    scene.run(&[]);
    web.wait_data(east, &json!({"a": "1"}));

    scene.secret("rotated-east", &kubeconfig(east, "two").to_yaml());
    let edit = |a: &str| {
        let edit = json!({"data": {"a": a}});
        scene.upstream.client().patch(&web.path(), Patch::Merge(&edit));
    };
    wait_for("a request of the other user", SOON, || {
        let events = east.audit();
        let mut of_two = events
            .iter()
            .filter(|event| event.user == "two" && event.uri.contains("configmaps"));
        of_two.next().map(drop).ok_or("none yet")
    });
    edit("2");
    web.wait_data(east, &json!({"a": "2"}));
    let written_by_two = east.audit().into_iter().any(|event| {
        event.user == "two" && event.verb == "patch" && event.namespace == "rotated" && event.name == "web"
    });
    assert!(written_by_two);

    let target = ("synctargets", "rotated-east");
    scene.secret("rotated-east", "no kubeconfig");
    scene.wait_condition(target, "Ready", ("False", "KubeconfigRefused"));
    edit("3");
    web.wait_data(east, &json!({"a": "3"}));
    let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/rotated-east");
    scene.upstream.client().delete(&path);
    scene.wait_condition(target, "Ready", ("False", "SecretMissing"));
    edit("4");
    web.wait_data(east, &json!({"a": "4"}));
    scene.end();
}
