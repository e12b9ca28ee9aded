use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::ownership::{HANDOVER_MANAGER, first_leaf_not_owned};

fn gvr(resource: &str) -> Gvr {
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    Gvr::new(group, "v1", resource)
}

fn entry(manager: &str, fields: &Value) -> Value {
    let operation = if manager == "tmc-syncer" { "Apply" } else { "Update" };
    json!({"manager": manager, "operation": operation, "time": "2026-01-01T00:00:00Z", "fieldsV1": fields})
}

fn through(subresource: &str, mut entry: Value) -> Value {
    entry["subresource"] = subresource.into();
    entry
}

/// `live` with these entries against `desired`, as `path change manager` by line.
fn found(resource: &str, live: &Value, entries: &[Value], desired: &Value) -> (Vec<String>, Vec<String>) {
    let mut live = live.clone();
    live["metadata"]["managedFields"] = entries.into();
    let drift = find(
        &gvr(resource),
        &live,
        &ManagedEntry::all_of(&live),
        desired,
        &IGNORED_MANAGERS,
    );
    assert_eq!(drift.extent, Extent::Complete);
    let shown = |leaves: &[Leaf]| {
        let shown_leaf = |leaf: &Leaf| {
            format!(
                "{} {:?} {}",
                leaf.path,
                leaf.change,
                leaf.manager.as_deref().unwrap_or("-")
            )
        };
        leaves.iter().map(shown_leaf).collect()
    };
    (shown(&drift.taken), shown(&drift.foreign))
}

fn desired_deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"a": "b"}},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
                {"name": "web", "image": "nginx:1", "args": ["a"], "ports": [{"containerPort": 80}], "resources": {}},
            ]}},
        },
    })
}

fn our_fields() -> Value {
    json!({
        "f:metadata": {"f:labels": {"f:app": {}}, "f:annotations": {"f:a": {}}},
        "f:spec": {
            "f:replicas": {}, "f:selector": {},
            "f:template": {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:containers": {
                "k:{\"name\":\"web\"}": {
                    ".": {}, "f:name": {}, "f:image": {}, "f:args": {}, "f:resources": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
                },
            }}},
        },
    })
}

