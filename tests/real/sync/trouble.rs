//! One target in trouble: a clear error names it, and the other goes on.

use std::{
    path::PathBuf,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use serde_json::json;
use syncer_harness::{Authority, Kubeconfig, Patch, Scratch, Syncer, User};

use crate::{
    objects::{ConfigMap, ENDS_WITHIN, SOON, create_namespace, uid},
    world::{BINARY, World, arguments, limited, syncer},
};

/// One syncer at a time, and one test at a time that stops a server.
static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(World::start()));

fn world() -> MutexGuard<'static, World> {
    WORLD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// East goes on while west is in trouble; the log has a line with all of `parts`; the end is an orderly one.
#[track_caller]
fn east_goes_on(world: &World, mut process: Syncer, namespace: &str, parts: &[&str]) {
    create_namespace(&world.upstream, namespace);
    let object = ConfigMap::new(namespace, "web");
    object.create(&world.upstream, &json!({"a": "1"}));
    object.wait_data(&world.east, &json!({"a": "1"}));
    process.wait_for_log(parts, SOON);
    assert!(process.is_running());
    assert_eq!(object.get(&world.west), None);
    assert_eq!(process.terminate(ENDS_WITHIN).code, Some(0), "{}", process.log());
}

#[test]
fn a_missing_kubeconfig_is_named_with_its_target() {
    let world = &*world();
    let _report = world.report();
    let file = PathBuf::from("/nowhere/west.kubeconfig");
    east_goes_on(
        world,
        world.run_with_west(&file),
        "missing-file",
        &["west", "/nowhere/west.kubeconfig"],
    );
}

#[test]
fn a_kubeconfig_that_is_none_is_named_with_its_target() {
    let world = &*world();
    let _report = world.report();
    let scratch = Scratch::new("garbage");
    let file = scratch.write("garbage.kubeconfig", "{]: this is no kubeconfig");
    east_goes_on(
        world,
        world.run_with_west(&file),
        "garbage",
        &["west", "garbage.kubeconfig"],
    );
}

#[test]
fn a_wrong_authority_is_named_with_its_target() {
    let world = &*world();
    let _report = world.report();
    let own = world.west.kubeconfig_of(&syncer());
    let file = world.west.write(&Kubeconfig {
        authority: Authority::new("other").certificate(),
        ..own
    });
    east_goes_on(
        world,
        world.run_with_west(&file),
        "wrong-authority",
        &["west", "certificate"],
    );
}

#[test]
fn a_wrong_token_is_named_with_its_target() {
    let world = &*world();
    let _report = world.report();
    let file = world.west.write(&world.west.kubeconfig_of(&User::new("stranger")));
    east_goes_on(world, world.run_with_west(&file), "wrong-token", &["west", "401"]);
}

#[test]
fn a_missing_permission_is_named_with_its_target_and_made_up_for_once_granted() {
    let world = &*world();
    let _report = world.report();
    let rules = json!([
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch", "create", "patch"]},
    ]);
    world.west.grant(&limited(), &rules);
    let file = world.west.write(&world.west.kubeconfig_of(&limited()));
    let mut process = world.run_with_west(&file);
    create_namespace(&world.upstream, "permission");
    let object = ConfigMap::new("permission", "web");
    object.create(&world.upstream, &json!({"a": "1"}));
    object.wait_data(&world.east, &json!({"a": "1"}));
    process.wait_for_log(&["west", "configmaps", "forbidden"], SOON);
    assert_eq!(object.get(&world.west), None);

    let missing = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch", "delete"]}]);
    world.west.grant_as("limited-writes", &limited(), &missing);
    object.wait_data(&world.west, &json!({"a": "1"}));
    assert_eq!(process.terminate(ENDS_WITHIN).code, Some(0), "{}", process.log());
}

