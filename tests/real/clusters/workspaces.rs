//! Watches of many workspaces of one kcp: one each, and one of all.

use std::time::Duration;

use serde_json::{Value, json};
use syncer_clusters::WatchOptions;
use syncer_core::LogicalCluster;
use syncer_harness::{Client, FailureReport, Patch, wait_for};
use tokio::runtime::Runtime;

use super::{
    CONFIG_MAPS, config_maps, connect,
    follow::{Held, Watch, follow, truth, truth_of_one},
    kcp,
};

const APIS: &str = "/apis/apis.kcp.io/v1alpha2";

/// The APIExport of the tests.
const EXPORT: &str = "config";

/// How long an endpoint or a binding may take.
const BOUND_WITHIN: Duration = Duration::from_mins(3);

/// Through kcp's own front only a shard's administrator may watch all workspaces at once, so each gets a watch of its own here.
#[test]
fn watches_of_logical_clusters_share_lanes_and_keep_workspaces_apart() {
    let kcp = &*kcp();
    let _report = FailureReport::on([kcp.process()]);
    let workspaces = [
        kcp.create_workspace("root", "first"),
        kcp.create_workspace("root", "second"),
    ];
    let root = connect(&kcp.write(&kcp.kubeconfig("root")));
    let runtime = Runtime::new().unwrap();
    let has_web = |held: &Held| held.keys().any(|(_, name)| name == "default/web");
    let mut watches = Vec::new();
    for workspace in &workspaces {
        let cluster = root.logical(&LogicalCluster::new(workspace));
        let options = WatchOptions {
            page_size: 1,
            ..WatchOptions::default()
        };
        let mut watch: Watch = Box::pin(cluster.watch(config_maps(), options));
        let mut held = Held::new();
        kcp.client(workspace).create(
            CONFIG_MAPS,
            &json!({"metadata": {"name": "web"}, "data": {"of": workspace}}),
        );
        runtime.block_on(follow(&mut watch, &mut held, |_, _| {}, has_web));
        watches.push((watch, held));
    }
    kcp.client(&workspaces[0]).delete(&format!("{CONFIG_MAPS}/web"));
    let (watch, held) = &mut watches[0];
    runtime.block_on(follow(watch, held, |_, _| {}, |held| !has_web(held)));
    for ((_, held), workspace) in watches.iter().zip(&workspaces) {
        // Each watch is of one logical cluster, which it calls by the path that it was asked for.
        let truth = truth_of_one(workspace, &kcp.client(workspace).read("/api/v1/configmaps"));
        assert_eq!(*held, truth, "{workspace}");
    }
}

/// An export that provides nothing and claims ConfigMaps.
fn export(provider: &Client) {
    let claims = json!([{"group": "", "resource": "configmaps", "verbs": ["*"]}]);
    provider.create(
        &format!("{APIS}/apiexports"),
        &json!({
            "apiVersion": "apis.kcp.io/v1alpha2",
            "kind": "APIExport",
            "metadata": {"name": EXPORT},
            "spec": {"permissionClaims": claims},
        }),
    );
}

/// Binds the export of the workspace `provider` and accepts its claim.
fn bind(consumer: &Client, provider: &str) {
    let claims = json!([{
        "group": "",
        "resource": "configmaps",
        "verbs": ["*"],
        "selector": {"matchAll": true},
        "state": "Accepted",
    }]);
    let bindings = format!("{APIS}/apibindings");
    consumer.create(
        &bindings,
        &json!({
            "apiVersion": "apis.kcp.io/v1alpha2",
            "kind": "APIBinding",
            "metadata": {"name": EXPORT},
            "spec": {"reference": {"export": {"path": provider, "name": EXPORT}}, "permissionClaims": claims},
        }),
    );
    wait_for("the binding", BOUND_WITHIN, || {
        let binding = consumer.read(&format!("{bindings}/{EXPORT}"));
        if binding.pointer("/status/phase") == Some(&json!("Bound")) {
            Ok(())
        } else {
            Err(binding.to_string())
        }
    });
}

/// Where all consumers of the export are seen at once.
fn endpoint(provider: &Client) -> String {
    wait_for("the endpoint", BOUND_WITHIN, || {
        let slice = provider.read(&format!("/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/{EXPORT}"));
        let url = slice.pointer("/status/endpoints/0/url").and_then(Value::as_str);
        url.map(str::to_owned).ok_or_else(|| slice.to_string())
    })
}

#[test]
fn a_wildcard_watch_keeps_same_named_objects_of_workspaces_apart() {
    let kcp = &*kcp();
    let _report = FailureReport::on([kcp.process()]);
    let provider = kcp.create_workspace("root", "provider");
    let consumers = ["east", "west"].map(|name| kcp.client(&kcp.create_workspace("root", name)));
    export(&kcp.client(&provider));
    for (consumer, of) in consumers.iter().zip(["east", "west"]) {
        bind(consumer, &provider);
        consumer.create(CONFIG_MAPS, &json!({"metadata": {"name": "web"}, "data": {"of": of}}));
    }
    let root = connect(&kcp.write(&kcp.kubeconfig("root")));
    let all = root.with_base(&endpoint(&kcp.client(&provider))).unwrap();
    let options = WatchOptions {
        wildcard: true,
        page_size: 2,
        ..WatchOptions::default()
    };
    let mut watch: Watch = Box::pin(all.watch(config_maps(), options));
    let mut held = Held::new();
    let runtime = Runtime::new().unwrap();
    // Claimed objects show up when kcp has labelled them, and that changes their versions.
    let is_true = |held: &Held| *held == truth_of_all(&consumers);
    let see = |watch: &mut Watch, held: &mut Held| runtime.block_on(follow(watch, held, |_, _| {}, is_true));
    see(&mut watch, &mut held);
    let [east, west] = webs(&held)[..] else {
        panic!("no two of the name in {held:?}");
    };
    assert_ne!(east, west);

    let [in_east, in_west] = &consumers;
    let web = format!("{CONFIG_MAPS}/web");
    in_east.delete(&web);
    in_west.patch(&web, Patch::Merge(&json!({"data": {"more": "1"}})));
    see(&mut watch, &mut held);
    let left = webs(&held);
    let named = |web: &Value| web.pointer("/metadata/annotations/kcp.io~1cluster").cloned();
    assert_eq!(left.len(), 1);
    assert_eq!(named(&in_west.read(&web)), Some(json!(left[0])));
}

/// What the workspaces hold, as their own clients see it.
fn truth_of_all(workspaces: &[Client]) -> Held {
    let read = |client: &Client| truth(&client.read("/api/v1/configmaps"));
    workspaces.iter().flat_map(read).collect()
}

/// The logical clusters of the objects called `web`.
fn webs(held: &Held) -> Vec<&String> {
    let keys = held.keys().filter(|(_, name)| name == "default/web");
    keys.map(|(cluster, _)| cluster).collect()
}
