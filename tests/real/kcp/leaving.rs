//! Bindings and workspaces that go.

use serde_json::json;
use syncer_harness::wait_for;

use super::{
    provider::KCP_SOON,
    scene::{CONFIG_MAPS, DEPLOYMENTS, Scene, copy, shared, stay, target, wait_data, wait_gone},
};

#[test]
fn the_objects_of_a_deleted_binding_and_of_a_deleted_workspace_leave_all_targets() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "leaving");
    let [unbound, deleted, stays] =
        ["unbound", "deleted", "stays"].map(|name| scene.consumer(&format!("leaving-{name}")));
    scene.run();
    for consumer in [&unbound, &deleted, &stays] {
        scene.config_map(consumer, "web", &json!({"of": consumer.path}));
        scene.deployment(consumer, "web", 1);
        wait_data(consumer, "web", &json!({"of": consumer.path}));
        for number in 0..2 {
            wait_for("the Deployment", KCP_SOON, || {
                copy(target(number), DEPLOYMENTS, consumer, "web")
            });
        }
    }

    scene.delete_binding(&unbound);
    for collection in [CONFIG_MAPS, DEPLOYMENTS] {
        wait_gone(collection, &unbound, "web", KCP_SOON);
    }
    scene.wait_unbound(&unbound);

    let (parent, name) = deleted.path.rsplit_once(':').unwrap();
    let workspace = format!("/apis/tenancy.kcp.io/v1alpha1/workspaces/{name}");
    let parent = kcp.client(parent);
    parent.delete(&workspace);
    for collection in [CONFIG_MAPS, DEPLOYMENTS] {
        wait_gone(collection, &deleted, "web", KCP_SOON);
    }
    wait_for("the end of the workspace", KCP_SOON, || match parent.get(&workspace) {
        None => Ok(()),
        Some(workspace) => Err(workspace["status"].to_string()),
    });
    stay(&stays, &["web"]);
    scene.edit(&stays, "web", &json!({"more": "1"}));
    wait_data(&stays, "web", &json!({"of": stays.path, "more": "1"}));
}

#[test]
fn the_objects_of_a_binding_that_went_unseen_stay_and_are_unknown() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "unseen");
    let (gone, other) = (scene.consumer("unseen-gone"), scene.consumer("unseen-other"));
    scene.run();
    for consumer in [&gone, &other] {
        scene.config_map(consumer, "web", &json!({"of": consumer.path}));
        wait_data(consumer, "web", &json!({"of": consumer.path}));
    }
    scene.kill();
    scene.delete_binding(&gone);
    scene.wait_unbound(&gone);
    scene.run();
    scene.wait_objects("unknown", |count| count >= 1);
    scene.edit(&other, "web", &json!({"more": "1"}));
    wait_data(&other, "web", &json!({"of": other.path, "more": "1"}));
    stay(&gone, &["web"]);
}
