//! A target that comes back with another past: what was told of it before counts no more.

use std::time::Duration;

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Patch, stays, wait_for};

use crate::{
    objects::{ConfigMap, create_namespace, versions},
    printed::{self, Side},
    world::World,
};

/// A breaker that opened while the server was away is probed now and then.
const CAUGHT_UP: Duration = Duration::from_mins(2);

/// Waits until `server` holds `object` with exactly `data`.
#[track_caller]
fn caught_up(server: &ApiServer, object: &ConfigMap, data: &Value) {
    wait_for(&format!("{object:?} with {data}"), CAUGHT_UP, || {
        let seen = object.get(server).ok_or_else(|| "nothing".to_owned())?;
        if seen["data"] == *data {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    });
}

/// S7: nothing of it shows in an event, so that a watch that goes on from where it was would be silent for good.
#[test]
fn a_target_that_comes_back_older_or_empty_is_brought_up_to_date_without_a_restart() {
    let mut world = World::start();
    let mut syncer = world.run();
    create_namespace(&world.upstream, "past");
    let object = |name: &str| ConfigMap::new("past", name);
    let [edited, quiet, gone, later] = ["edited", "quiet", "gone", "later"].map(object);
    let (one, two) = (json!({"key": "1"}), json!({"key": "2"}));
    for object in [&edited, &quiet, &gone] {
        object.create(&world.upstream, &one);
        world.wait_data(object, &one);
    }
    let backup = world.east.back_up();
    let edit = json!({"data": two});
    world.upstream.client().patch(&edited.path(), Patch::Merge(&edit));
    gone.delete(&world.upstream);
    later.create(&world.upstream, &one);
    caught_up(&world.east, &edited, &two);
    caught_up(&world.east, &later, &one);
    wait_for("the end of what was deleted", CAUGHT_UP, || {
        gone.get(&world.east).is_none()
    });

    world.east.restore(&backup);
    caught_up(&world.east, &edited, &two);
    caught_up(&world.east, &later, &one);
    wait_for("the end of what is back and nobody wants", CAUGHT_UP, || {
        gone.get(&world.east).is_none()
    });
    caught_up(&world.east, &quiet, &one);
    // Its new history is followed like the first one.
    edited.delete(&world.east);
    caught_up(&world.east, &edited, &two);

    world.east.come_back_empty();
    // Whoever makes a cluster anew gives its users their rights.
    printed::grant_again(&world.east, Side::Target);
    for (object, data) in [(&edited, &two), (&quiet, &one), (&later, &one)] {
        caught_up(&world.east, object, data);
    }
    let held = versions(&world.east, "past");
    stays("as it is", Duration::from_secs(5), || {
        versions(&world.east, "past") == held
    });
    later.delete(&world.upstream);
    wait_for("the end of what was deleted", CAUGHT_UP, || {
        later.get(&world.east).is_none()
    });
    assert_eq!(
        syncer.terminate(Duration::from_secs(10)).code,
        Some(0),
        "{}",
        syncer.log()
    );
}
