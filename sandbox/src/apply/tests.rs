use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    compare::compare,
    element::Element,
    fieldset::FieldSet,
    managers::Managers,
    merge::merge,
    remove::remove,
    typed::{check, fields_of},
    update::{Applied, Author, Conflicts, Force, apply, before_first_apply, update, with_zero},
};
use crate::schema::{Shape, kubernetes::shape};

fn author(manager: &str) -> Author {
    Author {
        manager: manager.to_owned(),
        version: "v1".to_owned(),
        subresource: String::new(),
        time: Some("2026-01-01T00:00:00Z".to_owned()),
    }
}

fn fields(managers: &Managers, name: &str) -> Value {
    managers
        .0
        .iter()
        .find(|(manager, _)| manager.name == name)
        .map_or(Value::Null, |(_, owned)| owned.fields.encode())
}

/// A Deployment's zero, as the registry has it.
fn zero() -> Value {
    json!({"metadata": {}, "spec": {"template": {"metadata": {}, "spec": {"containers": null}}, "strategy": {}}, "status": {}})
}

struct World {
    shape: std::sync::Arc<Shape>,
    live: Value,
    managers: Managers,
}

impl World {
    fn new(kind: &str) -> Self {
        Self {
            shape: shape(kind),
            live: json!({}),
            managers: Managers::default(),
        }
    }

    fn apply(&mut self, manager: &str, body: &Value, force: Force) -> Result<(), Conflicts> {
        let Applied { object, managers } = apply(
            &self.shape,
            &zero(),
            &self.live,
            body,
            &self.managers,
            &author(manager),
            force,
        )?;
        (self.live, self.managers) = (object, managers);
        crate::schema::decode::decode(&self.shape, &mut self.live).unwrap();
        Ok(())
    }

    fn update(&mut self, manager: &str, new: Value) {
        let managers = std::mem::take(&mut self.managers);
        self.managers = update(
            &self.shape,
            &with_zero(&self.live, &zero()),
            &with_zero(&new, &zero()),
            managers,
            &author(manager),
        );
        self.live = new;
    }
}

#[test]
fn a_field_set_keeps_its_form_in_managed_fields() {
    let form = json!({"f:spec": {"f:replicas": {}, "f:ports": {".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
        "f:metadata": {"f:finalizers": {".": {}, "v:\"a/b\"": {}}}});
    assert_eq!(FieldSet::decode(&form).encode(), form);
}

#[test]
fn keys_of_list_items_are_canonical_and_defaulted() {
    let set = fields_of(
        &shape("Service"),
        &json!({"spec": {"ports": [{"port": 80}, {"protocol": "UDP", "port": 53}]}}),
    );
    assert_eq!(
        set.encode(),
        json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
            "k:{\"port\":53,\"protocol\":\"UDP\"}": {".": {}, "f:port": {}, "f:protocol": {}}}}})
    );
}

#[test]
fn a_create_owns_containers_that_were_not_there_before() {
    let mut world = World::new("Deployment");
    world.update(
        "kubectl",
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 1, "strategy": {"type": "Recreate"},
        "template": {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80}], "resources": {}}]}}}}),
    );
    assert_eq!(
        fields(&world.managers, "kubectl"),
        json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:replicas": {}, "f:strategy": {"f:type": {}},
            "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:resources": {},
                "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}}}})
    );
}

