//! The order of a keyed list, changed alone: no entry of managedFields moves with it.

use serde_json::{Value, json};
use syncer_core::{
    config::Strategy,
    conflict::{Why, Winner},
};

use super::world::{Done, Kind, World};
use crate::Hand;

const STRATEGIES: [Strategy; 3] = [Strategy::UpstreamWins, Strategy::LastWriteWins, Strategy::MergeChanges];
const ENV: &str = "/spec/template/spec/containers/0/env";
const LEAF: &str = "spec.template.spec.containers[name=web].env (order)";

fn env(names: &str) -> Value {
    let items = names
        .chars()
        .map(|name| json!({"name": name.to_string(), "value": "1"}));
    items.collect()
}

fn world(strategy: Strategy) -> World {
    let labels = json!({"app": "web"});
    let containers = json!([{"name": "web", "image": "web:1", "env": env("ABC")}]);
    let world = World::new(
        Kind::Deployment,
        strategy,
        2,
        &json!({"spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        }}),
    );
    world.wait(10);
    world
}

fn put(world: &World, at: Option<usize>, names: &str) {
    let server = at.map_or(&world.upstream, |target| &world.targets[target].server);
    let ops = json!([{"op": "replace", "path": ENV, "value": env(names)}]);
    Hand::at(server, "kubectl-patch").patch(&world.path(), &ops).unwrap();
}

fn names(object: &Value) -> String {
    let items = object.pointer(ENV).and_then(Value::as_array).into_iter().flatten();
    items.map(|item| item["name"].as_str().unwrap()).collect()
}

fn everywhere(world: &World) -> [String; 3] {
    [world.above(), world.below(0), world.below(1)].map(|object| names(&object))
}

fn decided(world: &World) -> Vec<(Winner, Why)> {
    let of_leaf = world
        .verdicts
        .iter()
        .filter(|(_, verdict)| verdict.path.to_string() == LEAF);
    let mut found: Vec<_> = of_leaf.map(|(_, verdict)| (verdict.winner, verdict.why)).collect();
    found.dedup();
    found
}

#[test]
fn an_order_that_only_the_upstream_changed_goes_down() {
    for strategy in STRATEGIES {
        let mut world = world(strategy);
        put(&world, None, "CAB");
        world.settle();
        assert_eq!(everywhere(&world), ["CAB"; 3], "{strategy:?}");
        assert_eq!(world.verdicts, [], "{strategy:?}");
        world.assert_quiet();
    }
}

#[test]
fn an_order_that_only_a_target_changed_is_reverted_written_back_or_kept() {
    for (strategy, expected, verdict) in [
        (
            Strategy::UpstreamWins,
            ["ABC"; 3],
            (Winner::Upstream, Why::OnlyDownstream),
        ),
        (
            Strategy::LastWriteWins,
            ["CBA"; 3],
            (Winner::WrittenBack, Why::OnlyDownstream),
        ),
        (
            Strategy::MergeChanges,
            ["ABC", "CBA", "ABC"],
            (Winner::Downstream, Why::OnlyDownstream),
        ),
    ] {
        let mut world = world(strategy);
        put(&world, Some(0), "CBA");
        world.settle();
        assert_eq!(everywhere(&world), expected, "{strategy:?}");
        assert_eq!(decided(&world), [verdict], "{strategy:?}");
        world.assert_quiet();
        assert_eq!(everywhere(&world), expected, "{strategy:?} after a restart");
    }
}

#[test]
fn an_order_that_both_changed_is_the_upstreams_or_the_later_one() {
    for (strategy, first, expected, verdict) in [
        (Strategy::MergeChanges, "up", "BAC", (Winner::Upstream, Why::Conflict)),
        (Strategy::MergeChanges, "down", "BAC", (Winner::Upstream, Why::Conflict)),
        (Strategy::LastWriteWins, "up", "CBA", (Winner::WrittenBack, Why::Later)),
        (Strategy::LastWriteWins, "down", "BAC", (Winner::Upstream, Why::Later)),
    ] {
        let mut world = world(strategy);
        let edits = [("up", None, "BAC"), ("down", Some(0), "CBA")];
        for (_, at, order) in edits.iter().filter(|edit| edit.0 == first) {
            put(&world, *at, order);
        }
        // Both are watched.
        world.look(0);
        world.wait(20);
        for (_, at, order) in edits.iter().filter(|edit| edit.0 != first) {
            put(&world, *at, order);
        }
        world.settle();
        assert_eq!(everywhere(&world), [expected; 3], "{strategy:?} {first}");
        assert_eq!(decided(&world).first(), Some(&verdict), "{strategy:?} {first}");
        world.assert_quiet();
    }
}

/// The order is one leaf, the items are others: what is added on one side takes nothing from the order of the other.
#[test]
fn a_kept_order_stays_when_the_upstream_adds_items() {
    let mut world = world(Strategy::MergeChanges);
    put(&world, Some(0), "CBA");
    world.settle();
    for (above, below) in [("ABCD", "CBAD"), ("ABCDE", "CBADE")] {
        world.wait(10);
        put(&world, None, above);
        world.settle();
        assert_eq!(everywhere(&world), [above, below, above]);
        world.assert_quiet();
    }
    // Now the upstream puts them elsewhere: both did.
    world.wait(10);
    put(&world, None, "EDCAB");
    world.settle();
    assert_eq!(everywhere(&world), ["EDCAB"; 3]);
    assert_eq!(decided(&world).last(), Some(&(Winner::Upstream, Why::Conflict)));
    world.assert_quiet();
}

#[test]
fn an_order_is_put_right_after_a_restart_too() {
    for (strategy, expected) in [
        (Strategy::UpstreamWins, ["ABC"; 3]),
        (Strategy::LastWriteWins, ["CBA"; 3]),
        (Strategy::MergeChanges, ["ABC", "CBA", "ABC"]),
    ] {
        let mut world = world(strategy);
        put(&world, Some(0), "CBA");
        world.restart();
        world.wait(10);
        let mut requests = 0;
        while world.step(0) == Done::Request {
            requests += 1;
            world.restart();
            assert!(requests < 9, "{strategy:?}");
        }
        world.settle();
        assert_eq!(everywhere(&world), expected, "{strategy:?}");
        world.assert_quiet();
    }
}
