//! What holds for whatever people do: random objects, random edits on up to three sides, requests in any order, restarts between them.

use std::collections::BTreeMap;

use proptest::{
    prelude::{Just, ProptestConfig, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest},
    strategy::Strategy as Generator,
};
use serde_json::{Map, Value, json};
use syncer_core::config::Strategy;

use super::world::{Done, Kind, World};
use crate::Hand;

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
    fn it_converges_and_then_asks_for_nothing_and_upstream_wins_leaves_nothing_foreign(strategy in strategy(), happenings in prop::collection::vec(happening(), 0..24)) {
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

    /// The same edits, looked at in another order of the targets: the same result.
    #[test]
    fn the_order_in_which_targets_are_looked_at_does_not_matter(
        strategy in strategy(),
        edits in prop::collection::vec(edit(), 0..10),
    ) {
        let results = [[0, 1], [1, 0]].map(|order| {
            let mut world = world(strategy);
            for edit in &edits {
                world.wait(5);
                carry_out(&mut world, edit);
            }
            world.wait(5);
            world.settle_in(&order);
            world.assert_quiet();
            [data(&world.above()), data(&world.below(0)), data(&world.below(1))]
        });
        prop_assert_eq!(&results[0], &results[1]);
    }

    /// Each edit is fine where it is made; together a key stands in `data` and `binaryData`, which no server takes.
    #[test]
    fn what_the_server_refuses_as_invalid_is_never_the_last_word(
        edits in prop::collection::vec((place(), any::<bool>(), prop::sample::select(&KEYS[..])), 1..10),
    ) {
        let mut world = world(Strategy::MergeChanges);
        for (place, binary, key) in edits {
            let (member, value) = if binary { ("binaryData", "AAAA") } else { ("data", "x") };
            let server = match place {
                Place::Upstream => &world.upstream,
                Place::Target(target) => &world.targets[target].server,
            };
            // What is refused already is no edit.
            drop(Hand::at(server, "alice").merge(&world.path(), &json!({member: {key: value}})));
            world.wait(5);
            world.settle();
            world.assert_quiet();
            // The upstream's stands everywhere, whatever a target has beside it.
            for target in 0..2 {
                for member in ["data", "binaryData"] {
                    for (key, value) in world.above()[member].as_object().into_iter().flatten() {
                        let below = &world.below(target)[member][key];
                        prop_assert!(!below.is_null(), "{member}.{key} of target {target}: {value}");
                    }
                }
            }
        }
    }

    /// Items of a keyed list, their order, fields within them and a plain field of a Deployment.
    #[test]
    fn lists_and_their_orders_converge_under_every_strategy(
        strategy in strategy(),
        changes in prop::collection::vec((place(), change()), 0..8),
    ) {
        let mut world = web(strategy);
        for (place, change) in &changes {
            world.wait(5);
            let server = match place {
                Place::Upstream => &world.upstream,
                Place::Target(target) => &world.targets[*target].server,
            };
            let path = world.path();
            let hand = Hand::at(server, change.manager());
            let now = hand.get(&path).unwrap();
            hand.patch(&path, &change.operations(&now)).unwrap();
            world.look(0);
            world.look(1);
        }
        let above = world.above()["spec"].clone();
        world.wait(5);
        world.settle();
        world.assert_quiet();
        match strategy {
            Strategy::UpstreamWins | Strategy::LastWriteWins => {
                for target in 0..2 {
                    prop_assert_eq!(&world.below(target)["spec"], &world.above()["spec"], "target {}", target);
                }
            }
            Strategy::MergeChanges => prop_assert_eq!(&world.above()["spec"], &above),
        }
        if strategy == Strategy::UpstreamWins {
            prop_assert_eq!(&world.above()["spec"], &above);
        }
    }
}

const ENV: &str = "/spec/template/spec/containers/0/env";

/// A change of a Deployment.
#[derive(Clone, Debug)]
enum Change {
    /// A variable is set, or removed.
    Variable(char, Option<u8>),
    /// The variables are turned round.
    Reversed,
    Replicas(u8),
}

fn change() -> impl Generator<Value = Change> {
    prop_oneof![
        3 => (prop::sample::select(vec!['A', 'B', 'C', 'D']), prop::option::weighted(0.7, 0_u8..3))
            .prop_map(|(name, value)| Change::Variable(name, value)),
        2 => Just(Change::Reversed),
        1 => (2_u8..5).prop_map(Change::Replicas),
    ]
}

impl Change {
    /// One manager a field, so that its entry's time is the field's.
    fn manager(&self) -> &'static str {
        match self {
            Self::Variable('A', _) => "by-a",
            Self::Variable('B', _) => "by-b",
            Self::Variable('C', _) => "by-c",
            Self::Variable(..) => "by-d",
            Self::Reversed => "by-order",
            Self::Replicas(_) => "by-replicas",
        }
    }

    fn operations(&self, object: &Value) -> Value {
        let mut env = object
            .pointer(ENV)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        match self {
            Self::Replicas(number) => return json!([{"op": "replace", "path": "/spec/replicas", "value": number}]),
            Self::Reversed => env.reverse(),
            Self::Variable(name, value) => {
                let name = name.to_string();
                let known = env.iter().position(|item| item["name"] == *name);
                let item = value.map(|value| json!({"name": name, "value": value.to_string()}));
                match (known, item) {
                    (Some(index), Some(item)) => env[index] = item,
                    // A list that is left empty would be another case.
                    (Some(index), None) if env.len() > 1 => drop(env.remove(index)),
                    (None, Some(item)) => env.push(item),
                    (_, None) => {}
                }
            }
        }
        json!([{"op": "replace", "path": ENV, "value": env}])
    }
}

fn web(strategy: Strategy) -> World {
    let labels = json!({"app": "web"});
    let env = json!([{"name": "A", "value": "0"}, {"name": "B", "value": "0"}, {"name": "C", "value": "0"}]);
    let containers = json!([{"name": "web", "image": "web:1", "env": env}]);
    let world = World::new(
        Kind::Deployment,
        strategy,
        2,
        &json!({"spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        }}),
    );
    world.wait(10);
    world
}

#[test]
fn a_key_that_both_sides_lack_is_no_removal_of_now_to_whoever_is_started_next() {
    let mut world = world(Strategy::LastWriteWins);
    world.wait(10);
    world.edit_below(1, "bob", &json!({"data": {"a": null}}));
    world.look(1);
    // Written back; killed before the target's base knows.
    assert_eq!(world.step(1), Done::Request);
    assert_eq!(world.above()["data"]["a"], Value::Null);
    world.restart();
    world.look(0);
    world.look(1);
    world.caught_up();
    world.wait(5);
    world.edit_above("alice", &json!({"data": {"a": "4"}}));
    world.wait(5);
    world.settle();
    for object in [world.above(), world.below(0), world.below(1)] {
        assert_eq!(object["data"]["a"], "4", "{:#?}", world.verdicts);
    }
    world.assert_quiet();
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
