use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{config::SyncTargetSpec, transform::Reach};

fn target() -> Arc<SyncTarget> {
    Arc::new(SyncTarget {
        name: "east".into(),
        uid: String::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        spec: SyncTargetSpec {
            cells: [("zone".to_owned(), "1".to_owned())].into(),
            ..Default::default()
        },
    })
}

const CONTEXT: Context<'static> = Context {
    namespace: "shop",
    workspace_name: "",
    workspace_path: None,
};

fn run(transforms: &Value, resource: &str, object: &Value) -> Result<Value, TransformError> {
    let transforms: Vec<crate::config::Transform> = serde_json::from_value(transforms.clone()).unwrap();
    let program = Arc::new(Program::compile(&transforms).unwrap());
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let gvr = Gvr::new(group, "v1", resource);
    let mut object = object.clone();
    let recipe = program.recipe(&target(), &gvr, Reach::Named);
    recipe.apply(&mut object, &CONTEXT).map(|()| object)
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 3, "template": {"spec": {
            "containers": [{"name": "web", "image": "nginx:1"}], "nodeSelector": {"zone": "x"},
        }}},
    })
}

#[test]
fn the_policy_of_the_manual_does_what_it_says() {
    let transforms = json!([
        {"set": {"path": "spec.replicas", "value": 2}, "targets": {"names": ["east"]}},
        {"set": {"path": "metadata.labels.zone", "cel": "target.cells.zone"}},
        {"remove": ["spec.template.spec.nodeSelector"], "resources": [{"group": "apps", "resource": "deployments"}]},
        {"imageRegistry": {"from": "docker.io", "to": "mirror.example.org/hub"}},
        {"jsonPatch": [{"op": "add", "path": "/metadata/annotations/team", "value": "web"}]},
        {"mergePatch": {"spec": {"revisionHistoryLimit": 2}}},
    ]);
    assert_eq!(
        run(&transforms, "deployments.apps", &deployment()).unwrap(),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "labels": {"zone": "1"}, "annotations": {"team": "web"}},
            "spec": {"replicas": 2, "revisionHistoryLimit": 2, "template": {"spec": {
                "containers": [{"name": "web", "image": "mirror.example.org/hub/library/nginx:1"}],
            }}},
        })
    );
}

#[test]
fn transforms_see_what_those_before_them_did() {
    let transforms = json!([
        {"set": {"path": "spec.replicas", "value": 5}},
        {"set": {"path": "metadata.annotations.count", "cel": "string(object.spec.replicas * 2)"}},
        {"set": {"path": "spec.replicas", "cel": "null"}},
        {"set": {"path": "spec.paused", "cel": "has(object.spec.replicas)"}},
    ]);
    let done = run(&transforms, "deployments.apps", &deployment()).unwrap();
    assert_eq!(done.pointer("/metadata/annotations/count"), Some(&json!("10")));
    assert_eq!(done.pointer("/spec/replicas"), None);
    assert_eq!(done.pointer("/spec/paused"), Some(&json!(false)));
    assert_eq!(
        done.pointer("/metadata/labels"),
        None,
        "a map made for a patch does not stay"
    );
}

#[test]
fn an_error_names_transform_place_and_cause() {
    let cases = [
        (
            json!([{"remove": ["spec.x"]}, {"set": {"path": "spec.replicas.x", "value": 1}}]),
            1,
            "set",
            "spec.replicas.x",
        ),
        (
            json!([{"set": {"path": "metadata.labels.zone", "cel": "target.cells.none"}}]),
            0,
            "set",
            "metadata.labels.zone",
        ),
        (
            json!([{"set": {"path": "metadata.labels.n", "cel": "1"}}]),
            0,
            "set",
            "metadata.labels.n",
        ),
        (
            json!([{"set": {"path": "metadata.labels", "cel": "'x'"}}]),
            0,
            "set",
            "metadata.labels",
        ),
        (
            json!([{"set": {"path": "metadata.annotations", "cel": "{'kcp.io/x': 'y'}"}}]),
            0,
            "set",
            "metadata.annotations[\"kcp.io/x\"]",
        ),
        (
            json!([{"jsonPatch": [{"op": "remove", "path": "/spec/none"}]}]),
            0,
            "jsonPatch",
            "/spec/none",
        ),
        (
            json!([{"jsonPatch": [{"op": "add", "path": "/metadata/labels/a", "value": true}]}]),
            0,
            "jsonPatch",
            "metadata.labels.a",
        ),
    ];
    for (transforms, index, operation, path) in cases {
        let error = run(&transforms, "deployments.apps", &deployment()).unwrap_err();
        assert_eq!(
            (error.index, error.operation, error.path.as_str()),
            (index, operation, path),
            "{error}"
        );
    }
}

