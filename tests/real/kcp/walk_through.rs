//! The walk-through in the documentation, command by command, on a real kcp and two real clusters where Deployments run.

use std::{fs, thread, time::Duration};

use syncer_harness::{ApiServer, ApiServerOptions, Controllers, Program, Scratch, free_port};

use super::provider::kcp;
use crate::typed::{Typed, commands};

const PAGE: &str = include_str!("../../../docs/kcp.md");

/// For all of it, on a loaded machine.
const DONE_WITHIN: Duration = Duration::from_mins(12);

/// The address that the page has for the admin server, which is the default.
const ADMIN: &str = "127.0.0.1:8085";

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
    let script = commands(PAGE).replace(ADMIN, &admin);
    let environment = [("TMC_SYNCER_ADMIN_ADDRESS", admin.as_str())];
    let typed = Typed::start(&folder, &script, &[Program::Kubectl], &environment);
    let syncer = folder.path().join("syncer.log");
    let said = typed.wait(DONE_WITHIN, &syncer);
    let log = fs::read_to_string(syncer).unwrap();

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
