//! Two exports that claim the same objects.

use serde_json::json;
use syncer_harness::{Patch, stays, wait_for};

use super::{
    provider::{KCP_SOON, applied, is_true},
    scene::{CONFIG_MAPS, QUIET, SETTLED, Scene, shared, target, wait_data, wait_gone},
};

const EXPORT: &str = "/apis/apis.kcp.io/v1alpha2/apiexports/kubernetes";
const BINDINGS: &str = "/apis/apis.kcp.io/v1alpha2/apibindings";

/// Each has a provider, an export and a syncer of its own; they meet in one workspace and on the same targets.
#[test]
fn two_exports_that_claim_the_same_objects_are_synced_beside_each_other() {
    let kcp = shared();
    let mut first = Scene::new(&kcp, "first-export");
    let mut second = Scene::new(&kcp, "second-export");
    // No two exports can give one workspace the same kinds.
    let nothing = json!({"spec": {"resources": null}});
    kcp.client(&second.provider.path).patch(EXPORT, Patch::Merge(&nothing));
    let red = first.consumer("exports-red");
    let client = red.client(&kcp);
    let binding = client.read(&format!("{BINDINGS}/kubernetes"));
    let mut spec = binding["spec"].clone();
    spec["reference"]["export"]["path"] = second.provider.path.clone().into();
    let other = json!({
        "apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIBinding", "metadata": {"name": "other"}, "spec": spec,
    });
    applied(&kcp, &red.path, &[other]);
    wait_for("the other binding", KCP_SOON, || {
        let seen = client.read(&format!("{BINDINGS}/other"));
        if seen["status"]["phase"] == "Bound" && is_true(&seen, "PermissionClaimsApplied") {
            Ok(())
        } else {
            Err(seen["status"].to_string())
        }
    });
    for scene in [&mut first, &mut second] {
        scene.run();
    }
    first.config_map(&red, "web", &json!({"v": "1"}));
    let copies = |value: &str| {
        let mut all = target(0).client().items(CONFIG_MAPS);
        all.retain(|object| {
            let origin = object["metadata"]["annotations"]["workload.kcp.io/origin"].to_string();
            object["metadata"]["name"] == "web" && object["data"]["v"] == value && origin.contains(&red.cluster)
        });
        all.len()
    };
    let wait_copies = |value: &str| {
        wait_for(&format!("a copy of each with {value}"), KCP_SOON, || {
            match copies(value) {
                2 => Ok(()),
                seen => Err(seen),
            }
        });
    };
    wait_copies("1");
    first.edit(&red, "web", &json!({"v": "2"}));
    wait_copies("2");

    // One goes without taking anything of the other along.
    client.delete(&format!("{BINDINGS}/other"));
    wait_for("one copy alone", KCP_SOON, || match copies("2") {
        1 => Ok(()),
        seen => Err(seen),
    });
    stays("there for the other", QUIET, || copies("2") == 1);
    first.edit(&red, "web", &json!({"v": "3"}));
    wait_data(&red, "web", &json!({"v": "3"}));
    first.delete_config_map(&red, "web");
    wait_gone(CONFIG_MAPS, &red, "web", SETTLED);
}
