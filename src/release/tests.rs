use std::sync::Arc;

use clap::Parser;
use serde_json::{Value, json};
use syncer_core::{Gvr, config::NamespaceMapping};

use super::{
    ReleaseError, ReleaseOptions,
    options::ReleaseOutput,
    report::{Count, Part, Report, Written},
    target::targets,
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: ReleaseOptions,
}

fn options(args: &[&str]) -> Result<ReleaseOptions, clap::Error> {
    Line::try_parse_from(["release"].iter().chain(args)).map(|line| line.options)
}

const DOCUMENTS: &str = "\
apiVersion: workload.kcp.io/v1alpha1
kind: SyncTarget
metadata: {name: east}
spec: {kubeconfigFile: east.kubeconfig, namespaceMapping: Hashed}
---
apiVersion: workload.kcp.io/v1alpha1
kind: SyncTarget
metadata: {name: west}
spec: {kubeconfigFile: west.kubeconfig}
";

/// What is released by `args` beside the documents: name, whether its document is known, and its mapping.
fn released(args: &[&str]) -> Vec<(String, bool, NamespaceMapping)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.yaml");
    std::fs::write(&file, DOCUMENTS).unwrap();
    let file = file.display().to_string();
    let all: Vec<_> = ["-f", &file].iter().chain(args).copied().collect();
    let found = targets(&options(&all).unwrap()).unwrap();
    found
        .iter()
        .map(|target| (target.name.to_string(), target.document.is_some(), target.mapping))
        .collect()
}

#[test]
fn all_targets_of_the_files_are_released_or_those_that_are_named() {
    use NamespaceMapping::{Hashed, Identity};
    let case = |name: &str, known, mapping| (name.to_owned(), known, mapping);
    assert_eq!(
        released(&[]),
        [case("east", true, Hashed), case("west", true, Identity)]
    );
    assert_eq!(
        released(&["--namespace-mapping", "hashed"]),
        [case("east", true, Hashed), case("west", true, Hashed)]
    );
    assert_eq!(
        released(&["--endpoint-slice", "kubernetes"]),
        [case("east", true, Hashed), case("west", true, Hashed)]
    );
    assert_eq!(released(&["--target", "west"]), [case("west", true, Identity)]);
    assert_eq!(
        released(&["--target", "gone,other=file"]),
        [case("gone", false, Identity), case("other", true, Identity)]
    );
}

#[test]
fn a_target_whose_kubeconfig_nobody_knows_keeps_its_markers() {
    let found = targets(&options(&["--target", "gone"]).unwrap()).unwrap();
    let cause = found[0].connect().unwrap_err();
    assert!(cause.contains("give --target NAME=FILE"), "{cause}");
}

#[test]
fn wrong_usage_is_refused() {
    for args in [
        &[][..],
        &["--target", "East"],
        &["--target", "a="],
        &["-o", "xml", "--target", "a"],
    ] {
        assert!(options(args).is_err(), "{args:?}");
    }
    let twice = options(&["--target", "a", "--target", "a=file"]).unwrap();
    assert!(matches!(targets(&twice), Err(ReleaseError::Target(_))));
    let missing = options(&["-f", "/nowhere.yaml"]).unwrap();
    assert!(matches!(targets(&missing), Err(ReleaseError::Documents(_))));
}

fn report() -> Report {
    let maps = Gvr::new("", "v1", "configmaps");
    let (east, west) = (Arc::from("east"), Arc::from("west"));
    let mut finalizers = Part::default();
    finalizers.count(&east, &maps, Count::Finalizer);
    finalizers.count(&east, &maps, Count::Finalizer);
    finalizers.count(&east, &Gvr::new("apps", "v1", "deployments"), Count::Finalizer);
    let mut markers = Part::default();
    markers.count(&east, &maps, Count::Marked);
    markers.count(&west, &maps, Count::Marked);
    markers.count(&west, &maps, Count::Nothing);
    markers.failed("target west", "target west: cannot connect");
    let mut report = Report::new(Written::Everything);
    report.upstream = "up-1".to_owned();
    report.merge(finalizers);
    report.merge(markers);
    report
}

fn printed(report: &Report, output: ReleaseOutput) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    report.print(output, &mut out, &mut err).unwrap();
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn people_get_a_table_and_what_was_not_done() {
    let (out, err) = printed(&report(), ReleaseOutput::Table);
    let expected = "\
TARGET  RESOURCE          FINALIZERS  MARKERS
east    configmaps        2           1
east    deployments.apps  1           0
west    configmaps        0           1
released: 3 finalizers upstream, the markers of 2 objects on targets
";
    assert_eq!(out, expected);
    assert_eq!(err, "not released: target west: cannot connect\n");
    let nothing = printed(&Report::new(Written::Nothing), ReleaseOutput::Table);
    assert_eq!(nothing, ("nothing to release\n".to_owned(), String::new()));
}

#[test]
fn scripts_get_json_or_yaml() {
    let expected = json!({
        "dryRun": false,
        "upstream": "up-1",
        "released": [
            {"target": "east", "resource": "configmaps", "finalizers": 2, "markers": 1},
            {"target": "east", "resource": "deployments.apps", "finalizers": 1, "markers": 0},
            {"target": "west", "resource": "configmaps", "finalizers": 0, "markers": 1},
        ],
        "skipped": [],
        "failures": [{"cluster": "target west", "message": "cannot connect"}],
    });
    let (json, _) = printed(&report(), ReleaseOutput::Json);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);
    let (yaml, _) = printed(&report(), ReleaseOutput::Yaml);
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), expected);
}
