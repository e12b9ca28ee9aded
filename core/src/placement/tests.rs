use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    config::{Configuration, ResourceRef, SyncPolicy, SyncTarget},
    identity::{LogicalCluster, Scope},
};

/// A configuration of targets and policies, given by their specs; `labels` beside a target's spec.
fn configuration(targets: &Value, policies: &Value) -> Configuration {
    let mut configuration = Configuration::default();
    for (name, target) in targets.as_object().unwrap() {
        let mut spec = target.clone();
        let labels = spec
            .as_object_mut()
            .unwrap()
            .remove("labels")
            .unwrap_or_else(|| json!({}));
        configuration.targets.insert(
            name.as_str().into(),
            Arc::new(SyncTarget {
                name: name.clone(),
                uid: String::new(),
                labels: serde_json::from_value(labels).unwrap(),
                annotations: BTreeMap::new(),
                spec: serde_json::from_value(spec).unwrap(),
            }),
        );
    }
    for (name, spec) in policies.as_object().unwrap() {
        configuration.policies.insert(
            name.as_str().into(),
            Arc::new(SyncPolicy {
                name: name.clone(),
                spec: serde_json::from_value(spec.clone()).unwrap(),
            }),
        );
    }
    configuration
}

fn options(secrets: Secrets) -> PlacementOptions {
    PlacementOptions {
        secrets,
        protection: Protection::default(),
        default_mapping: NamespaceMapping::Identity,
    }
}

fn rules(targets: &Value, policies: &Value) -> Rules {
    Rules::compile(&configuration(targets, policies), options(Secrets::OnlyNamed)).unwrap()
}

fn two_targets() -> Value {
    json!({"east": {"labels": {"region": "eu"}}, "west": {"labels": {"region": "us"}}})
}

/// One object and what is known about it.
struct Case {
    resource: &'static str,
    scope: Scope,
    cluster: &'static str,
    namespace: &'static str,
    name: &'static str,
    labels: BTreeMap<&'static str, &'static str>,
    namespace_labels: Option<BTreeMap<&'static str, &'static str>>,
    path: Option<&'static str>,
    controller: Option<Controller<'static>>,
}

fn object(resource: &'static str) -> Case {
    Case {
        resource,
        scope: Scope::Namespaced,
        cluster: "",
        namespace: "shop",
        name: "web",
        labels: BTreeMap::from([("tier", "front")]),
        namespace_labels: Some(BTreeMap::from([("team", "a")])),
        path: None,
        controller: None,
    }
}

fn namespace(name: &'static str) -> Case {
    Case {
        scope: Scope::Cluster,
        namespace: "",
        name,
        ..object("namespaces")
    }
}

impl Case {
    fn verdict(&self, rules: &Rules) -> Verdict {
        let (resource, group) = self.resource.split_once('.').unwrap_or((self.resource, ""));
        let gvr = Gvr::new(group, "v1", resource);
        let resource = ResourceType {
            gvr: gvr.clone(),
            kind: "Any".into(),
            scope: self.scope,
        };
        let key = ObjectKey::new(LogicalCluster::new(self.cluster), gvr, self.namespace, self.name);
        let labels = |key: &str| self.labels.get(key).copied();
        let namespace_labels = |key: &str| {
            self.namespace_labels
                .as_ref()
                .and_then(|labels| labels.get(key).copied())
        };
        let known: Lookup<'_> = &namespace_labels;
        rules.place(&Facts {
            resource: &resource,
            key: &key,
            labels: &labels,
            secret_type: None,
            namespace_labels: self.namespace_labels.is_some().then_some(known),
            workspace_path: self.path,
            controller: self.controller,
        })
    }

    fn placement(&self, rules: &Rules) -> Placement {
        match self.verdict(rules) {
            Verdict::Decided(placement) => placement,
            Verdict::Undecided(what) => panic!("undecided: {what:?}"),
        }
    }

