//! What is written in the same second as what both sides have just agreed on: a successor of that, and no tie.

use serde_json::{Value, json};
use syncer_core::config::Strategy;

use super::world::{Done, Kind, World};

fn world() -> World {
    let world = World::new(
        Kind::ConfigMap,
        Strategy::LastWriteWins,
        2,
        &json!({"data": {"a": "1", "b": "2"}}),
    );
    world.wait(10);
    world
}

fn assert_everywhere(world: &mut World, value: &Value) {
    world.settle();
    for object in [world.above(), world.below(0), world.below(1)] {
        assert_eq!(object["data"]["a"], *value, "{:#?}", world.verdicts);
    }
    world.assert_quiet();
}

#[test]
fn a_target_that_writes_twice_in_a_second_has_both_written_back() {
    for (first, second) in [
        (json!("first"), json!("second")),
        (json!("first"), Value::Null),
        (Value::Null, json!("second")),
    ] {
        let mut world = world();
        world.edit_below(0, "bob", &json!({"data": {"a": first}}));
        assert_eq!(world.step(0), Done::Request);
        assert_eq!(world.above()["data"]["a"], first, "written back");
        world.edit_below(0, "bob", &json!({"data": {"a": second}}));
        assert_everywhere(&mut world, &second);
    }
}

#[test]
fn what_a_target_writes_right_after_an_edit_came_down_is_written_back() {
    let mut world = world();
    world.edit_above("alice", &json!({"data": {"a": "up"}}));
    world.look(0);
    // The edit is there, and what is remembered of it is of before.
    assert_eq!(world.step(0), Done::Request);
    assert_eq!(world.below(0)["data"]["a"], "up");
    world.edit_below(0, "bob", &json!({"data": {"a": "down"}}));
    assert_everywhere(&mut world, &json!("down"));
}

#[test]
fn what_the_other_target_wrote_back_is_no_echo() {
    let mut world = world();
    world.edit_below(0, "bob", &json!({"data": {"a": "zero"}}));
    assert_eq!(world.step(0), Done::Request);
    // In the same second on another target: nobody can tell, and what is upstream stays.
    world.edit_below(1, "carol", &json!({"data": {"a": "one"}}));
    assert_everywhere(&mut world, &json!("zero"));
}
