//! Restarts: nothing changed, nothing written; what changed is caught up with.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, stays};

use super::{
    scene::{Scene, policy},
    things::{change, collection, config_map, deployment, namespace_with, path, wait_gone, wait_that, wait_there},
};
use crate::objects::{text, version};

/// How many of each kind.
const EACH: usize = 15;

const KINDS: [&str; 4] = ["configmaps", "secrets", "services", "deployments.apps"];

fn versions(server: &ApiServer, namespace: &str) -> BTreeMap<String, String> {
    let all = KINDS.iter().flat_map(|kind| {
        let items = server.client().items(&collection(kind, namespace));
        let named = items.into_iter();
        named.map(move |item| {
            (
                format!("{kind} {}", text(&item, "/metadata/name")),
                version(&item).to_owned(),
            )
        })
    });
    all.collect()
}

fn make(up: &ApiServer, n: usize) {
    config_map(up, "again", &format!("web-{n}"), &json!({}));
    let named = |spec: Value| {
        let mut object = spec;
        object["metadata"] = json!({"name": format!("web-{n}")});
        object
    };
    let secret = named(json!({"stringData": {"key": "1"}}));
    up.client().create(&collection("secrets", "again"), &secret);
    let service = named(json!({"spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}));
    up.client().create(&collection("services", "again"), &service);
    up.client().create(
        &collection("deployments.apps", "again"),
        &deployment(&format!("web-{n}"), "web:1"),
    );
}

#[test]
fn a_restart_writes_nothing_reads_no_object_and_catches_up_in_both_directions() {
    let mut scene = Scene::new("again");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let resources: Vec<_> = KINDS
        .iter()
        .map(|kind| kind.split_once('.').unwrap_or((kind, "")))
        .map(|(resource, group)| json!({"group": group, "resource": resource}))
        .collect();
    let spec = json!({
        "resources": resources,
        "namespaces": {"names": ["again"]},
        "transforms": [{"set": {"path": "metadata.labels.zone", "value": "1"}}],
    });
    scene.write(&[east, west, policy("again", &spec)]);
    namespace_with(up, "again", &json!({"team": "web"}));
    for n in 0..EACH {
        make(up, n);
    }
    scene.run(&[]);
    let whole = u64::try_from(KINDS.len() * EACH + 1).unwrap();
    for cluster in ["east", "west"] {
        scene.wait_objects(cluster, "synced", whole);
    }
    scene.comes_to_rest();
    scene.end();
    let servers = [up, scene.east, scene.west];
    let held = servers.map(|server| versions(server, "again"));
    let before = servers.map(|server| scene.requests(server).len());

    // Nothing changed.
    scene.run(&[]);
    for cluster in ["east", "west"] {
        scene.wait_objects(cluster, "synced", whole);
    }
    let asked = || servers.map(|server| scene.requests(server).iter().filter(|event| event.is_write()).count());
    let written = asked();
    stays("at rest", Duration::from_secs(3), || asked() == written);
    for ((server, before), held) in servers.into_iter().zip(before).zip(&held) {
        let asked = scene.requests(server);
        let asked: Vec<_> = asked.iter().skip(before).collect();
        let written: Vec<_> = asked.iter().filter(|event| event.is_write()).collect();
        assert_eq!(format!("{written:?}"), "[]");
        let read: Vec<_> = asked
            .iter()
            .filter(|event| event.verb == "get" && event.namespace == "again")
            // Secrets without a hash key are compared by value.
            .filter(|event| event.resource != "secrets")
            .collect();
        assert_eq!(format!("{read:?}"), "[]");
        assert_eq!(versions(server, "again"), *held);
    }
    scene.kill();

    // Both sides change while it is away.
    let map = |name: &str| path("configmaps", "again", name);
    change(up, &map("web-0"), &json!({"data": {"key": "2"}}));
    up.client().delete(&map("web-1"));
    config_map(up, "again", "new", &json!({}));
    change(scene.east, &map("web-2"), &json!({"data": {"key": "drift"}}));
    scene.east.client().delete(&path("services", "again", "web-3"));
    let replicas = path("deployments.apps", "again", "web-4");
    change(scene.west, &replicas, &json!({"spec": {"replicas": 7}}));
    let status = json!({"status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1}});
    for server in [scene.east, scene.west] {
        change(
            server,
            &format!("{}/status", path("deployments.apps", "again", "web-5")),
            &status,
        );
    }
    scene.run(&[]);
    for server in [scene.east, scene.west] {
        wait_that(server, &map("web-0"), |seen| seen["data"]["key"] == "2");
        wait_gone(server, &map("web-1"));
        wait_there(server, &map("new"));
        wait_that(server, &map("web-2"), |seen| seen["data"]["key"] == "1");
        wait_there(server, &path("services", "again", "web-3"));
        wait_that(server, &replicas, |seen| seen["spec"]["replicas"] == 1);
    }
    wait_that(up, &path("deployments.apps", "again", "web-5"), |seen| {
        seen["status"]["readyReplicas"] == 2
    });
    scene.wait_event("again", "web-2", "DriftReverted", &["again-east"]);
    scene.end();
}
