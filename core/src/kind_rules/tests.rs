use proptest::prelude::*;
use serde_json::json;

use super::*;

fn gvr(resource: &str) -> Gvr {
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    Gvr::new(group, "v1", resource)
}

fn by<'a>(manager: &'a str, fields: &'a Value) -> ManagedEntry<'a> {
    ManagedEntry {
        manager,
        operation: "Update",
        subresource: "",
        time: None,
        fields,
    }
}

fn stripped(resource: &str, object: &Value, entries: &[ManagedEntry<'_>]) -> Value {
    let mut object = object.clone();
    strip(&gvr(resource), &mut object, Some(entries));
    object
}

#[test]
fn identity_and_status_stay_behind_for_every_kind() {
    let object = json!({
        "apiVersion": "example.org/v1", "kind": "Widget", "spec": {"size": 1}, "status": {"ready": true},
        "metadata": {
            "name": "w", "namespace": "web", "labels": {"a": "b"}, "annotations": {"c": "d"}, "uid": "u", "generation": 3,
            "resourceVersion": "7", "creationTimestamp": "t", "managedFields": [], "selfLink": "/", "deletionTimestamp": "t",
            "deletionGracePeriodSeconds": 0, "ownerReferences": [], "finalizers": ["f"], "generateName": "w-",
        },
    });
    let expected = json!({
        "apiVersion": "example.org/v1", "kind": "Widget", "spec": {"size": 1},
        "metadata": {"name": "w", "namespace": "web", "labels": {"a": "b"}, "annotations": {"c": "d"}},
    });
    assert_eq!(stripped("widgets.example.org", &object, &[]), expected);
}

fn service() -> Value {
    json!({"metadata": {}, "spec": {
        "type": "LoadBalancer", "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack", "healthCheckNodePort": 30001, "externalTrafficPolicy": "Local",
        "ports": [
            {"port": 80, "protocol": "TCP", "targetPort": 8080, "nodePort": 30002},
            {"port": 80, "protocol": "UDP", "targetPort": 8080, "nodePort": 30003},
        ],
    }})
}

#[test]
fn what_the_upstream_allocated_for_a_service_stays_behind() {
    let user = json!({"f:spec": {"f:type": {}, "f:externalTrafficPolicy": {}, "f:ports": {
        ".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:targetPort": {}},
    }}});
    let expected = json!({"metadata": {}, "spec": {
        "type": "LoadBalancer", "externalTrafficPolicy": "Local",
        "ports": [
            {"port": 80, "protocol": "TCP", "targetPort": 8080},
            {"port": 80, "protocol": "UDP", "targetPort": 8080},
        ],
    }});
    assert_eq!(stripped("services", &service(), &[by("kubectl", &user)]), expected);
    assert_eq!(stripped("services", &service(), &[]), expected);
    let mut unknown = service();
    strip(&gvr("services"), &mut unknown, None);
    assert_eq!(
        unknown, expected,
        "without managedFields nothing counts as set by a user"
    );
}

#[test]
fn what_a_user_set_in_a_service_goes_down() {
    let owned = [
        ("/spec/clusterIP", json!({"f:spec": {"f:clusterIP": {}}})),
        ("/spec/clusterIPs", json!({"f:spec": {"f:clusterIPs": {}}})),
        ("/spec/ipFamilies", json!({"f:spec": {"f:ipFamilies": {}}})),
        ("/spec/ipFamilyPolicy", json!({"f:spec": {"f:ipFamilyPolicy": {}}})),
        (
            "/spec/healthCheckNodePort",
            json!({"f:spec": {"f:healthCheckNodePort": {}}}),
        ),
        (
            "/spec/ports/1/nodePort",
            json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"UDP\"}": {"f:nodePort": {}}}}}),
        ),
        // As kcp tracks a schema without keys: the list is owned as a whole, and nobody allocates there.
        ("/spec/ports/0/nodePort", json!({"f:spec": {"f:ports": {}}})),
    ];
    for (pointer, fields) in owned {
        let after = stripped("services", &service(), &[by("kubectl", &fields)]);
        assert_eq!(after.pointer(pointer), service().pointer(pointer), "{pointer}");
        let by_controller = stripped("services", &service(), &[by("kube-controller-manager", &fields)]);
        assert_eq!(by_controller.pointer(pointer), None, "{pointer}");
        let status = ManagedEntry {
            subresource: "status",
            ..by("kubectl", &fields)
        };
        assert_eq!(
            stripped("services", &service(), &[status]).pointer(pointer),
            None,
            "{pointer}"
        );
    }
}

#[test]
fn one_port_that_a_user_chose_does_not_take_the_others_along() {
    let fields = json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"UDP\"}": {"f:nodePort": {}}}}});
    let after = stripped("services", &service(), &[by("kubectl", &fields)]);
    assert_eq!(after.pointer("/spec/ports/0/nodePort"), None);
    assert_eq!(after.pointer("/spec/clusterIP"), None);
}

