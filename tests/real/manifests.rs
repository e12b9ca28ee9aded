//! The manifests on a real API server: what it makes of them, and whether it and `validate` agree.

pub(crate) mod roles;

use std::{fs, process::Command, sync::LazyLock};

use serde_json::{Value, json};
use syncer_core::config::check::{Document, Origin, document};
use syncer_harness::{ApiServer, wait_for};
use tempfile::TempDir;

use crate::{objects::SOON, world::BINARY};

const TARGETS: &str = "/apis/workload.kcp.io/v1alpha1/synctargets";
const POLICIES: &str = "/apis/workload.kcp.io/v1alpha1/syncpolicies";

/// A server that has all that `manifests all` prints.
static SERVER: LazyLock<(ApiServer, TempDir)> = LazyLock::new(|| {
    let server = ApiServer::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.yaml");
    let printed = Command::new(BINARY).args(["manifests", "all"]).output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    fs::write(&file, printed.stdout).unwrap();
    server.kubectl(&["apply", "--server-side", "-f", file.to_str().unwrap()]);
    for (path, name) in [(TARGETS, "synctargets"), (POLICIES, "syncpolicies")] {
        wait_for(&format!("{name} to be served"), SOON, || {
            // 404 at first, then 429 while its storage is made.
            match server.client().call("GET", path, None).status {
                200 => Ok(()),
                status => Err(status.to_string()),
            }
        });
    }
    (server, folder)
});

fn target(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": name}, "spec": spec})
}

fn policy(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": name}, "spec": spec})
}

/// A policy that is right but for `field`.
fn policy_with(field: &str, value: &Value) -> Value {
    let mut spec = json!({"resources": [{"resource": "configmaps"}]});
    spec[field] = value.clone();
    policy("wrong", &spec)
}

fn target_with(field: &str, value: &Value) -> Value {
    let mut spec = json!({"kubeconfigSecretRef": {"namespace": "tmc-system", "name": "east"}});
    spec[field] = value.clone();
    target("wrong", &spec)
}

#[test]
fn the_definitions_are_established_without_complaint() {
    for name in ["synctargets.workload.kcp.io", "syncpolicies.workload.kcp.io"] {
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
        let definition = SERVER.0.client().read(&path);
        let conditions = definition["status"]["conditions"].as_array().unwrap();
        let is = |kind: &str| conditions.iter().find(|condition| condition["type"] == kind);
        assert_eq!(is("Established").unwrap()["status"], "True");
        // It is there only where a schema is not structural.
        assert_eq!(is("NonStructuralSchema"), None);
    }
}

#[test]
fn what_is_left_out_reads_back_with_our_defaults() {
    let client = SERVER.0.client();
    let east = json!({"kubeconfigSecretRef": {"namespace": "tmc-system", "name": "east"}, "evictAfter": null});
    let web = json!({"resources": [{"resource": "configmaps"}], "transforms": [
        {"set": {"path": "spec.replicas", "value": 2}}, {"mergePatch": {"spec": {"a": null}}},
        {"jsonPatch": [{"op": "add", "path": "/metadata/annotations/team", "value": "web"}]},
    ], "conflict": {"ignoreManagers": null}});
    for (collection, body) in [
        (TARGETS, target("defaults", &east)),
        (POLICIES, policy("defaults", &web)),
    ] {
        let made = client.create(collection, &body);
        let served = document(&made, Origin::Object).unwrap();
        let written = document(&body, Origin::Object).unwrap();
        match (served, written) {
            (Document::SyncTarget(served), Document::SyncTarget(written)) => {
                assert_eq!(served.spec, written.spec);
                assert_eq!(made["spec"]["kubeconfigSecretRef"]["key"], "kubeconfig");
                assert!(!served.uid.is_empty());
            }
            (Document::SyncPolicy(served), Document::SyncPolicy(written)) => {
                assert_eq!(served.spec, written.spec);
                assert_eq!(
                    made["spec"]["conflict"]["fight"],
                    json!({"threshold": 3, "window": "5m"})
                );
                assert_eq!(made["spec"]["deletion"]["abandonAfter"], "1h");
            }
            (served, written) => panic!("{served:?} {written:?}"),
        }
    }
    // A fresh cache: what kubectl knew of the server is from before the types were there.
    let (server, folder) = &*SERVER;
    let cache = folder.path().join("cache");
    let shown = wait_for("kubectl to know the category", SOON, || {
        let output = server.try_kubectl(&["--cache-dir", cache.to_str().unwrap(), "get", "tmc"]);
        let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(said(&output.stdout))
        } else {
            Err(said(&output.stderr))
        }
    });
    assert!(shown.contains("HEARTBEAT") && shown.contains("UpstreamWins"), "{shown}");
}

