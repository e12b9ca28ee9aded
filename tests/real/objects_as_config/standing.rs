//! What the status of our objects says, and how often it is written.

use std::time::{Duration, Instant};

use serde_json::json;
use syncer_harness::{ApiServerOptions, AuditEvent, Patch, User, stays, wait_for};

use super::scene::{Scene, TARGETS, condition, config_maps_of, own};
use crate::objects::{ConfigMap, SOON, create_namespace};

/// The time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(20);

#[test]
fn the_heartbeat_advances_with_one_write_an_interval_and_nothing_else_is_written_at_rest() {
    let mut scene = Scene::new("heartbeat");
    create_namespace(&scene.upstream, "heartbeat");
    let web = ConfigMap::new("heartbeat", "web");
    web.create(&scene.upstream, &json!({"a": "1"}));
    scene.policy("heartbeat", &config_maps_of("heartbeat"));
    scene.target_of("heartbeat-east", &TARGETS.east, "one");
    scene.run(&[]);
    web.wait_data(&TARGETS.east, &json!({"a": "1"}));
    scene.wait_condition(("synctargets", "heartbeat-east"), "Synced", ("True", "Synced"));
    let beat = || {
        let seen = scene.upstream.client().read(&own("synctargets", "heartbeat-east"));
        seen["status"]["lastSyncerHeartbeatTime"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let writes = || {
        let mut writes = scene.requests();
        writes.retain(AuditEvent::is_write);
        writes
    };
    let (first, before, begun) = (beat(), writes().len(), Instant::now());
    wait_for("two more heartbeats", HEARTBEAT * 4, || {
        let now = beat();
        let seen = writes().len() - before;
        if now > first && seen >= 2 { Ok(()) } else { Err(now) }
    });
    let since = writes().split_off(before);
    let most = begun.elapsed().as_secs() / HEARTBEAT.as_secs() + 1;
    assert!(since.len() as u64 <= most, "{since:?} in {:?}", begun.elapsed());
    for event in since {
        assert_eq!(
            (&*event.resource, &*event.subresource),
            ("synctargets", "status"),
            "{event:?}"
        );
        assert!(event.body["metadata"]["uid"].is_string(), "{event:?}");
    }
    scene.end();

    // A restart says what stands there already, and no more.
    let policy = || scene.status_writes("syncpolicies", "heartbeat");
    let before = policy();
    let mut scene = scene;
    scene.run(&[]);
    scene.wait_condition(("synctargets", "heartbeat-east"), "Ready", ("True", "InStep"));
    scene.syncer().wait_for_log(&["listed the target"], SOON);
    assert!(scene.status_writes("syncpolicies", "heartbeat") <= before + 1);
    scene.end();
}

#[test]
fn a_target_that_is_lost_says_so_in_its_conditions_and_in_an_event() {
    let mut scene = Scene::new("lost");
    let mut gone = ApiServerOptions::default()
        .named("gone")
        .user(&User::admin("one"))
        .start();
    create_namespace(&scene.upstream, "lost");
    scene.policy("lost", &config_maps_of("lost"));
    scene.target_of("lost-gone", &gone, "one");
    scene.run(&[]);
    let target = ("synctargets", "lost-gone");
    scene.wait_condition(target, "Ready", ("True", "InStep"));
    gone.kill();
    scene.wait_condition(target, "Reachable", ("False", "Unreachable"));
    let seen = scene.wait_condition(target, "Ready", ("False", "Unreachable"));
    assert_eq!(condition(&seen, "Ready").unwrap()["severity"], "Error");
    wait_for("the Event", SOON, || {
        let events = scene.upstream.client().items("/api/v1/namespaces/default/events");
        let found = events.iter().any(|event| {
            event["reason"] == "TargetUnreachable"
                && event["involvedObject"]["kind"] == "SyncTarget"
                && event["involvedObject"]["name"] == "lost-gone"
        });
        if found { Ok(()) } else { Err(format!("{events:?}")) }
    });
    scene.assert_allowed();
    scene.end();
}

#[test]
fn an_invalid_policy_counts_as_it_did_and_holds_up_no_other_not_even_over_a_restart() {
    let mut scene = Scene::new("invalid");
    let east = &TARGETS.east;
    for namespace in ["bad", "good"] {
        create_namespace(&scene.upstream, namespace);
        scene.policy(namespace, &config_maps_of(namespace));
    }
    let (bad, good) = (ConfigMap::new("bad", "web"), ConfigMap::new("good", "web"));
    for map in [&bad, &good] {
        map.create(&scene.upstream, &json!({"a": "1"}));
    }
    scene.target_of("invalid-east", east, "one");
    scene.run(&[]);
    for map in [&bad, &good] {
        map.wait_data(east, &json!({"a": "1"}));
    }

    // What no schema sees.
    let broken = json!({"spec": {
        "namespaces": {"names": ["good"]}, "transforms": [{"set": {"path": "data.b", "cel": "object.data.("}}],
    }});
    scene.change("syncpolicies", "bad", &broken);
    let seen = scene.wait_condition(("syncpolicies", "bad"), "Ready", ("False", "Invalid"));
    let message = condition(&seen, "Ready").unwrap()["message"].as_str().unwrap();
    assert!(message.contains("spec.transforms[0]"), "{message}");
    // The last good one goes on.
    let edit = |map: &ConfigMap, a: &str| {
        let edit = json!({"data": {"a": a}});
        scene.upstream.client().patch(&map.path(), Patch::Merge(&edit));
    };
    edit(&bad, "2");
    bad.wait_data(east, &json!({"a": "2"}));
    // The other one is changed meanwhile.
    let change = json!({"spec": {"transforms": [{"set": {"path": "data.c", "value": "x"}}]}});
    scene.change("syncpolicies", "good", &change);
    good.wait_data(east, &json!({"a": "1", "c": "x"}));
    assert!(bad.get(east).is_some());
    scene.end();

    // Nobody knows any more what it said: nothing that it brought is deleted.
    scene.run(&[]);
    scene.wait_condition(("synctargets", "invalid-east"), "Ready", ("True", "InStep"));
    let edit = json!({"data": {"a": "3"}});
    scene.upstream.client().patch(&good.path(), Patch::Merge(&edit));
    good.wait_data(east, &json!({"a": "3", "c": "x"}));
    stays(
        "what the invalid policy brought is there",
        Duration::from_secs(3),
        || bad.get(east).is_some_and(|seen| seen["data"] == json!({"a": "2"})),
    );
    // Mended it counts again.
    let mended = json!({"spec": {"namespaces": {"names": ["bad"]}, "transforms": []}});
    scene.change("syncpolicies", "bad", &mended);
    scene.wait_condition(("syncpolicies", "bad"), "Ready", ("True", "InUse"));
    let edit = json!({"data": {"a": "4"}});
    scene.upstream.client().patch(&bad.path(), Patch::Merge(&edit));
    bad.wait_data(east, &json!({"a": "4"}));
    scene.end();
}
