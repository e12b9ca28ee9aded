//! Rules for single fields, for managers, and for what only the target has.

use serde_json::{Value, json};

use syncer_harness::wait_for;

use super::site::{Site, all, by_strategy, stage_of_strategies};
use crate::{
    conflict::{cells::kind::Kind, stage::Side},
    objects::SOON,
};

#[test]
fn a_field_that_a_rule_gives_to_one_side_is_its_under_every_strategy() {
    let fields = json!([
        {"resource": "deployments.apps", "path": "spec.replicas", "owner": "Downstream"},
        {"resource": "configmaps", "path": "data.a", "owner": "Upstream"},
        {"resource": "secrets", "path": "data.a", "owner": "Downstream"},
    ]);
    let stage = stage_of_strategies("fields", &json!({"fields": fields}));
    let sites = Site::of_strategies(&stage);
    for site in &sites {
        site.make(Kind::Deployment, "web", &Kind::Deployment.body("web"));
        site.make(Kind::ConfigMap, "web", &json!({"data": {"a": "1", "b": "1"}}));
        site.make(Kind::Secret, "web", &json!({"data": {"a": "MQ==", "b": "MQ=="}}));
        site.kubectl(Side::East, &["scale", "deployment/web", "--replicas=5"]);
        site.kubectl(Side::Upstream, &["scale", "deployment/web", "--replicas=3"]);
        site.patch(
            Side::East,
            Kind::ConfigMap,
            "web",
            &json!({"data": {"a": "2", "b": "2"}}),
        );
        site.patch(Side::East, Kind::Secret, "web", &json!({"data": {"a": "Mg=="}}));
    }
    let b = by_strategy(&json!("1"), &json!("2"));
    for (n, site) in sites.iter().enumerate() {
        // The upstream's value is the start value, and then it is the target's.
        site.wait(
            Kind::Deployment,
            "web",
            "/spec/replicas",
            &[json!(3), json!(5), json!(1)],
        );
        site.wait(Kind::ConfigMap, "web", "/data/a", &all(&json!("1")));
        site.wait(Kind::ConfigMap, "web", "/data/b", &b[n]);
        site.wait(
            Kind::Secret,
            "web",
            "/data/a",
            &[json!("MQ=="), json!("Mg=="), json!("MQ==")],
        );
        site.wait_event(Kind::ConfigMap, "web", "DriftReverted", &["data.a"]);
        // Other edits go down beside it, and leave it.
        site.kubectl(
            Side::Upstream,
            &["set", "image", "deployment/web", "web=example.org/web:v1"],
        );
        site.patch(Side::Upstream, Kind::Secret, "web", &json!({"data": {"b": "Mw=="}}));
    }
    for site in &sites {
        let image = "/spec/template/spec/containers/0/image";
        site.wait(Kind::Deployment, "web", image, &all(&json!("example.org/web:v1")));
        site.wait(
            Kind::Deployment,
            "web",
            "/spec/replicas",
            &[json!(3), json!(5), json!(1)],
        );
        site.wait(Kind::Secret, "web", "/data/b", &all(&json!("Mw==")));
        site.wait(
            Kind::Secret,
            "web",
            "/data/a",
            &[json!("MQ=="), json!("Mg=="), json!("MQ==")],
        );
    }
    stage.stays_quiet("with fields that rules give to one side");

    // Without the rules the table holds: the upstream's, or what was changed last, or what the target changed.
    let each = super::site::STRATEGIES.map(|(suffix, strategy)| (suffix, json!({"strategy": strategy})));
    stage.says_each(&each);
    let [upstream, _, _] = &sites;
    upstream.wait(Kind::Deployment, "web", "/spec/replicas", &all(&json!(3)));
    upstream.wait(Kind::Secret, "web", "/data/a", &all(&json!("MQ==")));
    for site in &sites {
        site.kubectl(Side::Upstream, &["scale", "deployment/web", "--replicas=4"]);
        site.wait(Kind::Deployment, "web", "/spec/replicas", &all(&json!(4)));
    }
    stage.stays_quiet("after the rules were taken away");

    // What was handed over to the targets is the upstream's again, to remove too.
    for site in &sites {
        site.json_patch(
            Side::Upstream,
            Kind::Secret,
            "web",
            &json!([{"op": "remove", "path": "/data/a"}]),
        );
        site.wait(Kind::Secret, "web", "/data/a", &all(&Value::Null));
        for side in [Side::East, Side::West] {
            wait_for(&format!("nothing to be handed over on {side:?}"), SOON, || {
                let held = Kind::Secret.read(side.server(), &site.namespace, "web");
                let fields = held["metadata"]["managedFields"].to_string();
                if fields.contains("tmc-syncer-handover") {
                    Err(fields)
                } else {
                    Ok(())
                }
            });
        }
    }
    stage.stays_quiet("after what was handed over was removed");
}

