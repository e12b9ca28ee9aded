//! Decisions without servers: what has to hold of one alone. What they come to is tried between servers that own fields (`sandbox`).

use std::time::Instant;

use serde_json::{Map, json};

use super::*;
use crate::hash_key::HashKey;

const CLOCKS: Clocks = Clocks {
    now: Moment(1_795_000_000_000),
    upstream: SideClock {
        offset: 0,
        uncertainty: 0,
    },
    downstream: SideClock {
        offset: 0,
        uncertainty: 0,
    },
};

fn deployments() -> Gvr {
    Gvr::new("apps", "v1", "deployments")
}

/// A Deployment of the size that people write, with our entry as the server keeps it.
fn web() -> (Value, Value) {
    let variables = |from: usize| -> Vec<_> {
        let variable = |n: usize| json!({"name": format!("VARIABLE_{n}"), "value": format!("value {n}")});
        (from..from + 10).map(variable).collect()
    };
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.example.org/team/{name}:1.2.3"), "args": ["--port", "8080"],
            "env": variables(0),
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10},
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 5},
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/web", "readOnly": true}],
        })
    };
    let desired = json!({
        "metadata": {"labels": {"app": "web", "team": "a"}, "annotations": {"example.org/note": "x"}},
        "spec": {
            "replicas": 3, "revisionHistoryLimit": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "serviceAccountName": "web",
                    "containers": [container("web"), container("sidecar")],
                    "volumes": [{"name": "config", "configMap": {"name": "web"}}],
                },
            },
        },
    });
    let mut live = desired.clone();
    live["metadata"]["managedFields"] = json!([{
        "manager": "tmc-syncer", "operation": "Apply", "time": "2026-11-18T11:06:40Z", "fieldsV1": owned(&desired, ""),
    }]);
    (desired, live)
}

/// The field set of somebody who applied `value`.
fn owned(value: &Value, name: &str) -> Value {
    let keys = match name {
        "containers" | "env" | "volumes" => &["name"][..],
        "ports" => &["containerPort", "protocol"],
        "volumeMounts" => &["mountPath"],
        _ => &[],
    };
    match value {
        Value::Object(map) if name != "selector" => {
            let fields = map
                .iter()
                .map(|(name, value)| (format!("f:{name}"), owned(value, name)));
            fields.collect::<Map<_, _>>().into()
        }
        Value::Array(items) if !keys.is_empty() => {
            let item = |item: &Value| {
                let key: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), item[*key].clone())).collect();
                (format!("k:{}", Value::Object(key)), owned(item, ""))
            };
            items.iter().map(item).collect::<Map<_, _>>().into()
        }
        _ => json!({}),
    }
}

fn rules(strategy: Strategy, resting: &Resting) -> Rules<'_> {
    Rules {
        strategy,
        foreign: ForeignLeaves::Remove,
        ignored: &crate::drift::IGNORED_MANAGERS,
        owned: &[],
        produced: &[],
        resting,
    }
}

fn sides<'a>(gvr: &'a Gvr, base: Option<&'a Base>, desired: &'a Value, live: &'a Value) -> Sides<'a> {
    Sides {
        gvr,
        schema: &Schema::BuiltIn,
        hasher: LeafHasher::Plain,
        base,
        standing: Standing::Applied,
        desired,
        upstream: &Value::Null,
        live,
        target: "east",
    }
}

#[test]
fn what_is_as_it_was_asks_for_nothing() {
    let (gvr, none) = (deployments(), Resting::default());
    let (desired, live) = web();
    let base = base_of(&gvr, &Schema::BuiltIn, LeafHasher::Plain, None, &desired, CLOCKS.now);
    for strategy in [Strategy::UpstreamWins, Strategy::LastWriteWins, Strategy::MergeChanges] {
        let sides = sides(&gvr, Some(&base), &desired, &live);
        let decision = decide(&sides, &rules(strategy, &none), CLOCKS, &mut Memory::default());
        assert!(
            decision.hand_over.is_empty() && decision.removals.is_empty() && decision.write_back.is_empty(),
            "{strategy:?} {decision:?}"
        );
        assert_eq!(decision.apply, ApplyNeed::None, "{strategy:?} {decision:?}");
        assert_eq!((decision.verdicts.len(), &decision.claim), (0, &desired));
        if strategy != Strategy::UpstreamWins {
            assert_eq!(decision.base.as_ref(), Some(&base));
        }
    }
}

