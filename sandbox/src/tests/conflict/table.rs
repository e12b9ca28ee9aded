//! Each cell of the table, by strategy.

use serde_json::{Value, json};
use syncer_core::{
    config::{FieldOwner, ForeignLeaves, Strategy},
    conflict::{Why, Winner},
    transform::Path,
};

use super::world::{Kind, World};
use crate::Hand;

const STRATEGIES: [Strategy; 3] = [Strategy::UpstreamWins, Strategy::LastWriteWins, Strategy::MergeChanges];

fn config_map(strategy: Strategy, targets: usize) -> World {
    let object = json!({"metadata": {"labels": {"app": "web"}}, "data": {"a": "1", "b": "2", "c": "3"}});
    World::new(Kind::ConfigMap, strategy, targets, &object)
}

fn deployment(strategy: Strategy, targets: usize) -> World {
    World::new(Kind::Deployment, strategy, targets, &web())
}

fn web() -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {"name": "web", "image": "nginx:1", "args": ["-a", "-b"], "ports": [{"containerPort": 80}],
                         "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                         "resources": {"requests": {"cpu": "1000m"}}},
                        {"name": "log", "image": "log:1"},
                    ],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    })
}

fn data(object: &Value) -> &Value {
    &object["data"]
}

/// The winners and reasons of all verdicts on the leaf that reads `path`.
fn verdicts(world: &World, path: &str) -> Vec<(Winner, Why)> {
    let of_path = world
        .verdicts
        .iter()
        .filter(|(_, verdict)| verdict.path.to_string() == path);
    let mut found: Vec<_> = of_path.map(|(_, verdict)| (verdict.winner, verdict.why)).collect();
    found.dedup();
    found
}

#[test]
fn only_upstream_changed_goes_down_under_every_strategy() {
    for strategy in STRATEGIES {
        let mut world = config_map(strategy, 2);
        world.edit_above("alice", &json!({"data": {"a": "up", "b": null, "d": "new"}}));
        world.settle();
        for target in 0..2 {
            assert_eq!(
                data(&world.below(target)),
                &json!({"a": "up", "c": "3", "d": "new"}),
                "{strategy:?}"
            );
        }
        assert_eq!(world.verdicts, [], "{strategy:?}");
        world.assert_quiet();
    }
}

#[test]
fn only_downstream_changed_is_reverted_written_back_or_kept() {
    for (strategy, above, here, there, verdict) in [
        (
            Strategy::UpstreamWins,
            json!({"a": "1", "b": "2", "c": "3"}),
            json!({"a": "1", "b": "2", "c": "3"}),
            json!({"a": "1", "b": "2", "c": "3"}),
            (Winner::Upstream, Why::OnlyDownstream),
        ),
        (
            Strategy::LastWriteWins,
            json!({"a": "down", "c": "3"}),
            json!({"a": "down", "c": "3"}),
            json!({"a": "down", "c": "3"}),
            (Winner::WrittenBack, Why::OnlyDownstream),
        ),
        (
            Strategy::MergeChanges,
            json!({"a": "1", "b": "2", "c": "3"}),
            json!({"a": "down", "c": "3"}),
            json!({"a": "1", "b": "2", "c": "3"}),
            (Winner::Downstream, Why::OnlyDownstream),
        ),
    ] {
        let mut world = config_map(strategy, 2);
        world.wait(10);
        world.edit_below(0, "bob", &json!({"data": {"a": "down", "b": null}}));
        world.settle();
        assert_eq!(data(&world.above()), &above, "{strategy:?}");
        assert_eq!(data(&world.below(0)), &here, "{strategy:?}");
        assert_eq!(data(&world.below(1)), &there, "{strategy:?}");
        assert_eq!(verdicts(&world, "data.a").first(), Some(&verdict), "{strategy:?}");
        assert_eq!(verdicts(&world, "data.b").first(), Some(&verdict), "{strategy:?}");
        world.assert_quiet();
    }
}

