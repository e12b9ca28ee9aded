use proptest::prelude::*;
use serde_json::{Value, json};
use syncer_core::built_in;

use super::*;
use crate::scripted::config_maps;

/// A Deployment as an API server returns it, with two field managers.
pub(crate) const DEPLOYMENT: &str = include_str!("testdata/deployment.json");

fn decode(json: &str, kept: FieldsV1Kept) -> Result<Object, serde_json::Error> {
    Decoder::of_one(config_maps(), LogicalCluster::plain(), kept).object(json)
}

#[test]
fn metadata_is_parsed_and_the_rest_stays_as_it_came() {
    let object = decode(
        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","namespace":"default","uid":"u-1","resourceVersion":"42",
            "generation":3,"creationTimestamp":"2026-11-23T09:00:00Z","deletionTimestamp":"2026-11-23T09:01:00Z","generateName":"w",
            "labels":{"a":"b"},"annotations":{"c":"d\"e"},"finalizers":["x/y"],
            "ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"o","uid":"u-2","controller":true}],
            "managedFields":[{"manager":"kubectl","fieldsV1":{"f:data":{}}}]},
            "data":{"k": 1.0},"immutable":true}"#,
        FieldsV1Kept::None,
    )
    .unwrap();
    assert_eq!(object.key().to_string(), "configmaps default/web");
    assert_eq!(
        (object.uid(), object.resource_version(), object.generation()),
        ("u-1", "42", 3)
    );
    assert_eq!(
        (object.labels().get("a"), object.annotations().get("c")),
        (Some("b"), Some("d\"e"))
    );
    assert_eq!(object.finalizers().collect::<Vec<_>>(), ["x/y"]);
    assert_eq!(&*object.controller().unwrap().name, "o");
    assert_eq!(object.creation_timestamp().unwrap().to_string(), "2026-11-23T09:00:00Z");
    assert!(object.deletion_timestamp().is_some());
    assert!(object.managed_fields().is_empty());
    let members: Vec<_> = object.members().map(|(name, value)| (name, value.get())).collect();
    assert_eq!(
        members,
        [("data", r#"{"k": 1.0}"#), ("immutable", "true")],
        "not a byte is changed"
    );
    assert_eq!(object.member("data").unwrap().get(), r#"{"k": 1.0}"#);
    assert!(object.member("spec").is_none() && object.member("metadata").is_none());
}

#[test]
fn nulls_and_absent_members_are_the_same() {
    let nulls = r#"{"metadata":{"name":"web","namespace":null,"uid":null,"labels":null,"annotations":null,"finalizers":null,
        "ownerReferences":null,"managedFields":null,"creationTimestamp":null,"deletionTimestamp":null,"generation":null,"resourceVersion":null}}"#;
    for json in [nulls, r#"{"metadata":{"name":"web"}}"#] {
        for kept in [FieldsV1Kept::None, FieldsV1Kept::All] {
            let object = decode(json, kept).unwrap();
            assert_eq!(
                object.to_value().unwrap(),
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}})
            );
        }
    }
}

#[test]
fn what_has_no_identity_is_no_object() {
    for json in [
        "{}",
        r#"{"metadata":{}}"#,
        r#"{"metadata":{"name":""}}"#,
        "null",
        "[]",
        "",
        r#"{"metadata":{"name":"a"}} x"#,
    ] {
        assert!(decode(json, FieldsV1Kept::None).is_err(), "{json}");
    }
    let unreadable_deletion = r#"{"metadata":{"name":"a","deletionTimestamp":"soon"}}"#;
    assert!(
        decode(unreadable_deletion, FieldsV1Kept::None).is_err(),
        "a deletion must not be overlooked"
    );
}