#[test]
fn a_rule_that_comes_later_or_leads_through_a_list_takes_nothing_from_the_target() {
    let rules = |paths: &[&str]| -> Value {
        let rules = paths.iter();
        rules
            .map(|path| json!({"resource": "deployments.apps", "path": path, "owner": "Downstream"}))
            .collect()
    };
    let stage = stage_of_strategies("given", &json!({"fields": rules(&["spec.replicas"])}));
    let sites = Site::of_strategies(&stage);
    let web = Kind::Deployment;
    let limits = json!({"limits": {"memory": "64Mi"}});
    let container = |name: &str| json!({"name": name, "image": format!("example.org/{name}:v1"), "resources": limits});
    let labels = json!({"app": "web"});
    let body = json!({"spec": {
        "replicas": 5, "minReadySeconds": 7, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container("web"), container("log")]}},
    }});
    for site in &sites {
        site.make(web, "web", &body);
        site.patch(
            Side::Upstream,
            web,
            "web",
            &json!({"spec": {"progressDeadlineSeconds": 601}}),
        );
    }
    for site in &sites {
        site.wait(web, "web", "/spec/progressDeadlineSeconds", &all(&json!(601)));
    }
    let paths = [
        "spec.replicas",
        "spec.minReadySeconds",
        "spec.template.spec.containers[*].resources",
        "spec.template.spec.containers[name=web].image",
    ];
    let each = super::site::STRATEGIES.map(|(suffix, strategy)| {
        let rules = json!({"strategy": strategy, "fields": rules(&paths)});
        (suffix, rules)
    });
    let changes = || stage.syncer().log().matches("other rules").count();
    let before = changes();
    stage.says_each(&each);
    wait_for("the other rules", SOON, || changes() > before);
    for (deadline, site) in (602..).zip(&sites) {
        let edit = json!({"spec": {"progressDeadlineSeconds": deadline}});
        site.patch(Side::Upstream, web, "web", &edit);
    }
    let pod = "/spec/template/spec/containers";
    for (deadline, site) in (602..).zip(&sites) {
        site.wait(web, "web", "/spec/progressDeadlineSeconds", &all(&json!(deadline)));
        site.wait(web, "web", "/spec/replicas", &all(&json!(5)));
        site.wait(web, "web", "/spec/minReadySeconds", &all(&json!(7)));
        for index in 0..2 {
            site.wait(web, "web", &format!("{pod}/{index}/resources"), &all(&limits));
        }
        site.wait(
            web,
            "web",
            &format!("{pod}/0/image"),
            &all(&json!("example.org/web:v1")),
        );
        // What the target has of an item does not keep the item.
        let gone = json!([{"op": "remove", "path": format!("{pod}/1")}]);
        site.json_patch(Side::Upstream, web, "web", &gone);
    }
    for site in &sites {
        site.wait(web, "web", &format!("{pod}/1"), &all(&Value::Null));
        site.wait(web, "web", &format!("{pod}/0/resources"), &all(&limits));
    }
    stage.stays_quiet("with what passed to the targets");
}

#[test]
fn what_ignored_managers_add_is_not_looked_at() {
    let stage = stage_of_strategies("managers", &json!({"ignoreManagers": ["robot"]}));
    let sites = Site::of_strategies(&stage);
    let kind = Kind::ConfigMap;
    for site in &sites {
        site.make(kind, "web", &json!({"data": {"a": "1"}}));
        site.apply_as("robot", Side::East, kind, "web", &json!({"data": {"robot": "1"}}));
        site.apply_as("other", Side::East, kind, "web", &json!({"data": {"other": "1"}}));
    }
    let (nothing, one) = (Value::Null, json!("1"));
    let others = by_strategy(&nothing, &one);
    for (n, site) in sites.iter().enumerate() {
        site.wait(kind, "web", "/data/other", &others[n]);
        site.wait(
            kind,
            "web",
            "/data/robot",
            &[nothing.clone(), one.clone(), nothing.clone()],
        );
        // Their drift counts: what the upstream has is taken back from them.
        site.apply_as(
            "robot",
            Side::East,
            kind,
            "web",
            &json!({"data": {"robot": "1", "a": "2"}}),
        );
    }
    let drift = by_strategy(&one, &json!("2"));
    for (n, site) in sites.iter().enumerate() {
        site.wait(kind, "web", "/data/a", &drift[n]);
        site.wait(
            kind,
            "web",
            "/data/robot",
            &[nothing.clone(), one.clone(), nothing.clone()],
        );
    }
    stage.stays_quiet("beside an ignored manager");
}

