//! What was handed over to the target, and what becomes of it when the policy says something else.

use serde_json::{Value, json};
use syncer_core::{
    config::{FieldOwner, Strategy},
    transform::Path,
};

use super::world::{Kind, World};
use crate::Hand;

const STRATEGIES: [Strategy; 3] = [Strategy::UpstreamWins, Strategy::LastWriteWins, Strategy::MergeChanges];

fn web() -> Value {
    let labels = json!({"app": "web"});
    let containers = json!([{"name": "web", "image": "web:1"}, {"name": "log", "image": "log:1"}]);
    json!({"spec": {
        "replicas": 2, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    }})
}

/// A world whose targets were given `path`.
fn given(strategy: Strategy, path: &str) -> World {
    let mut world = World::new(Kind::Deployment, strategy, 1, &web());
    world.owned = vec![(Path::parse(path).unwrap(), FieldOwner::Downstream)];
    world.settle();
    world.wait(10);
    world
}

fn containers(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]["containers"]
}

#[test]
fn a_field_that_was_given_to_the_target_and_is_the_upstreams_by_rule_again_is_so() {
    for strategy in STRATEGIES {
        for edited in [false, true] {
            let mut world = given(strategy, "spec.replicas");
            if edited {
                world.edit_below(0, "bob", &json!({"spec": {"replicas": 7}}));
                world.settle();
                assert_eq!(world.below(0)["spec"]["replicas"], 7, "{strategy:?}");
            }
            world.wait(10);
            world.owned = vec![(Path::parse("spec.replicas").unwrap(), FieldOwner::Upstream)];
            world.settle();
            assert_eq!(world.below(0)["spec"]["replicas"], 2, "{strategy:?} {edited}");
            world.edit_above("alice", &json!({"spec": {"replicas": 3}}));
            world.settle();
            assert_eq!(world.below(0)["spec"]["replicas"], 3, "{strategy:?} {edited}");
            world.assert_quiet();
        }
    }
}

#[test]
fn the_items_of_a_list_that_was_given_to_the_target_follow_another_strategy() {
    for strategy in STRATEGIES {
        let mut world = given(strategy, "spec.template.spec.containers");
        let path = world.path();
        let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/1/image", "value": "log:2"}]);
        Hand::at(&world.targets[0].server, "bob").patch(&path, &image).unwrap();
        world.settle();
        assert_eq!(containers(&world.below(0))[1]["image"], "log:2", "{strategy:?}");
        world.wait(10);
        // No rule any more, and the upstream wins.
        world.owned.clear();
        world.strategy = Strategy::UpstreamWins;
        world.settle();
        let named = |object: &Value| -> Vec<Value> {
            let all = containers(object).as_array().unwrap().clone();
            all.iter().map(|item| json!([item["name"], item["image"]])).collect()
        };
        assert_eq!(named(&world.below(0)), named(&world.above()), "{strategy:?}");
        world.assert_quiet();
    }
}

#[test]
fn what_was_handed_over_goes_with_the_upstream_once_no_rule_needs_it() {
    for strategy in STRATEGIES {
        let mut world = given(strategy, "spec.replicas");
        let handover = "tmc-syncer-handover".to_owned();
        assert!(
            managers(&world.below(0), "f:replicas").contains(&handover),
            "{strategy:?}"
        );
        // The rule goes: both own it, with the same value.
        world.owned.clear();
        world.settle();
        assert_eq!(managers(&world.below(0), "f:replicas"), ["tmc-syncer"], "{strategy:?}");
        world.wait(10);
        world.edit_above("author", &json!({"spec": {"replicas": null, "minReadySeconds": 5}}));
        world.settle();
        let below = world.below(0);
        assert_eq!(
            below["spec"]["replicas"],
            world.above()["spec"]["replicas"],
            "{strategy:?}"
        );
        assert_eq!(below["spec"]["minReadySeconds"], 5, "{strategy:?}");
        world.assert_quiet();
    }
}

