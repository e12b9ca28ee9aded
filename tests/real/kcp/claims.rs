//! Claims: what is withdrawn stays on the targets, and what is deleted goes.

use serde_json::json;
use syncer_harness::wait_for;

use super::{
    provider::KCP_SOON,
    scene::{CONFIG_MAPS, DEPLOYMENTS, SETTLED, Scene, copy, shared, stay, target, wait_data, wait_gone},
};

#[test]
fn a_claim_withdrawn_and_given_again_deletes_nothing_and_a_true_deletion_goes() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "claims");
    let (red, blue) = (scene.consumer("claims-red"), scene.consumer("claims-blue"));
    for consumer in [&red, &blue] {
        for name in ["a", "b"] {
            scene.config_map(consumer, name, &json!({"v": "1"}));
        }
    }
    scene.run();
    for consumer in [&red, &blue] {
        for name in ["a", "b"] {
            wait_data(consumer, name, &json!({"v": "1"}));
        }
    }
    scene.wait_objects("unknown", |count| count == 0);

    scene.answer(&red, "Rejected");
    scene.wait_objects("unknown", |count| count >= 2);
    stay(&red, &["a", "b"]);
    // The other workspace is not affected.
    scene.edit(&blue, "a", &json!({"v": "2"}));
    wait_data(&blue, "a", &json!({"v": "2"}));

    scene.answer(&red, "Accepted");
    scene.wait_objects("unknown", |count| count == 0);
    stay(&red, &["a", "b"]);
    scene.edit(&red, "a", &json!({"v": "3"}));
    wait_data(&red, "a", &json!({"v": "3"}));

    scene.delete_config_map(&red, "b");
    wait_gone(CONFIG_MAPS, &red, "b", SETTLED);
    stay(&red, &["a"]);
    stay(&blue, &["a", "b"]);
}

#[test]
fn a_claim_that_is_accepted_late_brings_what_is_there_without_a_restart() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "late");
    let red = scene.provider.consumer_without(&kcp, "late-red", "configmaps");
    let blue = scene.consumer("late-blue");
    scene.run();
    for consumer in [&red, &blue] {
        scene.config_map(consumer, "a", &json!({"v": "1"}));
    }
    scene.deployment(&red, "web", 1);
    wait_data(&blue, "a", &json!({"v": "1"}));
    // What is bound is synced without it, and what is missing is said.
    wait_for("the Deployment", KCP_SOON, || copy(target(0), DEPLOYMENTS, &red, "web"));
    assert!(copy(target(0), CONFIG_MAPS, &red, "a").is_none());
    scene
        .syncer()
        .wait_for_log(&["claim", "configmaps", &red.path], KCP_SOON);

    scene.provider.accept_all(&kcp, &red);
    wait_data(&red, "a", &json!({"v": "1"}));
    scene.edit(&red, "a", &json!({"v": "2"}));
    wait_data(&red, "a", &json!({"v": "2"}));
}

#[test]
fn a_claim_withdrawn_while_the_syncer_was_down_deletes_nothing_either() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "down");
    let red = scene.consumer("down-red");
    for name in ["a", "b"] {
        scene.config_map(&red, name, &json!({"v": "1"}));
    }
    scene.run();
    for name in ["a", "b"] {
        wait_data(&red, name, &json!({"v": "1"}));
    }
    scene.kill();
    scene.answer(&red, "Rejected");
    scene.delete_config_map(&red, "b");
    scene.run();
    scene.wait_objects("unknown", |count| count >= 2);
    stay(&red, &["a", "b"]);

    scene.answer(&red, "Accepted");
    // One of them was deleted meanwhile, which shows once the claim has stood still for long enough.
    wait_gone(CONFIG_MAPS, &red, "b", SETTLED);
    scene.wait_objects("unknown", |count| count == 0);
    scene.edit(&red, "a", &json!({"v": "2"}));
    wait_data(&red, "a", &json!({"v": "2"}));
}