/// The API server and `validate` refuse the same documents.
#[test]
fn wrong_documents_are_refused_on_both_sides() {
    let wrong = [
        (TARGETS, target("wrong", &json!({}))),
        (TARGETS, target_with("evictAfter", &json!("tomorrow"))),
        (TARGETS, target_with("namespaceMapping", &json!("hashed"))),
        (TARGETS, target_with("limits", &json!({"requestsPerSecond": 0}))),
        (TARGETS, target_with("refuse", &json!(["secrets", "secrets"]))),
        (TARGETS, target_with("refuse", &json!(["Secret"]))),
        (POLICIES, policy("wrong", &json!({}))),
        (POLICIES, policy_with("resources", &json!([]))),
        (
            POLICIES,
            policy_with("resources", &json!([{"resource": "a"}, {"group": "", "resource": "a"}])),
        ),
        (
            POLICIES,
            policy_with("resources", &json!([{"resource": "deployments.apps"}])),
        ),
        (POLICIES, policy_with("priority", &json!("high"))),
        (POLICIES, policy_with("status", &json!({"interval": "0s"}))),
        (POLICIES, policy_with("status", &json!({"interval": "10"}))),
        (POLICIES, policy_with("conflict", &json!({"strategy": "upstreamWins"}))),
        (POLICIES, policy_with("conflict", &json!({"fight": {"threshold": 0}}))),
        (
            POLICIES,
            policy_with(
                "objects",
                &json!({"matchExpressions": [{"key": "a", "operator": "In"}]}),
            ),
        ),
        (
            POLICIES,
            policy_with(
                "objects",
                &json!({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}),
            ),
        ),
        (POLICIES, policy_with("transforms", &json!([{}]))),
        (
            POLICIES,
            policy_with("transforms", &json!([{"remove": ["spec.a"], "mergePatch": {}}])),
        ),
        (
            POLICIES,
            policy_with("transforms", &json!([{"set": {"path": "spec.a"}}])),
        ),
        (
            POLICIES,
            policy_with(
                "transforms",
                &json!([{"set": {"path": "spec.a", "value": 1, "cel": "1"}}]),
            ),
        ),
        (
            POLICIES,
            policy_with("transforms", &json!([{"jsonPatch": [{"op": "move", "path": "/a"}]}])),
        ),
        (
            POLICIES,
            policy_with(
                "transforms",
                &json!([{"jsonPatch": [{"op": "add", "path": "a", "value": 1}]}]),
            ),
        ),
    ];
    for (collection, body) in wrong {
        let reply = SERVER.0.client().call("POST", collection, Some(&body));
        assert_eq!(reply.status, 422, "{body}: {}", reply.json());
        assert!(document(&body, Origin::Object).is_err(), "{body}");
    }
    // Unknown fields are dropped by an API server unless it is asked, as kubectl does, to be strict.
    let unknown = policy_with("confict", &json!({}));
    let strict = format!("{POLICIES}?fieldValidation=Strict");
    assert_eq!(SERVER.0.client().call("POST", &strict, Some(&unknown)).status, 400);
    assert!(document(&unknown, Origin::Object).is_err());
}