#[test]
fn the_base_of_a_usual_deployment_fits() {
    let (desired, _) = web();
    let gvr = deployments();
    let base = base_of(&gvr, &Schema::BuiltIn, LeafHasher::Plain, None, &desired, CLOCKS.now);
    let text = base.encode(Base::limit(&gvr)).unwrap();
    println!("{} leaves take {} bytes", base.len(), text.len());
    assert_eq!(Base::decode(&text), Some(base));
}

#[test]
fn without_a_base_or_with_one_that_is_too_large_the_upstream_wins_and_that_is_said() {
    let (gvr, none) = (deployments(), Resting::default());
    let (desired, live) = web();
    let plain = rules(Strategy::MergeChanges, &none);
    let decision = decide(
        &sides(&gvr, None, &desired, &live),
        &plain,
        CLOCKS,
        &mut Memory::default(),
    );
    assert_eq!(decision.fallback, Some(Fallback::NoBase));
    assert_eq!(
        (decision.apply, decision.base.is_some()),
        (ApplyNeed::Due, true),
        "from here on there is one"
    );

    let mut large = desired.clone();
    for label in 0..500 {
        large["metadata"]["labels"][format!("label-{label}")] = json!("x");
    }
    for base in [None, Some(&Base::default())] {
        let decision = decide(
            &sides(&gvr, base, &large, &live),
            &plain,
            CLOCKS,
            &mut Memory::default(),
        );
        assert!(matches!(decision.fallback, Some(Fallback::TooLarge(_))), "{decision:?}");
        assert_eq!((decision.base, decision.claim), (None, large.clone()));
    }
}

#[test]
fn no_value_of_a_secret_is_shown() {
    let key = HashKey::new(b"key");
    let (gvr, none) = (Gvr::new("", "v1", "secrets"), Resting::default());
    let desired = json!({"data": {"password": "aHVudGVyMg=="}});
    let hasher = LeafHasher::Keyed(&key);
    let base = base_of(
        &gvr,
        &Schema::BuiltIn,
        hasher,
        None,
        &json!({"data": {"password": "b2xk"}}),
        CLOCKS.now,
    );
    let live = json!({"metadata": {"managedFields": [
        {"manager": "bob", "operation": "Update", "time": "2026-11-18T11:06:40Z", "fieldsV1": {"f:data": {"f:password": {}}}},
    ]}, "data": {"password": "c2VzYW1l"}});
    let sides = Sides {
        hasher,
        ..sides(&gvr, Some(&base), &desired, &live)
    };
    for strategy in [Strategy::UpstreamWins, Strategy::LastWriteWins, Strategy::MergeChanges] {
        let decision = decide(&sides, &rules(strategy, &none), CLOCKS, &mut Memory::default());
        let shown = format!("{decision:?} {} {:?}", decision.verdicts[0], decision.write_back);
        for value in ["aHVudGVyMg", "b2xk", "c2VzYW1l"] {
            assert!(!shown.contains(value), "{shown}");
        }
        assert!(shown.contains('#'), "{shown}");
    }
}

/// Printed, not judged: machines differ. `cargo test -p syncer-core --release -- --nocapture a_decision_takes`.
#[test]
fn a_decision_takes() {
    let (gvr, none) = (deployments(), Resting::default());
    let (desired, mut live) = web();
    let base = base_of(&gvr, &Schema::BuiltIn, LeafHasher::Plain, None, &desired, CLOCKS.now);
    live["spec"]["template"]["spec"]["containers"][0]["image"] = json!("other");
    let rounds = if cfg!(debug_assertions) { 50 } else { 2000 };
    let began = Instant::now();
    for _ in 0..rounds {
        let sides = sides(&gvr, Some(&base), &desired, &live);
        let decision = decide(
            &sides,
            &rules(Strategy::MergeChanges, &none),
            CLOCKS,
            &mut Memory::default(),
        );
        assert!(decision.fallback.is_none());
    }
    println!(
        "a three-way decision on a Deployment of {} leaves: {:?}",
        base.len(),
        began.elapsed() / rounds
    );
}

/// A custom resource of any form, as we applied it, and as `edited` by somebody who then owns `theirs`.
fn edited_widget(desired: &Value, edited: &Value, ours: &Value, theirs: &Value) -> Value {
    let mut live = json!({"spec": edited});
    assert!(desired.get("spec").is_some());
    let entry = |manager: &str, operation: &str, fields: &Value| {
        json!({
            "manager": manager, "operation": operation, "time": "2026-11-18T11:06:40Z", "fieldsV1": {"f:spec": fields},
        })
    };
    live["metadata"] = json!({"managedFields": [
        entry("tmc-syncer", "Apply", ours), entry("kubectl-patch", "Update", theirs),
    ]});
    live
}

