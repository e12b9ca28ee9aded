use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::{
    SyncPolicySpec, SyncTargetSpec,
    schema::{Field, Presence, Record, Shape},
};

fn target(spec: &Value) -> Value {
    json!({"apiVersion": API_VERSION, "kind": "SyncTarget", "metadata": {"name": "east"}, "spec": spec})
}

fn policy(spec: &Value) -> Value {
    json!({"apiVersion": API_VERSION, "kind": "SyncPolicy", "metadata": {"name": "web"}, "spec": spec})
}

/// A policy that is right but for `field`.
fn policy_with(field: &str, value: &Value) -> Value {
    let mut spec = json!({"resources": [{"resource": "configmaps"}]});
    spec[field] = value.clone();
    policy(&spec)
}

fn target_with(field: &str, value: &Value) -> Value {
    let mut spec = json!({"kubeconfigFile": "east.kubeconfig"});
    spec[field] = value.clone();
    target(&spec)
}

fn problems(value: &Value) -> Vec<String> {
    let problems = document(value, Origin::File).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

/// The one problem of `value`.
fn problem(value: &Value) -> String {
    let mut problems = problems(value);
    assert_eq!(problems.len(), 1, "{problems:?} of {value}");
    problems.remove(0)
}

/// The documents of the manual, word for word in their values.
fn manual() -> [Value; 2] {
    [
        json!({
            "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget",
            "metadata": {"name": "east", "labels": {"region": "eu"}},
            "spec": {
                "kubeconfigSecretRef": {"namespace": "tmc-system", "name": "east", "key": "kubeconfig"},
                "cells": {"zone": "1"}, "unschedulable": false, "evictAfter": null, "namespaceMapping": "Hashed",
                "refuse": ["secrets"], "limits": {"writesInFlight": 32}, "insecureSkipTLSVerify": false,
            },
            "status": {"conditions": []},
        }),
        json!({
            "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": "web"},
            "spec": {
                "priority": 0, "suspend": false,
                "resources": [{"group": "apps", "resource": "deployments"}, {"group": "", "resource": "configmaps"}],
                "workspaces": {"names": [], "paths": []}, "allowClusterScoped": false, "dependencies": false,
                "namespaceMetadata": {"labels": {}, "annotations": {}},
                "namespaces": {"names": [], "selector": {}}, "objects": {}, "targets": {"names": ["east"], "selector": {}},
                "transforms": [
                    {"set": {"path": "spec.replicas", "value": 2}, "targets": {"names": ["east"]},
                     "resources": [{"group": "apps", "resource": "deployments"}]},
                    {"set": {"path": "metadata.labels.zone", "cel": "target.cells.zone"}},
                    {"remove": ["spec.template.spec.nodeSelector"]},
                    {"imageRegistry": {"from": "docker.io", "to": "mirror.example.org/hub"}},
                    {"jsonPatch": [{"op": "add", "path": "/metadata/annotations/team", "value": "web"}]},
                    {"mergePatch": {"spec": {"revisionHistoryLimit": 2}}},
                ],
                "conflict": {
                    "strategy": "UpstreamWins",
                    "fields": [{"resource": "deployments.apps", "path": "spec.replicas", "owner": "Downstream"}],
                    "ignoreManagers": null, "adoption": "Never", "foreign": "Remove", "onImmutable": "Auto",
                    "onUnknownField": "Report", "maxRetries": 5, "retryDelay": "100ms",
                    "fight": {"threshold": 3, "window": "5m"},
                },
                "status": {"interval": "10s", "minInterval": "500ms", "aggregation": "Combined", "staleAfter": "5m"},
                "deletion": {"mode": "Delete", "waitForDownstream": "Auto", "abandonAfter": "1h"},
            },
            "status": {"conditions": [], "objects": {"selected": 0}},
        }),
    ]
}

#[test]
fn the_manual_s_documents_are_right_in_files_and_as_objects() {
    for value in manual() {
        for origin in [Origin::File, Origin::Object] {
            let read = document(&value, origin);
            assert_eq!(read.as_ref().err(), None);
            assert_eq!(read.unwrap().kind(), value["kind"].as_str().unwrap());
        }
    }
}

