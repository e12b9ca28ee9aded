use serde_json::json;

use super::*;

fn transforms(json: Value) -> Vec<Transform> {
    serde_json::from_value(json).unwrap()
}

fn program(json: Value) -> Arc<Program> {
    Arc::new(Program::compile(&transforms(json)).unwrap())
}

fn target(name: &str) -> Arc<SyncTarget> {
    Arc::new(SyncTarget {
        name: name.into(),
        uid: String::new(),
        labels: [("region".to_owned(), "eu".to_owned())].into(),
        annotations: std::collections::BTreeMap::default(),
        spec: crate::config::SyncTargetSpec::default(),
    })
}

fn deployments() -> Gvr {
    Gvr::new("apps", "v1", "deployments")
}

fn config_maps() -> Gvr {
    Gvr::new("", "v1", "configmaps")
}

#[test]
fn every_mistake_is_named_with_its_member() {
    let wrong = transforms(json!([
        {"set": {"path": "spec.replicas", "value": 1}},
        {},
        {"set": {"path": "spec.x", "value": 1}, "remove": []},
        {"set": {"path": "spec..x", "cel": "1 +"}},
        {"set": {"path": "spec.x"}},
        {"set": {"path": "spec.x", "value": 1, "cel": "1"}},
        {"remove": ["metadata.name", "spec", "status"]},
        {"imageRegistry": {"from": "team", "to": "a.b"}},
        {"jsonPatch": [{"op": "add", "path": "/a", "value": 1}, {"op": "remove", "path": ""}, {"op": "x", "path": "/a"}]},
        {"jsonPatch": [{"op": "move", "from": "/metadata/name", "path": "/spec/x"}]},
        {"mergePatch": [1]},
        {"mergePatch": {"metadata": {"name": "x", "labels": {"kcp.io/a": "b"}}, "status": {}, "spec": {"a": 1}}},
        {"mergePatch": {"metadata": null}},
        {"set": {"path": "metadata.annotations.a.b/c", "value": "x"}},
        {"set": {"path": "metadata.labels.a", "value": 1}},
        {"set": {"path": "metadata.labels", "value": {"kcp.io/a": "b"}}},
        {"mergePatch": {"metadata": {"labels": {"a": {"b": "c"}}}}},
        {"mergePatch": {"metadata": {"labels": {"a": true}}}},
        {"mergePatch": {"metadata": {"labels": {"a": null, "b": "c"}, "annotations": null}}},
    ]));
    let errors = Program::compile(&wrong).unwrap_err();
    let found: Vec<(usize, &str)> = errors
        .iter()
        .map(|error| (error.index, error.member.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (1, ""),
            (2, ""),
            (3, "set.path"),
            (3, "set.cel"),
            (4, "set"),
            (5, "set"),
            (6, "remove[0]"),
            (6, "remove[2]"),
            (7, "imageRegistry"),
            (8, "jsonPatch[1]"),
            (8, "jsonPatch[2]"),
            (9, "jsonPatch[0]"),
            (10, "mergePatch"),
            (11, "mergePatch"),
            (11, "mergePatch"),
            (11, "mergePatch"),
            (12, "mergePatch"),
            (13, "set.path"),
            (14, "set.value"),
            (15, "set.value"),
            (16, "mergePatch"),
            (17, "mergePatch"),
        ]
    );
    assert!(errors[2].to_string().starts_with("transforms[3].set.path: "));
    assert!(errors[0].to_string().starts_with("transforms[1]: "));
}

