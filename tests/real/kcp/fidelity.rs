//! What a person applies in a workspace is what the workspace holds, as on a Kubernetes API server.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Scratch};

use super::provider::{Provider, kcp};
use crate::down::fidelity::documents;

fn collection(document: &Value) -> String {
    let group = match document["apiVersion"].as_str().unwrap() {
        "v1" => "/api/v1".to_owned(),
        group => format!("/apis/{group}"),
    };
    let plural = format!("{}s", document["kind"].as_str().unwrap().to_lowercase());
    let name = document["metadata"]["name"].as_str().unwrap();
    format!("{group}/namespaces/default/{plural}/{name}")
}

/// The paths of `sent` that `held` does not have as they were sent. What is null was not said.
fn lost(path: &str, sent: &Value, held: &Value, lost_paths: &mut Vec<String>) {
    match sent {
        Value::Object(members) => {
            if members.is_empty() && !held.is_object() {
                lost_paths.push(path.to_owned());
            }
            for (name, member) in members {
                lost(&format!("{path}/{name}"), member, &held[name], lost_paths);
            }
        }
        Value::Array(items) => {
            if held.as_array().is_none_or(|held| held.len() != items.len()) {
                lost_paths.push(path.to_owned());
            }
            for (index, item) in items.iter().enumerate() {
                lost(&format!("{path}/{index}"), item, &held[index], lost_paths);
            }
        }
        Value::Null => {}
        _ if sent == held => {}
        _ => lost_paths.push(format!("{path}: {held} instead of {sent}")),
    }
}

/// The paths that `held` has beyond `sent`.
fn added(path: &str, sent: &Value, held: &Value, added_paths: &mut Vec<String>) {
    match held {
        Value::Object(members) => {
            for (name, member) in members {
                added(&format!("{path}/{name}"), &sent[name], member, added_paths);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                added(&format!("{path}/{index}"), &sent[index], item, added_paths);
            }
        }
        Value::Null => {}
        _ if sent.is_null() => added_paths.push(path.to_owned()),
        _ => {}
    }
}

/// All four kinds, by kubectl, as people send them; the two that kcp lacks by our schemas.
#[test]
fn every_field_that_is_applied_is_kept_and_only_keys_of_lists_are_filled_in() {
    let kcp = kcp();
    let provider = Provider::make(&kcp, "whole");
    let team = provider.consumer(&kcp, "whole-team");
    let server = ApiServer::start();
    let documents = documents::all();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": documents});
    let scratch = Scratch::new("whole");
    let file = scratch.write("documents.json", &list.to_string());
    let arguments = ["apply", "-n", "default", "-f", file.to_str().unwrap()];
    server.kubectl(&arguments);
    let output = kcp.kubectl(&team.path, &arguments);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");

    let client = team.client(&kcp);
    for document in &documents {
        let path = collection(document);
        let (held, native) = (client.read(&path), server.client().read(&path));
        let mut missing = Vec::new();
        lost("", document, &held, &mut missing);
        assert_eq!(missing, Vec::<String>::new(), "{path}");
        // Nobody changes what was applied, so kcp says so when it is applied again.
        for part in ["spec", "data"] {
            let mut filled_in = Vec::new();
            added("", &document[part], &held[part], &mut filled_in);
            filled_in.retain(|path| !path.ends_with("/protocol"));
            assert_eq!(filled_in, Vec::<String>::new(), "{path}");
            // What kcp fills in is what Kubernetes would.
            let ports = |object: &Value| object.pointer("/spec/template/spec/containers/0/ports").cloned();
            assert_eq!(ports(&held).is_some(), ports(&native).is_some(), "{path}");
            let protocols = |object: &Value| {
                let ports = ports(object).unwrap_or_else(|| object["spec"]["ports"].clone());
                let ports = ports.as_array().cloned().unwrap_or_default();
                ports.iter().map(|port| port["protocol"].clone()).collect::<Vec<_>>()
            };
            assert_eq!(protocols(&held), protocols(&native), "{path}");
        }
    }
    let again = kcp.kubectl(&team.path, &arguments);
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(said.lines().all(|line| line.ends_with("unchanged")), "{said}");

    // Scaled and edited as anywhere.
    let scaled = kcp.kubectl(
        &team.path,
        &["scale", "-n", "default", "deployment/plain", "--replicas=7"],
    );
    assert!(scaled.status.success(), "{}", String::from_utf8_lossy(&scaled.stderr));
    let plain = client.read("/apis/apps/v1/namespaces/default/deployments/plain");
    assert_eq!(plain["spec"]["replicas"], 7);
    let explained = kcp.kubectl(
        &team.path,
        &["explain", "deployment.spec.template.spec.containers.ports"],
    );
    assert!(
        String::from_utf8_lossy(&explained.stdout).contains("containerPort"),
        "{explained:?}"
    );
}

/// What Kubernetes itself refuses at once, because no item could be told from another, is refused in kcp too.
#[test]
fn wrong_objects_are_refused_where_people_see_it() {
    let kcp = kcp();
    let provider = Provider::make(&kcp, "wrong");
    let client = provider.consumer(&kcp, "wrong-team").client(&kcp);
    let services = "/api/v1/namespaces/default/services?fieldValidation=Strict";
    for (spec, part) in [
        (json!({"ports": [{"name": "http"}]}), "port"),
        (json!({"ports": [{"port": "eighty"}]}), "integer"),
        (
            json!({"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}),
            "Duplicate",
        ),
        (json!({"prots": []}), "unknown field"),
    ] {
        let reply = client.call(
            "POST",
            services,
            Some(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})),
        );
        assert!(
            matches!(reply.status, 400 | 422) && reply.text.contains(part),
            "{spec}: {}",
            reply.text
        );
    }
}
