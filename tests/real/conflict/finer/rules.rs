//! Rules for single fields, for managers, and for what only the target has.

use serde_json::{Value, json};

use super::site::{Site, all, by_strategy, stage_of_strategies};
use crate::conflict::{cells::kind::Kind, stage::Side};

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
