//! The commands of the README, each as a person types it, on clusters in memory. Only `cargo xtask test` is left out, which is what runs this;
//! what was built for the tests stands for a release build.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
    time::Duration,
};

use syncer_harness::{Client, Credentials, Kubeconfig, Process, Program, Scratch, free_port, wait_for};

use crate::{
    objects::{ENDS_WITHIN, SOON},
    typed::{Typed, blocks},
    world::BINARY,
};

const PAGE: &str = include_str!("../../README.md");

/// The address that the page has for the admin server, which is the default.
const ADMIN: &str = "127.0.0.1:8085";

/// For one command that ends by itself.
const DONE_WITHIN: Duration = Duration::from_mins(5);

/// What stands for cargo.
const CARGO: &str = r#"#!/bin/sh
case "$*" in
"build --release") exec ./target/release/tmc-syncer --version ;;
"run --release -- "*) shift 3; exec ./target/release/tmc-syncer "$@" ;;
*) echo "unknown: cargo $*"; exit 9 ;;
esac
"#;

const DOCUMENTS: &str = "
apiVersion: workload.kcp.io/v1alpha1
kind: SyncTarget
metadata: {name: east}
spec: {kubeconfigFile: ../east.kubeconfig}
---
apiVersion: workload.kcp.io/v1alpha1
kind: SyncPolicy
metadata: {name: all}
spec: {resources: [{resource: configmaps}], targets: {names: [east]}}
";

/// The commands, in their order, each on one line and without what is said beside it.
fn commands() -> Vec<String> {
    let joined: Vec<_> = blocks(PAGE).iter().map(|block| block.replace("\\\n", " ")).collect();
    let lines = joined.iter().flat_map(|block| block.lines());
    let lines = lines.map(|line| line.split(" #").next().unwrap_or(line).trim());
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// Clusters in memory, with their kubeconfigs in a folder.
fn clusters(folder: &Path, more: &[&str]) -> Process {
    let mut command = Command::new(BINARY);
    command
        .args(["sandbox", "--targets", "2", "--dir"])
        .arg(folder)
        .args(more);
    let log = folder.with_extension("log");
    let clusters = Process::start("the clusters", command, &log);
    wait_for("the clusters", SOON, || {
        let said = clusters.log();
        if said.contains("Everything is in memory") {
            Ok(())
        } else {
            Err(said)
        }
    });
    clusters
}

#[test]
fn every_command_of_the_readme_works() {
    let folder = Scratch::new("readme");
    let at = |name: &str| folder.path().join(name);
    let (plain, kcp) = (at("plain"), at("kcp"));
    let _plain = clusters(&plain, &[]);
    let _kcp = clusters(&kcp, &["--workspaces", "red"]);
    for (from, to) in [
        (plain.join("upstream.kubeconfig"), "up.kubeconfig"),
        (plain.join("east.kubeconfig"), "east.kubeconfig"),
        (plain.join("west.kubeconfig"), "west.kubeconfig"),
        (kcp.join("upstream-compute.kubeconfig"), "provider.kubeconfig"),
    ] {
        fs::copy(from, at(to)).unwrap();
    }
    fs::create_dir_all(at("config")).unwrap();
    folder.write("config/sync.yaml", DOCUMENTS);
    fs::create_dir_all(at("target/release")).unwrap();
    symlink(BINARY, at("target/release/tmc-syncer")).unwrap();
    let cargo = folder.write("cargo", CARGO);
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();

    let (admin, up) = (format!("127.0.0.1:{}", free_port()), at("up.kubeconfig"));
    let environment = [
        ("TMC_SYNCER_ADMIN_ADDRESS", admin.as_str()),
        ("TMC_SYNCER_FOR", "6s"),
        ("KUBECONFIG", up.to_str().unwrap()),
    ];
    let run = |script: &str| {
        // The folder first, for its cargo.
        let script = format!("PATH=$PWD:$PATH\n{}", script.replace(ADMIN, &admin));
        Typed::start(&folder, &script, &[Program::Kubectl], &environment)
    };
    let done = |script: &str| run(script).wait(DONE_WITHIN, Path::new("/dev/null"));
    // What the page says beside its commands.
    done("tmc-syncer manifests crds | kubectl apply -f -");

    let mut running: Option<Typed> = None;
    let mut typed = 0;
    for command in commands() {
        if command == "cargo xtask test" {
            continue;
        }
        typed += 1;
        let goes_on = command.contains("tmc-syncer run ");
        if (goes_on || command.contains("tmc-syncer release "))
            && let Some(before) = running.take()
        {
            end(before, &command);
        }
        if !goes_on {
            done(&command);
            continue;
        }
        let mut started = run(&format!("exec {command}"));
        let client = Client::new(&Kubeconfig {
            server: format!("http://{admin}"),
            authority: String::new(),
            credentials: Credentials::Anonymous,
        });
        wait_for(&format!("{command} to be ready"), SOON, || {
            assert!(started.ended().is_none(), "{command}: {}", started.said());
            let reply = client.try_call("GET", "/readyz?verbose", "", None)?;
            if reply.is_success() { Ok(()) } else { Err(reply.text) }
        });
        running = Some(started);
    }
    assert!(typed > 10 && running.is_none(), "{typed}");
}

/// SIGTERM, as the page says.
#[track_caller]
fn end(mut running: Typed, next: &str) {
    let exit = running.terminate(ENDS_WITHIN);
    assert_eq!(exit.code, Some(0), "before {next}: {}", running.said());
}