#[test]
fn labels_of_kcp_that_were_there_do_not_matter() {
    let mut object = deployment();
    object["metadata"]["annotations"] = json!({"kcp.io/cluster": "2xyz", "a": "b"});
    let done = run(
        &json!([{"remove": ["metadata.annotations.a"]}]),
        "deployments.apps",
        &object,
    )
    .unwrap();
    assert_eq!(
        done.pointer("/metadata/annotations"),
        Some(&json!({"kcp.io/cluster": "2xyz"}))
    );
    let replaced = json!([{"set": {"path": "metadata.annotations", "cel": "{'kcp.io/cluster': 'other'}"}}]);
    assert!(run(&replaced, "deployments.apps", &object).is_err());
}

#[test]
fn no_value_of_a_secret_is_in_an_error() {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
        "data": {"password": "aHVudGVyMg==", "l": ["aHVudGVyMg=="]},
    });
    let transforms = [
        json!([{"set": {"path": "data.x", "cel": "object.data[object.data.password]"}}]),
        json!([{"set": {"path": "data.x", "cel": "object.data.password + 1"}}]),
        json!([{"set": {"path": "data.password.x", "value": "y"}}]),
        json!([{"set": {"path": "data.l[*].x", "value": "y"}}]),
        json!([{"jsonPatch": [{"op": "test", "path": "/data/password", "value": "x"}]}]),
        json!([{"jsonPatch": [{"op": "copy", "from": "/data/l", "path": "/metadata/labels/x"}]}]),
        json!([{"set": {"path": "metadata.labels", "cel": "{object.data.password: 1}"}}]),
    ];
    for transforms in transforms {
        let error = run(&transforms, "secrets", &secret).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("aHVudGVyMg"), "{error}");
    }
}

#[test]
fn an_object_does_not_grow_without_end() {
    let mut object = deployment();
    object["spec"]["l"] = json!(vec![json!({}); 2000]);
    let large = "x".repeat(10_000);
    let error = run(
        &json!([{"set": {"path": "spec.l[*].v", "value": large}}]),
        "deployments.apps",
        &object,
    )
    .unwrap_err();
    assert!(error.message.contains("too large"), "{error}");
    let deep = Value::from_iter([("spec", (0..140).fold(json!(1), |inner, _| json!({"a": inner})))]);
    let path = vec!["a"; 31].join(".");
    let error = run(
        &json!([{"jsonPatch": [{"op": "copy", "from": "/spec", "path": "/spec/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/b"}]},
            {"remove": [path]}]),
        "deployments.apps",
        &deep,
    )
    .unwrap_err();
    assert!(error.message.contains("too deep"), "{error}");
}

/// Any JSON, with the names that transforms look for.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("metadata".to_owned()),
        Just("labels".to_owned()),
        Just("annotations".to_owned()),
        Just("spec".to_owned()),
        Just("template".to_owned()),
        Just("containers".to_owned()),
        Just("image".to_owned()),
        Just("name".to_owned()),
        "[a-z]{1,3}",
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_object_is_transformed_the_same_twice_or_refused(object in any_json()) {
        let transforms = json!([
            {"set": {"path": "spec.template.spec.containers[*].image", "cel": "'x' + object.kind"}},
            {"set": {"path": "metadata.labels.zone", "cel": "target.cells.zone"}},
            {"set": {"path": "spec[0].containers[name=a].image", "value": [1]}},
            {"set": {"path": "spec.template[4294967295]", "value": 1}},
            {"remove": ["spec.template[*].name", "spec.name"]},
            {"imageRegistry": {"from": "docker.io", "to": "m.example.org"}},
            {"mergePatch": {"spec": {"template": {"image": {"a": null}}}}},
        ]);
        for index in 0..7 {
            let one = json!([transforms[index]]);
            let first = run(&one, "deployments.apps", &object);
            prop_assert_eq!(&first, &run(&one, "deployments.apps", &object));
            if let Ok(done) = first {
                prop_assert_eq!(done.get("kind"), object.get("kind"));
            }
        }
    }
}
