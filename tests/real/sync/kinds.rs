//! Kinds that a cluster comes to serve while the syncer runs.

use std::time::Duration;

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Scratch, Syncer, wait_for};

use crate::{
    objects::create_namespace,
    world::{BINARY, World, arguments, syncer},
};

/// What is missing is asked for now and then.
const NOTICED: Duration = Duration::from_mins(2);

/// The plurals and groups of the kinds, as the roles of these tests know them.
const WIDGETS: (&str, &str) = ("widgets", "example.org");
const GAUGES: (&str, &str) = ("gauges", "status.example.org");

/// The collection of a kind in the namespace of this test.
fn collection((plural, group): (&str, &str)) -> String {
    format!("/apis/{group}/v1/namespaces/kinds/{plural}")
}

/// Has `server` serve a kind, and waits until it does.
#[track_caller]
fn define(server: &ApiServer, (plural, group): (&str, &str)) {
    let kind = plural.trim_end_matches('s');
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind, "kind": kind, "listKind": format!("{kind}list")},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    server.client().create(definitions, &definition);
    wait_for("the kind to be served", NOTICED, || {
        let reply = server.client().call("GET", &collection((plural, group)), None);
        if reply.is_success() { Ok(()) } else { Err(reply.text) }
    });
}

/// Makes the object `web` of a kind upstream.
fn make(world: &World, kind: (&str, &str)) {
    let (plural, group) = kind;
    let object = json!({
        "apiVersion": format!("{group}/v1"), "kind": plural.trim_end_matches('s'),
        "metadata": {"name": "web"}, "spec": {"size": 1},
    });
    world.upstream.client().create(&collection(kind), &object);
}

#[track_caller]
fn arrives(server: &ApiServer, kind: (&str, &str)) {
    let path = format!("{}/web", collection(kind));
    wait_for(&path, NOTICED, || {
        let seen = server.client().get(&path).ok_or_else(|| "nothing".to_owned())?;
        if seen["spec"]["size"] == 1 {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    });
}

fn policy() -> Value {
    let resources = [WIDGETS, GAUGES].map(|(resource, group)| json!({"group": group, "resource": resource}));
    json!({
        "apiVersion": "workload.kcp.io/v1alpha1",
        "kind": "SyncPolicy",
        "metadata": {"name": "kinds"},
        "spec": {"resources": resources},
    })
}

#[test]
fn a_kind_that_a_target_or_the_upstream_comes_to_serve_is_synced_from_then_on() {
    let world = World::start();
    let scratch = Scratch::new("kinds");
    let written = |server: &ApiServer| server.write(&server.kubeconfig_of(&syncer()));
    let (upstream, east, west) = (written(&world.upstream), written(&world.east), written(&world.west));
    let mut all = arguments(&upstream, &[("east", &east), ("west", &west)]);
    all.extend([
        "-f".into(),
        scratch.write("policy.yaml", &policy().to_string()).into_os_string(),
    ]);
    create_namespace(&world.upstream, "kinds");
    for server in [&world.upstream, &world.west] {
        define(server, WIDGETS);
    }
    for server in [&world.east, &world.west] {
        define(server, GAUGES);
    }
    make(&world, WIDGETS);
    let mut process = Syncer::start(BINARY, all);
    arrives(&world.west, WIDGETS);

    define(&world.east, WIDGETS);
    arrives(&world.east, WIDGETS);
    define(&world.upstream, GAUGES);
    make(&world, GAUGES);
    for server in [&world.east, &world.west] {
        arrives(server, GAUGES);
    }
    assert_eq!(
        process.terminate(Duration::from_secs(10)).code,
        Some(0),
        "{}",
        process.log()
    );
}