fn live_deployment() -> Value {
    let mut live = desired_deployment();
    live["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}});
    live["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst".into();
    live["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = "TCP".into();
    live["status"] = json!({"replicas": 2});
    live
}

/// An entry that owns `fields` within the container `web`.
fn in_container(fields: &Value) -> Value {
    json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": fields}}}}})
}

fn without(mut fields: Value, pointer: &str) -> Value {
    let (parent, child) = pointer.rsplit_once('/').unwrap();
    let parent = fields.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    parent.remove(child).unwrap();
    fields
}

const WEB: &str = "/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"web\"}";

#[test]
fn what_the_server_fills_in_and_controllers_report_is_no_drift() {
    let status = json!({"f:status": {"f:replicas": {}}, "f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}}});
    let mut live = live_deployment();
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1".into();
    let entries = [
        entry("tmc-syncer", &our_fields()),
        through("status", entry("kube-controller-manager", &status)),
    ];
    assert_eq!(
        found("deployments.apps", &live, &entries, &desired_deployment()),
        (vec![], vec![])
    );
}

#[test]
fn a_taken_leaf_is_named_with_who_has_it() {
    let image = in_container(&json!({"f:image": {}}));
    let cases = [
        (
            format!("{WEB}/f:image"),
            image,
            "spec.template.spec.containers[name=web].image Changed kubectl-edit",
        ),
        (
            format!("{WEB}/f:args"),
            in_container(&json!({"f:args": {}})),
            "spec.template.spec.containers[name=web].args Changed kubectl-edit",
        ),
        (
            "/f:metadata/f:labels".to_owned(),
            json!({"f:metadata": {"f:labels": {"f:app": {}}}}),
            "metadata.labels.app Changed kubectl-edit",
        ),
        (
            "/f:spec/f:selector".to_owned(),
            json!({"f:spec": {"f:selector": {}}}),
            "spec.selector Changed kubectl-edit",
        ),
    ];
    for (pointer, theirs, expected) in cases {
        let entries = [
            entry("tmc-syncer", &without(our_fields(), &pointer)),
            entry("kubectl-edit", &theirs),
        ];
        let (taken, foreign) = found("deployments.apps", &live_deployment(), &entries, &desired_deployment());
        assert_eq!(taken, [expected], "{pointer}");
        assert_eq!(foreign, Vec::<String>::new(), "{pointer}: taken is not foreign");
    }
}

#[test]
fn an_autoscaler_s_write_through_scale_counts() {
    let ours = without(our_fields(), "/f:spec/f:replicas");
    let scaled = through(
        "scale",
        entry("kube-controller-manager", &json!({"f:spec": {"f:replicas": {}}})),
    );
    let (taken, foreign) = found(
        "deployments.apps",
        &live_deployment(),
        &[entry("tmc-syncer", &ours), scaled],
        &desired_deployment(),
    );
    assert_eq!(taken, ["spec.replicas Changed kube-controller-manager"]);
    assert_eq!(foreign, Vec::<String>::new());
}

#[test]
fn a_removed_leaf_has_no_manager() {
    let mut live = live_deployment();
    let container = live.pointer_mut("/spec/template/spec/containers/0").unwrap();
    container.as_object_mut().unwrap().remove("ports");
    container.as_object_mut().unwrap().remove("args");
    let ours = without(
        without(our_fields(), &format!("{WEB}/f:ports")),
        &format!("{WEB}/f:args"),
    );
    let (taken, _) = found(
        "deployments.apps",
        &live,
        &[entry("tmc-syncer", &ours)],
        &desired_deployment(),
    );
    assert_eq!(
        taken,
        [
            "spec.template.spec.containers[name=web].args Removed -",
            "spec.template.spec.containers[name=web].ports Removed -",
        ]
    );
}

#[test]
fn an_item_is_named_by_its_key_as_a_whole_or_in_parts() {
    let mut desired =
        json!({"spec": {"ports": [{"port": 53, "protocol": "UDP", "name": "dns"}, {"port": 53, "name": "dns-tcp"}]}});
    let live = json!({"spec": {"ports": [{"port": 53, "protocol": "TCP", "name": "x"}]}});
    let ours = json!({"f:spec": {"f:ports": {"k:{\"port\":53,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}});
    let theirs = json!({"f:spec": {"f:ports": {"k:{\"port\":53,\"protocol\":\"TCP\"}": {"f:name": {}}}}});
    let entries = [entry("tmc-syncer", &ours), entry("kubectl-edit", &theirs)];
    let (taken, _) = found("services", &live, &entries, &desired);
    assert_eq!(
        taken,
        [
            "spec.ports[port=53,protocol=UDP] Removed -",
            "spec.ports[port=53,protocol=TCP].name Changed kubectl-edit",
        ]
    );
    // Somebody else made it again, under other names: nothing of it is ours.
    desired = json!({"spec": {"ports": [{"port": 53, "name": "dns"}]}});
    let entries = [
        entry("tmc-syncer", &json!({"f:metadata": {"f:labels": {}}})),
        entry(
            "kubectl-replace",
            &json!({"f:spec": {"f:ports": {"k:{\"port\":53,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:name": {}}}}}),
        ),
    ];
    let (taken, _) = found("services", &live, &entries, &desired);
    assert_eq!(
        taken,
        [
            "spec.ports[port=53,protocol=TCP].name Changed kubectl-replace",
            "spec.ports[port=53,protocol=TCP].port Changed kubectl-replace",
        ]
    );
}

#[test]
fn without_an_entry_of_ours_every_leaf_is_taken() {
    let live = json!({"data": {"a": "1", "b": "2"}});
    let desired = json!({"data": {"a": "1", "b": "2", "c": "3"}});
    let theirs = entry("kubectl-create", &json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}}));
    let (taken, foreign) = found("configmaps", &live, &[theirs], &desired);
    assert_eq!(
        taken,
        [
            "data.a Changed kubectl-create",
            "data.b Changed kubectl-create",
            "data.c Removed -"
        ]
    );
    assert_eq!(foreign, Vec::<String>::new());
}

#[test]
fn the_manager_that_wrote_last_is_named() {
    let live = json!({"data": {"a": "1"}});
    let theirs = |manager: &str, time: &str| {
        let mut entry = entry(manager, &json!({"f:data": {"f:a": {}}}));
        entry["time"] = time.into();
        entry
    };
    let entries = [
        entry("tmc-syncer", &json!({"f:data": {"f:b": {}}})),
        theirs("late", "2026-01-02T00:00:00Z"),
        theirs("early", "2026-01-01T00:00:00Z"),
    ];
    let (taken, _) = found("configmaps", &live, &entries, &json!({"data": {"a": "2"}}));
    assert_eq!(taken, ["data.a Changed late"]);
}

#[test]
fn additions_of_others_are_foreign_by_leaf() {
    let cases = [
        // A struct that nobody else has a part in is one leaf, defaults included.
        (
            json!({"livenessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 10}}),
            json!({"f:livenessProbe": {"f:httpGet": {"f:path": {}, "f:port": {}}, "f:periodSeconds": {}}}),
            vec!["livenessProbe"],
        ),
        // Within a struct that is desired, only what was added.
        (
            json!({"resources": {"limits": {"cpu": "1"}}}),
            json!({"f:resources": {"f:limits": {"f:cpu": {}}}}),
            vec!["resources.limits"],
        ),
        // Items one by one, whether the list is desired or not.
        (
            json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {}}}]}),
            json!({"f:env": {".": {}, "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}},
                "k:{\"name\":\"B\"}": {".": {}, "f:name": {}, "f:valueFrom": {"f:fieldRef": {}}}}}),
            vec!["env[name=A]", "env[name=B]"],
        ),
        (
            json!({"ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 81, "protocol": "UDP"}]}),
            json!({"f:ports": {"k:{\"containerPort\":81,\"protocol\":\"UDP\"}": {".": {}, "f:containerPort": {}}}}),
            vec!["ports[containerPort=81,protocol=UDP]"],
        ),
        // An item of ours to which somebody added a field.
        (
            json!({"ports": [{"containerPort": 80, "protocol": "TCP", "hostPort": 8080}]}),
            json!({"f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {"f:hostPort": {}}}}),
            vec!["ports[containerPort=80,protocol=TCP].hostPort"],
        ),
        (json!({"command": ["x"]}), json!({"f:command": {}}), vec!["command"]),
        // Owned in common with us, or no longer there.
        (json!({}), json!({"f:image": {}, "f:tty": {}}), vec![]),
    ];
    for (added, theirs, expected) in cases {
        let mut live = live_deployment();
        let container = live.pointer_mut("/spec/template/spec/containers/0").unwrap();
        for (field, value) in added.as_object().unwrap() {
            container[field] = value.clone();
        }
        let entries = [
            entry("tmc-syncer", &our_fields()),
            entry("kubectl-edit", &in_container(&theirs)),
        ];
        let (taken, foreign) = found("deployments.apps", &live, &entries, &desired_deployment());
        let expected: Vec<String> = expected
            .into_iter()
            .map(|path| format!("spec.template.spec.containers[name=web].{path} Added kubectl-edit"))
            .collect();
        assert_eq!((taken, foreign), (vec![], expected), "{added}");
    }
}

#[test]
fn the_key_of_an_item_is_never_foreign() {
    let ports =
        |fields: Value| in_container(&json!({"f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": fields}}));
    let theirs = ports(json!({".": {}, "f:containerPort": {}, "f:protocol": {}}));
    let entries = [entry("tmc-syncer", &our_fields()), entry("other", &theirs)];
    assert_eq!(
        found("deployments.apps", &live_deployment(), &entries, &desired_deployment()),
        (vec![], vec![])
    );
}

#[test]
fn the_defaults_that_the_maker_of_an_adopted_object_owns_are_not_foreign() {
    let theirs = json!({"f:spec": {
        "f:strategy": {"f:type": {}, "f:rollingUpdate": {"f:maxSurge": {}, "f:maxUnavailable": {}}},
        "f:template": {"f:spec": {"f:dnsPolicy": {}, "f:restartPolicy": {}, "f:securityContext": {}, "f:terminationGracePeriodSeconds": {}}},
    }});
    let mut live = live_deployment();
    live["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] = "25%".into();
    let pod = live.pointer_mut("/spec/template/spec").unwrap();
    pod["restartPolicy"] = "Always".into();
    pod["securityContext"] = json!({});
    pod["terminationGracePeriodSeconds"] = 30.into();
    let entries = [entry("tmc-syncer", &our_fields()), entry("kubectl-create", &theirs)];
    let desired = desired_deployment();
    assert_eq!(found("deployments.apps", &live, &entries, &desired), (vec![], vec![]));

    let pod = live.pointer_mut("/spec/template/spec").unwrap();
    pod["dnsPolicy"] = "Default".into();
    pod["terminationGracePeriodSeconds"] = 31.into();
    live["spec"]["strategy"]["rollingUpdate"]["maxSurge"] = 3.into();
    let (_, foreign) = found("deployments.apps", &live, &entries, &desired);
    assert_eq!(
        foreign,
        [
            "spec.strategy Added kubectl-create",
            "spec.template.spec.dnsPolicy Added kubectl-create",
            "spec.template.spec.terminationGracePeriodSeconds Added kubectl-create",
        ]
    );
}

#[test]
fn what_only_looks_like_a_default_is_foreign() {
    let sidecar = json!({"f:spec": {"f:initContainers": {"k:{\"name\":\"a\"}": {"f:restartPolicy": {}}}}});
    let ours =
        json!({"f:spec": {"f:initContainers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}}}}, "f:data": {"f:a": {}}});
    let cases = [
        (
            "configmaps",
            json!({"data": {"a": "1", "path": "/"}}),
            json!({"data": {"a": "1"}}),
            json!({"f:data": {"f:path": {}}}),
            "data.path",
        ),
        (
            "widgets.example.org",
            json!({"spec": {"dnsPolicy": "ClusterFirst"}}),
            json!({"spec": {}}),
            json!({"f:spec": {"f:dnsPolicy": {}}}),
            "spec.dnsPolicy",
        ),
        (
            "pods",
            json!({"spec": {"initContainers": [{"name": "a", "restartPolicy": "Always"}]}}),
            json!({"spec": {"initContainers": [{"name": "a"}]}}),
            sidecar,
            "spec.initContainers[name=a].restartPolicy",
        ),
    ];
    for (resource, live, desired, theirs, expected) in cases {
        let entries = [entry("tmc-syncer", &ours), entry("other", &theirs)];
        let (_, foreign) = found(resource, &live, &entries, &desired);
        assert_eq!(foreign, [format!("{expected} Added other")]);
    }
}

#[test]
fn what_is_outside_of_the_table_is_never_foreign() {
    let theirs = json!({
        "f:metadata": {"f:labels": {"f:x": {}}, "f:annotations": {"f:x": {}}, "f:finalizers": {"v:\"x\"": {}},
            "f:ownerReferences": {"k:{\"uid\":\"u\"}": {}}},
        "f:spec": {"f:template": {"f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}},
            "f:labels": {"f:x": {}}}}},
        "f:status": {"f:replicas": {}},
    });
    let mut live = live_deployment();
    live["metadata"]["labels"]["x"] = "y".into();
    live["metadata"]["annotations"]["x"] = "y".into();
    live["metadata"]["finalizers"] = json!(["x"]);
    live["metadata"]["ownerReferences"] = json!([{"uid": "u"}]);
    live["spec"]["template"]["metadata"]["labels"]["x"] = "y".into();
    live["spec"]["template"]["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/restartedAt": "now"});
    let entries = [entry("tmc-syncer", &our_fields()), entry("kubectl-edit", &theirs)];
    assert_eq!(
        found("deployments.apps", &live, &entries, &desired_deployment()),
        (vec![], vec![])
    );

    let cases = [
        (
            "services",
            json!({"spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}]}}),
            json!({"f:spec": {"f:clusterIP": {}, "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:nodePort": {}}}}}),
            json!({"spec": {"ports": [{"port": 80}]}}),
            json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}}),
        ),
        (
            "configmaps",
            json!({"data": {"ca-bundle.crt": "x", "service-ca.crt": "y"}}),
            json!({"f:data": {".": {}, "f:ca-bundle.crt": {}, "f:service-ca.crt": {}}}),
            json!({}),
            json!({"f:metadata": {"f:labels": {"f:a": {}}}}),
        ),
    ];
    for (resource, live, theirs, desired, ours) in cases {
        let entries = [entry("tmc-syncer", &ours), entry("operator", &theirs)];
        assert_eq!(
            found(resource, &live, &entries, &desired),
            (vec![], vec![]),
            "{resource}"
        );
    }
}

#[test]
fn a_struct_around_what_is_kept_does_not_go_as_a_whole() {
    let live = json!({"spec": {"job": {"metadata": {"annotations": {"x": "y"}}, "size": 1}}});
    let theirs = json!({"f:spec": {"f:job": {"f:metadata": {"f:annotations": {"f:x": {}}}, "f:size": {}}}});
    let (_, foreign) = found(
        "widgets.example.org",
        &live,
        &[entry("other", &theirs)],
        &json!({"spec": {}}),
    );
    assert_eq!(foreign, ["spec.job.size Added other"]);
}

#[test]
fn some_managers_add_nothing_foreign() {
    let live = json!({"data": {"a": "1", "b": "2"}});
    let ours = entry("tmc-syncer", &json!({"f:data": {"f:a": {}}}));
    let desired = json!({"data": {"a": "1"}});
    let fields = json!({"f:data": {"f:b": {}}});
    let cases = [
        (entry("kubectl-edit", &fields), vec!["data.b Added kubectl-edit"]),
        (entry("kube-controller-manager", &fields), vec![]),
        (entry("before-first-apply", &fields), vec![]),
        (entry(HANDOVER_MANAGER, &fields), vec![]),
        (through("status", entry("kubectl-edit", &fields)), vec![]),
        // What a JSON Patch of ours left there, an apply by omission does not take back.
        (
            json!({"manager": "tmc-syncer", "operation": "Update", "fieldsV1": fields}),
            vec!["data.b Added tmc-syncer"],
        ),
    ];
    for (theirs, expected) in cases {
        let (_, foreign) = found("configmaps", &live, &[ours.clone(), theirs.clone()], &desired);
        assert_eq!(foreign, expected, "{theirs}");
    }
}

#[test]
fn a_leaf_that_an_ignored_manager_has_beneath_keeps_its_struct() {
    let live = json!({"spec": {"struct": {"a": 1, "b": 2}}});
    let entries = [
        entry("kubectl-edit", &json!({"f:spec": {"f:struct": {"f:a": {}}}})),
        entry("kube-controller-manager", &json!({"f:spec": {"f:struct": {"f:b": {}}}})),
    ];
    let (_, foreign) = found("widgets.example.org", &live, &entries, &json!({"spec": {}}));
    assert_eq!(foreign, ["spec.struct.a Added kubectl-edit"]);
}

#[test]
fn what_we_applied_before_is_not_foreign() {
    let live = json!({"data": {"a": "1", "old": "2"}});
    let entries = [
        entry("tmc-syncer", &json!({"f:data": {"f:a": {}, "f:old": {}}})),
        entry("kubectl-edit", &json!({"f:data": {"f:old": {}}})),
    ];
    let (_, foreign) = found("configmaps", &live, &entries, &json!({"data": {"a": "1"}}));
    assert_eq!(foreign, Vec::<String>::new());
}

#[test]
fn what_is_named_is_bounded_and_what_is_left_out_is_said() {
    let keys: Vec<String> = (0..200).map(|index| format!("k{index:03}")).collect();
    let data: Map<String, Value> = keys.iter().map(|key| (key.clone(), "v".into())).collect();
    let fields: Map<String, Value> = keys.iter().map(|key| (format!("f:{key}"), json!({}))).collect();
    let mut live = json!({"data": data, "metadata": {}});
    live["metadata"]["managedFields"] = json!([entry("other", &json!({"f:data": fields}))]);
    let entries = ManagedEntry::all_of(&live);
    let foreign = find(&gvr("configmaps"), &live, &entries, &json!({}), &IGNORED_MANAGERS);
    assert_eq!((foreign.foreign.len(), foreign.extent), (MOST_LEAVES, Extent::Cut));
    let taken = find(
        &gvr("configmaps"),
        &live,
        &entries,
        &json!({"data": data}),
        &IGNORED_MANAGERS,
    );
    assert_eq!(
        (taken.taken.len(), taken.foreign.len(), taken.extent),
        (MOST_LEAVES, 0, Extent::Cut)
    );
}

#[test]
fn a_long_keyed_list_costs_no_search_where_nothing_moved_and_a_bounded_one_where_all_did() {
    let item = |index: usize| json!({"name": format!("n{index}"), "value": "x"});
    let items: Vec<Value> = (0..3000).map(item).collect();
    let key = |index: usize| format!("k:{{\"name\":\"n{index}\"}}");
    let fields: Map<String, Value> = (0..3000)
        .map(|index| (key(index), json!({".": {}, "f:name": {}, "f:value": {}})))
        .collect();
    let desired = json!({"spec": {"list": items}});
    let mut live = desired.clone();
    live["metadata"] = json!({"managedFields": [entry("tmc-syncer", &json!({"f:spec": {"f:list": fields}}))]});
    let widgets = gvr("widgets.example.org");
    let drift = find(&widgets, &live, &ManagedEntry::all_of(&live), &desired, &[]);
    assert_eq!(drift, Drift::default());

    live["spec"]["list"].as_array_mut().unwrap().reverse();
    let drift = find(&widgets, &live, &ManagedEntry::all_of(&live), &desired, &[]);
    assert_eq!((drift.is_none(), drift.extent), (true, Extent::Cut));
}

#[test]
fn no_value_of_a_secret_is_shown() {
    let mut live = json!({"data": {"password": "aHVudGVyMg==", "added": "aHVudGVyMw=="}, "metadata": {}});
    live["metadata"]["managedFields"] = json!([
        entry("tmc-syncer", &json!({"f:type": {}})),
        entry("kubectl-edit", &json!({"f:data": {"f:password": {}, "f:added": {}}})),
    ]);
    let desired = json!({"data": {"password": "b2xk"}});
    let entries = ManagedEntry::all_of(&live);
    let drift = find(&gvr("secrets"), &live, &entries, &desired, &IGNORED_MANAGERS);
    let shown = format!("{drift:?} {entries:?}");
    assert!(shown.contains("password") && shown.contains("added"));
    for value in ["aHVudGVyMg", "aHVudGVyMw", "b2xk"] {
        assert!(!shown.contains(value), "{value}");
    }
}

/// A tree of maps, and the FieldsV1 of everything in it.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(1)), Just(json!("x")), Just(json!(true))];
    let map = |inner| prop::collection::btree_map("[a-d]", inner, 1..4).prop_map(|map| json!(map));
    let inner = leaf.prop_recursive(3, 24, 4, map);
    prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| json!({"spec": map}))
}

fn fields_of(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (format!("f:{key}"), fields_of(value)))
            .collect(),
        _ => json!({}),
    }
}