#[test]
fn a_target_that_is_down_at_the_start_is_named_and_catches_up() {
    let world = &mut *world();
    world.west.kill();
    let mut process = world.run();
    create_namespace(&world.upstream, "down");
    let object = ConfigMap::new("down", "web");
    object.create(&world.upstream, &json!({"a": "1"}));
    object.wait_data(&world.east, &json!({"a": "1"}));
    process.wait_for_log(&["west", "refused"], SOON);
    world.west.start_again();
    object.wait_data(&world.west, &json!({"a": "1"}));
    assert_eq!(process.terminate(ENDS_WITHIN).code, Some(0), "{}", process.log());
}

#[test]
fn a_target_that_goes_down_does_not_hold_up_the_other_and_catches_up() {
    let world = &mut *world();
    let mut process = world.run();
    create_namespace(&world.upstream, "outage");
    let [changed, deleted, created] = ["changed", "deleted", "created"].map(|name| ConfigMap::new("outage", name));
    for object in [&changed, &deleted] {
        object.create(&world.upstream, &json!({"a": "1"}));
        world.wait_data(object, &json!({"a": "1"}));
    }
    world.west.kill();

    created.create(&world.upstream, &json!({"a": "1"}));
    deleted.delete(&world.upstream);
    world
        .upstream
        .client()
        .patch(&changed.path(), Patch::Merge(&json!({"data": {"a": "2"}})));
    created.wait_data(&world.east, &json!({"a": "1"}));
    changed.wait_data(&world.east, &json!({"a": "2"}));
    deleted.wait_gone(&world.east);

    world.west.start_again();
    created.wait_data(&world.west, &json!({"a": "1"}));
    changed.wait_data(&world.west, &json!({"a": "2"}));
    deleted.wait_gone(&world.west);
    assert_eq!(process.terminate(ENDS_WITHIN).code, Some(0), "{}", process.log());
}

#[test]
fn an_upstream_that_goes_down_costs_no_object() {
    let world = &mut *world();
    let mut process = world.run();
    create_namespace(&world.upstream, "upstream-outage");
    let [kept, created] = ["kept", "created"].map(|name| ConfigMap::new("upstream-outage", name));
    kept.create(&world.upstream, &json!({"a": "1"}));
    world.wait_data(&kept, &json!({"a": "1"}));
    let uids = world
        .targets()
        .map(|(_, target)| uid(&kept.get(target).unwrap()).to_owned());

    world.upstream.kill();
    process.wait_for_log(&["upstream: watch configmaps"], SOON);
    world.upstream.start_again();
    created.create(&world.upstream, &json!({"a": "1"}));
    world.wait_data(&created, &json!({"a": "1"}));
    // S3: the very same objects are still there.
    assert_eq!(
        world
            .targets()
            .map(|(_, target)| uid(&kept.get(target).unwrap()).to_owned()),
        uids
    );
    assert_eq!(process.terminate(ENDS_WITHIN).code, Some(0), "{}", process.log());
}

#[test]
fn a_missing_upstream_kubeconfig_is_wrong_configuration() {
    let world = &*world();
    let east = world.east.write(&world.east.kubeconfig_of(&syncer()));
    let missing = PathBuf::from("/nowhere/up.kubeconfig");
    let mut process = Syncer::start(BINARY, arguments(&missing, &[("east", &east)]));
    assert_eq!(process.wait_ended(SOON), Some(2));
    assert!(process.log().contains("/nowhere/up.kubeconfig"), "{}", process.log());
}

#[test]
fn no_usable_target_at_all_is_wrong_configuration() {
    let world = &*world();
    let upstream = world.upstream.write(&world.upstream.kubeconfig_of(&syncer()));
    let missing = PathBuf::from("/nowhere/east.kubeconfig");
    let mut process = Syncer::start(BINARY, arguments(&upstream, &[("east", &missing)]));
    assert_eq!(process.wait_ended(SOON), Some(2));
    let log = process.log();
    assert!(
        log.contains("east") && log.contains("/nowhere/east.kubeconfig"),
        "{log}"
    );
}