#[test]
fn what_only_the_target_has_is_kept_where_the_policy_says_so() {
    let stage = stage_of_strategies("keep", &json!({"foreign": "Keep"}));
    let [upstream, _, _] = Site::of_strategies(&stage);
    let (nothing, one) = (Value::Null, json!("1"));
    let kept = [nothing.clone(), one.clone(), nothing];
    let map = Kind::ConfigMap;
    upstream.make(map, "web", &json!({"data": {"a": "1"}}));
    upstream.make(Kind::Deployment, "web", &Kind::Deployment.body("web"));
    upstream.patch(Side::East, map, "web", &json!({"data": {"extra": "1", "a": "2"}}));
    upstream.kubectl(Side::East, &["set", "env", "deployment/web", "EXTRA=1", "A=2"]);
    let env = "/spec/template/spec/containers/0/env";
    upstream.wait(map, "web", "/data/a", &all(&one));
    upstream.wait(map, "web", "/data/extra", &kept);
    upstream.wait(Kind::Deployment, "web", &format!("{env}/0/value"), &all(&one));
    upstream.wait(Kind::Deployment, "web", &format!("{env}/2/value"), &kept);
    // An edit upstream leaves it too.
    upstream.patch(Side::Upstream, map, "web", &json!({"data": {"a": "3"}}));
    upstream.wait(map, "web", "/data/a", &all(&json!("3")));
    upstream.wait(map, "web", "/data/extra", &kept);
    stage.stays_quiet("with what only the target has");
}

#[test]
fn another_strategy_counts_for_what_was_kept_before_too() {
    let stage = stage_of_strategies("switched", &json!({}));
    let sites = Site::of_strategies(&stage);
    let (nothing, one, two) = (Value::Null, json!("1"), json!("2"));
    let (map, web) = (Kind::ConfigMap, Kind::Deployment);
    let replicas = "/spec/replicas";
    for site in &sites {
        site.make(map, "web", &json!({"data": {"a": "1", "b": "1"}}));
        site.make(web, "web", &Kind::Deployment.body("web"));
        site.patch(
            Side::East,
            map,
            "web",
            &json!({"data": {"a": "2", "b": null, "more": "2"}}),
        );
        site.kubectl(Side::East, &["scale", "deployment/web", "--replicas=5"]);
    }
    let (a, b, more) = (
        by_strategy(&one, &two),
        by_strategy(&one, &nothing),
        by_strategy(&nothing, &two),
    );
    let settled = |n: usize, site: &Site<'_>| {
        site.wait(map, "web", "/data/a", &a[n]);
        site.wait(map, "web", "/data/b", &b[n]);
        site.wait(map, "web", "/data/more", &more[n]);
    };
    for (n, site) in sites.iter().enumerate() {
        settled(n, site);
        site.wait(web, "web", replicas, &by_strategy(&json!(1), &json!(5))[n]);
    }
    let says = |strategies: [&str; 3]| {
        let suffixes = super::site::STRATEGIES.map(|(suffix, _)| suffix);
        let each: Vec<_> = std::iter::zip(suffixes, strategies)
            .map(|(suffix, strategy)| (suffix, json!({"strategy": strategy})))
            .collect();
        stage.says_each(&each);
    };
    // What was kept on one target is written back, or taken back; nothing else changes.
    says(["MergeChanges", "UpstreamWins", "LastWriteWins"]);
    let [upstream, last, merge] = &sites;
    merge.wait(map, "web", "/data/a", &all(&two));
    merge.wait(map, "web", "/data/b", &all(&nothing));
    merge.wait(map, "web", "/data/more", &all(&two));
    merge.wait(web, "web", replicas, &all(&json!(5)));
    settled(0, upstream);
    settled(1, last);
    for site in &sites {
        site.patch(Side::East, map, "web", &json!({"data": {"c": "3"}}));
        site.kubectl(Side::East, &["scale", "deployment/web", "--replicas=7"]);
    }
    upstream.wait(map, "web", "/data/c", &[nothing.clone(), json!("3"), nothing.clone()]);
    upstream.wait(web, "web", replicas, &[json!(1), json!(7), json!(1)]);
    last.wait(map, "web", "/data/c", &all(&nothing));
    last.wait(web, "web", replicas, &all(&json!(5)));
    merge.wait(map, "web", "/data/c", &all(&json!("3")));
    merge.wait(web, "web", replicas, &all(&json!(7)));
    says(["UpstreamWins", "UpstreamWins", "UpstreamWins"]);
    upstream.wait(map, "web", "/data/c", &all(&nothing));
    upstream.wait(web, "web", replicas, &all(&json!(1)));
    stage.stays_quiet("after the strategies were exchanged");
}