#[test]
fn what_kubectl_prints_is_a_document() {
    let mut value = manual()[0].clone();
    value["metadata"]["uid"] = json!("u");
    value["metadata"]["creationTimestamp"] = json!("2026-01-31T18:00:00Z");
    value["metadata"]["managedFields"] = json!([{}]);
    value["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": "x".repeat(10_000)});
    let Ok(Document::SyncTarget(target)) = document(&value, Origin::Object) else {
        panic!("no target");
    };
    assert_eq!((target.uid.as_str(), target.labels.len()), ("u", 1));
}

#[test]
fn what_an_api_server_keeps_in_metadata_makes_no_object_invalid() {
    let kept = [
        ("annotations", json!({"Acme.org/Owner": "x"})),
        ("generateName", json!("web-")),
        ("labels", json!({"app": "web"})),
        // What a later Kubernetes may add.
        ("shard", json!({"name": "one"})),
    ];
    for mut value in manual() {
        for (field, given) in &kept {
            value["metadata"][*field] = given.clone();
        }
        let read = document(&value, Origin::Object).unwrap();
        if let Document::SyncTarget(target) = &read {
            assert_eq!(target.annotations["Acme.org/Owner"], "x");
            assert_eq!(target.labels["app"], "web");
        }
        assert_eq!(
            problems(&value),
            [r"metadata.shard: unknown field"],
            "in a file it is a slip of the pen, the others are what kubectl prints"
        );
    }
    let nameless = json!({"apiVersion": API_VERSION, "kind": "SyncTarget", "spec": manual()[0]["spec"]});
    let found = document(&nameless, Origin::Object).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "metadata.name: missing: every document has a name"
    );
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[test]
fn one_mistake_is_one_problem_with_its_path() {
    let resources = json!([{"resource": "configmaps"}]);
    let cases = [
        (json!([]), "expected a document with"),
        (policy(&json!({})), "spec.resources: missing"),
        (policy_with("resources", &json!([])), "spec.resources: empty"),
        (
            policy_with("resources", &json!([{"resource": "a"}, {"group": "", "resource": "a"}])),
            "spec.resources[1]: there already",
        ),
        (
            policy_with("resources", &json!([{"resource": "deployments.apps"}])),
            "spec.resources[0].resource: \"deployments.apps\" is not a plural",
        ),
        (policy_with("strategy", &json!("x")), "spec.strategy: unknown field"),
        (
            policy_with("confict", &json!({})),
            "spec.confict: unknown field; did you mean \"conflict\"?",
        ),
        (
            policy_with("priority", &json!("1")),
            "spec.priority: expected a whole number, found a text",
        ),
        (
            policy_with("priority", &json!(3_000_000_000_u64)),
            "spec.priority: 3000000000 is no whole number",
        ),
        (
            policy_with("suspend", &json!("yes")),
            "spec.suspend: expected true or false, found a text",
        ),
        (
            policy_with("conflict", &json!({"strategy": "upstreamWins"})),
            "spec.conflict.strategy: \"upstreamWins\" is none of UpstreamWins, LastWriteWins, MergeChanges; did you mean \"UpstreamWins\"?",
        ),
        (
            policy_with("status", &json!({"interval": "10"})),
            "spec.status.interval: \"10\" is not a duration",
        ),
        (
            policy_with("status", &json!({"interval": "0s"})),
            "spec.status.interval: \"0s\" is not a duration above",
        ),
        (
            policy_with("deletion", &json!({"abandonAfter": 3})),
            "spec.deletion.abandonAfter: expected a duration",
        ),
        (
            policy_with(
                "objects",
                &json!({"matchExpressions": [{"key": "a", "operator": "In"}]}),
            ),
            "spec.objects.matchExpressions[0]: In and NotIn need values",
        ),
        (
            policy_with("objects", &json!({"matchLabels": {"a b": "c"}})),
            "spec.objects.matchLabels[\"a b\"]: no valid key",
        ),
        (
            policy_with("targets", &json!({"selector": {"matchLabels": {"a": "-"}}})),
            "spec.targets.selector.matchLabels.a: \"-\" is not a label value",
        ),
        (
            policy_with("targets", &json!({"names": ["East"]})),
            "spec.targets.names[0]: \"East\" is not a name",
        ),
        (
            policy_with("workspaces", &json!({"paths": ["root/org"]})),
            "spec.workspaces.paths[0]: \"root/org\" is not a workspace path",
        ),
        (
            policy_with(
                "namespaceMetadata",
                &json!({"labels": {"internal.workload.kcp.io/cluster": "x"}}),
            ),
            "spec.namespaceMetadata.labels[\"internal.workload.kcp.io/cluster\"]: no valid key",
        ),
        (
            policy_with("transforms", &json!([{}])),
            "spec.transforms[0]: needs exactly one operation",
        ),
        (
            policy_with("transforms", &json!([{"remove": ["a"], "mergePatch": {}}])),
            "spec.transforms[0]: needs exactly one operation",
        ),
        (
            policy_with("transforms", &json!([{"set": {"path": "spec.a"}}])),
            "spec.transforms[0].set: needs exactly one of value and cel",
        ),
        (
            policy_with(
                "transforms",
                &json!([{"set": {"path": "spec.a", "value": 1, "cel": "1"}}]),
            ),
            "spec.transforms[0].set: needs exactly one of value and cel",
        ),
        (
            policy_with("transforms", &json!([{"jsonPatch": [{"op": "ad", "path": "/a"}]}])),
            "spec.transforms[0].jsonPatch[0].op: \"ad\" is none of add",
        ),
        (
            policy_with("transforms", &json!([{"jsonPatch": [{"op": "add", "path": "/a"}]}])),
            "spec.transforms[0].jsonPatch[0]: add, replace and test need a value",
        ),
        (
            policy_with("transforms", &json!([{"jsonPatch": [{"op": "move", "path": "/a"}]}])),
            "spec.transforms[0].jsonPatch[0]: move and copy need from",
        ),
        (
            policy_with("transforms", &json!([{"jsonPatch": [{"op": "remove", "path": "a"}]}])),
            "spec.transforms[0].jsonPatch[0].path: \"a\" is not a JSON Pointer",
        ),
        (
            policy_with("transforms", &json!([{"mergePatch": 3}])),
            "spec.transforms[0].mergePatch: expected an object",
        ),
        (
            policy_with(
                "transforms",
                &json!([{"imageRegistry": {"from": "docker.io", "to": "https://x"}}]),
            ),
            "spec.transforms[0].imageRegistry.to: \"https://x\" is not a registry",
        ),
        (
            policy_with("conflict", &json!({"fields": [{"path": "spec.replicas"}]})),
            "spec.conflict.fields[0].owner: missing",
        ),
        (
            target(&json!({})),
            "spec: needs exactly one of kubeconfigFile and kubeconfigSecretRef",
        ),
        (
            target(&json!({"kubeconfigFile": "a", "kubeconfigSecretRef": {"namespace": "a", "name": "b"}})),
            "spec: needs exactly one of",
        ),
        (
            target_with("evictAfter", &json!("tomorrow")),
            "spec.evictAfter: \"tomorrow\" is not a time",
        ),
        (
            target_with("limits", &json!({"writesInFlight": 0})),
            "spec.limits.writesInFlight: 0 is no whole number from 1",
        ),
        (
            target_with("limits", &json!({"requestsPerSecond": -1})),
            "spec.limits.requestsPerSecond: -1 is not above zero",
        ),
        (
            target_with("refuse", &json!(["Secret"])),
            "spec.refuse[0]: \"Secret\" is not a resource",
        ),
        (
            target_with("refuse", &json!(["secrets", "secrets"])),
            "spec.refuse[1]: there already",
        ),
        (
            json!({"apiVersion": "v1", "kind": "SyncPolicy", "spec": {}}),
            "apiVersion: \"v1\" is not known here: write workload.kcp.io/v1alpha1",
        ),
        (
            json!({"apiVersion": API_VERSION, "kind": "Syncpolicy"}),
            "kind: \"Syncpolicy\" is not known here: SyncTarget and SyncPolicy are; did you mean \"SyncPolicy\"?",
        ),
        (
            json!({"apiVersion": API_VERSION, "kind": "SyncPolicy", "spec": {"resources": resources}}),
            "metadata.name: missing",
        ),
        (
            json!({"apiVersion": API_VERSION, "kind": "SyncPolicy", "metadata": {"name": "a", "namespace": "b"},
                   "spec": {"resources": resources}}),
            "metadata.namespace: leave it out",
        ),
        (
            json!({"apiVersion": API_VERSION, "kind": "SyncPolicy", "metadata": {"name": "a"}, "specs": 1,
                   "spec": {"resources": resources}}),
            "specs: unknown field; did you mean \"spec\"?",
        ),
    ];
    for (value, expected) in cases {
        let found = problem(&value);
        assert!(found.starts_with(expected), "{found}\n  is not\n{expected}");
    }
}