#[test]
fn what_a_target_puts_into_an_empty_map_is_its_own() {
    let (gvr, none) = (Gvr::new("example.org", "v1", "widgets"), Resting::default());
    let desired = json!({"spec": {"empty": {}, "size": 1}});
    let theirs = json!({"f:empty": {"f:a": {}}});
    let live = edited_widget(
        &desired,
        &json!({"empty": {"a": "1"}, "size": 1}),
        &json!({"f:empty": {}, "f:size": {}}),
        &theirs,
    );
    let base = base_of(&gvr, &Schema::Unknown, LeafHasher::Plain, None, &desired, CLOCKS.now);
    for (strategy, written) in [(Strategy::MergeChanges, false), (Strategy::LastWriteWins, true)] {
        let sides = Sides {
            schema: &Schema::Unknown,
            ..sides(&gvr, Some(&base), &desired, &live)
        };
        let decision = decide(&sides, &rules(strategy, &none), CLOCKS, &mut Memory::default());
        assert!(decision.removals.is_empty(), "{strategy:?} {decision:?}");
        assert_eq!(!decision.write_back.is_empty(), written, "{strategy:?} {decision:?}");
    }
}

#[test]
fn a_map_that_lost_all_its_parts_lost_each_of_them() {
    let (gvr, none) = (Gvr::new("example.org", "v1", "widgets"), Resting::default());
    let desired = json!({"spec": {"map": {"a": "1", "b": "2"}, "size": 1}});
    let live = edited_widget(
        &desired,
        &json!({"map": {}, "size": 1}),
        &json!({"f:map": {}, "f:size": {}}),
        &json!({"f:other": {}}),
    );
    let base = base_of(&gvr, &Schema::Unknown, LeafHasher::Plain, None, &desired, CLOCKS.now);
    let sides = Sides {
        schema: &Schema::Unknown,
        ..sides(&gvr, Some(&base), &desired, &live)
    };
    let decide = |strategy| decide(&sides, &rules(strategy, &none), CLOCKS, &mut Memory::default());
    let merged = decide(Strategy::MergeChanges);
    assert_eq!(merged.claim, json!({"spec": {"size": 1}}), "{merged:?}");
    assert!(!decide(Strategy::LastWriteWins).write_back.is_empty());
    assert_eq!(decide(Strategy::UpstreamWins).claim, desired);
}

/// A rewrite of images makes images, and neither containers nor volumes nor their order.
#[test]
fn a_transform_of_a_part_of_items_leaves_the_items_to_the_strategy() {
    let (gvr, none) = (deployments(), Resting::default());
    let (desired, mut live) = web();
    let base = base_of(&gvr, &Schema::BuiltIn, LeafHasher::Plain, None, &desired, CLOCKS.now);
    let pod = &mut live["spec"]["template"]["spec"];
    let containers = pod["containers"].as_array_mut().unwrap();
    containers.push(json!({"name": "theirs", "image": "theirs:1"}));
    containers[0]["image"] = json!("other");
    pod["volumes"][0]["configMap"]["name"] = json!("theirs");
    let volume = json!({".": {}, "f:configMap": {"f:name": {}}});
    let pod = json!({"f:containers": {
        "k:{\"name\":\"theirs\"}": {".": {}, "f:name": {}, "f:image": {}}, "k:{\"name\":\"web\"}": {"f:image": {}},
    }, "f:volumes": {"k:{\"name\":\"config\"}": volume}});
    let entries = live["metadata"]["managedFields"].as_array_mut().unwrap();
    let ours = &mut entries[0]["fieldsV1"]["f:spec"]["f:template"]["f:spec"];
    let web = &mut ours["f:containers"]["k:{\"name\":\"web\"}"];
    web.as_object_mut().unwrap().remove("f:image").unwrap();
    ours["f:volumes"]["k:{\"name\":\"config\"}"] = json!({".": {}, "f:name": {}});
    let fields = json!({"f:spec": {"f:template": {"f:spec": pod}}});
    entries.push(json!({
        "manager": "kubectl-edit", "operation": "Update", "time": "2026-11-18T11:06:40Z", "fieldsV1": fields,
    }));
    let pod = "spec.template.spec";
    let produced = ["containers[*].image", "volumes[*].image.reference"]
        .map(|path| Path::parse(&format!("{pod}.{path}")).unwrap());
    let rules = Rules {
        produced: &produced,
        ..rules(Strategy::MergeChanges, &none)
    };
    let sides = sides(&gvr, Some(&base), &desired, &live);
    let decision = decide(&sides, &rules, CLOCKS, &mut Memory::default());
    let mut said: Vec<_> = decision
        .verdicts
        .iter()
        .map(|verdict| (verdict.path.path.to_string(), verdict.winner))
        .collect();
    said.sort_by(|(one, _), (other, _)| one.cmp(other));
    let expected = [
        (format!("{pod}.containers[name=theirs]"), Winner::Downstream),
        (format!("{pod}.containers[name=web].image"), Winner::Upstream),
        (format!("{pod}.volumes[name=config]"), Winner::Downstream),
    ];
    assert_eq!(said, expected, "{decision:?}");
    assert!(decision.removals.is_empty(), "{decision:?}");
}

