//! Several endpoints, as a kcp of several shards has them: each shows workspaces of its own, at a host of its own.

use serde_json::{Value, json};
use syncer_harness::{Patch, wait_for};

use super::{
    provider::{Consumer, KCP_SOON},
    scene::{CONFIG_MAPS, DEPLOYMENTS, SETTLED, Scene, copy, shared, stay, target, wait_data, wait_gone},
    shards::{Shard, name, scene},
};
use crate::objects::uid;

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

/// Has both targets report for the Deployment of `consumer`, and waits until its workspace shows it.
#[track_caller]
fn wait_status(scene: &Scene<'_>, consumer: &Consumer, replicas: u32) {
    for number in 0..2 {
        let found = wait_for("the Deployment", KCP_SOON, || {
            copy(target(number), DEPLOYMENTS, consumer, "web")
        });
        let metadata = &found["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap();
        let status = json!({"status": {"observedGeneration": metadata["generation"], "replicas": replicas}});
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web/status");
        target(number).client().patch(&path, Patch::Merge(&status));
    }
    wait_for(&format!("the status in {}", consumer.path), KCP_SOON, || {
        let status: Value = consumer.client(scene.kcp).read(WEB)["status"].clone();
        if status["replicas"] == replicas * 2 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
}

/// The UIDs of the copies of `name` of `consumer`.
fn uids(consumer: &Consumer, name: &str) -> [Option<String>; 2] {
    [0, 1].map(|number| copy(target(number), CONFIG_MAPS, consumer, name).map(|found| uid(&found).to_owned()))
}

#[test]
fn each_of_several_endpoints_has_workspaces_of_its_own_and_one_that_goes_and_comes_back_elsewhere_loses_nothing() {
    let kcp = shared();
    let mut scene = scene(&kcp, "shards");
    let (red, blue) = (scene.consumer("shards-red"), scene.consumer("shards-blue"));
    let [first, second] = [&red, &blue].map(|consumer| Shard::of(&scene, consumer));
    name(&scene, &[first.url(), second.url()]);
    scene.run();
    for (consumer, replicas) in [(&red, 3), (&blue, 5)] {
        scene.config_map(consumer, "web", &json!({"of": consumer.path}));
        scene.deployment(consumer, "web", 1);
        wait_data(consumer, "web", &json!({"of": consumer.path}));
        wait_status(&scene, consumer, replicas);
    }
    for shard in [&first, &second] {
        assert_eq!(shard.astray(), Vec::<String>::new());
    }

    // One endpoint is withdrawn. What it showed stays, and the other goes on.
    let before = uids(&blue, "web");
    name(&scene, &[first.url()]);
    scene.wait_objects("unknown", |count| count >= 2);
    scene.edit(&blue, "web", &json!({"more": "1"}));
    scene.edit(&red, "web", &json!({"more": "1"}));
    wait_data(&red, "web", &json!({"of": red.path, "more": "1"}));
    stay(&blue, &["web"]);

    // Its workspaces are at another one then, as after a migration.
    let third = Shard::of(&scene, &blue);
    name(&scene, &[first.url(), third.url()]);
    wait_data(&blue, "web", &json!({"of": blue.path, "more": "1"}));
    scene.wait_objects("unknown", |count| count == 0);
    assert_eq!(uids(&blue, "web"), before, "nothing was deleted and made again");
    wait_status(&scene, &blue, 7);
    assert_eq!(third.astray(), Vec::<String>::new());

    // None at all is no error either.
    name(&scene, &[]);
    scene.wait_objects("unknown", |count| count >= 4);
    stay(&red, &["web"]);
    stay(&blue, &["web"]);
}

#[test]
fn an_endpoint_that_lost_access_deletes_nothing_and_holds_up_no_other_not_even_over_a_restart() {
    let kcp = shared();
    let mut scene = scene(&kcp, "refused");
    let (red, blue) = (scene.consumer("refused-red"), scene.consumer("refused-blue"));
    let [first, second] = [&red, &blue].map(|consumer| Shard::of(&scene, consumer));
    name(&scene, &[first.url(), second.url()]);
    scene.run();
    for consumer in [&red, &blue] {
        for name in ["a", "b"] {
            scene.config_map(consumer, name, &json!({"v": "1"}));
            wait_data(consumer, name, &json!({"v": "1"}));
        }
    }
    let before = uids(&blue, "a");

    second.refuse();
    scene.delete_config_map(&blue, "b");
    scene.edit(&red, "a", &json!({"v": "2"}));
    wait_data(&red, "a", &json!({"v": "2"}));
    stay(&blue, &["a", "b"]);
    scene.kill();
    scene.run();
    scene.edit(&red, "a", &json!({"v": "3"}));
    wait_data(&red, "a", &json!({"v": "3"}));
    stay(&blue, &["a", "b"]);

    // Let in again, it says what became of its objects.
    second.serve();
    scene.edit(&blue, "a", &json!({"v": "4"}));
    wait_data(&blue, "a", &json!({"v": "4"}));
    wait_gone(CONFIG_MAPS, &blue, "b", SETTLED);
    assert_eq!(uids(&blue, "a"), before);
}
