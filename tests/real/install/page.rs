//! The install page, command by command, on real clusters and a real kcp; the pods that come of it run.

use std::{os::unix::fs::symlink, path::Path, sync::atomic::AtomicBool, thread, time::Duration};

use syncer_harness::{ApiServer, ApiServerOptions, Controllers, Program, Scratch};

use super::node::Node;
use crate::{
    kcp::provider::{Provider, kcp},
    objects::ConfigMap,
    typed::{Typed, commands},
};

const PAGE: &str = include_str!("../../../docs/install.md");

/// For all of it, on a loaded machine.
const DONE_WITHIN: Duration = Duration::from_mins(12);

#[test]
fn the_page_leads_from_three_clusters_to_objects_on_two_and_back_again() {
    let start = |name, controllers| {
        let options = ApiServerOptions::default().named(name);
        options.controllers(controllers).start()
    };
    let (home, east, west): (ApiServer, ApiServer, ApiServer) = thread::scope(|scope| {
        let [east, west] = ["east", "west"].map(|name| scope.spawn(move || start(name, Controllers::Namespaces)));
        (
            start("home", Controllers::Workload),
            east.join().unwrap(),
            west.join().unwrap(),
        )
    });
    let kcp = kcp();
    let provider = Provider::make(&kcp, "install-page");
    let folder = Scratch::new("install-page");
    for (name, cluster) in [("home", &home), ("east", &east), ("west", &west)] {
        folder.write(&format!("{name}.kubeconfig"), &cluster.kubeconfig().to_yaml());
    }
    // What docs/kcp.md makes, whose own walk-through shows that.
    folder.write("syncer.kubeconfig", &provider.syncer(&kcp).to_yaml());
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    symlink(deploy, folder.path().join("deploy")).unwrap();

    let own = folder.path().join("home-of-helm");
    let own = own.to_str().unwrap();
    let environment = [
        ("HELM_CACHE_HOME", own),
        ("HELM_CONFIG_HOME", own),
        ("HELM_DATA_HOME", own),
    ];
    let is_over = AtomicBool::new(false);
    let said = thread::scope(|scope| {
        let _node = Node::begin(scope, &home, &is_over);
        let programs = [Program::Kubectl, Program::Helm];
        let typed = Typed::start(&folder, &commands(PAGE), &programs, &environment);
        typed.wait(DONE_WITHIN, Path::new("/dev/null"))
    });

    assert!(said.contains("synctarget.workload.kcp.io/east condition met"), "{said}");
    assert!(
        said.contains("deployment \"tmc-syncer\" successfully rolled out"),
        "{said}"
    );
    // What was synced stays where it is, as nobody's.
    let greeting = ConfigMap::new("shop", "greeting");
    for target in [&east, &west] {
        let left = greeting.get(target).unwrap();
        assert_eq!(left["data"]["text"], "hello");
        assert_eq!(left["metadata"]["labels"], serde_json::Value::Null, "{left}");
    }
    // Nothing of ours is left in any of them.
    for cluster in [&home, &east, &west] {
        let left = cluster.kubectl(&["get", "clusterroles,clusterrolebindings,crds,namespaces", "-o", "name"]);
        let ours: Vec<_> = left
            .lines()
            .filter(|name| name.contains("tmc-syncer") || name.contains("workload.kcp.io"))
            .collect();
        assert!(ours.is_empty(), "{ours:?}");
    }
}
