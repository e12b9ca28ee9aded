use serde_json::{Value, json};

use super::super::tests::printed;
use crate::manifests::options::Manifests;

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    documents.iter().filter(|document| document["kind"] == kind).collect()
}

#[test]
fn the_provider_gets_what_it_takes_and_the_binding_comes_last() {
    let documents = printed(Manifests::Kcp, &[]);
    let kinds: Vec<_> = documents
        .iter()
        .map(|document| document["kind"].as_str().unwrap())
        .collect();
    let expected = [
        "Namespace",
        "ServiceAccount",
        "APIResourceSchema",
        "APIResourceSchema",
        "APIExport",
        "CustomResourceDefinition",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "APIBinding",
    ];
    assert_eq!(kinds, expected);
    let (provider, binding) = documents.split_at(documents.len() - 1);
    assert_eq!(printed(Manifests::KcpProvider, &[]), provider);
    assert_eq!(printed(Manifests::KcpBinding, &[]), binding);
}

/// A schema cannot be changed in kcp, so each content has a name, and the export has to name this one.
#[test]
fn the_export_names_the_schemas_that_are_printed() {
    let documents = printed(Manifests::Kcp, &[]);
    let schemas: Vec<_> = of_kind(&documents, "APIResourceSchema")
        .iter()
        .map(|schema| schema["metadata"]["name"].clone())
        .collect();
    let export = &of_kind(&documents, "APIExport")[0]["spec"];
    let named: Vec<_> = export["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["schema"].clone())
        .collect();
    assert_eq!(named, schemas);
    assert_eq!(export["resources"][1]["group"], "");
}

/// kcp grants the verbs that export and binding both spell out; what the role lacks is granted in vain.
#[test]
fn claims_and_role_name_the_same_verbs() {
    let documents = printed(Manifests::Kcp, &[]);
    let claims = |kind: &str| {
        let claims = of_kind(&documents, kind)[0]["spec"]["permissionClaims"]
            .as_array()
            .unwrap();
        claims
            .iter()
            .map(|claim| json!([claim["group"], claim["resource"], claim["verbs"]]))
            .collect::<Vec<_>>()
    };
    assert_eq!(claims("APIExport"), claims("APIBinding"));
    let granted: Vec<_> = super::rbac::CONTENT.to_vec();
    assert_eq!(granted, super::claims::verbs().into_iter().collect::<Vec<_>>());
}

/// A stolen credential of ours deletes nothing, and of what kcp has itself makes nothing but Events.
#[test]
fn the_service_account_may_report_and_not_rule() {
    let documents = printed(Manifests::Kcp, &[]);
    for claim in of_kind(&documents, "APIExport")[0]["spec"]["permissionClaims"]
        .as_array()
        .unwrap()
    {
        let verbs = claim["verbs"].to_string();
        assert!(
            !verbs.contains("delete") && !verbs.contains("update") && !verbs.contains('*'),
            "{claim}"
        );
        assert_eq!(verbs.contains("create"), claim["resource"] == "events", "{claim}");
    }
    for role in of_kind(&documents, "ClusterRole")
        .into_iter()
        .chain(of_kind(&documents, "Role"))
    {
        assert!(
            !role.to_string().contains('*') && !role.to_string().contains("delete"),
            "{role}"
        );
    }
}

#[test]
fn names_can_be_chosen() {
    let arguments = [
        "--workspace=root:org:infra",
        "--export=apps",
        "--namespace=sync",
        "--service-account=agent",
        "--kubeconfig-secret=east,west",
    ];
    let documents = printed(Manifests::Kcp, &arguments);
    let binding = &of_kind(&documents, "APIBinding")[0]["spec"]["reference"]["export"];
    assert_eq!(*binding, json!({"path": "root:org:infra", "name": "apps"}));
    assert_eq!(of_kind(&documents, "APIExport")[0]["metadata"]["name"], "apps");
    let kubeconfigs = &of_kind(&documents, "Role")[0];
    assert_eq!(kubeconfigs["metadata"]["namespace"], "sync");
    assert_eq!(kubeconfigs["rules"][0]["resourceNames"], json!(["east", "west"]));
    let given = &of_kind(&documents, "ClusterRoleBinding")[0]["subjects"][0];
    assert_eq!(
        *given,
        json!({"kind": "ServiceAccount", "namespace": "sync", "name": "agent"})
    );
    let role = of_kind(&documents, "ClusterRole")[0]["rules"].to_string();
    assert!(role.contains(r#"["apps"]"#) && !role.contains("kubernetes"), "{role}");
}
