//! `tmc-syncer release` for an endpoint slice: every workspace that has bound the export.

use std::process::Command;

use serde_json::{Value, json};
use syncer_harness::wait_for;

use super::{
    provider::KCP_SOON,
    scene::{DEPLOYMENTS, Scene, copy, reached, shared, target, wait_data},
};
use crate::world::BINARY;

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

#[test]
fn release_lets_go_of_everything_in_every_workspace_and_on_the_targets() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "letgo");
    let consumers = ["letgo-red", "letgo-blue"].map(|name| scene.consumer(name));
    for consumer in &consumers {
        scene.config_map(consumer, "web", &json!({"of": consumer.path}));
        scene.deployment(consumer, "web", 1);
    }
    scene.run();
    let mut copies = Vec::new();
    for consumer in &consumers {
        wait_data(consumer, "web", &json!({"of": consumer.path}));
        // Objects of our own export wait for both targets.
        wait_for("the finalizers", KCP_SOON, || {
            let finalizers = consumer.client(&kcp).read(WEB)["metadata"]["finalizers"].clone();
            let ours = finalizers.to_string().matches("workload.kcp.io/syncer-").count();
            if ours == 2 { Ok(()) } else { Err(finalizers.to_string()) }
        });
        for number in 0..2 {
            let found = wait_for("the Deployment", KCP_SOON, || {
                copy(target(number), DEPLOYMENTS, consumer, "web")
            });
            copies.push((number, found["metadata"]["namespace"].as_str().unwrap().to_owned()));
        }
    }
    scene.kill();

    let upstream = kcp.write(&scene.provider.syncer(&kcp)).display().to_string();
    let mut arguments = vec![
        "release",
        "--upstream-kubeconfig",
        &upstream,
        "--endpoint-slice",
        "kubernetes",
    ];
    let targets: Vec<_> = ["east", "west"]
        .into_iter()
        .enumerate()
        .map(|(number, name)| {
            let file = reached(number);
            format!("--target={name}={}", file.display())
        })
        .collect();
    arguments.extend(targets.iter().map(String::as_str));
    arguments.extend(["--markers", "-o", "json"]);
    let output = Command::new(BINARY)
        .args(&arguments)
        .env_remove("KUBECONFIG")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let counted = |resource: &str| {
        let rows = report["released"].as_array().unwrap();
        let rows = rows.iter().filter(|row| row["resource"] == resource);
        rows.map(|row| (row["finalizers"].clone(), row["markers"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        counted("deployments.apps"),
        [(json!(2), json!(2)), (json!(2), json!(2))],
        "{report:#}"
    );
    assert_eq!(
        counted("configmaps"),
        [(json!(0), json!(2)), (json!(0), json!(2))],
        "{report:#}"
    );
    for consumer in &consumers {
        let web = consumer.client(&kcp).read(WEB);
        assert!(
            !web["metadata"].to_string().contains("workload.kcp.io/syncer-"),
            "{web}"
        );
    }
    for (number, namespace) in &copies {
        let paths = [
            format!("/apis/apps/v1/namespaces/{namespace}/deployments/web"),
            format!("/api/v1/namespaces/{namespace}/configmaps/web"),
            format!("/api/v1/namespaces/{namespace}"),
        ];
        for path in paths {
            let left = target(*number).client().read(&path)["metadata"].to_string();
            assert!(
                !left.contains("kcp.io/") && !left.contains("tmc-syncer"),
                "{path}: {left}"
            );
        }
    }
}
