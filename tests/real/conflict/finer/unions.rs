//! Unions are one leaf: the roll-out strategy of a Deployment, the source of a volume.

use serde_json::{Value, json};

use super::site::{Site, all, by_strategy, stage_of_strategies};
use crate::conflict::{cells::kind::Kind, stage::Side};

fn body() -> Value {
    json!({"spec": {
        "replicas": 1,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "web", "image": "example.org/web:v0"}],
                "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}],
            },
        },
    }})
}

#[test]
fn a_union_that_a_target_changes_is_one_leaf_under_every_strategy() {
    let stage = stage_of_strategies("unions", &json!({}));
    let sites = Site::of_strategies(&stage);
    let kind = Kind::Deployment;
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    let recreate = json!({"type": "Recreate"});
    let empty = json!({"name": "data", "emptyDir": {"sizeLimit": "1Gi"}});
    let mapped = json!({"name": "data", "configMap": {"name": "other", "defaultMode": 420}});
    for site in &sites {
        for name in ["strategy", "volume", "part", "both"] {
            site.make(kind, name, &body());
        }
        let exchanged = json!([{"op": "replace", "path": "/spec/strategy", "value": recreate}]);
        site.json_patch(Side::East, kind, "strategy", &exchanged);
        let source = json!([{"op": "replace", "path": "/spec/template/spec/volumes/0", "value": mapped}]);
        site.json_patch(Side::East, kind, "volume", &source);
        // A part of an arm: the rest of it is not reset to a default.
        let surge = json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 5}}}});
        site.patch(Side::East, kind, "part", &surge);
    }
    let surged = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 5, "maxUnavailable": 0}});
    let strategies = by_strategy(&rolling, &recreate);
    let volumes = by_strategy(&empty, &mapped);
    let parts = by_strategy(&rolling, &surged);
    for (n, site) in sites.iter().enumerate() {
        site.wait(kind, "strategy", "/spec/strategy", &strategies[n]);
        site.wait(kind, "volume", "/spec/template/spec/volumes/0", &volumes[n]);
        site.wait(kind, "part", "/spec/strategy", &parts[n]);
        // Another field that the upstream changes goes down beside it.
        for name in ["strategy", "volume", "part"] {
            let of = format!("deployment/{name}");
            site.kubectl(Side::Upstream, &["set", "image", &of, "web=example.org/web:v1"]);
        }
    }
    let image = all(&json!("example.org/web:v1"));
    for (n, site) in sites.iter().enumerate() {
        for name in ["strategy", "volume", "part"] {
            site.wait(kind, name, "/spec/template/spec/containers/0/image", &image);
        }
        site.wait(kind, "strategy", "/spec/strategy", &strategies[n]);
        site.wait(kind, "volume", "/spec/template/spec/volumes/0", &volumes[n]);
        site.wait(kind, "part", "/spec/strategy", &parts[n]);
    }
    // Both sides go to another arm, the upstream to none of the target's: the upstream's, whole, where it wins.
    let [_, _, merge] = &sites;
    let secret = json!({"name": "data", "secret": {"secretName": "ours", "defaultMode": 420}});
    stage.syncer().pause();
    merge.json_patch(
        Side::East,
        kind,
        "both",
        &json!([{"op": "replace", "path": "/spec/template/spec/volumes/0", "value": mapped}]),
    );
    merge.json_patch(
        Side::Upstream,
        kind,
        "both",
        &json!([{"op": "replace", "path": "/spec/template/spec/volumes/0", "value": secret}]),
    );
    stage.syncer().resume();
    merge.wait(kind, "both", "/spec/template/spec/volumes/0", &all(&secret));
    merge.wait_event(kind, "both", "Conflict", &["volumes[name=data]"]);
    stage.stays_quiet("with unions of the target");
}