/// What the handover manager holds for a leaf that is kept is no reason to keep the leaf once the upstream has removed it.
#[test]
fn an_item_that_was_kept_in_part_is_gone_when_the_upstream_removes_it() {
    for strategy in STRATEGIES {
        let mut world = given(strategy, "spec.template.spec.containers[name=log].image");
        world.owned.clear();
        world.settle();
        world.wait(10);
        let path = world.path();
        let gone = json!([{"op": "remove", "path": "/spec/template/spec/containers/1"}]);
        Hand::at(&world.upstream, "author").patch(&path, &gone).unwrap();
        world.settle();
        assert_eq!(containers(&world.below(0)).as_array().unwrap().len(), 1, "{strategy:?}");
        world.assert_quiet();
    }
}

#[test]
fn a_second_rule_takes_nothing_from_what_the_first_one_gave() {
    for strategy in STRATEGIES {
        let mut world = World::new(Kind::Deployment, strategy, 1, &web());
        world.edit_above("author", &json!({"spec": {"minReadySeconds": 7}}));
        world.settle();
        let give = |world: &mut World, path: &str| {
            world.owned.push((Path::parse(path).unwrap(), FieldOwner::Downstream));
            world.edit_above("author", &json!({"spec": {"paused": path == "spec.replicas"}}));
            world.settle();
            world.wait(10);
        };
        give(&mut world, "spec.replicas");
        give(&mut world, "spec.minReadySeconds");
        let below = world.below(0);
        assert_eq!(below["spec"]["replicas"], 2, "{strategy:?}");
        assert_eq!(below["spec"]["minReadySeconds"], 7, "{strategy:?}");
        world.assert_quiet();
    }
}

#[test]
fn a_rule_through_a_list_leaves_each_item_what_it_has() {
    for strategy in STRATEGIES {
        for path in [
            "spec.template.spec.containers[name=log].image",
            "spec.template.spec.containers[*].image",
        ] {
            let mut world = given(strategy, path);
            world.edit_above("author", &json!({"spec": {"paused": true}}));
            world.settle();
            let images = |world: &World| -> Vec<Value> {
                let all = containers(&world.below(0)).as_array().unwrap().clone();
                all.iter().map(|item| item["image"].clone()).collect()
            };
            assert_eq!(images(&world), ["web:1", "log:1"], "{strategy:?} {path}");
            world.wait(10);
            // The upstream takes the item out: no part of it stays.
            let gone = json!([{"op": "remove", "path": "/spec/template/spec/containers/1"}]);
            Hand::at(&world.upstream, "author").patch(&world.path(), &gone).unwrap();
            world.settle();
            assert_eq!(images(&world), ["web:1"], "{strategy:?} {path}");
            world.assert_quiet();
        }
    }
}

/// What is handed over of a second probe takes nothing from the first one.
#[test]
fn parts_of_two_probes_are_handed_over_one_after_the_other() {
    let mut object = web();
    let probe = json!({"httpGet": {"path": "/a", "port": 80}});
    for name in ["livenessProbe", "readinessProbe"] {
        object["spec"]["template"]["spec"]["containers"][0][name] = probe.clone();
    }
    let mut world = World::new(Kind::Deployment, Strategy::MergeChanges, 1, &object);
    for name in ["livenessProbe", "readinessProbe"] {
        world.wait(10);
        let pointer = format!("/spec/template/spec/containers/0/{name}/httpGet/path");
        let edit = json!([{"op": "replace", "path": pointer, "value": "/b"}]);
        Hand::at(&world.targets[0].server, "bob")
            .patch(&world.path(), &edit)
            .unwrap();
        world.settle();
    }
    world.wait(10);
    world.edit_above("author", &json!({"spec": {"replicas": 3}}));
    world.settle();
    let below = world.below(0);
    let kept = json!({"path": "/b", "port": 80, "scheme": "HTTP"});
    for name in ["livenessProbe", "readinessProbe"] {
        assert_eq!(containers(&below)[0][name]["httpGet"], kept, "{name}");
    }
    assert_eq!(below["spec"]["replicas"], 3);
    world.assert_quiet();
}

/// Who owns `field` of the spec, sorted.
fn managers(object: &Value, field: &str) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let owns = |entry: &&Value| !entry["fieldsV1"]["f:spec"][field].is_null();
    let mut found: Vec<_> = entries
        .iter()
        .filter(owns)
        .map(|entry| entry["manager"].as_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}
