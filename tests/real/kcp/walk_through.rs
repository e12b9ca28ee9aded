//! The walk-through in the documentation, command by command, on a real kcp and two real clusters where Deployments run.

use std::{env, ffi::OsString, fs, path::Path, process::Command, thread, time::Duration};

use syncer_harness::{
    ApiServer, ApiServerOptions, Controllers, Process, Program, Scratch, Testbed, free_port, wait_for,
};

use super::provider::kcp;
use crate::world::BINARY;

const PAGE: &str = include_str!("../../../docs/kcp.md");

/// For all of it, on a loaded machine.
const DONE_WITHIN: Duration = Duration::from_mins(8);

/// The address that the page has for the admin server, which is the default.
const ADMIN: &str = "127.0.0.1:8085";

/// What a person types: the fenced blocks of shell, in their order.
fn commands(page: &str) -> String {
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").map_or(rest, |(block, _)| block));
    blocks.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_page_is_made_of_commands() {
    let commands = commands(PAGE);
    for part in [
        "manifests kcp-provider",
        "manifests kcp-binding",
        "manifests rbac",
        "--endpoint-slice",
        "rollout status",
        "tmc-syncer status",
    ] {
        assert!(commands.contains(part), "{part} in {commands}");
    }
}

/// What `tmc-syncer` and `kubectl` are to the shell: those under test.
fn path() -> OsString {
    let kubectl = Testbed::locate().find(Program::Kubectl).unwrap();
    let folders = [Path::new(BINARY).parent().unwrap(), kubectl.parent().unwrap()];
    let inherited = env::var_os("PATH").unwrap_or_default();
    let all = folders
        .map(Path::to_owned)
        .into_iter()
        .chain(env::split_paths(&inherited));
    env::join_paths(all).unwrap()
}

#[test]
fn the_page_leads_from_an_empty_kcp_to_a_deployment_on_two_clusters() {
    let start = |name| {
        ApiServerOptions::default()
            .named(name)
            .controllers(Controllers::Workload)
            .start()
    };
    let (kcp, east, west): (_, ApiServer, ApiServer) = thread::scope(|scope| {
        let (east, west) = (scope.spawn(|| start("east")), scope.spawn(|| start("west")));
        (kcp(), east.join().unwrap(), west.join().unwrap())
    });
    let folder = Scratch::new("walk-through");
    fs::copy(kcp.admin_file(), folder.path().join("admin.kubeconfig")).unwrap();
    for (name, cluster) in [("east", &east), ("west", &west)] {
        folder.write(&format!("{name}.kubeconfig"), &cluster.kubeconfig().to_yaml());
    }
    let admin = format!("127.0.0.1:{}", free_port());
    let script = folder.write("commands.sh", &commands(PAGE).replace(ADMIN, &admin));

    let mut shell = Command::new("bash");
    // Each command has to succeed, and is shown.
    shell
        .args(["-eux", "-o", "pipefail"])
        .arg(&script)
        .current_dir(folder.path())
        .env("PATH", path())
        .env("TMC_SYNCER_ADMIN_ADDRESS", &admin)
        .env("NO_COLOR", "1");
    let mut typed = Process::start("the walk-through", shell, &folder.path().join("typed.log"));
    let ended = wait_for("the end of the walk-through", DONE_WITHIN, || {
        let log = fs::read_to_string(folder.path().join("syncer.log")).unwrap_or_default();
        typed.ended().ok_or_else(|| format!("{}\n{log}", typed.log()))
    });
    let (said, log) = (
        typed.log(),
        fs::read_to_string(folder.path().join("syncer.log")).unwrap_or_default(),
    );
    assert!(ended.success(), "{said}\n{log}");

    assert!(said.contains("deployment \"web\" successfully rolled out"), "{said}");
    let row = |first: &str, second: &str| {
        let mut lines = said.lines();
        lines.any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(first) && words.next() == Some(second)
        })
    };
    // Two replicas on each of two clusters.
    assert!(row("web", "4/2"), "{said}");
    assert!(row("east", "True") && row("west", "True"), "{said}");
    let downstream = said
        .lines()
        .filter(|line| line.starts_with("kcp-") && line.contains("deployment.apps/web"));
    assert_eq!(downstream.count(), 2, "{said}");
    // Nothing was refused to the ServiceAccounts.
    assert!(!log.contains("forbidden"), "{log}");
}
