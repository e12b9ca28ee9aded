//! What an API server refuses is never the last word.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::wait_for;

use super::site::{Site, all, stage_of_strategies};
use crate::{
    conflict::{cells::kind::Kind, stage::Side},
    objects::{SOON, uid},
};

/// Refuses ConfigMaps in `namespace` whose `a` says `forbidden`, upstream.
fn forbid(namespace: &str) {
    let client = Side::Upstream.server().client();
    let policy = json!({
        "metadata": {"name": namespace},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"],
                }],
            },
            "validations": [{
                "expression": "!has(object.data) || !('a' in object.data) || object.data.a != 'forbidden'",
                "message": "not here",
            }],
        },
    });
    let binding = json!({
        "metadata": {"name": namespace},
        "spec": {"policyName": namespace, "validationActions": ["Deny"]},
    });
    let api = "/apis/admissionregistration.k8s.io/v1";
    client.create(&format!("{api}/validatingadmissionpolicies"), &policy);
    client.create(&format!("{api}/validatingadmissionpolicybindings"), &binding);
    let probe = json!({"metadata": {"generateName": "probe-"}, "data": {"a": "forbidden"}});
    let maps = format!("/api/v1/namespaces/{namespace}/configmaps?dryRun=All");
    wait_for("the policy to act", SOON, || {
        let answer = client.call("POST", &maps, Some(&probe));
        if answer.is_success() { Err("allowed") } else { Ok(()) }
    });
}

#[test]
fn a_merge_or_a_write_back_that_is_refused_is_reported_and_not_the_last_word() {
    let stage = stage_of_strategies("invalid", &json!({}));
    let [_, last, merge] = Site::of_strategies(&stage);
    let kind = Kind::ConfigMap;
    let nothing = Value::Null;

    // Each is fine alone; together a key stands in both maps.
    merge.make(kind, "web", &json!({"data": {"a": "1"}}));
    stage.syncer().pause();
    merge.patch(Side::East, kind, "web", &json!({"binaryData": {"x": "AAAA"}}));
    merge.patch(Side::Upstream, kind, "web", &json!({"data": {"x": "up"}}));
    stage.syncer().resume();
    merge.wait(kind, "web", "/data/x", &all(&json!("up")));
    merge.wait(kind, "web", "/binaryData", &all(&nothing));
    merge.wait_event(kind, "web", "Conflict", &[&stage.target(Side::East), "upstream wins"]);

    // The upstream does not take what the target has: it stays there alone, and that is said.
    forbid(&last.namespace);
    last.make(kind, "web", &json!({"data": {"a": "1", "b": "1"}}));
    last.patch(Side::East, kind, "web", &json!({"data": {"a": "forbidden"}}));
    last.wait_event(kind, "web", "Conflict", &["not written back", "not here"]);
    let stays = [json!("1"), json!("forbidden"), json!("1")];
    last.wait(kind, "web", "/data/a", &stays);
    // An edit upstream of another field still goes down everywhere.
    last.patch(Side::Upstream, kind, "web", &json!({"data": {"b": "2"}}));
    last.wait(kind, "web", "/data/b", &all(&json!("2")));
    last.wait(kind, "web", "/data/a", &stays);
    // What the upstream takes is written back.
    last.apply_as("other", Side::East, kind, "web", &json!({"data": {"a": "allowed"}}));
    last.wait(kind, "web", "/data/a", &all(&json!("allowed")));
}

