use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{drift::Change, field_path::Step, identity::Gvr, ownership::ManagedEntry};

fn gvr(resource: &str) -> Gvr {
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    Gvr::new(group, "v1", resource)
}

fn identified(mut live: Value) -> Value {
    live["metadata"]["uid"] = "u1".into();
    live["metadata"]["resourceVersion"] = "7".into();
    live
}

fn path(steps: impl IntoIterator<Item = Step>) -> FieldPath {
    let mut path = FieldPath::default();
    steps.into_iter().for_each(|step| path.push(step));
    path
}

fn field(name: &str) -> Step {
    Step::Field(name.into())
}

fn removed(ops: &[PatchOp]) -> Vec<&str> {
    ops.iter()
        .filter_map(|op| match op {
            PatchOp::Remove { path } => Some(path.as_str()),
            PatchOp::Test { .. } | PatchOp::Add { .. } | PatchOp::Replace { .. } => None,
        })
        .collect()
}

#[test]
fn a_patch_holds_for_one_version_of_one_object_only() {
    let live = identified(json!({"data": {"a/b": "1"}}));
    let leaf = Leaf {
        path: path([field("data"), field("a/b")]),
        manager: None,
        change: Change::Added,
    };
    let patch = serde_json::to_value(foreign_patch(&live, &[leaf])).unwrap();
    assert_eq!(
        patch,
        json!([
            {"op": "test", "path": "/metadata/uid", "value": "u1"},
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "remove", "path": "/data/a~1b"},
        ])
    );
}

#[test]
fn nothing_is_patched_without_identity_or_need() {
    let known = path([field("data"), field("a")]);
    let live = json!({"data": {"a": "1"}});
    assert_eq!(patch(&live, [&known]), []);
    let mut unversioned = identified(live.clone());
    unversioned["metadata"]["resourceVersion"] = "".into();
    assert_eq!(patch(&unversioned, [&known]), []);
    assert_eq!(
        patch(&identified(live.clone()), [&path([field("data"), field("b")])]),
        []
    );
    assert_eq!(
        patch(&identified(live.clone()), [&FieldPath::default()]),
        [],
        "never all of it"
    );
    assert_eq!(patch(&identified(live), [&known]).len(), 3);
}

#[test]
fn removals_go_from_the_back_and_never_twice() {
    let item = |name: &str| path([field("spec"), field("env"), Step::item("name", name)]);
    let names: Vec<String> = (0..12).map(|index| format!("v{index}")).collect();
    let env: Vec<Value> = names.iter().map(|name| json!({"name": name, "value": "x"})).collect();
    let live = identified(json!({"spec": {"env": env, "args": ["a"]}}));
    let inside = path([field("spec"), field("env"), Step::item("name", "v2"), field("value")]);
    let paths = [
        item("v2"),
        item("v10"),
        path([field("spec"), field("args")]),
        inside,
        item("v9"),
        item("v2"),
    ];
    assert_eq!(
        removed(&patch(&live, &paths)),
        ["/spec/env/10", "/spec/env/9", "/spec/env/2", "/spec/args"]
    );
}

proptest! {
    /// Executed in order, the removals take out exactly the items that were named.
    #[test]
    fn every_index_stays_valid(count in 1_usize..20, chosen in prop::collection::vec(0_usize..20, 0..20)) {
        let items: Vec<Value> = (0..count).map(|index| json!({"name": index.to_string()})).collect();
        let live = identified(json!({"spec": {"list": items}}));
        let paths: Vec<FieldPath> = chosen
            .iter()
            .map(|index| path([field("spec"), field("list"), Step::item("name", index.to_string())]))
            .collect();
        let mut after = items.clone();
        for pointer in removed(&patch(&live, &paths)) {
            after.remove(pointer.rsplit_once('/').unwrap().1.parse().unwrap());
        }
        let kept: Vec<Value> = (0..count)
            .filter(|index| !chosen.contains(index))
            .map(|index| json!({"name": index.to_string()}))
            .collect();
        prop_assert_eq!(after, kept);
    }
}

