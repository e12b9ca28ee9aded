use std::{
    fs,
    num::NonZeroUsize,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use syncer_clusters::{Cluster, ClusterConfig, Limits};

use super::*;

fn options(dir: &Path, workspaces: &[&str]) -> SandboxOptions {
    SandboxOptions {
        targets: NonZeroUsize::new(2).unwrap(),
        dir: dir.to_owned(),
        workspaces: workspaces.iter().map(|name| (*name).to_owned()).collect(),
        seed: Some(7),
    }
}

async fn served(options: &SandboxOptions) -> Served {
    let fleet = Fleet::new(&FleetOptions {
        targets: options.targets.get(),
        workspaces: options.workspaces.clone(),
        ..FleetOptions::default()
    })
    .unwrap();
    Served::start(&fleet, &options.workspaces, &options.dir).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_kubeconfig_leads_to_a_server_that_answers_and_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(&dir.path().join("made"), &[]);
    let served = served(&options).await;
    let names: Vec<_> = served.kubeconfigs().iter().map(|of| of.name.as_str()).collect();
    assert_eq!(names, ["upstream", "east", "west"]);
    for kubeconfig in served.kubeconfigs() {
        let mode = fs::metadata(&kubeconfig.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let config = ClusterConfig::from_kubeconfig_file(&kubeconfig.file, None).unwrap();
        let cluster = Cluster::connect(&kubeconfig.name, config, Limits::default()).unwrap();
        let served = cluster.discover().await.unwrap();
        assert!(served.resource_type("apps", "deployments").is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_printed_names_every_file_and_a_command_that_syncs_them() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), &["red", "blue"]);
    let served = served(&options).await;
    let mut out = Vec::new();
    explain(&mut out, &options, &served).unwrap();
    let text = String::from_utf8(out).unwrap();
    let file = |name: &str| PathBuf::from(dir.path()).join(name).display().to_string();
    for name in [
        "upstream.kubeconfig",
        "upstream-red.kubeconfig",
        "upstream-blue.kubeconfig",
        "upstream-compute.kubeconfig",
        "east.kubeconfig",
        "west.kubeconfig",
    ] {
        assert!(text.contains(&file(name)), "{name} is not in {text}");
    }
    let command = format!(
        "--upstream-kubeconfig {} --endpoint-slice kubernetes --target east={} --target west={}",
        file("upstream-compute.kubeconfig"),
        file("east.kubeconfig"),
        file("west.kubeconfig")
    );
    assert!(text.contains(&command), "{command} is not in {text}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let pool = Arc::new(tokio::runtime::Runtime::new().unwrap());
    let error = run(&options(&file.join("below"), &[]), &pool).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("file/below") && text.contains("--dir"), "{text}");
}