    /// `policy>target`, with `?` where it goes only if referenced.
    fn shown(&self, rules: &Rules) -> String {
        let places = self.placement(rules).places;
        let shown = places.iter().map(|place| {
            let needs = if place.needs == Needs::IfReferenced { "?" } else { "" };
            format!("{}>{}{needs}", place.policy.name, place.target.name)
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn a_policy_selects_by_resource_workspace_namespace_labels_and_target() {
    let maps = json!([{"group": "", "resource": "configmaps"}]);
    let cases = [
        (json!({}), "p>east p>west"),
        (json!({"resources": [{"group": "apps", "resource": "configmaps"}]}), ""),
        (json!({"resources": [{"group": "", "resource": "services"}]}), ""),
        (json!({"objects": {"matchLabels": {"tier": "front"}}}), "p>east p>west"),
        (json!({"objects": {"matchLabels": {"tier": "back"}}}), ""),
        (json!({"namespaces": {"names": ["shop", "other"]}}), "p>east p>west"),
        (json!({"namespaces": {"names": ["other"]}}), ""),
        (
            json!({"namespaces": {"selector": {"matchLabels": {"team": "a"}}}}),
            "p>east p>west",
        ),
        (json!({"namespaces": {"selector": {"matchLabels": {"team": "b"}}}}), ""),
        (
            json!({"namespaces": {"names": ["shop"], "selector": {"matchLabels": {"team": "b"}}}}),
            "",
        ),
        (json!({"targets": {"names": ["west"]}}), "p>west"),
        (json!({"targets": {"names": ["none"]}}), ""),
        (
            json!({"targets": {"selector": {"matchLabels": {"region": "eu"}}}}),
            "p>east",
        ),
        (
            json!({"targets": {"names": ["west"], "selector": {"matchLabels": {"region": "eu"}}}}),
            "",
        ),
        (json!({"workspaces": {"names": ["2xyz"]}}), ""),
        (json!({"workspaces": {"paths": ["root:org"]}}), ""),
    ];
    for (spec, expected) in cases {
        let mut policy = json!({"resources": maps});
        policy
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        let rules = rules(&two_targets(), &json!({"p": policy}));
        assert_eq!(object("configmaps").shown(&rules), expected, "{spec}");
    }
}

#[test]
fn workspaces_are_known_by_name_or_path() {
    let spec = |workspaces: Value| json!({"p": {"resources": [{"resource": "configmaps"}], "workspaces": workspaces}});
    let cases = [
        (json!({}), None, "p>east"),
        (json!({"names": ["2xyz"]}), None, "p>east"),
        (json!({"names": ["other"]}), None, ""),
        (json!({"names": ["other"]}), Some("root:org"), ""),
        (json!({"paths": ["root:org"]}), Some("root:org"), "p>east"),
        (json!({"paths": ["root:org"]}), Some("root:org:team"), ""),
        (json!({"names": ["2xyz"], "paths": ["root:other"]}), None, "p>east"),
        (
            json!({"names": ["other"], "paths": ["root:org"]}),
            Some("root:org"),
            "p>east",
        ),
    ];
    for (workspaces, path, expected) in cases {
        let rules = rules(&json!({"east": {}}), &spec(workspaces.clone()));
        let case = Case {
            cluster: "2xyz",
            path,
            ..object("configmaps")
        };
        assert_eq!(case.shown(&rules), expected, "{workspaces} {path:?}");
    }
}

#[test]
fn what_is_not_known_is_not_decided() {
    let by_namespace =
        json!({"resources": [{"resource": "configmaps"}], "namespaces": {"selector": {"matchLabels": {"team": "a"}}}});
    let by_path = json!({"resources": [{"resource": "configmaps"}], "workspaces": {"paths": ["root:org"]}});
    let any = json!({"resources": [{"resource": "configmaps"}]});
    let undecided = |policies: Value, case: Case| match case.verdict(&rules(&json!({"east": {}}), &policies)) {
        Verdict::Decided(_) => None,
        Verdict::Undecided(what) => Some(what),
    };
    let unread = || Case {
        namespace_labels: None,
        ..object("configmaps")
    };
    let kcp = || Case {
        cluster: "2xyz",
        ..object("configmaps")
    };
    assert_eq!(
        undecided(json!({"p": by_namespace}), unread()),
        Some(Undecided::NamespaceLabels)
    );
    assert_eq!(
        undecided(json!({"p": by_namespace, "q": any}), unread()),
        Some(Undecided::NamespaceLabels)
    );
    assert_eq!(undecided(json!({"q": any}), unread()), None);
    assert_eq!(undecided(json!({"p": by_path}), kcp()), Some(Undecided::WorkspacePath));
    assert_eq!(
        undecided(json!({"p": by_path}), object("configmaps")),
        None,
        "a plain upstream has no paths"
    );
    let services = Case {
        namespace_labels: None,
        ..object("services")
    };
    assert_eq!(
        undecided(json!({"p": by_namespace}), services),
        None,
        "it is surely not selected"
    );
    let controlled = Case {
        controller: Some(Controller::new("v1", "ConfigMap")),
        namespace_labels: None,
        ..object("services")
    };
    assert_eq!(
        undecided(json!({"p": by_namespace}), controlled),
        Some(Undecided::NamespaceLabels)
    );
}

#[test]
fn the_higher_priority_decides_then_the_first_name() {
    let maps = |priority: i32, targets: Value| json!({"resources": [{"resource": "configmaps"}], "priority": priority, "targets": {"names": targets}});
    let cases = [
        (
            json!({"a": maps(0, json!([])), "b": maps(0, json!([]))}),
            "a>east a>west",
            "b:a@east b:a@west",
        ),
        (
            json!({"a": maps(0, json!([])), "b": maps(1, json!([]))}),
            "b>east b>west",
            "a:b@east a:b@west",
        ),
        (
            json!({"a": maps(-1, json!([])), "b": maps(0, json!(["east"]))}),
            "b>east a>west",
            "a:b@east",
        ),
        (
            json!({"a": maps(1, json!(["east"])), "b": maps(1, json!(["east"])), "c": maps(2, json!(["east"]))}),
            "c>east",
            "a:c@east b:c@east",
        ),
    ];
    for (policies, places, shadowed) in cases {
        let rules = rules(&two_targets(), &policies);
        assert_eq!(object("configmaps").shown(&rules), places, "{policies}");
        let placement = object("configmaps").placement(&rules);
        let shown = placement.shadowed.iter();
        let shown =
            shown.map(|shadowed| format!("{}:{}@{}", shadowed.policy.name, shadowed.by.name, shadowed.target.name));
        assert_eq!(shown.collect::<Vec<_>>().join(" "), shadowed, "{policies}");
    }
}

#[test]
fn a_suspended_policy_still_decides_and_writes_nothing() {
    let policies = json!({
        "a": {"resources": [{"resource": "configmaps"}], "suspend": true},
        "b": {"resources": [{"resource": "configmaps"}]},
    });
    let placement = object("configmaps").placement(&rules(&json!({"east": {}}), &policies));
    assert_eq!(&*placement.places[0].policy.name, "a");
    assert_eq!(placement.places[0].writes, Writes::Suspended);
    assert_eq!(placement.shadowed.len(), 1);
}

#[test]
fn targets_refuse_keep_out_and_map() {
    let targets = json!({
        "cordoned": {"unschedulable": true, "namespaceMapping": "Hashed"},
        "no-apps": {"refuse": ["deployments.apps"]},
        "no-secrets": {"refuse": ["secrets", "deployments"]},
    });
    let policies = json!({"p": {"resources": [{"resource": "secrets"}, {"group": "apps", "resource": "deployments"}]}});
    let rules = rules(&targets, &policies);
    assert_eq!(object("secrets").shown(&rules), "p>cordoned p>no-apps");
    assert_eq!(object("deployments.apps").shown(&rules), "p>cordoned p>no-secrets");
    let placement = object("secrets").placement(&rules);
    assert_eq!(
        placement
            .withheld
            .iter()
            .map(|withheld| (&*withheld.target.name, withheld.why))
            .collect::<Vec<_>>(),
        [("no-secrets", Withholding::Refused)]
    );
    assert_eq!(placement.withholding("no-secrets"), Some(Withholding::Refused));
    assert_eq!(placement.withholding("cordoned"), None);
    assert_eq!(placement.places[0].newcomers, Newcomers::KeptOut);
    assert_eq!(placement.places[1].newcomers, Newcomers::Welcome);
    assert_eq!(placement.places[0].target.mapping, NamespaceMapping::Hashed);
    assert_eq!(placement.places[1].target.mapping, NamespaceMapping::Identity);
}

#[test]
fn a_target_is_drained_once_its_time_has_come() {
    let targets = json!({
        "later": {"evictAfter": "2026-02-01T00:00:00Z", "refuse": ["configmaps"]},
        "sooner": {"evictAfter": "2026-01-01T02:00:00+02:00"},
        "stays": {},
    });
    let policies = json!({"p": {"resources": [{"resource": "secrets"}], "namespaces": {"names": ["shop"]}}});
    let at = |time: &str| {
        let (configuration, options) = (configuration(&targets, &policies), options(Secrets::OnlyNamed));
        Rules::compile_at(&configuration, options, time.parse().unwrap()).unwrap()
    };
    let timeless = rules(&targets, &policies);
    let next = |rules: &Rules| rules.next_eviction().map(|time| time.to_string());
    let cases = [
        (
            "2025-12-31T23:59:59Z",
            "p>later p>sooner p>stays",
            Some("2026-01-01T00:00:00Z"),
        ),
        ("2026-01-01T00:00:00Z", "p>later p>stays", Some("2026-02-01T00:00:00Z")),
        (
            "2026-01-31T23:59:59.999Z",
            "p>later p>stays",
            Some("2026-02-01T00:00:00Z"),
        ),
        ("2027-01-01T00:00:00Z", "p>stays", None),
    ];
    for (now, places, eviction) in cases {
        let rules = at(now);
        assert_eq!(object("secrets").shown(&rules), places, "{now}");
        assert_eq!(next(&rules).as_deref(), eviction, "{now}");
    }
    let rules = at("2027-01-01T00:00:00Z");
    for case in [object("secrets"), namespace("shop")] {
        let placement = case.placement(&rules);
        assert_eq!(placement.withholding("later"), Some(Withholding::Drained));
        assert_eq!(placement.withholding("sooner"), Some(Withholding::Drained));
    }
    // What no policy sends there is nothing that it withholds.
    let elsewhere = Case {
        namespace: "other",
        ..object("secrets")
    };
    assert_eq!(elsewhere.placement(&rules).withholding("sooner"), None);
    // Being drained comes before what it refuses.
    let later = rules.target("later").unwrap();
    assert_eq!(
        later.withholds(&Gvr::new("", "v1", "configmaps")),
        Some(Withholding::Drained)
    );
    assert!(rules.target("other").is_none());
    // Nobody is drained where no time is given.
    assert_eq!(object("secrets").shown(&timeless), "p>later p>sooner p>stays");
}

#[test]
fn what_is_protected_goes_nowhere() {
    let policies =
        json!({"p": {"resources": [{"resource": "configmaps"}, {"resource": "secrets"}, {"resource": "namespaces"}]}});
    let targets = json!({"east": {"kubeconfigSecretRef": {"namespace": "infra", "name": "east"}}});
    let rules = rules(&targets, &policies);
    let cases = [
        (
            Case {
                name: "kube-root-ca.crt",
                ..object("configmaps")
            },
            Protected::MadeByCluster,
        ),
        (
            Case {
                namespace: "kube-system",
                ..object("configmaps")
            },
            Protected::Namespace,
        ),
        (
            Case {
                namespace: "infra",
                name: "east",
                ..object("secrets")
            },
            Protected::TargetCredentials,
        ),
        (namespace("kube-public"), Protected::Namespace),
    ];
    for (case, expected) in cases {
        let placement = case.placement(&rules);
        assert_eq!(placement.excluded, Some(Excluded::Protected(expected)));
        assert!(placement.places.is_empty());
    }
}

#[test]
fn cluster_scoped_objects_need_a_policy_that_allows_them() {
    let roles = json!([{"group": "rbac.authorization.k8s.io", "resource": "clusterroles"}]);
    let case = || Case {
        scope: Scope::Cluster,
        namespace: "",
        ..object("clusterroles.rbac.authorization.k8s.io")
    };
    let denied = rules(&json!({"east": {}}), &json!({"a": {"resources": roles}}));
    assert_eq!(
        case().placement(&denied).excluded,
        Some(Excluded::Protected(Protected::ClusterScoped))
    );
    let policies = json!({"a": {"resources": roles}, "b": {"resources": roles, "allowClusterScoped": true}});
    let allowed = rules(&json!({"east": {}}), &policies);
    assert_eq!(case().shown(&allowed), "b>east");
    assert!(case().placement(&allowed).shadowed.is_empty());
    let other = rules(
        &json!({"east": {}}),
        &json!({"a": {"resources": [{"resource": "configmaps"}]}}),
    );
    assert_eq!(case().placement(&other).excluded, None);
}

#[test]
fn objects_of_a_synced_owner_are_left_to_the_targets() {
    let policies = json!({"p": {
        "resources": [{"group": "apps", "resource": "deployments"}, {"resource": "configmaps"}],
        "namespaces": {"names": ["shop"]},
    }});
    let rules = rules(&json!({"east": {}}), &policies);
    let owned = |api_version: &'static str, kind: &'static str, namespace: &'static str| {
        let case = Case {
            controller: Some(Controller::new(api_version, kind)),
            namespace,
            ..object("configmaps")
        };
        case.placement(&rules).excluded
    };
    assert_eq!(owned("apps/v1", "Deployment", "shop"), Some(Excluded::OwnedBySynced));
    assert_eq!(owned("apps/v1", "StatefulSet", "shop"), None);
    assert_eq!(owned("example.org/v1", "Deployment", "shop"), None);
    assert_eq!(
        owned("apps/v1", "Deployment", "other"),
        None,
        "the owner there is not selected"
    );
}

#[test]
fn dependencies_are_taken_along_where_pods_name_them() {
    let deployments = json!([{"group": "apps", "resource": "deployments"}]);
    let with_secrets = json!([{"group": "apps", "resource": "deployments"}, {"resource": "secrets"}]);
    let only_labelled = json!({"matchLabels": {"tier": "none"}});
    let cases = [
        (json!({"resources": deployments}), "configmaps", Secrets::Allowed, ""),
        (
            json!({"resources": deployments, "dependencies": true}),
            "configmaps",
            Secrets::OnlyNamed,
            "p>east?",
        ),
        (
            json!({"resources": deployments, "dependencies": true}),
            "serviceaccounts",
            Secrets::OnlyNamed,
            "p>east?",
        ),
        (
            json!({"resources": deployments, "dependencies": true}),
            "secrets",
            Secrets::OnlyNamed,
            "",
        ),
        (
            json!({"resources": deployments, "dependencies": true}),
            "secrets",
            Secrets::Allowed,
            "p>east?",
        ),
        (
            json!({"resources": with_secrets, "dependencies": true}),
            "secrets",
            Secrets::OnlyNamed,
            "p>east",
        ),
        (
            json!({"resources": with_secrets, "dependencies": true, "objects": only_labelled}),
            "secrets",
            Secrets::OnlyNamed,
            "p>east?",
        ),
        (
            json!({"resources": deployments, "dependencies": true}),
            "services",
            Secrets::Allowed,
            "",
        ),
        (
            json!({"resources": deployments, "dependencies": true, "namespaces": {"names": ["other"]}}),
            "configmaps",
            Secrets::Allowed,
            "",
        ),
    ];
    for (policy, resource, secrets, expected) in cases {
        let configuration = configuration(&json!({"east": {}}), &json!({"p": policy}));
        let rules = Rules::compile(&configuration, options(secrets)).unwrap();
        assert_eq!(
            object(resource).shown(&rules),
            expected,
            "{policy} {resource} {secrets:?}"
        );
    }
}

#[test]
fn what_is_selected_comes_before_what_is_taken_along() {
    let policies = json!({
        "a": {"resources": [{"group": "apps", "resource": "deployments"}], "dependencies": true, "priority": 9},
        "b": {"resources": [{"resource": "configmaps"}], "targets": {"names": ["east"]}},
    });
    let rules = rules(&two_targets(), &policies);
    assert_eq!(object("configmaps").shown(&rules), "b>east a>west?");
    assert!(object("configmaps").placement(&rules).shadowed.is_empty());
}

#[test]
fn a_namespace_goes_where_something_in_it_may_go() {
    let policies = json!({
        "a": {
            "resources": [{"resource": "configmaps"}], "namespaces": {"names": ["shop"]},
            "namespaceMetadata": {"labels": {"x": "a", "only-a": "1"}},
        },
        "b": {
            "resources": [{"resource": "services"}], "targets": {"names": ["west"]}, "priority": 1,
            "namespaceMetadata": {"labels": {"x": "b"}, "annotations": {"n": "b"}},
        },
        "c": {"resources": [{"resource": "services"}], "namespaces": {"selector": {"matchLabels": {"tier": "back"}}}},
    });
    let rules = rules(&two_targets(), &policies);
    assert_eq!(namespace("shop").shown(&rules), "a>east? b>west?");
    assert_eq!(namespace("other").shown(&rules), "b>west?");
    let placement = namespace("shop").placement(&rules);
    let west = placement.places[1].namespace_metadata.clone().unwrap();
    assert_eq!(json!(west.labels), json!({"x": "b", "only-a": "1"}));
    assert_eq!(json!(west.annotations), json!({"n": "b"}));
    let east = placement.places[0].namespace_metadata.clone().unwrap();
    assert_eq!(json!(east.labels), json!({"x": "a", "only-a": "1"}));
    assert!(
        object("configmaps").placement(&rules).places[0]
            .namespace_metadata
            .is_none()
    );
    assert!(placement.shadowed.is_empty());
}

#[test]
fn a_namespace_does_not_wait_for_a_suspended_policy() {
    let policies = json!({
        "a": {"resources": [{"resource": "configmaps"}], "suspend": true},
        "b": {"resources": [{"resource": "services"}]},
    });
    let placement = namespace("shop").placement(&rules(&json!({"east": {}}), &policies));
    assert_eq!(
        (&*placement.places[0].policy.name, placement.places[0].writes),
        ("b", Writes::Allowed)
    );
    let alone = json!({"a": {"resources": [{"resource": "configmaps"}], "suspend": true}});
    let placement = namespace("shop").placement(&rules(&json!({"east": {}}), &alone));
    assert_eq!(placement.places[0].writes, Writes::Suspended);
}

#[test]
fn a_policy_may_name_namespaces() {
    let policies = json!({"a": {"resources": [{"resource": "namespaces"}]}, "b": {"resources": [{"resource": "services"}], "priority": 1}});
    assert_eq!(
        namespace("shop").shown(&rules(&json!({"east": {}}), &policies)),
        "a>east"
    );
}

#[test]
fn what_has_to_be_followed_is_known() {
    let followed = |policies: Value, secrets: Secrets| {
        let rules = Rules::compile(&configuration(&json!({}), &policies), options(secrets)).unwrap();
        let show = |resource: &ResourceRef| format!("{}.{}", resource.resource, resource.group);
        rules.resources().iter().map(show).collect::<Vec<_>>().join(" ")
    };
    let plain = json!({"p": {"resources": [{"group": "apps", "resource": "deployments"}]}});
    let dependencies =
        json!({"p": {"resources": [{"group": "apps", "resource": "deployments"}], "dependencies": true}});
    assert_eq!(followed(json!({}), Secrets::Allowed), "namespaces.");
    assert_eq!(followed(plain, Secrets::Allowed), "namespaces. deployments.apps");
    assert_eq!(
        followed(dependencies.clone(), Secrets::OnlyNamed),
        "configmaps. namespaces. serviceaccounts. deployments.apps"
    );
    assert_eq!(
        followed(dependencies, Secrets::Allowed),
        "configmaps. namespaces. secrets. serviceaccounts. deployments.apps"
    );
}

#[test]
fn every_mistake_of_every_policy_is_named() {
    let policies = json!({
        "a": {"resources": [], "transforms": [{"set": {"path": "metadata.name", "value": "x"}}, {}]},
        "b": {
            "resources": [{"resource": "configmaps"}],
            "conflict": {"fields": [{"path": "spec.x", "owner": "Downstream"}, {"path": "spec..x", "owner": "Upstream"}]},
            "namespaceMetadata": {"labels": {"kcp.io/x": "y"}},
        },
        "c": {"resources": [{"resource": "configmaps"}]},
    });
    let errors = Rules::compile(&configuration(&json!({}), &policies), options(Secrets::Allowed)).unwrap_err();
    let found: Vec<(&str, &str)> = errors
        .iter()
        .map(|error| (&*error.policy, error.path.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("a", "resources"),
            ("a", "transforms[0].set.path"),
            ("a", "transforms[1]"),
            ("b", "namespaceMetadata.labels"),
            ("b", "conflict.fields[1].path"),
        ]
    );
    assert!(errors[0].to_string().starts_with("SyncPolicy a: resources: "));
}

#[test]
fn a_recipe_depends_on_whether_the_resource_is_named() {
    let policies = json!({"p": {
        "resources": [{"group": "apps", "resource": "deployments"}], "dependencies": true,
        "transforms": [{"set": {"path": "spec.replicas", "value": 2}}],
        "conflict": {"fields": [
            {"resource": "deployments.apps", "path": "spec.replicas", "owner": "Downstream"},
            {"path": "spec.x", "owner": "Upstream"},
        ]},
    }});
    let rules = rules(&json!({"east": {}}), &policies);
    let deployments = Gvr::new("apps", "v1", "deployments");
    let maps = Gvr::new("", "v1", "configmaps");
    let place = &object("deployments.apps").placement(&rules).places[0];
    assert!(!place.recipe(&deployments).is_identity());
    assert!(place.recipe(&maps).is_identity());
    assert_eq!(place.policy.owned_fields(&deployments).count(), 2);
    assert_eq!(place.policy.owned_fields(&maps).count(), 1);
}

/// A policy by priority, selected targets and whether it selects what is asked about.
fn any_policy() -> impl Strategy<Value = (i32, Vec<&'static str>, bool)> {
    let targets = prop::sample::subsequence(vec!["east", "west"], 0..=2);
    (-1..2i32, targets, any::<bool>())
}

proptest! {
    #[test]
    fn every_target_has_the_first_policy_that_selects_it(policies in prop::collection::vec(any_policy(), 0..6)) {
        let name = |index: usize| format!("p{index}");
        let specs: Value = policies
            .iter()
            .enumerate()
            .map(|(index, (priority, targets, selects))| {
                let resource = if *selects { "configmaps" } else { "services" };
                let spec = json!({"priority": priority, "targets": {"names": targets}, "resources": [{"resource": resource}]});
                (name(index), spec)
            })
            .collect();
        let rules = rules(&two_targets(), &specs);
        let placement = object("configmaps").placement(&rules);
        for target in ["east", "west"] {
            let selecting = policies.iter().enumerate().filter(|(_, (_, targets, selects))| {
                *selects && (targets.is_empty() || targets.contains(&target))
            });
            let mut selecting: Vec<(i32, usize)> = selecting.map(|(index, (priority, ..))| (-priority, index)).collect();
            selecting.sort_unstable();
            let place = placement.places.iter().find(|place| &*place.target.name == target);
            prop_assert_eq!(place.map(|place| place.policy.name.to_string()), selecting.first().map(|(_, index)| name(*index)));
            let shadowed = placement.shadowed.iter().filter(|shadowed| &*shadowed.target.name == target).count();
            prop_assert_eq!(shadowed, selecting.len().saturating_sub(1));
        }
    }
}