#[test]
fn a_field_of_another_manager_conflicts_unless_it_has_the_same_value() {
    let mut world = World::new("ConfigMap");
    world.update("curl", json!({"data": {"a": "1", "b": "2"}}));
    assert_eq!(world.apply("x", &json!({"data": {"a": "1"}}), Force::Refuse), Ok(()));
    let conflicts = world
        .apply("x", &json!({"data": {"a": "2"}}), Force::Refuse)
        .unwrap_err();
    assert_eq!(
        conflicts.message(),
        "Apply failed with 1 conflict: conflict with \"curl\" using v1: .data.a"
    );
    let conflicts = world
        .apply("y", &json!({"data": {"a": "3", "b": "3"}}), Force::Refuse)
        .unwrap_err();
    assert_eq!(
        conflicts.message(),
        "Apply failed with 3 conflicts: conflicts with \"curl\" using v1:\n- .data.a\n- .data.b\nconflicts with \"x\":\n- .data.a"
    );
    assert_eq!(
        world.apply("y", &json!({"data": {"a": "3", "b": "3"}}), Force::Take),
        Ok(())
    );
    assert_eq!(world.live, json!({"data": {"a": "3", "b": "3"}}));
    assert_eq!(fields(&world.managers, "x"), Value::Null);
    assert_eq!(fields(&world.managers, "curl"), json!({"f:data": {}}));
}

#[test]
fn what_a_manager_gives_up_goes_unless_another_owns_it() {
    let mut world = World::new("ConfigMap");
    world
        .apply("x", &json!({"data": {"a": "1", "b": "2"}}), Force::Refuse)
        .unwrap();
    world.apply("y", &json!({"data": {"b": "2"}}), Force::Refuse).unwrap();
    world.apply("x", &json!({"data": {}}), Force::Refuse).unwrap();
    assert_eq!(world.live, json!({"data": {"b": "2"}}));
    world.apply("y", &json!({}), Force::Refuse).unwrap();
    assert_eq!(world.live, json!({}), "a container that loses all it has goes too");
    assert_eq!(fields(&world.managers, "y"), Value::Null);
}

#[test]
fn a_list_item_goes_only_with_its_last_owner() {
    let container = |env: Value| json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "env": env}]}}}});
    let mut world = World::new("Deployment");
    world
        .apply(
            "x",
            &container(json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])),
            Force::Refuse,
        )
        .unwrap();
    world
        .apply("y", &container(json!([{"name": "B", "value": "2"}])), Force::Refuse)
        .unwrap();
    world
        .apply("x", &json!({"spec": {"replicas": 2}}), Force::Refuse)
        .unwrap();
    let mut expected = container(json!([{"name": "B", "value": "2"}]));
    expected["spec"]["replicas"] = json!(2);
    assert_eq!(world.live, expected);
}

#[test]
fn an_update_takes_ownership_of_what_it_changes_and_removes() {
    let mut world = World::new("ConfigMap");
    world
        .apply("x", &json!({"data": {"a": "1", "b": "2", "c": "3"}}), Force::Refuse)
        .unwrap();
    world.update("edit", json!({"data": {"a": "changed", "c": "3"}}));
    assert_eq!(fields(&world.managers, "x"), json!({"f:data": {"f:c": {}}}));
    assert_eq!(fields(&world.managers, "edit"), json!({"f:data": {"f:a": {}}}));
}

#[test]
fn what_was_there_before_the_first_apply_is_owned() {
    let live = json!({"data": {"a": "1"}});
    let managers = before_first_apply(&shape("ConfigMap"), &json!({}), &live, &author("x"));
    assert_eq!(
        fields(&managers, "before-first-apply"),
        json!({"f:data": {".": {}, "f:a": {}}})
    );
}

#[test]
fn an_apply_that_changes_nothing_keeps_its_time() {
    let mut world = World::new("ConfigMap");
    world.apply("x", &json!({"data": {"a": "1"}}), Force::Refuse).unwrap();
    let before = world.managers.clone();
    let later = Author {
        time: Some("2027-01-01T00:00:00Z".to_owned()),
        ..author("x")
    };
    let applied = apply(
        &world.shape,
        &zero(),
        &world.live,
        &json!({"data": {"a": "1"}}),
        &world.managers,
        &later,
        Force::Refuse,
    );
    assert_eq!(applied.ok().unwrap().managers, before);
}

#[test]
fn an_atomic_map_is_one_leaf() {
    let set = fields_of(&shape("Service"), &json!({"spec": {"selector": {"a": "b"}}}));
    assert_eq!(set.encode(), json!({"f:spec": {"f:selector": {}}}));
}

