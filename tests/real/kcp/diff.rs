//! `tmc-syncer diff` with the workspaces of a kcp as the upstream.

use std::process::{Command, Output};

use serde_json::{Value, json};
use syncer_harness::wait_for;

use super::{
    provider::{Consumer, KCP_SOON},
    scene::{CONFIG_MAPS, DEPLOYMENTS, Scene, copy, reached, shared, target, wait_data},
};
use crate::world::BINARY;

/// What `diff` says, with exactly the printed rights on both sides.
fn diff(scene: &Scene<'_>, form: &str) -> Output {
    let upstream = scene.kcp.write(&scene.provider.syncer(scene.kcp));
    let mut command = Command::new(BINARY);
    command.arg("diff").arg("--upstream-kubeconfig").arg(upstream);
    command.args(["--endpoint-slice", "kubernetes", "--output", form]);
    for (number, name) in ["east", "west"].into_iter().enumerate() {
        command.arg(format!("--target={name}={}", reached(number).display()));
    }
    command.env_remove("KUBECONFIG").output().unwrap()
}

/// What differs, once everything could be found out: bindings and endpoints take a while to be served.
#[track_caller]
fn differences(scene: &Scene<'_>, code: i32) -> Vec<Value> {
    wait_for(&format!("a diff that ends with {code}"), KCP_SOON, || {
        let output = diff(scene, "json");
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.code() != Some(code) {
            return Err(format!("{said} {}", String::from_utf8_lossy(&output.stderr)));
        }
        let report: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(report["failures"], json!([]), "{report}");
        Ok(report["differences"].as_array().unwrap().clone())
    })
}

/// Verdict, target, resource, workspace and name of each.
fn said(differences: &[Value]) -> Vec<String> {
    let member = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = differences
        .iter()
        .map(|found| {
            let [verdict, target, resource] = ["verdict", "target", "resource"].map(|name| member(found, name));
            let upstream = &found["upstream"];
            let (cluster, name) = (member(upstream, "cluster"), member(upstream, "name"));
            format!("{target}: {verdict} {resource} {cluster} {name}")
        })
        .collect();
    all.sort();
    all
}

fn on_both(lines: &[String]) -> Vec<String> {
    let mut all: Vec<_> = ["east", "west"]
        .iter()
        .flat_map(|target| lines.iter().map(move |line| format!("{target}: {line}")))
        .collect();
    all.sort();
    all
}

#[test]
fn a_diff_shows_what_each_workspace_would_bring_and_nothing_once_a_run_is_through() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "differing");
    let consumers = ["differing-red", "differing-blue"].map(|name| scene.consumer(name));
    for consumer in &consumers {
        scene.config_map(consumer, "web", &json!({"of": consumer.path}));
    }
    let [red, blue] = &consumers;
    scene.deployment(red, "web", 2);

    // Two workspaces with the same names: a namespace for each.
    let of_each = |consumer: &Consumer| {
        ["namespaces", "configmaps"].map(|resource| {
            let name = if resource == "namespaces" { "default" } else { "web" };
            format!("create {resource} {} {name}", consumer.cluster)
        })
    };
    let mut expected: Vec<_> = consumers.iter().flat_map(of_each).collect();
    expected.push(format!("create deployments.apps {} web", red.cluster));
    let shown = wait_for("all of both workspaces", KCP_SOON, || {
        let shown = differences(&scene, 1);
        // A workspace whose endpoint is not served yet has nothing to bring.
        if said(&shown) == on_both(&expected) {
            Ok(shown)
        } else {
            Err(format!("{:#?}", said(&shown)))
        }
    });
    for found in shown.iter().filter(|found| found["resource"] == "configmaps") {
        let cluster = found["upstream"]["cluster"].as_str().unwrap();
        let of = consumers.iter().find(|consumer| consumer.cluster == cluster).unwrap();
        assert_eq!(found["after"]["data"], json!({"of": of.path}));
        assert!(found["namespace"].as_str().unwrap().starts_with("kcp-"), "{found}");
    }
    let text = String::from_utf8(diff(&scene, "text").stdout).unwrap();
    assert!(text.contains("create deployments.apps kcp-"), "{text}");
    for consumer in &consumers {
        for number in 0..2 {
            assert!(
                copy(target(number), CONFIG_MAPS, consumer, "web").is_none(),
                "nothing is written"
            );
        }
    }

    scene.run();
    for consumer in &consumers {
        wait_data(consumer, "web", &json!({"of": consumer.path}));
    }
    for number in 0..2 {
        wait_for("the Deployment", KCP_SOON, || {
            copy(target(number), DEPLOYMENTS, red, "web")
        });
    }
    assert_eq!(differences(&scene, 0), Vec::<Value>::new());
    scene.kill();

    // What one workspace changes is shown of that one alone.
    scene.edit(blue, "web", &json!({"more": "1"}));
    let shown = differences(&scene, 1);
    let change = format!("change configmaps {} web", blue.cluster);
    assert_eq!(said(&shown), on_both(&[change]));
    for found in &shown {
        assert!(found["diff"].as_str().unwrap().contains("+  more: \"1\"\n"), "{found}");
    }
}