#[test]
fn what_was_written_back_says_where_it_comes_from_and_when() {
    let mut world = config_map(Strategy::LastWriteWins, 2);
    world.wait(10);
    world.edit_below(1, "bob", &json!({"data": {"a": "down"}}));
    world.wait(60);
    world.settle();
    let above = world.above();
    let written = above["metadata"]["annotations"]["workload.kcp.io/written-back"]
        .as_str()
        .unwrap();
    let written: Value = serde_json::from_str(written).unwrap();
    assert_eq!(written["data.a"]["target"], "target-1");
    assert_eq!(written["data.a"]["time"], "2026-01-01T00:00:10Z", "{written}");
}

#[test]
fn both_changed_to_the_same_value_is_no_conflict() {
    for strategy in STRATEGIES {
        let mut world = config_map(strategy, 1);
        world.edit_above("alice", &json!({"data": {"a": "same"}}));
        world.edit_below(0, "bob", &json!({"data": {"a": "same"}}));
        world.settle();
        assert_eq!(data(&world.below(0))["a"], "same");
        assert!(
            world.verdicts.iter().all(|(_, verdict)| !verdict.is_conflict()),
            "{strategy:?}"
        );
        world.assert_quiet();
        // Both agree on it now: an edit of one side is an edit of one side.
        world.edit_above("alice", &json!({"data": {"a": "next"}}));
        world.settle();
        assert_eq!(data(&world.below(0))["a"], "next", "{strategy:?}");
    }
}

#[test]
fn both_changed_differently_is_the_upstreams_or_the_later_ones() {
    for (strategy, first, expected, verdict) in [
        (Strategy::UpstreamWins, "up", "up", None),
        (Strategy::UpstreamWins, "down", "up", None),
        (
            Strategy::MergeChanges,
            "up",
            "up",
            Some((Winner::Upstream, Why::Conflict)),
        ),
        (
            Strategy::MergeChanges,
            "down",
            "up",
            Some((Winner::Upstream, Why::Conflict)),
        ),
        (
            Strategy::LastWriteWins,
            "up",
            "down",
            Some((Winner::WrittenBack, Why::Later)),
        ),
        (
            Strategy::LastWriteWins,
            "down",
            "up",
            Some((Winner::Upstream, Why::Later)),
        ),
        (Strategy::LastWriteWins, "tie", "up", Some((Winner::Upstream, Why::Tie))),
    ] {
        let mut world = config_map(strategy, 2);
        world.wait(100);
        let up = |world: &World| world.edit_above("alice", &json!({"data": {"a": "up"}}));
        let down = |world: &World| world.edit_below(0, "bob", &json!({"data": {"a": "down"}}));
        match first {
            "up" => {
                up(&world);
                world.wait(20);
                down(&world);
            }
            "down" => {
                down(&world);
                world.wait(20);
                up(&world);
            }
            _ => {
                up(&world);
                down(&world);
            }
        }
        world.settle();
        for object in [world.above(), world.below(0), world.below(1)] {
            let expected = if strategy == Strategy::MergeChanges {
                "up"
            } else {
                expected
            };
            assert_eq!(data(&object)["a"], *expected, "{strategy:?} {first}");
        }
        if let Some(verdict) = verdict {
            assert_eq!(
                verdicts(&world, "data.a").first(),
                Some(&verdict),
                "{strategy:?} {first}"
            );
        }
        world.assert_quiet();
    }
}

#[test]
fn what_one_side_removed_and_the_other_changed_follows_the_table_too() {
    for (strategy, up_first, expected) in [
        (Strategy::MergeChanges, true, None),
        (Strategy::MergeChanges, false, None),
        (Strategy::LastWriteWins, true, Some("down")),
        (Strategy::LastWriteWins, false, None),
        (Strategy::UpstreamWins, true, None),
    ] {
        let mut world = config_map(strategy, 2);
        world.wait(100);
        if up_first {
            world.edit_above("alice", &json!({"data": {"a": null}}));
            world.look(0);
            world.wait(20);
            world.edit_below(0, "bob", &json!({"data": {"a": "down"}}));
        } else {
            world.edit_below(0, "bob", &json!({"data": {"a": "down"}}));
            world.look(0);
            world.wait(20);
            world.edit_above("alice", &json!({"data": {"a": null}}));
        }
        world.settle();
        for object in [world.above(), world.below(0), world.below(1)] {
            assert_eq!(data(&object)["a"].as_str(), expected, "{strategy:?} {up_first}");
        }
        world.assert_quiet();
    }
}

