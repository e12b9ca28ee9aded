//! Workspaces with the same names are kept apart, and come and go without restart.

use serde_json::{Value, json};
use syncer_harness::{Patch, wait_for};

use super::{
    provider::KCP_SOON,
    scene::{DEPLOYMENTS, Scene, copy, shared, target, wait_data},
};

#[test]
fn two_workspaces_with_the_same_names_are_kept_apart_and_each_gets_its_own_status() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "apart");
    // Nobody has bound the export: that is ready, and waits.
    scene.run();
    wait_for("readiness without an endpoint", KCP_SOON, || {
        let page = scene.page("/readyz?verbose");
        if page.contains("upstream") && !page.contains("[-]") {
            Ok(())
        } else {
            Err(page)
        }
    });
    let consumers = [("apart-red", 1), ("apart-blue", 2)].map(|(name, replicas)| (scene.consumer(name), replicas));
    for (consumer, replicas) in &consumers {
        scene.config_map(consumer, "web", &json!({"of": consumer.path}));
        scene.deployment(consumer, "web", *replicas);
    }
    let mut namespaces = Vec::new();
    for (consumer, replicas) in &consumers {
        wait_data(consumer, "web", &json!({"of": consumer.path}));
        for number in 0..2 {
            let found = wait_for("the Deployment", KCP_SOON, || {
                copy(target(number), DEPLOYMENTS, consumer, "web")
            });
            assert_eq!(found["spec"]["replicas"], *replicas);
            let namespace = found["metadata"]["namespace"].as_str().unwrap().to_owned();
            assert!(namespace.starts_with("kcp-"), "{namespace}");
            let status =
                json!({"status": {"observedGeneration": found["metadata"]["generation"], "replicas": replicas * 10}});
            let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web/status");
            target(number).client().patch(&path, Patch::Merge(&status));
            namespaces.push((number, namespace));
        }
    }
    namespaces.sort();
    namespaces.dedup();
    assert_eq!(
        namespaces.len(),
        4,
        "one for each workspace on each target: {namespaces:?}"
    );
    for (consumer, replicas) in &consumers {
        let path = "/apis/apps/v1/namespaces/default/deployments/web";
        wait_for(&format!("the status in {}", consumer.path), KCP_SOON, || {
            let status: Value = consumer.client(&kcp).read(path)["status"].clone();
            // Two targets with ten times the replicas each.
            if status["replicas"] == replicas * 20 {
                Ok(())
            } else {
                Err(status.to_string())
            }
        });
    }
    // An edit in one workspace is nobody else's.
    let [(red, _), (blue, _)] = &consumers;
    scene.edit(red, "web", &json!({"more": "1"}));
    wait_data(red, "web", &json!({"of": red.path, "more": "1"}));
    wait_data(blue, "web", &json!({"of": blue.path}));
}