#[test]
fn a_headless_or_external_service_stays_what_it_is() {
    let mut headless = json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"port": 80}]}});
    strip(&gvr("services"), &mut headless, None);
    assert_eq!(
        headless,
        json!({"spec": {"clusterIP": "None", "ports": [{"port": 80}]}})
    );

    let mut external = json!({"spec": {"type": "ExternalName", "externalName": "example.org"}});
    let before = external.clone();
    strip(&gvr("services"), &mut external, None);
    assert_eq!(external, before);
}

#[test]
fn a_job_gets_its_selector_from_each_cluster_unless_a_user_chose_it() {
    let labels = json!({"app": "a", "controller-uid": "u", "job-name": "j", "batch.kubernetes.io/controller-uid": "u",
        "batch.kubernetes.io/job-name": "j"});
    let job = |manual: Value| {
        json!({
            "metadata": {"labels": labels, "annotations": {"batch.kubernetes.io/job-tracking": "", "a": "b"}},
            "spec": {"manualSelector": manual, "selector": {"matchLabels": {"controller-uid": "u"}},
                "template": {"metadata": {"labels": labels}, "spec": {}}},
        })
    };
    let generated = stripped("jobs.batch", &job(Value::Null), &[]);
    let expected = json!({
        "metadata": {"labels": {"app": "a"}, "annotations": {"a": "b"}},
        "spec": {"manualSelector": null, "template": {"metadata": {"labels": {"app": "a"}}, "spec": {}}},
    });
    assert_eq!(generated, expected);
    let manual = stripped("jobs.batch", &job(json!(true)), &[]);
    assert_eq!(manual["spec"], job(json!(true))["spec"]);
    assert_eq!(manual["metadata"]["labels"], labels);
}

#[test]
fn a_claim_is_bound_in_each_cluster_unless_a_user_bound_it() {
    let claim = json!({
        "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
            "volume.kubernetes.io/selected-node": "n", "team": "a"}},
        "spec": {"volumeName": "pv1", "accessModes": ["ReadWriteOnce"]},
    });
    let bound = json!({"f:spec": {"f:volumeName": {}},
        "f:metadata": {"f:annotations": {"f:pv.kubernetes.io/bind-completed": {}}}});
    let by_controller = stripped(
        "persistentvolumeclaims",
        &claim,
        &[by("kube-controller-manager", &bound)],
    );
    assert_eq!(
        by_controller,
        json!({"metadata": {"annotations": {"team": "a"}}, "spec": {"accessModes": ["ReadWriteOnce"]}})
    );
    let by_user = stripped("persistentvolumeclaims", &claim, &[by("kubectl", &bound)]);
    assert_eq!(by_user["spec"]["volumeName"], "pv1");
    assert_eq!(
        by_user["metadata"]["annotations"],
        json!({"pv.kubernetes.io/bind-completed": "yes", "team": "a"})
    );
}

#[test]
fn the_other_kinds_leave_behind_what_is_their_cluster_s() {
    let cases = [
        (
            "namespaces",
            json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "web", "a": "b"}}, "spec": {"finalizers": ["kubernetes"]}}),
            json!({"metadata": {"labels": {"a": "b"}}}),
        ),
        (
            "pods",
            json!({"spec": {"nodeName": "n", "priority": 0, "priorityClassName": "p", "ephemeralContainers": [{"name": "d"}]}}),
            json!({"spec": {"priorityClassName": "p"}}),
        ),
        (
            "serviceaccounts",
            json!({"secrets": [{"name": "web-token-x1"}], "imagePullSecrets": [{"name": "pull"}]}),
            json!({"imagePullSecrets": [{"name": "pull"}]}),
        ),
        (
            "persistentvolumes",
            json!({"spec": {"claimRef": {"name": "c", "uid": "u"}, "storageClassName": "s"}}),
            json!({"spec": {"storageClassName": "s"}}),
        ),
        (
            "mutatingwebhookconfigurations.admissionregistration.k8s.io",
            json!({"webhooks": [{"name": "w", "clientConfig": {"caBundle": "x", "url": "y"}}]}),
            json!({"webhooks": [{"name": "w", "clientConfig": {"url": "y"}}]}),
        ),
        (
            "clusterroles.rbac.authorization.k8s.io",
            json!({"aggregationRule": {"clusterRoleSelectors": []}, "rules": [{"verbs": ["get"]}]}),
            json!({"aggregationRule": {"clusterRoleSelectors": []}}),
        ),
        (
            "clusterroles.rbac.authorization.k8s.io",
            json!({"rules": [{"verbs": ["get"]}]}),
            json!({"rules": [{"verbs": ["get"]}]}),
        ),
        (
            "daemonsets.apps",
            json!({"metadata": {"annotations": {"deprecated.daemonset.template.generation": "3", "a": "b"}}}),
            json!({"metadata": {"annotations": {"a": "b"}}}),
        ),
        (
            "configmaps",
            json!({"data": {"ca-bundle.crt": "x"}}),
            json!({"data": {"ca-bundle.crt": "x"}}),
        ),
        // Another group's kind of the same name has no rule.
        (
            "services.example.org",
            json!({"spec": {"clusterIP": "x"}}),
            json!({"spec": {"clusterIP": "x"}}),
        ),
    ];
    for (resource, object, expected) in cases {
        assert_eq!(stripped(resource, &object, &[]), expected, "{resource}");
    }
}

