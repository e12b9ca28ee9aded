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