#[test]
fn a_transform_is_for_its_targets_and_resources() {
    let apps = json!([{"group": "apps", "resource": "deployments"}]);
    let cases = [
        (json!({}), Reach::Named, true, true),
        (json!({}), Reach::TakenAlong, false, false),
        (json!({"resources": apps}), Reach::Named, true, false),
        (json!({"resources": apps}), Reach::TakenAlong, true, false),
        (json!({"targets": {"names": ["east"]}}), Reach::Named, true, true),
        (json!({"targets": {"names": ["west"]}}), Reach::Named, false, false),
        (
            json!({"targets": {"selector": {"matchLabels": {"region": "eu"}}}}),
            Reach::Named,
            true,
            true,
        ),
        (
            json!({"targets": {"selector": {"matchLabels": {"region": "us"}}}}),
            Reach::Named,
            false,
            false,
        ),
        (
            json!({"resources": [{"group": "", "resource": "deployments"}]}),
            Reach::Named,
            false,
            false,
        ),
    ];
    for (limits, reach, for_deployments, for_config_maps) in cases {
        let mut transform = json!({"set": {"path": "spec.x", "value": 1}});
        transform
            .as_object_mut()
            .unwrap()
            .extend(limits.as_object().unwrap().clone());
        let program = program(json!([transform]));
        let applies = |gvr: &Gvr| !program.recipe(&target("east"), gvr, reach).is_identity();
        assert_eq!(applies(&deployments()), for_deployments, "{limits} {reach:?}");
        assert_eq!(applies(&config_maps()), for_config_maps, "{limits} {reach:?}");
    }
}

#[test]
fn an_image_rewrite_is_no_work_for_kinds_without_pods() {
    let program = program(json!([{"imageRegistry": {"from": "docker.io", "to": "m.example.org"}}]));
    assert!(
        program
            .recipe(&target("east"), &config_maps(), Reach::Named)
            .is_identity()
    );
    assert!(
        !program
            .recipe(&target("east"), &deployments(), Reach::Named)
            .is_identity()
    );
}

#[test]
fn targets_that_get_the_same_share_an_id() {
    let id = |json: Value, name: &str| program(json).recipe(&target(name), &deployments(), Reach::Named).id();
    let plain = json!([{"set": {"path": "spec.x", "value": {"b": 1, "a": 2}}}]);
    let same = json!([{"set": {"path": "spec.x", "value": {"a": 2, "b": 1}}, "targets": {"names": ["east"]}}]);
    let other = json!([{"set": {"path": "spec.x", "value": {"a": 2, "b": "1"}}}]);
    let reads = json!([{"set": {"path": "spec.x", "cel": "target.name"}}]);
    let reads_not = json!([{"set": {"path": "spec.x", "cel": "namespace"}}]);
    assert_eq!(id(plain.clone(), "east"), id(plain.clone(), "west"));
    assert_eq!(id(plain.clone(), "east"), id(same, "east"));
    assert_ne!(id(plain.clone(), "east"), id(other, "east"));
    assert_eq!(id(reads_not.clone(), "east"), id(reads_not.clone(), "west"));
    assert_ne!(id(reads.clone(), "east"), id(reads, "west"));
    assert_eq!(id(json!([]), "east"), 0);
    assert_ne!(id(plain, "east"), 0);
    let two = [
        json!({"set": {"path": "spec.x", "value": 1}}),
        json!({"remove": ["spec.x"]}),
    ];
    assert_ne!(id(json!([two[0], two[1]]), "east"), id(json!([two[1], two[0]]), "east"));
    assert_eq!(
        id(reads_not, "east"),
        1_160_739_492_709_916_150,
        "the id is the same for ever"
    );
}

#[test]
fn what_it_touches_is_known() {
    let program = program(json!([
        {"set": {"path": "spec.replicas", "value": 1}},
        {"set": {"path": "metadata.labels.zone", "cel": "'x'"}},
        {"remove": ["spec.a", "spec.b"]},
        {"mergePatch": {"spec": {"c": 1}}},
        {"jsonPatch": [{"op": "test", "path": "/spec/t", "value": 1}, {"op": "move", "from": "/spec/d", "path": "/spec/e"}]},
        {"set": {"path": "spec.other", "value": 1}, "resources": [{"group": "", "resource": "configmaps"}]},
    ]));
    let touched = program
        .recipe(&target("east"), &deployments(), Reach::Named)
        .touched_paths();
    assert_eq!(
        touched.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "spec.replicas",
            "metadata.labels.zone",
            "spec.a",
            "spec.b",
            "spec.c",
            "spec.d",
            "spec.e"
        ]
    );
}
