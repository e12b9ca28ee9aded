//! Exports that change while the syncer runs, and two of them that claim the same objects.

use serde_json::{Value, json};
use syncer_harness::{Client, Patch, stays, wait_for};

use super::{
    provider::{Consumer, KCP_SOON, applied, is_true},
    scene::{CONFIG_MAPS, DEPLOYMENTS, QUIET, SETTLED, Scene, copy, shared, stay, target, wait_data, wait_gone},
};
use crate::objects::uid;

const EXPORT: &str = "/apis/apis.kcp.io/v1alpha2/apiexports/kubernetes";
const BINDINGS: &str = "/apis/apis.kcp.io/v1alpha2/apibindings";
const SCHEMAS: &str = "/apis/apis.kcp.io/v1alpha1/apiresourceschemas";
const DEPLOYMENTS_HERE: &str = "/apis/apps/v1/namespaces/default/deployments";
const QUOTAS: &str = "/api/v1/resourcequotas";

/// Has the export name `schema` for Deployments.
fn export_schema(provider: &Client, schema: &str) {
    let mut resources = provider.read(EXPORT)["spec"]["resources"].clone();
    let rows = resources.as_array_mut().unwrap();
    let row = rows.iter_mut().find(|row| row["name"] == "deployments").unwrap();
    row["schema"] = schema.into();
    provider.patch(EXPORT, Patch::Merge(&json!({"spec": {"resources": resources}})));
}

/// Waits until the binding of `consumer` is bound to `schema`.
#[track_caller]
fn wait_bound_to(scene: &Scene<'_>, consumer: &Consumer, schema: &str) {
    let client = consumer.client(scene.kcp);
    wait_for(&format!("{schema} in {}", consumer.path), KCP_SOON, || {
        let status = client.read(&format!("{BINDINGS}/kubernetes"))["status"].clone();
        if status["boundResources"].to_string().contains(schema) {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
}

/// As after an upgrade of the manifests: what the older schema did not know is synced from then on, and nothing else happens.
#[test]
fn a_newer_schema_of_the_export_counts_without_a_restart_and_loses_nothing() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "upgraded");
    let client = kcp.client(&scene.provider.path);
    let exported = client.read(EXPORT)["spec"]["resources"].clone();
    let newer = exported
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "deployments");
    let newer = newer.unwrap()["schema"].as_str().unwrap().to_owned();
    let held = client.read(&format!("{SCHEMAS}/{newer}"));
    let mut spec = held["spec"].clone();
    let properties = spec
        .pointer_mut("/versions/0/schema/properties/spec/properties")
        .unwrap();
    assert!(properties.as_object_mut().unwrap().remove("minReadySeconds").is_some());
    let older = json!({
        "apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIResourceSchema",
        "metadata": {"name": "older.deployments.apps"}, "spec": spec,
    });
    client.create(SCHEMAS, &older);
    export_schema(&client, "older.deployments.apps");
    let red = scene.consumer("upgraded-red");
    wait_bound_to(&scene, &red, "older.deployments.apps");
    scene.run();
    scene.deployment(&red, "web", 1);
    let copies = [0, 1].map(|number| {
        let found = wait_for("the Deployment", KCP_SOON, || {
            copy(target(number), DEPLOYMENTS, &red, "web")
        });
        uid(&found).to_owned()
    });

    export_schema(&client, &newer);
    wait_bound_to(&scene, &red, &newer);
    let people = red.client(&kcp);
    let patience = json!({"spec": {"minReadySeconds": 7}});
    wait_for("the workspace to take the new field", KCP_SOON, || {
        let seen = people.patch(&format!("{DEPLOYMENTS_HERE}/web"), Patch::Merge(&patience));
        if seen["spec"]["minReadySeconds"] == 7 {
            Ok(())
        } else {
            Err(seen["spec"].to_string())
        }
    });
    for (number, before) in copies.iter().enumerate() {
        let found = wait_for("the new field on the target", KCP_SOON, || {
            let found = copy(target(number), DEPLOYMENTS, &red, "web").ok_or_else(|| "gone".to_owned())?;
            if found["spec"]["minReadySeconds"] == 7 {
                Ok(found)
            } else {
                let shown = |at: &str| {
                    let shown = scene.provider.through(&kcp, at).read("/apis/apps/v1/deployments");
                    shown.to_string().matches("minReadySeconds").count()
                };
                Err(format!(
                    "{}; kcp shows of all {} and of this one {}",
                    found["spec"],
                    shown("*"),
                    shown(&red.cluster)
                ))
            }
        });
        assert_eq!(uid(&found), before, "nothing was made again");
    }
}

fn quota(consumer: &Consumer, number: usize) -> Option<Value> {
    copy(target(number), QUOTAS, consumer, "quota")
}

/// A policy may name what the export does not claim yet: the rest goes on, and that comes when it is claimed and accepted.
#[test]
fn a_resource_that_is_claimed_later_is_picked_up_without_a_restart() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "claimed");
    let red = scene.consumer("claimed-red");
    let provider = scene.provider.clone();
    let policy = json!({"resources": [{"resource": "configmaps"}, {"resource": "resourcequotas"}]});
    provider.policy(&kcp, "all", &policy);
    // The printed roles of the targets are for the kinds that people usually sync.
    for (number, name) in ["east", "west"].into_iter().enumerate() {
        provider.target(&kcp, name, target(number).kubeconfig());
    }
    let people = red.client(&kcp);
    let object = json!({"metadata": {"name": "quota"}, "spec": {"hard": {"pods": "5"}}});
    people.create("/api/v1/namespaces/default/resourcequotas", &object);
    scene.config_map(&red, "web", &json!({"v": "1"}));
    scene.run_on_objects();
    wait_data(&red, "web", &json!({"v": "1"}));
    wait_for("ready", KCP_SOON, || scene.page("/readyz").trim() == "ok");
    assert!(quota(&red, 0).is_none());

    // The export claims it; the workspace has not answered.
    let claim =
        json!({"group": "", "resource": "resourcequotas", "identityHash": "", "verbs": ["get", "list", "watch"]});
    let add = json!([{"op": "add", "path": "/spec/permissionClaims/-", "value": claim}]);
    kcp.client(&provider.path).patch(EXPORT, Patch::Json(&add));
    scene
        .syncer()
        .wait_for_log(&["claim", "resourcequotas", &red.path], KCP_SOON);
    stays("not allowed", QUIET, || quota(&red, 0).is_none());
    scene.edit(&red, "web", &json!({"v": "2"}));
    wait_data(&red, "web", &json!({"v": "2"}));

    let mut accepted = claim;
    accepted["state"] = "Accepted".into();
    accepted["selector"] = json!({"matchAll": true});
    let add = json!([{"op": "add", "path": "/spec/permissionClaims/-", "value": accepted}]);
    people.patch(&format!("{BINDINGS}/kubernetes"), Patch::Json(&add));
    for number in 0..2 {
        wait_for("the quota", KCP_SOON, || quota(&red, number));
    }
    stay(&red, &["web"]);
}

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