#[test]
fn a_user_s_own_parts_of_shared_lists_go_down() {
    let account = json!({"secrets": [{"name": "mine"}, {"name": "web-token-x1"}]});
    let mine = json!({"f:secrets": {".": {}, "k:{\"name\":\"mine\"}": {".": {}, "f:name": {}}}});
    assert_eq!(
        stripped("serviceaccounts", &account, &[by("kubectl", &mine)]),
        json!({"secrets": [{"name": "mine"}]})
    );
    let volume = json!({"spec": {"claimRef": {"name": "c", "namespace": "n", "uid": "u", "resourceVersion": "1"}}});
    let claim = json!({"f:spec": {"f:claimRef": {"f:name": {}, "f:namespace": {}}}});
    assert_eq!(
        stripped("persistentvolumes", &volume, &[by("kubectl", &claim)]),
        json!({"spec": {"claimRef": {"name": "c", "namespace": "n"}}})
    );
}

#[test]
fn only_kinds_whose_rules_ask_who_set_a_field_need_managed_fields() {
    let cases = [
        ("services", true),
        ("persistentvolumeclaims", true),
        ("persistentvolumes", true),
        ("pods", true),
        ("serviceaccounts", true),
        ("validatingwebhookconfigurations.admissionregistration.k8s.io", true),
        ("deployments.apps", false),
        ("configmaps", false),
        ("secrets", false),
        ("namespaces", false),
        ("jobs.batch", false),
        ("services.example.org", false),
    ];
    for (resource, reads) in cases {
        assert_eq!(reads_managed_fields(&gvr(resource)), reads, "{resource}");
    }
}

#[test]
fn the_cluster_s_paths_are_told_from_all_others() {
    let port = |field: &str| {
        let mut path = FieldPath::of_fields(["spec", "ports"]);
        path.push(Step::item("port", 80));
        path.push(Step::Field(field.into()));
        path
    };
    let fields = |path: &str| FieldPath::of_fields(path.split('/'));
    let cases = [
        ("services", port("nodePort"), true),
        ("services", port("targetPort"), false),
        ("services", fields("spec/clusterIP"), true),
        ("services", fields("spec/clusterIPs"), true),
        ("services", fields("spec/selector"), false),
        ("services", fields("spec"), false),
        ("configmaps", fields("data/ca-bundle.crt"), true),
        ("configmaps", fields("data/service-ca.crt"), true),
        ("configmaps", fields("data/other.crt"), false),
        ("secrets", fields("data/ca-bundle.crt"), false),
        ("namespaces", fields("spec/finalizers"), true),
        ("jobs.batch", fields("spec/selector/matchLabels"), true),
        ("persistentvolumeclaims", fields("spec/volumeName"), true),
        ("clusterroles.rbac.authorization.k8s.io", fields("rules"), true),
        ("deployments.apps", fields("spec/replicas"), false),
        (
            "persistentvolumeclaims",
            fields("metadata/annotations/pv.kubernetes.io~x"),
            false,
        ),
    ];
    for (resource, path, left) in cases {
        assert_eq!(left_to_cluster(&gvr(resource), &path), left, "{resource} {path}");
    }
    let annotation = FieldPath::of_fields(["metadata", "annotations", "pv.kubernetes.io/bind-completed"]);
    assert!(left_to_cluster(&gvr("persistentvolumeclaims"), &annotation));
}

proptest! {
    /// What was stripped once has nothing left to strip, and nothing is ever added.
    #[test]
    fn stripping_is_idempotent_and_only_removes(
        cluster_ip in prop_oneof![Just("None"), Just("10.0.0.1"), Just("")],
        node_ports in prop::collection::vec(prop::option::of(30000_u32..30010), 0..4),
        owned in any::<bool>(),
    ) {
        let ports: Vec<Value> = node_ports
            .iter()
            .enumerate()
            .map(|(index, node_port)| match node_port {
                Some(node_port) => json!({"port": index, "nodePort": node_port}),
                None => json!({"port": index}),
            })
            .collect();
        let object = json!({"metadata": {"name": "s", "uid": "u"}, "spec": {"clusterIP": cluster_ip, "ports": ports}});
        let fields = json!({"f:spec": {"f:ports": {"k:{\"port\":0,\"protocol\":\"TCP\"}": {"f:nodePort": {}}}}});
        let entries = if owned { vec![by("kubectl", &fields)] } else { Vec::new() };
        let once = stripped("services", &object, &entries);
        prop_assert_eq!(&stripped("services", &once, &entries), &once);
        for (index, node_port) in node_ports.iter().enumerate() {
            let kept = once.pointer(&format!("/spec/ports/{index}/nodePort")).is_some();
            prop_assert_eq!(kept, owned && index == 0 && node_port.is_some());
        }
        prop_assert_eq!(once.pointer("/spec/clusterIP").is_some(), cluster_ip == "None");
    }
}
