//! Kubeconfigs that lead elsewhere than to the workspace of the endpoint slice, and a slice that leads to another workspace.

use std::path::Path;

use serde_json::json;
use syncer_harness::{Kcp, Kubeconfig, Syncer, wait_for};

use super::{
    provider::{KCP_SOON, Provider},
    scene::{SLICES, Scene, reached, shared, wait_data},
};
use crate::world::BINARY;

/// What a syncer that reaches kcp by `kubeconfig` says first of that.
#[track_caller]
fn said(kcp: &Kcp, kubeconfig: &Kubeconfig, slice: &str, parts: &[&str]) {
    let file = kcp.write(kubeconfig);
    let syncer = started(&file, slice);
    let line = syncer.wait_for_log(parts, KCP_SOON);
    assert!(line.contains("ERROR") || line.contains("WARN"), "{line}");
}

fn started(upstream: &Path, slice: &str) -> Syncer {
    let upstream = upstream.to_str().unwrap();
    let east = format!("--target=east={}", reached(0).display());
    let arguments = [
        "run",
        "--upstream-kubeconfig",
        upstream,
        "--endpoint-slice",
        slice,
        &east,
    ];
    Syncer::start(BINARY, arguments)
}

/// The error names what is missing where, and what to do.
#[test]
fn a_kubeconfig_that_leads_elsewhere_says_what_to_do() {
    let kcp = shared();
    let provider = Provider::make(&kcp, "astray");
    let admin = kcp.kubeconfig("root");
    let advice = "point the kubeconfig at the workspace that has it";
    said(
        &kcp,
        &admin,
        "kubernetes",
        &["/clusters/root", "APIExportEndpointSlice kubernetes", advice],
    );
    said(
        &kcp,
        &kcp.kubeconfig(&provider.path),
        "kubernetse",
        &["APIExportEndpointSlice kubernetse", advice],
    );
    // No workspace at all.
    let (host, _) = admin.server.split_once("/clusters/").unwrap();
    let bare = Kubeconfig {
        server: host.to_owned(),
        ..admin
    };
    let advice = "end with /clusters/ and the path";
    said(&kcp, &bare, "kubernetes", &["is no workspace of kcp", advice]);
    // The ServiceAccount is a stranger in other workspaces.
    let stranger = Kubeconfig {
        server: kcp.kubeconfig("root").server,
        ..provider.syncer(&kcp)
    };
    let at_home = "point the kubeconfig at the workspace of this ServiceAccount";
    said(&kcp, &stranger, "kubernetes", &["/clusters/root", "forbidden", at_home]);
}

/// Whoever may use an export need not be at home where it is.
#[test]
fn a_slice_of_ones_own_leads_to_an_export_in_another_workspace() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "lender");
    let red = scene.consumer("lender-red");
    let borrower = kcp.create_workspace("root", "borrower");
    let slice = json!({
        "apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIExportEndpointSlice", "metadata": {"name": "borrowed"},
        "spec": {"export": {"path": scene.provider.path, "name": "kubernetes"}},
    });
    let client = kcp.client(&borrower);
    client.create(SLICES, &slice);
    wait_for("the endpoint", KCP_SOON, || {
        let status = client.read(&format!("{SLICES}/borrowed"))["status"].clone();
        if status["endpoints"][0]["url"].is_string() {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
    scene.config_map(&red, "web", &json!({"of": red.path}));
    scene.run_as(&kcp.kubeconfig(&borrower), "borrowed");
    wait_data(&red, "web", &json!({"of": red.path}));
    scene.edit(&red, "web", &json!({"more": "1"}));
    wait_data(&red, "web", &json!({"of": red.path, "more": "1"}));
}