#[test]
fn a_foreign_field_is_removed_written_back_or_kept() {
    for (strategy, foreign, here, above) in [
        (Strategy::UpstreamWins, ForeignLeaves::Remove, None, None),
        (Strategy::UpstreamWins, ForeignLeaves::Keep, Some("x"), None),
        (Strategy::LastWriteWins, ForeignLeaves::Remove, Some("x"), Some("x")),
        (Strategy::MergeChanges, ForeignLeaves::Remove, Some("x"), None),
    ] {
        let mut world = config_map(strategy, 2);
        world.foreign = foreign;
        world.wait(10);
        world.edit_below(0, "bob", &json!({"data": {"z": "x"}}));
        world.settle();
        assert_eq!(data(&world.below(0))["z"].as_str(), here, "{strategy:?}");
        assert_eq!(data(&world.above())["z"].as_str(), above, "{strategy:?}");
        assert_eq!(data(&world.below(1))["z"].as_str(), above, "{strategy:?}");
        assert!(matches!(verdicts(&world, "data.z").first(), Some((_, Why::Foreign))));
        world.assert_quiet();
    }
}

#[test]
fn foreign_labels_and_annotations_stay_where_they_are() {
    let change = json!({
        "metadata": {"labels": {"by": "bob"}, "annotations": {"by": "bob"}},
        "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026"}}}},
    });
    for strategy in STRATEGIES {
        let mut world = deployment(strategy, 2);
        world.wait(10);
        world.edit_below(0, "kubectl-rollout", &change);
        world.settle();
        let below = world.below(0);
        assert_eq!(below["metadata"]["labels"]["by"], "bob", "{strategy:?}");
        assert_eq!(below["metadata"]["annotations"]["by"], "bob");
        let template = &below["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(template["kubectl.kubernetes.io/restartedAt"], "2026", "{strategy:?}");
        assert_eq!(world.above()["metadata"]["labels"], json!({"app": "web"}));
        assert_eq!(world.below(1)["metadata"]["labels"], json!({"app": "web"}));
        world.assert_quiet();
    }
}

#[test]
fn what_a_transform_makes_is_the_upstreams_under_every_strategy() {
    for strategy in STRATEGIES {
        let mut world = deployment(strategy, 1);
        world.produced = vec![Path::parse("spec.replicas").unwrap()];
        world.wait(10);
        world.edit_below(0, "kubectl-edit", &json!({"spec": {"replicas": 9}}));
        world.settle();
        assert_eq!(world.below(0)["spec"]["replicas"], 2, "{strategy:?}");
        assert_eq!(world.above()["spec"]["replicas"], 2, "{strategy:?}");
        if strategy != Strategy::UpstreamWins {
            assert_eq!(verdicts(&world, "spec.replicas"), [(Winner::Upstream, Why::Produced)]);
        }
        world.assert_quiet();
    }
}

#[test]
fn a_field_rule_is_asked_before_the_strategy() {
    for strategy in STRATEGIES {
        let mut world = deployment(strategy, 1);
        world.owned = vec![(Path::parse("spec.replicas").unwrap(), FieldOwner::Downstream)];
        world.settle();
        assert_eq!(
            world.below(0)["spec"]["replicas"],
            2,
            "handed over, not reset: {strategy:?}"
        );
        world.edit_below(0, "hpa", &json!({"spec": {"replicas": 9}}));
        world.edit_above("alice", &json!({"spec": {"replicas": 4}}));
        world.settle();
        assert_eq!(world.below(0)["spec"]["replicas"], 9, "{strategy:?}");
        assert_eq!(world.above()["spec"]["replicas"], 4, "{strategy:?}");
        world.assert_quiet();
    }
    let mut world = deployment(Strategy::LastWriteWins, 1);
    world.owned = vec![(Path::parse("spec.replicas").unwrap(), FieldOwner::Upstream)];
    world.edit_below(0, "hpa", &json!({"spec": {"replicas": 9}}));
    world.settle();
    assert_eq!(world.below(0)["spec"]["replicas"], 2);
    assert_eq!(verdicts(&world, "spec.replicas"), [(Winner::Upstream, Why::FieldRule)]);
}

