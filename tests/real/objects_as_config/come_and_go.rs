//! Objects that come, change and go while the syncer runs.

use serde_json::json;
use syncer_harness::{AuditEvent, Patch, wait_for};

use super::scene::{NAMESPACE, Scene, TARGETS, condition, config_maps_of, own};
use crate::objects::{ConfigMap, SOON, create_namespace};

#[test]
fn targets_and_policies_come_change_and_go_without_a_restart_and_with_the_printed_roles() {
    let mut scene = Scene::new("come-and-go");
    let (east, west) = (&TARGETS.east, &TARGETS.west);
    create_namespace(&scene.upstream, "come");
    create_namespace(&scene.upstream, "later");
    let web = ConfigMap::new("come", "web");
    web.create(&scene.upstream, &json!({"a": "1"}));
    scene.run(&[]);

    // Both come.
    scene.policy("come", &config_maps_of("come"));
    scene.target_of("come-east", east, "one");
    web.wait_data(east, &json!({"a": "1"}));
    scene.target_of("come-west", west, "one");
    web.wait_data(west, &json!({"a": "1"}));
    let seen = scene.wait_condition(("synctargets", "come-east"), "Ready", ("True", "InStep"));
    assert_eq!(condition(&seen, "Reachable").unwrap()["status"], "True");
    wait_for("the counts of come-east", SOON, || {
        let seen = scene.upstream.client().read(&own("synctargets", "come-east"));
        let status = &seen["status"];
        let counted = status["objects"]["synced"].as_u64().unwrap_or_default() >= 2
            && status["kubernetesVersion"]
                .as_str()
                .is_some_and(|version| version.starts_with("v1."))
            && condition(&seen, "Synced").is_some_and(|synced| synced["status"] == "True");
        if counted { Ok(()) } else { Err(status.to_string()) }
    });
    let status = scene.upstream.client().read(&own("synctargets", "come-east"))["status"].clone();
    let maps = json!({"group": "", "resource": "configmaps", "versions": ["v1"], "state": "Accepted"});
    assert!(
        status["syncedResources"].as_array().unwrap().contains(&maps),
        "{status}"
    );
    scene.wait_condition(("syncpolicies", "come"), "Ready", ("True", "InUse"));
    let shown = scene.upstream.kubectl(&["get", "synctargets"]);
    let heartbeat = shown.lines().find(|line| line.starts_with("come-east")).unwrap();
    assert!(shown.lines().next().unwrap().contains("HEARTBEAT"), "{shown}");
    assert!(heartbeat.contains("True") && heartbeat.contains("v1."), "{shown}");

    // A policy changes: to another namespace, and to Secrets, of which those with kubeconfigs stay.
    let later = ConfigMap::new("later", "late");
    later.create(&scene.upstream, &json!({"b": "1"}));
    let secrets = format!("/api/v1/namespaces/{NAMESPACE}/secrets");
    scene.upstream.client().create(
        &secrets,
        &json!({"metadata": {"name": "plain"}, "stringData": {"a": "1"}}),
    );
    let change = json!({"spec": {
        "resources": [{"resource": "configmaps"}, {"resource": "secrets"}],
        "namespaces": {"names": ["come", "later", NAMESPACE]},
    }});
    scene.change("syncpolicies", "come", &change);
    later.wait_data(east, &json!({"b": "1"}));
    for server in [east, west] {
        wait_for("the plain Secret", SOON, || {
            server.client().get(&format!("{secrets}/plain")).ok_or("not there")
        });
        assert_eq!(
            server.client().get(&format!("{secrets}/come-east")),
            None,
            "a kubeconfig went down"
        );
    }

    // A target goes: what it holds stays, and nothing more comes.
    let counted = || scene.syncer().log().matches("these documents count").count();
    let before = counted();
    scene.upstream.client().delete(&own("synctargets", "come-west"));
    wait_for("the end of the target", SOON, || counted() > before);
    scene.syncer().wait_for_log(&["come-west", "taken off the list"], SOON);
    let edit = json!({"data": {"a": "2"}});
    scene.upstream.client().patch(&web.path(), Patch::Merge(&edit));
    web.wait_data(east, &json!({"a": "2"}));
    assert_eq!(web.get(west).unwrap()["data"], json!({"a": "1"}));

    for name in ["come-east", "come-west"] {
        assert_eq!(
            east.client().get(&format!("{secrets}/{name}")),
            None,
            "a kubeconfig went down"
        );
    }

    // A policy goes: so do the few objects that it brought.
    scene.policy("other", &config_maps_of("other"));
    scene.wait_condition(("syncpolicies", "other"), "Ready", ("True", "InUse"));
    scene.upstream.client().delete(&own("syncpolicies", "come"));
    wait_for("the objects of the policy to go", SOON, || match web.get(east) {
        None => Ok(()),
        Some(seen) => Err(seen.to_string()),
    });
    scene.assert_allowed();
    scene.end();
}

#[test]
fn types_that_come_later_are_noticed_and_without_any_target_they_are_needed() {
    let mut scene = Scene::without_types("types-later");
    scene.run(&[]);
    let mut refused = scene.take_syncer();
    assert_eq!(refused.wait_ended(SOON), Some(2), "{}", refused.log());
    assert!(refused.log().contains("no target is named"), "{}", refused.log());

    let east = &TARGETS.east;
    let kubeconfig = east.write(&super::scene::kubeconfig(east, "one"));
    let target = format!("types-east={}", kubeconfig.display());
    create_namespace(&scene.upstream, "types");
    scene.run(&["--target", &target]);
    let first = ConfigMap::new("types", "first");
    first.create(&scene.upstream, &json!({"a": "1"}));
    // The default policy.
    first.wait_data(east, &json!({"a": "1"}));
    scene.install_types();
    let suspended = json!({"resources": [{"resource": "configmaps"}], "suspend": true});
    scene.policy("types", &suspended);
    scene.wait_condition(("syncpolicies", "types"), "Ready", ("True", "InUse"));
    scene.end();
}

#[test]
fn a_dry_run_writes_no_status() {
    let mut scene = Scene::new("dry");
    scene.policy("dry", &config_maps_of("dry"));
    scene.target_of("dry-east", &TARGETS.east, "one");
    scene.run(&["--dry-run"]);
    scene.syncer().wait_for_log(&["dry-east", "listed the target"], SOON);
    let writes: Vec<_> = scene.requests().into_iter().filter(AuditEvent::is_write).collect();
    assert!(writes.is_empty(), "{writes:?}");
    scene.end();
}