#[test]
fn what_does_not_compile_is_named_with_its_path() {
    let transforms = json!([
        {"set": {"path": "spec..a", "value": 1}},
        {"set": {"path": "spec.replicas", "cel": "1 +"}},
        {"remove": ["spec.a", "spec["]},
        {"set": {"path": "metadata.name", "value": "x"}},
        {"mergePatch": {"spec": {}}},
        {"sett": {}},
    ]);
    let mut value = policy_with("transforms", &transforms);
    value["spec"]["conflict"] =
        json!({"fields": [{"path": "spec[", "owner": "Upstream"}, {"path": "spec.a", "owner": "Upstream"}]});
    let paths: Vec<_> = document(&value, Origin::File)
        .unwrap_err()
        .iter()
        .map(|problem| problem.path.to_string())
        .collect();
    let expected = [
        "spec.transforms[5].sett",
        "spec.transforms[5]",
        "spec.transforms[0].set.path",
        "spec.transforms[1].set.cel",
        "spec.transforms[2].remove[1]",
        "spec.transforms[3].set.path",
        "spec.conflict.fields[0].path",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn every_mistake_is_found_at_once() {
    let value = json!({
        "apiVersion": API_VERSION, "kind": "SyncPolicy", "metadata": {"name": "Web", "labels": {"a": 1}},
        "spec": {
            "resources": [{"resource": "A"}, {}],
            "transforms": [{"sett": {}}, {"set": {"path": "a"}, "resources": [{"grup": "apps", "resource": "x"}]}],
            "conflict": {"strategy": "x", "fight": {"threshold": 0, "window": "?"}},
        },
    });
    let paths: Vec<_> = document(&value, Origin::File)
        .unwrap_err()
        .iter()
        .map(|problem| problem.path.to_string())
        .collect();
    let expected = [
        "metadata.name",
        "metadata.labels.a",
        "spec.conflict.fight.threshold",
        "spec.conflict.fight.window",
        "spec.conflict.strategy",
        "spec.resources[0].resource",
        "spec.resources[1].resource",
        "spec.transforms[0].sett",
        "spec.transforms[0]",
        "spec.transforms[1].resources[0].grup",
        "spec.transforms[1].set",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn files_are_for_files_only() {
    let value = target(&json!({"kubeconfigFile": "a", "kubeconfigContext": "b"}));
    assert!(document(&value, Origin::File).is_ok());
    let problems = document(&value, Origin::Object).unwrap_err();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.to_string()).collect();
    assert_eq!(
        paths,
        [
            "spec.kubeconfigContext",
            "spec.kubeconfigFile",
            "spec.kubeconfigSecretRef"
        ]
    );
    let context_alone = json!({"kubeconfigSecretRef": {"namespace": "a", "name": "b"}, "kubeconfigContext": "c"});
    assert!(problem(&target(&context_alone)).contains("kubeconfigContext goes with kubeconfigFile"));
}

#[test]
fn null_counts_as_absence_but_is_a_value_in_a_patch() {
    let value = policy(&json!({
        "resources": [{"resource": "configmaps", "group": null}], "conflict": null, "objects": {"matchLabels": null},
        "transforms": [{"jsonPatch": [{"op": "add", "path": "/data/a", "value": null}]}, {"mergePatch": {"data": null}}],
    }));
    let Ok(Document::SyncPolicy(policy)) = document(&value, Origin::File) else {
        panic!("{:?}", problems(&value));
    };
    let patch = policy.spec.transforms[0].json_patch.as_ref().unwrap();
    assert_eq!(patch[0], json!({"op": "add", "path": "/data/a", "value": null}));
    assert_eq!(policy.spec.transforms[1].merge_patch, Some(json!({"data": null})));
    assert_eq!(
        problem(&policy_with("resources", &Value::Null)),
        "spec.resources: missing: expected a list"
    );
}

#[test]
fn no_problem_repeats_a_long_text() {
    let long = "x".repeat(100_000);
    for value in [
        policy_with(&long, &json!(1)),
        policy_with("conflict", &json!({"strategy": long})),
        policy_with("targets", &json!({"names": [long]})),
        json!({"apiVersion": long, "kind": long}),
    ] {
        assert!(problems(&value).iter().all(|problem| problem.len() < 600));
    }
}

fn with_defaults(record: &Record) -> Value {
    let fields = record.fields.iter().filter_map(|field: &Field| {
        let Presence::Default(default) = field.presence else {
            return None;
        };
        let value: Value = serde_json::from_str(default).expect("a default is JSON");
        let value = match field.shape {
            Shape::Object(record) => with_defaults(record),
            _ => value,
        };
        Some((field.name.to_owned(), value))
    });
    Value::Object(fields.collect())
}

/// What an API server fills in is what our types fill in.
#[test]
fn the_table_s_defaults_are_those_of_the_types() {
    let mut policy = with_defaults(SYNC_POLICY.spec);
    policy["resources"] = json!([]);
    let policy: SyncPolicySpec = serde_json::from_value(policy).unwrap();
    assert_eq!(policy, SyncPolicySpec::default());
    let target: SyncTargetSpec = serde_json::from_value(with_defaults(SYNC_TARGET.spec)).unwrap();
    assert_eq!(target, SyncTargetSpec::default());
}

/// A value with every field that the table knows.
fn filled(shape: Shape) -> Value {
    match shape {
        Shape::Object(record) => filled_record(record),
        Shape::List { of, .. } => json!([filled(*of)]),
        Shape::Map { .. } => json!({"a": "b"}),
        Shape::Text(crate::config::schema::Form::Duration | crate::config::schema::Form::PositiveDuration) => {
            json!("1s")
        }
        Shape::Text(_) => json!("a"),
        Shape::Choice(choices) => json!(choices[0]),
        Shape::Flag => json!(true),
        Shape::Integer { .. } | Shape::Positive => json!(1),
        Shape::Any => json!(null),
        Shape::AnyObject => json!({}),
    }
}

fn filled_record(record: &Record) -> Value {
    let fields = record.fields.iter();
    Value::Object(
        fields
            .map(|field| (field.name.to_owned(), filled(field.shape)))
            .collect(),
    )
}

/// Both refuse unknown fields: what both take in full, they name alike.
#[test]
fn the_table_knows_the_fields_of_the_types_and_no_others() {
    let policy: SyncPolicySpec = serde_json::from_value(filled_record(SYNC_POLICY.spec)).unwrap();
    assert_names(SYNC_POLICY.spec, &serde_json::to_value(policy).unwrap());
    let target: SyncTargetSpec = serde_json::from_value(filled_record(SYNC_TARGET.spec)).unwrap();
    assert_names(SYNC_TARGET.spec, &serde_json::to_value(target).unwrap());
}

fn assert_names(record: &Record, value: &Value) {
    for (name, value) in value.as_object().unwrap() {
        let field = record.fields.iter().find(|field| field.name == name);
        let field = field.unwrap_or_else(|| panic!("the table has no field {name}"));
        match (field.shape, value) {
            (Shape::Object(record), value) => assert_names(record, value),
            (
                Shape::List {
                    of: Shape::Object(record),
                    ..
                },
                Value::Array(items),
            ) => {
                for item in items {
                    assert_names(record, item);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn every_choice_is_one_of_the_types() {
    fn each(record: &Record, path: &mut Vec<&'static str>, check: &dyn Fn(&[&'static str], &str)) {
        for field in record.fields {
            path.push(field.name);
            match field.shape {
                Shape::Object(record) => each(record, path, check),
                Shape::Choice(choices) => choices.iter().for_each(|choice| check(path, choice)),
                _ => {}
            }
            path.pop();
        }
    }
    each(SYNC_POLICY.spec, &mut Vec::new(), &|path, choice| {
        let mut spec = filled_record(SYNC_POLICY.spec);
        let place = path.iter().fold(&mut spec, |value, name| &mut value[*name]);
        *place = json!(choice);
        assert!(
            serde_json::from_value::<SyncPolicySpec>(spec).is_ok(),
            "{path:?} {choice}"
        );
    });
}

fn set_of(values: &[Value]) -> Result<Checked, Vec<SetProblem>> {
    set(values
        .iter()
        .map(|value| document(value, Origin::File).unwrap())
        .collect())
}

#[test]
fn no_two_documents_share_a_name() {
    let spec = json!({"kubeconfigFile": "a"});
    let twice = set_of(&[target(&spec), policy_with("priority", &json!(1)), target(&spec)]).unwrap_err();
    assert_eq!(twice.len(), 1);
    assert_eq!(
        (twice[0].document, twice[0].problem.path.to_string().as_str()),
        (2, "metadata.name")
    );
    assert!(twice[0].problem.message.contains("SyncTarget east"));
    let checked = set_of(&[target(&spec), policy_with("priority", &json!(1))]).unwrap();
    assert_eq!(
        (
            checked.configuration.targets.len(),
            checked.configuration.policies.len()
        ),
        (1, 1)
    );
    assert_eq!(checked.warnings, []);
}

#[test]
fn what_is_odd_is_a_warning() {
    let east = target(&json!({"kubeconfigFile": "a"}));
    let cases = [
        (
            policy_with("targets", &json!({"names": ["east", "west"]})),
            "spec.targets.names[1]: there is no SyncTarget west yet",
        ),
        (
            policy_with("targets", &json!({"selector": {"matchLabels": {"a": "b"}}})),
            "spec.targets: selects none of the targets",
        ),
        (
            policy(&json!({"resources": [{"resource": "secrets"}]})),
            "spec.resources[0]: selects the secrets of every namespace",
        ),
    ];
    for (policy, expected) in cases {
        let warnings = set_of(&[east.clone(), policy]).unwrap().warnings;
        let found: Vec<_> = warnings.iter().map(|warning| warning.problem.to_string()).collect();
        assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
        assert_eq!(warnings[0].document, 1);
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("spec".to_owned()),
        Just("resources".to_owned()),
        Just("transforms".to_owned()),
        Just("set".to_owned()),
        Just("path".to_owned()),
        Just("conflict".to_owned()),
        ".{0,8}"
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// The places in `value`.
fn pointers(value: &Value) -> Vec<String> {
    let below = |(name, value): (String, &Value)| -> Vec<_> {
        let inner = pointers(value).into_iter();
        inner.map(|rest| format!("/{name}{rest}")).collect()
    };
    let inner: Vec<_> = match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| below((name.clone(), value)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(at, item)| below((at.to_string(), item)))
            .collect(),
        _ => Vec::new(),
    };
    [String::new()].into_iter().chain(inner).collect()
}

proptest! {
    /// What passes the table is read by the types: no problem is left to serde's words.
    #[test]
    fn the_table_foresees_every_problem(
        places in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 1..4),
        which in 0..2_usize,
    ) {
        let mut value = manual()[which].clone();
        for (index, other) in places {
            let mut places = pointers(&value["spec"]);
            let place = places.swap_remove(index.index(places.len()));
            if let Some(place) = value["spec"].pointer_mut(&place) {
                *place = other;
            }
        }
        for origin in [Origin::File, Origin::Object] {
            let problems = document(&value, origin).err().unwrap_or_default();
            prop_assert!(problems.iter().all(|problem| !problem.message.starts_with(UNREADABLE)), "{problems:?}");
        }
    }

    /// Whatever comes is taken or refused with a reason; and what is taken is written and taken again.
    #[test]
    fn hostile_documents_are_refused_in_words(spec in any_value(), metadata in any_value(), wrong in any_value()) {
        for kind in ["SyncTarget", "SyncPolicy"] {
            let value = json!({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec});
            if let Err(problems) = document(&value, Origin::File) {
                prop_assert!(!problems.is_empty());
            }
        }
        prop_assert!(document(&wrong, Origin::Object).is_err());
    }
}