#[test]
fn edits_of_a_deployment_meet_leaf_by_leaf() {
    let mut world = deployment(Strategy::MergeChanges, 1);
    let image = |name: &str, image: &str| {
        json!([{"op": "test", "path": "/spec/template/spec/containers/0/name", "value": "web"},
            {"op": "replace", "path": format!("/spec/template/spec/containers/{name}/image"), "value": image}])
    };
    let path = world.path();
    Hand::at(&world.upstream, "alice")
        .patch(&path, &image("0", "nginx:2"))
        .unwrap();
    Hand::at(&world.targets[0].server, "bob")
        .patch(&path, &image("1", "log:2"))
        .unwrap();
    let added = json!([{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "C", "value": "3"}},
        {"op": "remove", "path": "/spec/template/spec/containers/0/env/0"},
        {"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": ["-c"]}]);
    Hand::at(&world.targets[0].server, "bob").patch(&path, &added).unwrap();
    world.settle();
    let containers = &world.below(0)["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["image"], "nginx:2");
    assert_eq!(containers[1]["image"], "log:2");
    assert_eq!(containers[0]["args"], json!(["-c"]));
    let names: Vec<_> = containers[0]["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|env| env["name"].clone())
        .collect();
    assert_eq!(names, ["B", "C"]);
    assert!(
        world
            .verdicts
            .iter()
            .all(|(_, verdict)| verdict.winner == Winner::Downstream)
    );
    world.assert_quiet();
    // What the target added is still the target's, and what it changed is the upstream's once the upstream changes it too.
    Hand::at(&world.upstream, "alice")
        .patch(&path, &image("1", "log:3"))
        .unwrap();
    world.settle();
    assert_eq!(
        world.below(0)["spec"]["template"]["spec"]["containers"][1]["image"],
        "log:3"
    );
    assert_eq!(
        verdicts(&world, "spec.template.spec.containers[name=log].image").last(),
        Some(&(Winner::Upstream, Why::Conflict))
    );
    world.assert_quiet();
}

#[test]
fn a_union_is_one_leaf() {
    for (strategy, here, above) in [
        (Strategy::UpstreamWins, "RollingUpdate", "RollingUpdate"),
        (Strategy::LastWriteWins, "Recreate", "Recreate"),
        (Strategy::MergeChanges, "Recreate", "RollingUpdate"),
    ] {
        let mut world = deployment(strategy, 1);
        world.wait(10);
        world.edit_below(
            0,
            "bob",
            &json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}),
        );
        world.settle();
        assert_eq!(world.below(0)["spec"]["strategy"]["type"], here, "{strategy:?}");
        assert_eq!(world.above()["spec"]["strategy"]["type"], above, "{strategy:?}");
        world.assert_quiet();
    }
}

#[test]
fn a_part_of_a_union_that_the_target_changes_keeps_the_rest_of_it() {
    let mut world = deployment(Strategy::MergeChanges, 1);
    world.edit_below(
        0,
        "bob",
        &json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 5}}}}),
    );
    world.settle();
    let strategy = world.below(0)["spec"]["strategy"].clone();
    assert_eq!(
        strategy["rollingUpdate"],
        json!({"maxSurge": 5, "maxUnavailable": 0}),
        "not reset to a default"
    );
    world.assert_quiet();
}