/// A leaf that was applied and is in no answer looks like a removal by the target, if the base does not say that the target never took it.
#[test]
fn what_a_target_does_not_take_is_no_removal_by_it() {
    let (gvr, none) = (Gvr::new("example.org", "v1", "widgets"), Resting::default());
    let desired = json!({"spec": {"novelty": "x", "size": 1}});
    let live = edited_widget(
        &desired,
        &json!({"size": 1}),
        &json!({"f:size": {}}),
        &json!({"f:other": {}}),
    );
    let base = base_of(&gvr, &Schema::Unknown, LeafHasher::Plain, None, &desired, CLOCKS.now);
    let shape = (&gvr, &Schema::Unknown, LeafHasher::Plain);
    let taken = base_of_taken(&base, shape, &desired, &live).unwrap();
    assert_eq!(
        base_of_taken(&taken, shape, &desired, &live),
        None,
        "it says so already"
    );
    let decide = |base: &Base, standing| {
        let sides = Sides {
            schema: &Schema::Unknown,
            standing,
            ..sides(&gvr, Some(base), &desired, &live)
        };
        decide(
            &sides,
            &rules(Strategy::LastWriteWins, &none),
            CLOCKS,
            &mut Memory::default(),
        )
    };
    let removed = decide(&base, Standing::Applied);
    assert_eq!(
        removed.write_back.len(),
        1,
        "the target's removal goes upstream: {removed:?}"
    );
    let rest = decide(&taken, Standing::Applied);
    assert!(rest.write_back.is_empty() && rest.verdicts.is_empty(), "{rest:?}");
    assert_eq!((rest.apply, rest.base.as_ref()), (ApplyNeed::None, Some(&taken)));
    // What the upstream says anew is tried anew.
    let edited = decide(&taken, Standing::Edited);
    assert!(edited.write_back.is_empty(), "{edited:?}");
    assert_eq!((edited.apply, &edited.claim), (ApplyNeed::Due, &desired));
}

#[test]
fn a_port_of_the_nodes_of_one_cluster_is_not_written_back() {
    let (gvr, none) = (Gvr::new("", "v1", "services"), Resting::default());
    let port = |port: u32, node: u32| json!({"port": port, "protocol": "TCP", "targetPort": port, "nodePort": node});
    let desired = json!({"spec": {"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}});
    let mut live = json!({"spec": {"type": "NodePort", "ports": [port(80, 30080), port(81, 30081)]}});
    let ours = json!({"f:type": {}, "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}}}});
    let theirs = json!({"f:ports": {"k:{\"port\":81,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}}}});
    live["metadata"] = edited_widget(&desired, &json!({}), &ours, &theirs)["metadata"].clone();
    let base = base_of(&gvr, &Schema::BuiltIn, LeafHasher::Plain, None, &desired, CLOCKS.now);
    let sides = sides(&gvr, Some(&base), &desired, &live);
    let decision = decide(
        &sides,
        &rules(Strategy::LastWriteWins, &none),
        CLOCKS,
        &mut Memory::default(),
    );
    let written: Vec<_> = decision
        .write_back
        .iter()
        .filter_map(|leaf| leaf.value.clone())
        .collect();
    assert_eq!(
        written,
        [json!({"port": 81, "protocol": "TCP", "targetPort": 81})],
        "{decision:?}"
    );
}
