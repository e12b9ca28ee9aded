//! Endpoints that go, and a kcp that does.

use serde_json::json;

use syncer_harness::wait_for;

use super::{
    provider::{KCP_SOON, kcp_alone},
    scene::{Scene, shared, stay, wait_data},
};

#[test]
fn an_endpoint_that_is_gone_leaves_its_objects_unknown_and_its_return_mends_that() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "endpoint").with_slice("mine");
    let red = scene.consumer("endpoint-red");
    scene.run();
    for name in ["a", "b"] {
        scene.config_map(&red, name, &json!({"v": "1"}));
        wait_data(&red, name, &json!({"v": "1"}));
    }
    scene.delete_slice();
    scene.wait_objects("unknown", |count| count >= 2);
    stay(&red, &["a", "b"]);
    scene.edit(&red, "a", &json!({"v": "2"}));
    scene.make_slice();
    wait_data(&red, "a", &json!({"v": "2"}));
    scene.wait_objects("unknown", |count| count == 0);
    stay(&red, &["b"]);
}

#[test]
fn a_kcp_that_restarts_loses_nothing() {
    let mut kcp = kcp_alone();
    let (red, syncer) = {
        let mut scene = Scene::new(&kcp, "restart");
        let red = scene.consumer("restart-red");
        scene.config_map(&red, "a", &json!({"v": "1"}));
        scene.run();
        wait_data(&red, "a", &json!({"v": "1"}));
        (red, scene.leave())
    };
    kcp.kill();
    stay(&red, &["a"]);
    kcp.start_again();
    let scene = Scene::resumed(&kcp, syncer);
    // It answers before it knows again who may do what.
    let path = "/api/v1/namespaces/default/configmaps/a";
    wait_for("kcp lets its admin in", KCP_SOON, || {
        red.client(&kcp).call("GET", path, None).is_success()
    });
    scene.edit(&red, "a", &json!({"v": "2"}));
    wait_data(&red, "a", &json!({"v": "2"}));
    scene.config_map(&red, "b", &json!({"v": "1"}));
    wait_data(&red, "b", &json!({"v": "1"}));
}