#[test]
fn a_part_of_a_handler_in_an_item_keeps_the_rest_of_it() {
    let mut object = web();
    object["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] =
        json!({"httpGet": {"path": "/healthz", "port": 80}, "periodSeconds": 7});
    let mut world = World::new(Kind::Deployment, Strategy::MergeChanges, 1, &object);
    let change = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/livenessProbe/httpGet/path", "value": "/other"}]);
    Hand::at(&world.targets[0].server, "bob")
        .patch(&world.path(), &change)
        .unwrap();
    world.settle();
    let probe = world.below(0)["spec"]["template"]["spec"]["containers"][0]["livenessProbe"].clone();
    assert_eq!(
        (
            &probe["httpGet"]["path"],
            &probe["httpGet"]["port"],
            &probe["periodSeconds"]
        ),
        (&json!("/other"), &json!(80), &json!(7))
    );
    world.assert_quiet();
}

#[test]
fn what_a_server_writes_otherwise_is_nobodys_change() {
    for strategy in STRATEGIES {
        let mut world = deployment(strategy, 1);
        let cpu = |world: &World| {
            world.below(0)["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"].clone()
        };
        assert_eq!(cpu(&world), "1");
        world.edit_above("alice", &json!({"spec": {"replicas": 3}}));
        world.settle();
        assert_eq!(world.verdicts, [], "{strategy:?}");
        world.assert_quiet();
    }
}

#[test]
fn a_value_taken_over_and_set_back_is_nobodys_change() {
    let mut world = config_map(Strategy::MergeChanges, 1);
    world.edit_below(0, "bob", &json!({"data": {"a": "down"}}));
    world.edit_below(0, "bob", &json!({"data": {"a": "1"}}));
    world.settle();
    world.edit_above("alice", &json!({"data": {"a": "up"}}));
    world.settle();
    assert_eq!(data(&world.below(0))["a"], "up");
    assert_eq!(world.verdicts, []);
    // And what we share with them goes with the upstream's.
    world.edit_above("alice", &json!({"data": {"a": null}}));
    world.settle();
    assert_eq!(data(&world.below(0))["a"], Value::Null);
    world.assert_quiet();
}

#[test]
fn a_target_whose_clock_is_ahead_does_not_win_against_later_edits() {
    let object = json!({"data": {"a": "1"}});
    let mut world = World::skewed(Kind::ConfigMap, Strategy::LastWriteWins, &[300, 0], &object);
    world.wait(100);
    world.edit_below(0, "bob", &json!({"data": {"a": "down"}}));
    world.wait(30);
    world.edit_above("alice", &json!({"data": {"a": "up"}}));
    world.settle();
    for object in [world.above(), world.below(0), world.below(1)] {
        assert_eq!(data(&object)["a"], "up");
    }
    world.assert_quiet();
}

#[test]
fn of_two_targets_the_later_write_wins_whichever_travels_first() {
    for order in [[0, 1], [1, 0]] {
        let mut world = config_map(Strategy::LastWriteWins, 2);
        world.wait(100);
        world.edit_below(0, "bob", &json!({"data": {"a": "early"}}));
        world.wait(20);
        world.edit_below(1, "carol", &json!({"data": {"a": "late"}}));
        world.wait(20);
        world.settle_in(&order);
        for object in [world.above(), world.below(0), world.below(1)] {
            assert_eq!(data(&object)["a"], "late", "{order:?}");
        }
        world.assert_quiet();
    }
}

#[test]
fn an_edit_upstream_after_a_write_back_is_not_undone_by_it() {
    let mut world = config_map(Strategy::LastWriteWins, 1);
    world.wait(100);
    world.edit_below(0, "bob", &json!({"data": {"a": "down"}}));
    while data(&world.above())["a"] != "down" {
        world.step(0);
    }
    world.wait(20);
    // Before the target agrees on it, the upstream goes back to what was.
    world.edit_above("alice", &json!({"data": {"a": "1"}}));
    world.settle();
    assert_eq!(data(&world.above())["a"], "1");
    assert_eq!(data(&world.below(0))["a"], "1");
    world.assert_quiet();
}

#[test]
fn a_leaf_that_is_fought_over_is_left_alone() {
    for strategy in STRATEGIES {
        let mut world = deployment(strategy, 1);
        world.edit_below(0, "hpa", &json!({"spec": {"replicas": 9}}));
        let leaf = world.look(0).unwrap().verdicts[0].leaf;
        world.resting = [leaf].into_iter().collect();
        world.edit_above("alice", &json!({"spec": {"revisionHistoryLimit": 3}}));
        world.settle();
        assert_eq!(world.below(0)["spec"]["replicas"], 9, "{strategy:?}");
        assert_eq!(world.below(0)["spec"]["revisionHistoryLimit"], 3, "{strategy:?}");
        assert_eq!(world.above()["spec"]["replicas"], 2, "{strategy:?}");
        world.assert_quiet();
    }
}