#[test]
fn what_never_changes_follows_on_immutable_under_every_strategy() {
    let stage = stage_of_strategies("immutable", &json!({}));
    let sites = Site::of_strategies(&stage);
    for site in &sites {
        for kind in [Kind::ConfigMap, Kind::Secret] {
            site.make(kind, "fixed", &json!({"data": {"a": "MQ=="}, "immutable": true}));
        }
        site.make(Kind::Deployment, "web", &Kind::Deployment.body("web"));
    }
    stage.syncer().pause();
    let mut selecting = Kind::Deployment.body("web");
    selecting["spec"]["selector"]["matchLabels"]["app"] = json!("other");
    selecting["spec"]["template"]["metadata"]["labels"]["app"] = json!("other");
    let before: Vec<_> = sites
        .iter()
        .map(|site| uid(&Kind::ConfigMap.read(Side::East.server(), &site.namespace, "fixed")).to_owned())
        .collect();
    for site in &sites {
        let again = |kind: Kind, name: &str, body: &Value| {
            let mut body = body.clone();
            body["apiVersion"] = json!(kind.api_version());
            body["kind"] = json!(kind.name());
            body["metadata"] = json!({"name": name, "namespace": site.namespace});
            let file = site
                .stage
                .file(&format!("{}-again.json", site.namespace), &body.to_string());
            site.kubectl(
                Side::Upstream,
                &["replace", "--force", "-f", &file.display().to_string()],
            );
        };
        for kind in [Kind::ConfigMap, Kind::Secret] {
            again(kind, "fixed", &json!({"data": {"a": "Mg=="}, "immutable": true}));
        }
        again(Kind::Deployment, "web", &selecting);
    }
    stage.syncer().resume();
    for (site, before) in sites.iter().zip(before) {
        // Auto: data is made again, a Deployment is reported and stays.
        for kind in [Kind::ConfigMap, Kind::Secret] {
            site.wait(kind, "fixed", "/data/a", &all(&json!("Mg==")));
        }
        let now = Kind::ConfigMap.read(Side::East.server(), &site.namespace, "fixed");
        assert_ne!(uid(&now), before, "{}: made again", site.namespace);
        site.wait_event(Kind::Deployment, "web", "ImmutableField", &["spec.selector"]);
        let seen = site.sees(Kind::Deployment, "web", "/spec/selector/matchLabels/app");
        assert_eq!(seen, [json!("other"), json!("web"), json!("web")], "{}", site.namespace);
    }
}

/// Statuses move the resourceVersion all the time: that alone is no reason to give up.
#[test]
fn conflicts_that_only_statuses_cause_do_not_count() {
    let stage = stage_of_strategies("statuses", &json!({"maxRetries": 1}));
    let sites = Site::of_strategies(&stage);
    let kind = Kind::Deployment;
    for site in &sites {
        site.make(kind, "web", &kind.body("web"));
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for site in &sites {
            let (over, namespace) = (&over, &site.namespace);
            scope.spawn(move || {
                let client = Side::East.server().client();
                let path = format!("{}/status", kind.path(namespace, "web"));
                let mut turn = 0;
                while !over.load(Ordering::Relaxed) {
                    turn += 1;
                    let status = json!({"status": {"observedGeneration": turn}});
                    client.patch(&path, syncer_harness::Patch::Merge(&status));
                    // The pace of a busy controller.
                    thread::sleep(Duration::from_millis(100));
                }
            });
        }
        let image = "/spec/template/spec/containers/0/image";
        let edits = thread::Builder::new().spawn_scoped(scope, || {
            for n in 1..4 {
                for site in &sites {
                    // Both sides, different leaves: each decision is over a version.
                    site.kubectl(
                        Side::East,
                        &["annotate", "deployment/web", &format!("theirs={n}"), "--overwrite"],
                    );
                    site.kubectl(
                        Side::Upstream,
                        &["set", "image", "deployment/web", &format!("web=example.org/web:v{n}")],
                    );
                }
                for site in &sites {
                    site.wait(kind, "web", image, &all(&json!(format!("example.org/web:v{n}"))));
                }
            }
        });
        let ended = edits.unwrap().join();
        over.store(true, Ordering::Relaxed);
        assert!(ended.is_ok(), "edits did not arrive beside statuses");
    });
    for site in &sites {
        let events = site.events(kind, "web");
        assert!(!events.iter().any(|(reason, _)| reason == "Conflict"), "{events:?}");
    }
    assert_eq!(
        stage.counter("tmc_syncer_conflicts_total", &["verdict=\"unsettled\""]),
        0
    );
}
