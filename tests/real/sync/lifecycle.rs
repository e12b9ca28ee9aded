//! Starting, ending and being away.

use std::{
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::json;
use syncer_harness::{Patch, stays};

use crate::{
    objects::{ConfigMap, ENDS_WITHIN, create_namespace, versions},
    world::{World, writes},
};

/// How long nothing must happen to be taken for nothing happening.
const QUIET: Duration = Duration::from_secs(3);

/// One syncer at a time.
static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(World::start()));

fn world() -> MutexGuard<'static, World> {
    WORLD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn config_maps(namespace: &str, count: usize) -> Vec<ConfigMap> {
    (0..count)
        .map(|n| ConfigMap::new(namespace, &format!("web-{n}")))
        .collect()
}

#[test]
fn sigterm_in_the_midst_of_work_ends_it_with_code_0_and_nothing_is_lost() {
    let world = &*world();
    let _report = world.report();
    create_namespace(&world.upstream, "midst");
    let objects = config_maps("midst", 100);
    let mut syncer = world.run();
    for object in &objects {
        object.create(&world.upstream, &json!({"a": "1"}));
    }
    let exit = syncer.terminate(ENDS_WITHIN);
    assert_eq!(exit.code, Some(0), "{}", syncer.log());

    let mut syncer = world.run();
    for object in &objects {
        world.wait_data(object, &json!({"a": "1"}));
    }
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn what_happened_while_it_was_away_is_made_up_for() {
    let world = &*world();
    let _report = world.report();
    create_namespace(&world.upstream, "away");
    let [kept, changed, deleted, created] =
        ["kept", "changed", "deleted", "created"].map(|n| ConfigMap::new("away", n));
    let mut syncer = world.run();
    for object in [&kept, &changed, &deleted] {
        object.create(&world.upstream, &json!({"a": "1"}));
        world.wait_data(object, &json!({"a": "1"}));
    }
    syncer.kill();
    let versions_before = world
        .targets()
        .map(|(_, target)| versions(target, "away")["kept"].clone());

    created.create(&world.upstream, &json!({"a": "1"}));
    deleted.delete(&world.upstream);
    world
        .upstream
        .client()
        .patch(&changed.path(), Patch::Merge(&json!({"data": {"a": null, "b": "2"}})));

    let mut syncer = world.run();
    world.wait_data(&created, &json!({"a": "1"}));
    world.wait_data(&changed, &json!({"b": "2"}));
    for (_, target) in world.targets() {
        deleted.wait_gone(target);
    }
    let versions_after = world
        .targets()
        .map(|(_, target)| versions(target, "away")["kept"].clone());
    assert_eq!(versions_after, versions_before);
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

/// S5 and S4.
#[test]
fn at_rest_and_after_a_restart_nothing_is_written() {
    let world = &*world();
    let _report = world.report();
    create_namespace(&world.upstream, "rest");
    let objects = config_maps("rest", 10);
    let mut syncer = world.run();
    for object in &objects {
        object.create(&world.upstream, &json!({"a": "1"}));
    }
    for object in &objects {
        world.wait_data(object, &json!({"a": "1"}));
    }

    let counted = || {
        world
            .targets()
            .map(|(_, t)| t.request_counts().writes_to(&["configmaps", "namespaces"]).total())
    };
    let logged = || world.targets().map(|(_, target)| writes(target).len());
    let (counted_before, logged_before) = (counted(), logged());
    stays("at rest", QUIET, || logged() == logged_before);
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());

    let mut syncer = world.run();
    // Made after the start: when it has arrived, what was there before was looked at.
    let later = ConfigMap::new("rest", "later");
    later.create(&world.upstream, &json!({"a": "1"}));
    world.wait_data(&later, &json!({"a": "1"}));
    stays("at rest after a restart", QUIET, || {
        logged() == logged_before.map(|count| count + 1)
    });
    // One apply of the later one, and nothing else.
    assert_eq!(counted(), counted_before.map(|count| count + 1));
    assert_eq!(format!("{:?}", writes(&world.upstream)), "[]");
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}
