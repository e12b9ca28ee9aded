use std::{collections::BTreeMap, sync::Arc};

use clap::Parser;
use serde_json::{Value, json};
use syncer_clusters::{Cluster, ClusterConfig};
use syncer_core::{
    Gvr,
    config::{NamespaceMapping, SyncTarget, SyncTargetSpec},
};

use super::{
    ReleaseError, ReleaseOptions,
    options::ReleaseOutput,
    report::{Count, Part, Report, Written},
    target::Choice,
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
    let choice = Choice::of(&options(&all).unwrap()).unwrap();
    let found = choice.targets(BTreeMap::new()).unwrap();
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

fn choice(args: &[&str]) -> Choice {
    Choice::of(&options(args).unwrap()).unwrap()
}

#[tokio::test]
async fn a_target_whose_kubeconfig_nobody_knows_keeps_its_markers() {
    let found = choice(&["--target", "gone"]).targets(BTreeMap::new()).unwrap();
    let upstream = Cluster::builder("upstream").connect(kubeconfig()).unwrap();
    let cause = found[0].connect(&upstream).await.unwrap_err();
    assert!(cause.contains("give --target NAME=FILE"), "{cause}");
}

fn kubeconfig() -> ClusterConfig {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("up.kubeconfig");
    let text = "\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
";
    std::fs::write(&file, text).unwrap();
    ClusterConfig::from_kubeconfig_file(&file, None).unwrap()
}

#[test]
fn sync_targets_of_the_upstream_are_asked_for_where_the_files_do_not_say_it_all() {
    assert!(choice(&[]).asks_for_objects());
    assert!(choice(&["--target", "east"]).asks_for_objects());
    assert!(!choice(&["--target", "east=file"]).asks_for_objects());
    let object = |name: &str, mapping| {
        let spec = SyncTargetSpec {
            namespace_mapping: mapping,
            ..SyncTargetSpec::default()
        };
        let target = SyncTarget {
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            spec,
        };
        (Arc::from(name), Arc::new(target))
    };
    let objects: BTreeMap<_, _> = [object("east", Some(NamespaceMapping::Hashed)), object("west", None)].into();
    let of = |args: &[&str]| {
        let found = choice(args).targets(objects.clone()).unwrap();
        let shown = found.iter().map(|target| {
            let uid = target.document.as_ref().map(|document| document.uid.clone());
            (target.name.to_string(), uid, target.mapping)
        });
        shown.collect::<Vec<_>>()
    };
    let east = ("east".to_owned(), Some("uid-east".to_owned()), NamespaceMapping::Hashed);
    let west = (
        "west".to_owned(),
        Some("uid-west".to_owned()),
        NamespaceMapping::Identity,
    );
    assert_eq!(of(&[]), [east.clone(), west]);
    assert_eq!(of(&["--target", "east"]), [east]);
    // A file wins.
    assert_eq!(
        of(&["--target", "east=file"]),
        [("east".to_owned(), Some(String::new()), NamespaceMapping::Identity)]
    );
    assert!(matches!(
        choice(&[]).targets(BTreeMap::new()),
        Err(ReleaseError::NobodyNamed)
    ));
}

#[test]
fn wrong_usage_is_refused() {
    for args in [
        &["--target", "East"][..],
        &["--target", "a="],
        &["-o", "xml", "--target", "a"],
    ] {
        assert!(options(args).is_err(), "{args:?}");
    }
    let twice = options(&["--target", "a", "--target", "a=file"]).unwrap();
    assert!(matches!(Choice::of(&twice), Err(ReleaseError::Target(_))));
    let missing = options(&["-f", "/nowhere.yaml"]).unwrap();
    assert!(matches!(Choice::of(&missing), Err(ReleaseError::Documents(_))));
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
TARGET   RESOURCE           FINALIZERS   MARKERS
east     configmaps         2            1
east     deployments.apps   1            0
west     configmaps         0            1
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
