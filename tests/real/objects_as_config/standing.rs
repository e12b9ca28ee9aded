//! What the status of our objects says, and how often it is written.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncer_harness::{ApiServerOptions, AuditEvent, Patch, stays, wait_for};

use super::scene::{Scene, TARGETS, condition, config_maps_of, own};
use crate::{
    objects::{ConfigMap, SOON, create_namespace},
    printed::{self, Side},
};

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
    // What the start brings may still be on its way: counts are written once a heartbeat.
    wait_for("the counts of the policy", SOON, || {
        let seen = scene.upstream.client().read(&own("syncpolicies", "heartbeat"))["status"]["objects"].clone();
        if seen["selected"] == 2 && seen["synced"] == 2 {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    });
    let mut last = (writes().len(), Instant::now());
    wait_for("rest", SOON, || {
        let now = writes().len();
        if now != last.0 {
            last = (now, Instant::now());
        }
        last.1.elapsed() >= HEARTBEAT / 4
    });
    let (first, before, begun) = (beat(), writes().len(), Instant::now());
    wait_for("two more heartbeats", HEARTBEAT * 8, || {
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
    let gone = ApiServerOptions::default()
        .named("gone")
        .user(&printed::user("one"))
        .start();
    let mut gone = printed::grant(gone, Side::Target);
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
    scene.wait_event("SyncTarget", "lost-gone", "TargetUnreachable");
    scene.assert_allowed();
    scene.end();
}

/// Nobody has counted anew what is on a target that does not answer: neither its own counts nor those of its policies become zeros.
#[test]
fn a_restart_beside_a_dead_target_unsays_no_counts() {
    let mut scene = Scene::new("counts");
    let gone = ApiServerOptions::default()
        .named("counted")
        .user(&printed::user("one"))
        .start();
    let mut gone = printed::grant(gone, Side::Target);
    create_namespace(&scene.upstream, "counts");
    for name in ["web", "log"] {
        ConfigMap::new("counts", name).create(&scene.upstream, &json!({"a": "1"}));
    }
    scene.policy("counts", &config_maps_of("counts"));
    scene.target_of("counts-gone", &gone, "one");
    scene.target_of("counts-east", &TARGETS.east, "one");
    scene.run(&[]);
    // Two maps and their namespace on each of the two.
    let counts = |scene: &Scene| {
        let read = |kind: &str, name: &str| scene.upstream.client().read(&own(kind, name))["status"]["objects"].clone();
        let [gone, east] = ["counts-gone", "counts-east"].map(|name| read("synctargets", name));
        let policy = read("syncpolicies", "counts");
        (gone, east, policy)
    };
    let before = wait_for("all to be counted", SOON, || {
        let seen = counts(&scene);
        let whole = |one: &Value, member: &str| one[member] == one["synced"] && one["synced"].as_u64() >= Some(2);
        let is_whole = whole(&seen.0, "desired") && seen.0 == seen.1 && whole(&seen.2, "selected");
        if is_whole && seen.2["synced"].as_u64() >= Some(4) {
            Ok(seen)
        } else {
            Err(format!("{seen:?}"))
        }
    });
    scene.end();
    gone.kill();

    let writes = scene.status_writes("syncpolicies", "counts");
    scene.run(&[]);
    scene.wait_condition(("synctargets", "counts-gone"), "Reachable", ("False", "Unreachable"));
    stays("the counts", HEARTBEAT, || counts(&scene) == before);
    assert_eq!(
        scene.status_writes("syncpolicies", "counts"),
        writes,
        "nothing changed (S5)"
    );
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

#[test]
fn what_is_held_is_a_condition_with_its_number_and_a_confirmation_on_the_object_counts_once() {
    let mut scene = Scene::new("holding");
    let east = &TARGETS.east;
    create_namespace(&scene.upstream, "holding");
    let maps: Vec<_> = (0..12)
        .map(|n| ConfigMap::new("holding", &format!("web-{n}")))
        .collect();
    for map in &maps {
        map.create(&scene.upstream, &json!({"a": "1"}));
    }
    scene.policy("holding", &config_maps_of("holding"));
    scene.target_of("holding-east", east, "one");
    scene.run(&[]);
    for map in &maps {
        map.wait_data(east, &json!({"a": "1"}));
    }
    let target = ("synctargets", "holding-east");
    scene.wait_condition(target, "MassDeletionHeld", ("False", "NothingHeld"));

    scene.change(
        "syncpolicies",
        "holding",
        &json!({"spec": {"namespaces": {"names": ["nowhere"]}}}),
    );
    let seen = scene.wait_condition(target, "MassDeletionHeld", ("True", "Held"));
    let held = condition(&seen, "MassDeletionHeld").unwrap();
    assert_eq!(held["severity"], "Warning");
    let message = held["message"].as_str().unwrap();
    assert!(message.contains("policy holding"), "{message}");
    scene.wait_event("SyncTarget", "holding-east", "MassDeletionHeld");
    assert!(maps.iter().all(|map| map.get(east).is_some()));

    // The number may still grow while the last of them are judged.
    let number = wait_for("the number to stand", SOON, || {
        let read = || {
            let seen = scene.upstream.client().read(&own("synctargets", "holding-east"));
            let message = condition(&seen, "MassDeletionHeld")?["message"].as_str()?.to_owned();
            message.split(' ').next().map(str::to_owned)
        };
        let first = read();
        std::thread::sleep(Duration::from_secs(2));
        match (first, read()) {
            (Some(first), Some(second)) if first == second => Ok(first),
            other => Err(format!("{other:?}")),
        }
    });
    let confirm = |value: &str| {
        let annotation = json!({"metadata": {"annotations": {"workload.kcp.io/confirm-deletion": value}}});
        scene.change("synctargets", "holding-east", &annotation);
    };
    confirm("7");
    stays("a wrong number deletes nothing", Duration::from_secs(3), || {
        maps.iter().all(|map| map.get(east).is_some())
    });
    confirm(&number);
    for map in &maps {
        map.wait_gone(east);
    }
    wait_for("the confirmation to be kept", SOON, || {
        let seen = scene.upstream.client().read(&own("synctargets", "holding-east"));
        if seen["status"]["confirmedDeletion"] == json!(number) {
            Ok(())
        } else {
            Err(seen["status"].to_string())
        }
    });
    scene.wait_condition(target, "MassDeletionHeld", ("False", "NothingHeld"));
    scene.end();

    scene.run(&[]);
    scene.wait_condition(target, "Ready", ("True", "InStep"));
    scene
        .syncer()
        .wait_for_log(&["holding-east", "listed the target"], SOON);
    let seen = scene.upstream.client().read(&own("synctargets", "holding-east"));
    assert_eq!(
        seen["status"]["confirmedDeletion"],
        json!(number),
        "read back after a restart"
    );
    scene.assert_allowed();
    scene.end();
}

#[test]
fn what_a_policy_cannot_do_is_said_on_it_and_on_no_other() {
    let mut scene = Scene::new("said");
    let east = &TARGETS.east;
    create_namespace(&scene.upstream, "said");
    let web = ConfigMap::new("said", "web");
    web.create(&scene.upstream, &json!({"a": "1"}));
    let mut first = config_maps_of("said");
    first["priority"] = json!(10);
    scene.policy("first", &first);
    scene.policy("second", &config_maps_of("said"));
    scene.target_of("said-east", east, "one");
    scene.run(&[]);
    web.wait_data(east, &json!({"a": "1"}));
    let seen = scene.wait_condition(("syncpolicies", "second"), "Shadowed", ("True", "AnotherPolicyDecides"));
    let message = condition(&seen, "Shadowed").unwrap()["message"].as_str().unwrap();
    assert!(
        message.contains("policy first") && message.contains("said-east"),
        "{message}"
    );
    scene.wait_event("SyncPolicy", "second", "Shadowed");
    scene.wait_condition(("syncpolicies", "first"), "Shadowed", ("False", "Decides"));
    wait_for("the counts of first", SOON, || {
        let seen = scene.upstream.client().read(&own("syncpolicies", "first"));
        let objects = &seen["status"]["objects"];
        if objects["synced"].as_u64() >= Some(1) {
            Ok(())
        } else {
            Err(objects.to_string())
        }
    });

    let fails = json!({"spec": {"transforms": [{"set": {"path": "data.b", "cel": "object.data.missing"}}]}});
    scene.change("syncpolicies", "first", &fails);
    let seen = scene.wait_condition(("syncpolicies", "first"), "TransformFailed", ("True", "Failed"));
    let message = condition(&seen, "TransformFailed").unwrap()["message"]
        .as_str()
        .unwrap();
    assert!(message.starts_with("1 objects"), "{message}");
    scene.wait_event("SyncPolicy", "first", "TransformFailed");
    scene.wait_condition(("syncpolicies", "second"), "TransformFailed", ("False", "NoneFails"));
    let edit = json!({"data": {"missing": "here"}});
    scene.upstream.client().patch(&web.path(), Patch::Merge(&edit));
    web.wait_data(east, &json!({"a": "1", "missing": "here", "b": "here"}));
    scene.wait_condition(("syncpolicies", "first"), "TransformFailed", ("False", "NoneFails"));

    // The one that decides goes: the other one does.
    scene.upstream.client().delete(&own("syncpolicies", "first"));
    scene.wait_condition(("syncpolicies", "second"), "Shadowed", ("False", "Decides"));
    web.wait_data(east, &json!({"a": "1", "missing": "here"}));
    scene.end();
}