fn left(
    resource: &str,
    previous: &Value,
    desired: &Value,
    answer: &Value,
    others: &[(&str, &str, Value)],
) -> Vec<String> {
    let entries: Vec<ManagedEntry<'_>> = others
        .iter()
        .map(|(manager, subresource, fields)| ManagedEntry {
            manager,
            operation: "Update",
            subresource,
            time: None,
            fields,
        })
        .collect();
    let paths = left_over(&gvr(resource), previous, desired, answer, &entries);
    paths.iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_co_owner_keeps_is_left_over() {
    let previous =
        json!({"f:metadata": {"f:labels": {"f:a": {}, "f:b": {}}}, "f:data": {"f:x": {}, "f:y": {}, "f:z": {}}});
    let desired = json!({"metadata": {"labels": {"a": "1"}}, "data": {"x": "1"}});
    let answer = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "data": {"x": "1", "y": "2"}});
    let theirs =
        json!({"f:metadata": {"f:labels": {"f:b": {}}}, "f:data": {"f:x": {}, "f:y": {}, "f:z": {}, "f:w": {}}});
    assert_eq!(
        left(
            "configmaps",
            &previous,
            &desired,
            &answer,
            &[("kubectl-create", "", theirs.clone())]
        ),
        ["data.y", "metadata.labels.b"]
    );
    // Our own JSON Patch of another time.
    assert_eq!(
        left(
            "configmaps",
            &previous,
            &desired,
            &answer,
            &[("tmc-syncer", "", theirs.clone())]
        ),
        ["data.y", "metadata.labels.b"]
    );
    let tolerated = [
        ("kubectl-create", "status", theirs.clone()),
        ("tmc-syncer-handover", "", theirs),
    ];
    for other in tolerated {
        assert_eq!(
            left("configmaps", &previous, &desired, &answer, std::slice::from_ref(&other)),
            Vec::<String>::new(),
            "{other:?}"
        );
    }
}

#[test]
fn a_default_that_nobody_owns_is_not_left_over() {
    let previous = json!({"f:spec": {"f:replicas": {}}});
    let answer = json!({"spec": {"replicas": 1}});
    assert_eq!(
        left("deployments.apps", &previous, &json!({"spec": {}}), &answer, &[]),
        Vec::<String>::new()
    );
}

#[test]
fn structs_and_items_of_an_adopted_object_go_as_a_whole() {
    let web = "k:{\"name\":\"web\"}";
    let probe = json!({"f:httpGet": {"f:port": {}}, "f:periodSeconds": {}});
    let in_containers = |fields: Value| json!({"f:spec": {"f:containers": fields}});
    let previous = in_containers(json!({
        web: {".": {}, "f:name": {}, "f:livenessProbe": probe},
        "k:{\"name\":\"log\"}": {".": {}, "f:name": {}, "f:image": {}},
    }));
    let answer = json!({"spec": {"containers": [
        {"name": "web", "livenessProbe": {"httpGet": {"port": 80, "scheme": "HTTP"}, "periodSeconds": 10}},
        {"name": "log", "image": "x"},
    ]}});
    let desired = json!({"spec": {"containers": [{"name": "web"}]}});
    let others = [("kubectl-create", "", previous.clone())];
    assert_eq!(
        left("pods", &previous, &desired, &answer, &others),
        ["spec.containers[name=log]", "spec.containers[name=web].livenessProbe"]
    );
    // Who made it by a POST owns the defaults, and a part of a probe or of a container would be refused.
    let mut with_defaults = previous.clone();
    with_defaults["f:spec"]["f:containers"][web]["f:livenessProbe"]["f:timeoutSeconds"] = json!({});
    with_defaults["f:spec"]["f:containers"]["k:{\"name\":\"log\"}"]["f:imagePullPolicy"] = json!({});
    assert_eq!(
        left(
            "pods",
            &previous,
            &desired,
            &answer,
            &[("kubectl-create", "", with_defaults)]
        ),
        ["spec.containers[name=log]", "spec.containers[name=web].livenessProbe"]
    );
}

#[test]
fn of_a_map_to_which_others_added_only_what_was_ours_goes() {
    let selector = |fields: Value| json!({"f:spec": {"f:nodeSelector": fields}});
    let previous = selector(json!({"f:a": {}}));
    let answer = json!({"spec": {"nodeSelector": {"a": "1", "b": "2"}}});
    let theirs = selector(json!({"f:a": {}, "f:b": {}}));
    assert_eq!(
        left(
            "pods",
            &previous,
            &json!({"spec": {}}),
            &answer,
            &[("kubectl-edit", "", theirs)]
        ),
        ["spec.nodeSelector.a"]
    );
}