#[test]
fn applied_bodies_are_checked() {
    let deployment = shape("Deployment");
    let cases = [
        (json!({"spec": {"foo": 4}}), ".spec.foo: field not declared in schema"),
        (
            json!({"spec": {"replicas": "4"}}),
            ".spec.replicas: expected numeric (int or float), got string",
        ),
        (
            json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "A"}, {"name": "A"}]}]}}}}),
            ".spec.template.spec.containers[name=\"web\"].env: duplicate entries for key [name=\"A\"]",
        ),
        (
            json!({"spec": {"paused": "a"}}),
            ".spec.paused: expected boolean, got &{a}",
        ),
        (json!({"spec": []}), ".spec: expected map, got &{[]}"),
    ];
    for (body, message) in cases {
        assert_eq!(check(&deployment, &body), Err(message.to_owned()));
    }
}

#[test]
fn the_order_of_applied_items_wins_and_other_items_keep_their_place() {
    let service = shape("Service");
    let ports =
        |ports: &[i64]| json!({"spec": {"ports": ports.iter().map(|port| json!({"port": port})).collect::<Vec<_>>()}});
    let cases: [(&[i64], &[i64], &[i64]); 6] = [
        (&[1, 2, 3], &[3, 1], &[2, 3, 1]),
        (&[1, 2], &[1, 2], &[1, 2]),
        (&[1], &[2, 1], &[2, 1]),
        (&[], &[2, 1], &[2, 1]),
        (&[1, 2, 3], &[2], &[1, 2, 3]),
        (&[1, 2], &[3], &[1, 2, 3]),
    ];
    for (live, applied, expected) in cases {
        assert_eq!(
            merge(&service, &ports(live), &ports(applied)),
            ports(expected),
            "{live:?} + {applied:?}"
        );
    }
}

#[test]
fn the_oldest_updaters_share_an_entry() {
    let mut world = World::new("ConfigMap");
    for n in 0..14 {
        let mut new = world.live.clone();
        new["data"][format!("k{n}")] = json!("v");
        world.update(&format!("m{n:02}"), new);
    }
    assert_eq!(world.managers.0.len(), 10);
    assert!(fields(&world.managers, "ancient-changes").to_string().contains("f:k0"));
}

fn element() -> impl Strategy<Value = Element> {
    prop_oneof![
        "[a-d]".prop_map(|name| Element::field(&name)),
        (0_u8..3).prop_map(|n| Element::Key(format!("{{\"name\":{n}}}").into())),
        (0_u8..3).prop_map(|n| Element::Value(n.to_string().into())),
    ]
}

fn field_set() -> impl Strategy<Value = FieldSet> {
    prop::collection::vec(prop::collection::vec(element(), 1..4), 0..8).prop_map(|paths| {
        let mut set = FieldSet::default();
        for path in &paths {
            set.insert(path);
        }
        set
    })
}

/// A body of a ConfigMap with labels and finalizers: maps and a set.
fn config_map() -> impl Strategy<Value = Value> {
    let map = || prop::collection::btree_map("[a-c]", "[xyz]", 1..3);
    (map(), map(), prop::collection::btree_set("[fg]", 1..3)).prop_map(
        |(data, labels, finalizers)| json!({"data": data, "metadata": {"labels": labels, "finalizers": finalizers}}),
    )
}

/// A body of a Deployment with keyed lists.
fn deployment() -> impl Strategy<Value = Value> {
    let env = prop::collection::btree_map("[A-C]", "[xyz]", 1..3);
    let containers = prop::collection::btree_map("[ab]", (env, "[mn]"), 1..3);
    (containers, prop::option::of(0..3)).prop_map(|(containers, replicas)| {
        let containers: Vec<Value> = containers
            .into_iter()
            .map(|(name, (env, image))| {
                let env: Vec<Value> = env
                    .into_iter()
                    .map(|(name, value)| json!({"name": name, "value": value}))
                    .collect();
                json!({"name": name, "image": image, "env": env})
            })
            .collect();
        let mut spec = json!({"template": {"spec": {"containers": containers}}});
        if let Some(replicas) = replicas {
            spec["replicas"] = json!(replicas);
        }
        json!({ "spec": spec })
    })
}