#[test]
fn managed_fields_are_kept_as_asked_for() {
    let json = r#"{"metadata":{"name":"a","managedFields":[
        {"manager":"tmc-syncer","operation":"Apply","apiVersion":"v1","time":"2026-11-23T09:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}}}},
        {"manager":"kubectl","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:b":{}}},"subresource":"status"},
        {"manager":"tmc-syncer","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1"}]}}"#;
    let managers = |kept| {
        decode(json, kept)
            .unwrap()
            .managed_fields()
            .iter()
            .map(|entry| entry.manager.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(managers(FieldsV1Kept::None), [""; 0]);
    assert_eq!(
        managers(FieldsV1Kept::of("tmc-syncer")),
        ["tmc-syncer"],
        "an entry without fields owns nothing"
    );
    assert_eq!(managers(FieldsV1Kept::All), ["tmc-syncer", "kubectl"]);
    let object = decode(json, FieldsV1Kept::All).unwrap();
    let ours = &object.managed_fields()[0];
    assert_eq!(
        (ours.fields.get(), &*ours.operation),
        (r#"{"f:data":{"f:a":{}}}"#, "Apply")
    );
    assert_eq!(ours.time.unwrap().to_string(), "2026-11-23T09:00:00Z");
    assert_eq!(&*object.managed_fields()[1].subresource, "status");
}

#[test]
fn debug_shows_sizes_and_no_content() {
    let json = r#"{"metadata":{"name":"s","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hunter2"},
        "managedFields":[{"manager":"m","fieldsV1":{"f:hunter2":{}}}]},"data":{"password":"hunter2"}}"#;
    let object = Decoder::of_one(built_in::secrets(), LogicalCluster::plain(), FieldsV1Kept::All)
        .object(json)
        .unwrap();
    let shown = format!(
        "{object:?} {:?} {:?} {:?}",
        object.annotations(),
        object.managed_fields(),
        object.labels()
    );
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("secrets") && shown.contains("\"data\": 22"), "{shown}");
}

#[test]
fn neighbours_of_one_namespace_share_its_name() {
    let mut decoder = Decoder::of_one(config_maps(), LogicalCluster::plain(), FieldsV1Kept::None);
    let mut object = |name| decoder.object(&crate::scripted::object(name, 1)).unwrap();
    let (a, b) = (object("a"), object("b"));
    assert!(Arc::ptr_eq(&a.key().namespace, &b.key().namespace));
}

#[test]
fn a_real_deployment_survives_the_way_in_and_out() {
    let object = decode(DEPLOYMENT, FieldsV1Kept::All).unwrap();
    let mut expected: Value = serde_json::from_str(DEPLOYMENT).unwrap();
    expected["apiVersion"] = "v1".into();
    expected["kind"] = "ConfigMap".into();
    for entry in expected["metadata"]["managedFields"].as_array_mut().unwrap() {
        entry.as_object_mut().unwrap().remove("fieldsType");
    }
    assert_eq!(object.to_value().unwrap(), expected);
}

#[test]
fn kube_reads_lean_objects_and_lists_of_them() {
    use kube::{Resource as _, core::ObjectList};
    let object: KubeObject = serde_json::from_str(DEPLOYMENT).unwrap();
    assert_eq!(object.meta().labels.as_ref().unwrap()["app"], "web");
    assert!(object.meta().managed_fields.is_none());
    let list = format!(
        r#"{{"kind":"DeploymentList","apiVersion":"apps/v1","metadata":{{"resourceVersion":"7"}},"items":[{DEPLOYMENT}]}}"#
    );
    let list: ObjectList<KubeObject> = serde_json::from_str(&list).unwrap();
    assert_eq!(
        list.items[0].member("spec").unwrap().get(),
        object.member("spec").unwrap().get()
    );
    let mut expected: Value = serde_json::from_str(DEPLOYMENT).unwrap();
    expected["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(serde_json::to_value(&object).unwrap(), expected);
    assert!(!format!("{object:?}").contains("nginx"));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_object_survives_the_way_in_and_out(
        name in "[a-z]{1,10}",
        labels in prop::collection::btree_map(".{1,8}", ".*", 1..4),
        members in prop::collection::btree_map("[a-z\"\\\\]{1,8}", values(), 0..4),
    ) {
        let mut expected = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}});
        for (name, value) in members {
            if !matches!(&*name, "kind" | "metadata") {
                expected[name] = value;
            }
        }
        let object = decode(&expected.to_string(), FieldsV1Kept::None).unwrap();
        prop_assert_eq!(object.to_value().unwrap(), expected);
    }
}