#[test]
fn a_struct_of_plain_fields_is_no_map_unless_its_kind_is_unknown() {
    let fields = |fields: Value| json!({"f:spec": {"f:ref": fields}});
    let previous = fields(json!({"f:name": {}}));
    let answer = json!({"spec": {"ref": {"name": "c", "defaultMode": 420}}});
    let theirs = fields(json!({"f:name": {}, "f:defaultMode": {}}));
    let left_in = |resource: &str| {
        left(
            resource,
            &previous,
            &json!({"spec": {}}),
            &answer,
            &[("kubectl-create", "", theirs.clone())],
        )
    };
    assert_eq!(left_in("pods"), ["spec.ref"]);
    assert_eq!(left_in("ingresses.networking.k8s.io"), ["spec.ref"]);
    assert_eq!(left_in("widgets.example.org"), ["spec.ref.name"]);
}

#[test]
fn an_annotation_that_others_added_beside_ours_stays() {
    let annotations = |fields: Value| json!({"f:spec": {"f:template": {"f:metadata": {"f:annotations": fields}}}});
    let previous = annotations(json!({"f:a": {}}));
    let answer = json!({"spec": {"template": {"metadata": {"annotations": {"a": "1", "kubectl.kubernetes.io/restartedAt": "now"}}}}});
    let theirs = annotations(json!({"f:a": {}, "f:kubectl.kubernetes.io/restartedAt": {}}));
    assert_eq!(
        left(
            "deployments.apps",
            &previous,
            &json!({"spec": {"template": {"metadata": {}}}}),
            &answer,
            &[("kubectl", "", theirs)]
        ),
        ["spec.template.metadata.annotations.a"]
    );
}

#[test]
fn what_is_the_cluster_s_is_not_left_over() {
    let fields = json!({"f:spec": {"f:clusterIP": {}, "f:selector": {}}});
    let answer = json!({"spec": {"clusterIP": "10.0.0.1", "selector": {"a": "b"}}});
    assert_eq!(
        left(
            "services",
            &fields,
            &json!({"spec": {"ports": []}}),
            &answer,
            &[("kubectl", "", fields.clone())]
        ),
        ["spec.selector"]
    );
}

fn union(resource: &str, live: &Value, desired: &Value, refused: &[&str]) -> Vec<String> {
    let paths = union_leftover(&gvr(resource), live, desired, refused);
    paths.iter().map(ToString::to_string).collect()
}

#[test]
fn the_other_arm_of_a_union_is_found_by_its_shape() {
    let pod = |pod: Value| json!({"spec": {"template": {"spec": pod}}});
    let web = |fields: Value| {
        let mut container = fields;
        container["name"] = "web".into();
        pod(json!({"containers": [{"name": "other"}, container]}))
    };
    let cases = [
        (
            json!({"spec": {"replicas": 1, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}),
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
            vec!["spec.strategy.rollingUpdate"],
        ),
        (
            pod(json!({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]})),
            pod(json!({"volumes": [{"name": "v", "configMap": {"name": "c"}}, {"name": "w"}]})),
            vec!["spec.template.spec.volumes[name=v].emptyDir"],
        ),
        (
            web(json!({"livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 10, "timeoutSeconds": 1}})),
            web(json!({"livenessProbe": {"tcpSocket": {"port": 80}}})),
            vec!["spec.template.spec.containers[name=web].livenessProbe.httpGet"],
        ),
        (
            web(json!({"lifecycle": {"preStop": {"exec": {}}}})),
            web(json!({"lifecycle": {"preStop": {"sleep": {"seconds": 1}}}})),
            vec!["spec.template.spec.containers[name=web].lifecycle.preStop.exec"],
        ),
        (
            web(
                json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {}}}, {"name": "C", "value": "3"}]}),
            ),
            web(
                json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {}}}, {"name": "B", "value": "2"}, {"name": "C"}]}),
            ),
            vec![
                "spec.template.spec.containers[name=web].env[name=A].value",
                "spec.template.spec.containers[name=web].env[name=B].valueFrom",
            ],
        ),
        (
            web(json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]})),
            web(json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {}}}]})),
            vec!["spec.template.spec.containers[name=web].env[name=A].valueFrom.fieldRef"],
        ),
        (
            pod(
                json!({"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "x"}, "runAsUser": 1}}),
            ),
            pod(json!({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}})),
            vec!["spec.template.spec.securityContext.seccompProfile.localhostProfile"],
        ),
        (
            json!({"spec": {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {}}, "clusterIP": "10.0.0.1"}}),
            json!({"spec": {"sessionAffinity": "None", "type": "ClusterIP"}}),
            vec!["spec.sessionAffinityConfig"],
        ),
        (
            json!({"spec": {"sessionAffinityConfig": {"clientIP": {}}}}),
            json!({"spec": {"sessionAffinity": "ClientIP", "type": "ClusterIP"}}),
            vec![],
        ),
        (
            json!({"metadata": {"labels": {"type": "x", "y": "z"}}, "status": {"type": "a", "b": {}}}),
            json!({"metadata": {"labels": {"type": "x"}}, "status": {"type": "a"}}),
            vec![],
        ),
    ];
    for (live, desired, expected) in cases {
        assert_eq!(union("services", &live, &desired, &[]), expected, "{live}");
    }
}

