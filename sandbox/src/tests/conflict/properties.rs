//! What holds for whatever people do: random objects, random edits on up to three sides, requests in any order, restarts between them.

use std::collections::BTreeMap;

use proptest::{
    prelude::{Just, ProptestConfig, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest},
    strategy::Strategy as Generator,
};
use serde_json::{Map, Value, json};
use syncer_core::config::Strategy;

use super::world::{Done, Kind, World};

/// Where somebody edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Upstream,
    Target(usize),
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Happening {
    /// A key of the data is set, or removed.
    Edit(Place, &'static str, Option<u8>),
    /// The syncer makes a request for a target, if one is due.
    Step(usize),
    /// The syncer is killed and starts again.
    Restart,
}

/// More where asked, by `PROPTEST_CASES`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(48)
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

fn place() -> impl Generator<Value = Place> {
    prop_oneof![2 => Just(Place::Upstream), 3 => (0_usize..2).prop_map(Place::Target)]
}

fn edit() -> impl Generator<Value = Happening> {
    (
        place(),
        prop::sample::select(&KEYS[..]),
        prop::option::weighted(0.75, 0_u8..4),
    )
        .prop_map(|(place, key, value)| Happening::Edit(place, key, value))
}

fn happening() -> impl Generator<Value = Happening> {
    prop_oneof![
        4 => edit(),
        4 => (0_usize..2).prop_map(Happening::Step),
        1 => Just(Happening::Restart),
    ]
}

fn strategy() -> impl Generator<Value = Strategy> {
    prop::sample::select(vec![
        Strategy::UpstreamWins,
        Strategy::LastWriteWins,
        Strategy::MergeChanges,
    ])
}

fn world(strategy: Strategy) -> World {
    let object = json!({"data": {"a": "0", "b": "0", "c": "0"}});
    World::new(Kind::ConfigMap, strategy, 2, &object)
}

fn carry_out(world: &mut World, happening: &Happening) {
    match happening {
        Happening::Edit(place, key, value) => {
            let value = value.map_or(Value::Null, |value| value.to_string().into());
            let change = json!({"data": {*key: value}});
            // One manager a key, so that its entry's time is the key's.
            match place {
                Place::Upstream => world.edit_above(&format!("alice-{key}"), &change),
                Place::Target(target) => world.edit_below(*target, &format!("bob-{key}"), &change),
            }
        }
        Happening::Step(target) => {
            let _: Done = world.step(*target);
        }
        Happening::Restart => {
            world.restart();
            world.caught_up();
        }
    }
}

fn data(object: &Value) -> BTreeMap<String, String> {
    let pairs = object["data"].as_object().into_iter().flat_map(Map::iter);
    pairs
        .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// However people edit and wherever the syncer is cut off: once they stop it comes to rest, and nothing more is to do, also after a
    /// restart. `UpstreamWins` leaves nothing foreign.
    #[test]
    fn it_comes_to_rest(strategy in strategy(), happenings in prop::collection::vec(happening(), 0..24)) {
        let mut world = world(strategy);
        for happening in &happenings {
            world.wait(3);
            carry_out(&mut world, happening);
        }
        let requests = world.settle();
        prop_assert!(requests <= 16, "{requests} requests");
        world.assert_quiet();
        if strategy == Strategy::UpstreamWins {
            for target in 0..2 {
                prop_assert_eq!(data(&world.below(target)), data(&world.above()));
            }
        }
        if strategy == Strategy::LastWriteWins {
            for target in 0..2 {
                prop_assert_eq!(data(&world.below(target)), data(&world.above()), "target {}", target);
            }
        }
    }

    /// `MergeChanges`: what one side alone changed is in the result, and what both changed is the upstream's.
    #[test]
    fn a_merge_loses_no_edit(epochs in prop::collection::vec(prop::collection::vec(edit(), 0..8), 1..4), backwards in any::<bool>()) {
        let mut world = world(Strategy::MergeChanges);
        let mut agreed = [data(&world.above()), data(&world.above())];
        for edits in &epochs {
            for edit in edits {
                carry_out(&mut world, edit);
            }
            let above = data(&world.above());
            let before = [data(&world.below(0)), data(&world.below(1))];
            world.settle_in(if backwards { &[1, 0] } else { &[0, 1] });
            for target in 0..2 {
                let mut expected = BTreeMap::new();
                for key in KEYS {
                    let upstream_changed = above.get(key) != agreed[target].get(key);
                    let value = if upstream_changed { above.get(key) } else { before[target].get(key) };
                    if let Some(value) = value {
                        expected.insert(key.to_owned(), value.clone());
                    }
                }
                agreed[target].clone_from(&above);
                prop_assert_eq!(data(&world.below(target)), expected, "target {}", target);
            }
            prop_assert_eq!(data(&world.above()), above, "nothing is written upstream");
        }
        world.assert_quiet();
    }

    /// `LastWriteWins`: of writes further apart than the uncertainty, the last one is everywhere, in whatever
    /// order the syncer gets to the targets.
    #[test]
    fn the_last_write_is_everywhere(edits in prop::collection::vec(edit(), 1..12), backwards in any::<bool>()) {
        let mut world = world(Strategy::LastWriteWins);
        let mut last = data(&world.above());
        world.wait(10);
        for edit in &edits {
            let before = [data(&world.above()), data(&world.below(0)), data(&world.below(1))];
            // A target that comes to what the upstream says already agrees with it, and is no write of its own.
            if let Happening::Edit(Place::Target(_), key, value) = edit
                && before[0].get(*key) == value.map(|value| value.to_string()).as_ref()
            {
                continue;
            }
            carry_out(&mut world, edit);
            let after = [data(&world.above()), data(&world.below(0)), data(&world.below(1))];
            // To set what is there already is no write.
            if let (true, Happening::Edit(_, key, value)) = (before != after, edit) {
                match value {
                    Some(value) => last.insert((*key).to_owned(), value.to_string()),
                    None => last.remove(*key),
                };
            }
            // Each write is watched.
            world.look(0);
            world.look(1);
            world.wait(5);
        }
        world.settle_in(if backwards { &[1, 0] } else { &[0, 1] });
        for object in [world.above(), world.below(0), world.below(1)] {
            prop_assert_eq!(data(&object), last.clone());
        }
        world.assert_quiet();
    }

    /// `LastWriteWins`: killed after any request it comes to rest, and nothing that was left behind beats a later write.
    #[test]
    fn killed_after_any_request_what_is_written_next_is_everywhere(
        edits in prop::collection::vec(edit(), 1..6),
        requests in 0_usize..6,
        next in prop::collection::vec((place(), prop::sample::select(&KEYS[..]), 4_u8..8), 1..4),
        late in 0_i64..4,
    ) {
        let mut world = world(Strategy::LastWriteWins);
        for edit in &edits {
            world.wait(5);
            carry_out(&mut world, edit);
            world.look(0);
            world.look(1);
        }
        for request in 0..requests {
            world.wait(2);
            let _: Done = world.step(request % 2);
        }
        world.restart();
        world.settle();
        world.caught_up();
        let mut last = BTreeMap::new();
        for (place, key, value) in next {
            world.wait(5);
            let before = [data(&world.above()), data(&world.below(0)), data(&world.below(1))];
            // A target that comes to what the upstream says already agrees with it, and is no write of its own.
            if place != Place::Upstream && before[0].get(key) == Some(&value.to_string()) {
                continue;
            }
            carry_out(&mut world, &Happening::Edit(place, key, Some(value)));
            // To set what is there already is no write.
            if before != [data(&world.above()), data(&world.below(0)), data(&world.below(1))] {
                last.insert(key.to_owned(), value.to_string());
            }
            world.wait(late);
            world.look(0);
            world.look(1);
        }
        world.wait(5);
        world.settle();
        for object in [world.above(), world.below(0), world.below(1)] {
            let held = data(&object);
            for (key, value) in &last {
                prop_assert_eq!(held.get(key), Some(value), "{}", key);
            }
            prop_assert_eq!(&held, &data(&world.above()));
        }
        world.assert_quiet();
    }

    /// `LastWriteWins`: killed after any request nothing that was left behind beats a later write, though nothing was settled before it.
    #[test]
    fn killed_after_any_request_what_is_written_after_the_first_look_is_everywhere(
        edits in prop::collection::vec(edit(), 1..6),
        requests in 0_usize..6,
        next in prop::collection::vec((place(), prop::sample::select(&KEYS[..]), 4_u8..8), 1..4),
        late in 0_i64..4,
    ) {
        let mut world = world(Strategy::LastWriteWins);
        for edit in &edits {
            world.wait(5);
            carry_out(&mut world, edit);
            world.look(0);
            world.look(1);
        }
        for request in 0..requests {
            world.wait(2);
            let _: Done = world.step(request % 2);
        }
        world.restart();
        world.look(0);
        world.look(1);
        world.caught_up();
        let mut last = BTreeMap::new();
        for (place, key, value) in next {
            world.wait(5);
            let before = [data(&world.above()), data(&world.below(0)), data(&world.below(1))];
            // A target that comes to what the upstream says already agrees with it, and is no write of its own.
            if place != Place::Upstream && before[0].get(key) == Some(&value.to_string()) {
                continue;
            }
            carry_out(&mut world, &Happening::Edit(place, key, Some(value)));
            // To set what is there already is no write.
            if before != [data(&world.above()), data(&world.below(0)), data(&world.below(1))] {
                last.insert(key.to_owned(), value.to_string());
            }
            world.wait(late);
            world.look(0);
            world.look(1);
        }
        world.wait(5);
        world.settle();
        for object in [world.above(), world.below(0), world.below(1)] {
            let held = data(&object);
            for (key, value) in &last {
                prop_assert_eq!(held.get(key), Some(value), "{}", key);
            }
            prop_assert_eq!(&held, &data(&world.above()));
        }
        world.assert_quiet();
    }
}

#[test]
fn what_we_took_out_ourselves_is_no_removal_by_the_target_to_whoever_is_started_next() {
    let mut world = world(Strategy::LastWriteWins);
    world.wait(10);
    world.edit_below(0, "bob", &json!({"data": {"a": "5"}}));
    world.look(0);
    world.wait(10);
    world.edit_above("alice", &json!({"data": {"a": null}}));
    assert_eq!(world.step(0), Done::Request);
    assert_eq!(world.below(0)["data"]["a"], Value::Null, "taken out");
    // Killed between this request and the next one.
    world.restart();
    world.wait(10);
    world.edit_above("alice", &json!({"data": {"a": "0"}}));
    world.wait(10);
    world.settle();
    for object in [world.above(), world.below(0), world.below(1)] {
        assert_eq!(object["data"]["a"], "0");
    }
    world.assert_quiet();
}

#[test]
fn a_key_that_neither_side_had_is_gone_where_the_target_removed_its_own_last() {
    let mut world = world(Strategy::LastWriteWins);
    world.wait(10);
    world.edit_above("alice", &json!({"data": {"d": "0"}}));
    for value in [json!("1"), Value::Null] {
        world.look(0);
        world.wait(5);
        world.edit_below(0, "bob", &json!({"data": {"d": value}}));
        world.look(0);
    }
    world.wait(5);
    world.settle();
    for object in [world.above(), world.below(0), world.below(1)] {
        assert_eq!(object["data"]["d"], Value::Null);
    }
    world.assert_quiet();
}

#[test]
fn a_removal_that_was_written_back_does_not_get_younger_by_a_restart() {
    let mut world = world(Strategy::LastWriteWins);
    world.wait(10);
    world.edit_below(0, "bob", &json!({"data": {"c": null}}));
    world.look(0);
    while world.above()["data"]["c"] != Value::Null {
        assert_eq!(world.step(0), Done::Request);
    }
    // Killed right after the write-back: the base at the target knows nothing of it.
    world.restart();
    world.wait(10);
    world.edit_above("alice", &json!({"data": {"c": "4"}}));
    world.wait(3);
    world.settle();
    for object in [world.above(), world.below(0), world.below(1)] {
        assert_eq!(object["data"]["c"], "4");
    }
    world.assert_quiet();
}

/// What was written back has no owner in managedFields where nothing was left of them: its recorded time counts all the same.
#[test]
fn of_two_targets_the_later_write_is_everywhere_also_where_the_upstream_had_nothing_left() {
    let mut world = world(Strategy::LastWriteWins);
    world.wait(10);
    world.edit_above("alice", &json!({"data": {"a": null, "b": null, "c": null}}));
    for (target, value) in [(1, "1"), (0, "2")] {
        world.look(0);
        world.look(1);
        world.wait(5);
        world.edit_below(target, "bob-c", &json!({"data": {"c": value}}));
    }
    world.look(0);
    world.wait(5);
    world.settle_in(&[1, 0]);
    for object in [world.above(), world.below(0), world.below(1)] {
        assert_eq!(object["data"], json!({"c": "2"}));
    }
}
