use std::{fs, path::PathBuf};

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use super::*;

/// Compares a checked-in copy with what is printed now. `UPDATE_MANIFESTS=1` writes it anew.
#[track_caller]
fn assert_current(folder: &[&str], name: &str, current: &str) {
    let file: PathBuf = [env!("CARGO_MANIFEST_DIR"), "deploy"]
        .iter()
        .chain(folder)
        .chain([&name])
        .collect();
    if std::env::var_os("UPDATE_MANIFESTS").is_some() {
        fs::write(&file, current).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == current,
        "{} is out of date: UPDATE_MANIFESTS=1 cargo test manifests",
        file.display()
    );
}

#[test]
fn the_checked_in_definitions_are_current() {
    for kind in [&SYNC_TARGET, &SYNC_POLICY] {
        let (name, current) = (format!("{}.yaml", kind.plural), crd(kind).yaml().unwrap());
        assert_current(&["crds"], &name, &current);
        assert_current(&["chart", "tmc-syncer", "crds"], &name, &current);
    }
}

/// The chart binds these very roles.
#[test]
fn the_checked_in_roles_are_current() {
    let current: Vec<_> = rbac::plain(&[]).iter().map(|role| role.yaml().unwrap()).collect();
    assert_current(&["chart", "tmc-syncer", "files"], "rbac.yaml", &current.join("---\n"));
}

/// The documents that `tmc-syncer manifests` prints.
pub(super) fn printed(manifests: Manifests, arguments: &[&str]) -> Vec<Value> {
    let name = manifests.to_possible_value().unwrap();
    let line = ["tmc-syncer", "manifests", name.get_name()];
    let cli = crate::cli::Cli::try_parse_from(line.iter().chain(arguments)).unwrap();
    let crate::cli::Command::Manifests(options) = cli.command else {
        panic!("{:?}", cli.command);
    };
    let mut printed = Vec::new();
    print(&options, &mut printed).unwrap();
    serde_saphyr::from_multiple(std::str::from_utf8(&printed).unwrap()).unwrap()
}

#[test]
fn what_is_printed_reads_back() {
    for (manifests, kinds) in [
        (Manifests::Crds, vec!["CustomResourceDefinition"; 2]),
        (Manifests::Rbac, vec!["ClusterRole"; rbac::plain(&[]).len()]),
        (
            Manifests::All,
            [
                vec!["CustomResourceDefinition"; 2],
                vec!["ClusterRole"; rbac::plain(&[]).len()],
            ]
            .concat(),
        ),
    ] {
        let documents = printed(manifests, &[]);
        let found: Vec<_> = documents
            .iter()
            .map(|document| document["kind"].as_str().unwrap())
            .collect();
        assert_eq!(found, kinds);
    }
    let yaml = crd(&SYNC_POLICY).yaml().unwrap();
    assert_eq!(
        serde_saphyr::from_str::<Value>(&yaml).unwrap(),
        crd::definition(&SYNC_POLICY)
    );
}

/// What only files may have is not served, and every field says what it is.
#[test]
fn every_field_is_typed_and_described() {
    fn each(schema: &Value, path: &str) {
        let any = schema["x-kubernetes-preserve-unknown-fields"] == json!(true);
        assert!(schema["type"].is_string() || any, "{path}");
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            assert!(
                field["description"]
                    .as_str()
                    .is_some_and(|about| about.ends_with(['.', '…'])),
                "{path}"
            );
            each(field, &path);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                each(&schema[inner], &format!("{path}.{inner}"));
            }
        }
    }
    for kind in [&SYNC_TARGET, &SYNC_POLICY] {
        let schema = crd::definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
        each(&schema["properties"]["spec"], "spec");
        each(&schema["properties"]["status"], "status");
        assert!(!schema.to_string().contains("kubeconfigFile"));
    }
}

/// Whoever grants a role can read what it is for.
#[test]
fn every_role_is_explained() {
    let page = include_str!("../../docs/configuration.md");
    for manifest in rbac::plain(&[]) {
        let name = manifest.document["metadata"]["name"].as_str().unwrap().to_owned();
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

/// Nothing upstream may be deleted or made anew by a stolen credential of ours.
#[test]
fn upstream_we_may_read_and_report_only() {
    for manifest in rbac::plain(&[]) {
        let name = manifest.document["metadata"]["name"].as_str().unwrap().to_owned();
        for rule in manifest.document["rules"].as_array().unwrap() {
            let of = |field: &str| -> Vec<String> {
                rule[field]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item.as_str().unwrap().to_owned())
                    .collect()
            };
            let (resources, verbs) = (of("resources"), of("verbs"));
            assert!(
                !verbs.contains(&"*".to_owned()) && !verbs.contains(&"update".to_owned()),
                "{name}"
            );
            let has_secrets = resources.contains(&"secrets".to_owned());
            assert_eq!(has_secrets, name.ends_with("-secrets"), "{name}");
            if name.contains("upstream") {
                let reports = resources
                    .iter()
                    .all(|resource| resource.ends_with("/status") || resource == "events");
                // A finalizer is a patch of the object, and so is a write-back.
                let patches = ["finalizers", "write-back"].iter().any(|part| name.contains(part)) && verbs == ["patch"];
                assert!(reports || patches || verbs == ["get", "list", "watch"], "{name} {rule}");
            }
        }
    }
}