proptest! {
    #[test]
    fn set_operations_agree_with_their_paths(a in field_set(), b in field_set()) {
        let paths = |set: &FieldSet| set.paths();
        for path in paths(&a.clone().union(&b)) {
            prop_assert!(a.contains(&path) || b.contains(&path));
        }
        for path in paths(&a) {
            prop_assert!(a.clone().union(&b).contains(&path));
            prop_assert_eq!(a.intersection(&b).contains(&path), b.contains(&path));
            prop_assert_eq!(a.difference(&b).contains(&path), !b.contains(&path));
        }
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
        prop_assert!(a.difference(&a).is_empty());
    }

    #[test]
    fn a_set_survives_its_encoding(set in field_set()) {
        prop_assert_eq!(FieldSet::decode(&set.encode()), set);
    }

    #[test]
    fn a_merge_holds_what_was_applied(live in deployment(), body in deployment()) {
        let shape = shape("Deployment");
        let merged = merge(&shape, &live, &body);
        prop_assert_eq!(merge(&shape, &merged, &body), merged.clone(), "a second merge changes nothing");
        let difference = compare(&shape, &body, &merged);
        prop_assert!(difference.modified.is_empty() && difference.removed.is_empty(), "{:?}", difference);
        prop_assert_eq!(merge(&shape, &live, &live), live);
    }

    #[test]
    fn a_value_without_its_own_fields_has_none(value in config_map()) {
        let shape = shape("ConfigMap");
        let rest = remove(&shape, &value, &fields_of(&shape, &value).with_named_fields(&shape));
        prop_assert!(rest.is_null() || fields_of(&shape, &rest).is_empty() , "{}", rest);
    }

    #[test]
    fn applying_the_same_twice_changes_nothing(before in config_map(), body in config_map()) {
        let mut world = World::new("ConfigMap");
        world.update("curl", before);
        world.apply("x", &body, Force::Take).unwrap();
        let (live, managers) = (world.live.clone(), world.managers.clone());
        world.apply("x", &body, Force::Refuse).unwrap();
        prop_assert_eq!(world.live, live);
        prop_assert_eq!(world.managers, managers);
    }

    #[test]
    fn a_sole_applier_gets_exactly_what_it_last_applied(bodies in prop::collection::vec(deployment(), 1..5)) {
        let mut world = World::new("Deployment");
        for body in &bodies {
            world.apply("x", body, Force::Refuse).unwrap();
        }
        let difference = compare(&world.shape, &with_zero(bodies.last().unwrap(), &zero()), &with_zero(&world.live, &zero()));
        prop_assert!(difference.set().is_empty(), "{:?}", difference);
    }

    #[test]
    fn what_an_update_sets_belongs_to_no_other_manager(before in deployment(), body in deployment(), after in deployment()) {
        let mut world = World::new("Deployment");
        world.update("curl", before);
        world.apply("x", &body, Force::Take).unwrap();
        let set = compare(&world.shape, &with_zero(&world.live, &zero()), &with_zero(&after, &zero())).set();
        world.update("edit", after);
        for (manager, owned) in &world.managers.0 {
            if manager.name != "edit" {
                prop_assert!(owned.fields.intersection(&set).is_empty());
            }
        }
    }

    #[test]
    fn only_a_forced_apply_takes_fields(before in config_map(), body in config_map()) {
        let mut world = World::new("ConfigMap");
        world.update("curl", before.clone());
        let refused = world.apply("x", &body, Force::Refuse);
        if let Err(conflicts) = refused {
            prop_assert_eq!(&world.live, &before);
            prop_assert!(!conflicts.0.is_empty());
            world.apply("x", &body, Force::Take).unwrap();
            prop_assert_eq!(world.apply("x", &body, Force::Refuse), Ok(()));
        }
    }
}