#[test]
fn a_field_that_the_refusal_names_is_found_in_any_kind() {
    let live = json!({
        "metadata": {"uid": "u"},
        "spec": {"source": {"git": {}, "helm": {}}, "list": [{"name": "a", "x": 1}, {"y": 1}], "limits": {"cpu": 1}, "clusterIP": "x"},
    });
    let desired = json!({"spec": {"source": {"helm": {}}, "list": [{"name": "a"}]}});
    let cases = [
        (vec!["spec.source.git"], vec!["spec.source.git"]),
        (
            vec!["spec.source.helm", "spec.nothing", "spec", "metadata.uid", ""],
            vec![],
        ),
        (vec!["spec.list[0].x"], vec!["spec.list[name=a].x"]),
        (vec!["spec.list[1].y"], vec!["spec.list[1].y"]),
        (vec!["spec.list[9].y", "spec.list[x]"], vec![]),
        (vec!["spec.limits[cpu]"], vec!["spec.limits.cpu"]),
        (vec!["spec.source.git", "spec.source.git"], vec!["spec.source.git"]),
    ];
    for (refused, expected) in cases {
        assert_eq!(
            union("widgets.example.org", &live, &desired, &refused),
            expected,
            "{refused:?}"
        );
    }
    assert_eq!(
        union("services", &live, &desired, &["spec.clusterIP"]),
        Vec::<String>::new()
    );
}

#[test]
fn a_union_goes_over_as_a_whole() {
    let live = identified(json!({"spec": {
        "replicas": 1, "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {}}, "clusterIP": "10.0.0.1",
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
        "volumes": [{"name": "a", "emptyDir": {}}, {"name": "v", "emptyDir": {}}],
    }}));
    let desired = json!({"spec": {
        "replicas": 1, "sessionAffinity": "None", "strategy": {"type": "Recreate"},
        "volumes": [{"name": "v", "configMap": {"name": "c"}}, {"name": "a", "emptyDir": {}}],
    }});
    let services = gvr("services");
    let patch = |live: &Value| union_patch(live, &desired, &union_leftover(&services, live, &desired, &[]));
    let expected = json!([
        {"op": "test", "path": "/metadata/uid", "value": "u1"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "add", "path": "/spec/sessionAffinity", "value": "None"},
        {"op": "remove", "path": "/spec/sessionAffinityConfig"},
        {"op": "replace", "path": "/spec/strategy", "value": {"type": "Recreate"}},
        {"op": "replace", "path": "/spec/volumes/1", "value": {"name": "v", "configMap": {"name": "c"}}},
    ]);
    assert_eq!(serde_json::to_value(patch(&live)).unwrap(), expected);
    let shown = format!("{:?}", patch(&live));
    assert!(
        shown.contains("replace /spec/strategy") && !shown.contains("Recreate"),
        "{shown}"
    );

    let mut settled = desired.clone();
    settled["metadata"] = live["metadata"].clone();
    assert_eq!(patch(&settled), []);
    let mut unversioned = live;
    unversioned["metadata"] = json!({});
    assert_eq!(patch(&unversioned), []);
}

#[test]
fn what_reappears_is_told() {
    let leaf = |name: &str| Leaf {
        path: path([field("spec"), field(name)]),
        manager: None,
        change: Change::Added,
    };
    let leaves = [leaf("dnsPolicy"), leaf("nodeSelector")];
    let answer = json!({"spec": {"dnsPolicy": "ClusterFirst"}});
    assert_eq!(reappeared(&answer, &leaves), [&leaves[0].path]);
}