proptest! {
    /// `taken` names something exactly where the oracle finds a leaf lost.
    #[test]
    fn taken_agrees_with_the_oracle(ours in tree(), desired in tree()) {
        let fields = fields_of(&ours);
        let mut live = desired.clone();
        live["metadata"] = json!({"managedFields": [entry("tmc-syncer", &fields)]});
        let drift = find(&gvr("widgets.example.org"), &live, &ManagedEntry::all_of(&live), &desired, &[]);
        prop_assert_eq!(drift.taken.is_empty(), first_leaf_not_owned(&fields, &desired).is_none());
    }

    /// Without the foreign leaves nothing is left in live that is neither desired nor ours, and nothing else went.
    #[test]
    fn removing_the_foreign_leaves_gives_back_what_is_desired(desired in tree(), added in tree()) {
        let mut live = desired.clone();
        merge(&mut live, &added);
        live["metadata"] = json!({"uid": "u", "resourceVersion": "1", "managedFields": [
            entry("tmc-syncer", &fields_of(&desired)), entry("other", &fields_of(&added)),
        ]});
        let entries = ManagedEntry::all_of(&live);
        let drift = find(&gvr("widgets.example.org"), &live, &entries, &desired, &[]);
        let mut after = live.clone();
        for op in crate::removal::foreign_patch(&live, &drift.foreign) {
            if let crate::removal::PatchOp::Remove { path } = op {
                let (parent, key) = path.rsplit_once('/').unwrap();
                after.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
            }
        }
        prop_assert_eq!(&after["spec"], &desired["spec"]);
    }
}

/// Adds what is not there; what is there stays, unless it is a map in both.
fn merge(into: &mut Value, from: &Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (key, value) in from {
            match into.get_mut(key) {
                Some(known) => merge(known, value),
                None => drop(into.insert(key.clone(), value.clone())),
            }
        }
    }
}
