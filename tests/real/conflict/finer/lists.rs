//! Keyed lists meet item by item: containers by name, env by name, and their order.

use serde_json::{Value, json};

use super::site::{Site, all, by_strategy, stage_of_strategies};
use crate::conflict::{cells::kind::Kind, stage::Side};

fn body() -> Value {
    json!({"spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{
                "name": "web", "image": "example.org/web:v0",
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C", "value": "3"}],
            }]},
        },
    }})
}

/// The names of the items at `pointer`.
fn names(site: &Site<'_>, name: &str, pointer: &str) -> [Value; 3] {
    site.sees(Kind::Deployment, name, pointer).map(|list| {
        let items = list.as_array().into_iter().flatten();
        items.map(|item| item["name"].clone()).collect()
    })
}

#[track_caller]
fn wait_names(site: &Site<'_>, name: &str, pointer: &str, wanted: &[Value; 3]) {
    let what = format!("{pointer} of {name} in {} to be {wanted:?}", site.namespace);
    syncer_harness::wait_for(&what, crate::objects::SOON, || {
        let seen = names(site, name, pointer);
        if seen == *wanted {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });
}

const CONTAINERS: &str = "/spec/template/spec/containers";
const ENV: &str = "/spec/template/spec/containers/0/env";

#[test]
fn items_of_keyed_lists_are_added_removed_and_ordered_by_either_side() {
    let stage = stage_of_strategies("lists", &json!({}));
    let sites = Site::of_strategies(&stage);
    let kind = Kind::Deployment;
    for site in &sites {
        for name in ["sidecar", "order", "items"] {
            site.make(kind, name, &body());
        }
        let sidecar = json!({"name": "sidecar", "image": "example.org/sidecar:v0"});
        let added = json!([{"op": "add", "path": "/spec/template/spec/containers/-", "value": sidecar}]);
        site.json_patch(Side::East, kind, "sidecar", &added);
        // With a value; an order alone is another test.
        let reversed = json!([{"op": "replace", "path": ENV, "value": [
            {"name": "C", "value": "3"}, {"name": "B", "value": "2"}, {"name": "A", "value": "8"},
        ]}]);
        site.json_patch(Side::East, kind, "order", &reversed);
        site.kubectl(Side::East, &["set", "env", "deployment/items", "B-", "D=4"]);
        site.kubectl(Side::Upstream, &["set", "env", "deployment/items", "A=9"]);
    }
    let sidecars = by_strategy(&json!(["web"]), &json!(["web", "sidecar"]));
    let orders = by_strategy(&json!(["A", "B", "C"]), &json!(["C", "B", "A"]));
    let items = by_strategy(&json!(["A", "B", "C"]), &json!(["A", "C", "D"]));
    for (n, site) in sites.iter().enumerate() {
        wait_names(site, "sidecar", CONTAINERS, &sidecars[n]);
        wait_names(site, "order", ENV, &orders[n]);
        wait_names(site, "items", ENV, &items[n]);
        site.wait(kind, "items", &format!("{ENV}/0/value"), &all(&json!("9")));
        // What the upstream goes on to change and to add arrives beside what the target has.
        site.kubectl(
            Side::Upstream,
            &["set", "image", "deployment/sidecar", "web=example.org/web:v1"],
        );
        site.kubectl(Side::Upstream, &["set", "env", "deployment/items", "C-"]);
    }
    let kept = by_strategy(&json!(["A", "B"]), &json!(["A", "D"]));
    for (n, site) in sites.iter().enumerate() {
        site.wait(
            kind,
            "sidecar",
            &format!("{CONTAINERS}/0/image"),
            &all(&json!("example.org/web:v1")),
        );
        wait_names(site, "sidecar", CONTAINERS, &sidecars[n]);
        wait_names(site, "items", ENV, &kept[n]);
        wait_names(site, "order", ENV, &orders[n]);
    }
    stage.stays_quiet("with lists of the target");
}

/// Puts the variables of `name` into the order of `order`, and changes nothing else.
fn reorder(site: &Site<'_>, at: Side, name: &str, order: &str) {
    let value = |variable: char| {
        body()["spec"]["template"]["spec"]["containers"][0]["env"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|item| item["name"] == variable.to_string())
            .cloned()
    };
    let items: Vec<_> = order.chars().filter_map(value).collect();
    let operations = json!([{"op": "replace", "path": ENV, "value": items}]);
    site.json_patch(at, Kind::Deployment, name, &operations);
}

/// No entry of managedFields moves with it.
#[test]
fn an_order_that_is_changed_alone_is_noticed_under_every_strategy_and_after_a_restart() {
    let mut stage = stage_of_strategies("orders", &json!({}));
    let (abc, cba) = (json!(["A", "B", "C"]), json!(["C", "B", "A"]));
    let orders = by_strategy(&abc, &cba);
    {
        let sites = Site::of_strategies(&stage);
        for site in &sites {
            for name in ["target", "upstream", "killed"] {
                site.make(Kind::Deployment, name, &body());
            }
            reorder(site, Side::East, "target", "CBA");
            reorder(site, Side::Upstream, "upstream", "CAB");
        }
        for (n, site) in sites.iter().enumerate() {
            wait_names(site, "target", ENV, &orders[n]);
            wait_names(site, "upstream", ENV, &all(&json!(["C", "A", "B"])));
        }
        let [upstream, _, merge] = &sites;
        upstream.wait_event(
            Kind::Deployment,
            "target",
            "DriftReverted",
            &[".env was put into another order"],
        );
        // Kept: once, and told.
        syncer_harness::wait_for("the verdict of the merge", crate::objects::SOON, || {
            let page = stage.page(&format!("/debug/verdicts?object={}/target", merge.namespace));
            if page.contains(".env (order)") {
                Ok(())
            } else {
                Err(page)
            }
        });
    }
    stage.stays_quiet("with orders that are settled");

    stage.kill();
    for site in &Site::of_strategies(&stage) {
        reorder(site, Side::East, "killed", "CBA");
    }
    for pass in ["changed while nobody looked", "after another restart"] {
        stage.run();
        for (n, site) in Site::of_strategies(&stage).iter().enumerate() {
            for name in ["killed", "target"] {
                wait_names(site, name, ENV, &orders[n]);
            }
            // It is at work: what is made now arrives.
            site.make(
                Kind::ConfigMap,
                &format!("later-{}", pass.len()),
                &json!({"data": {"a": "1"}}),
            );
        }
        stage.stays_quiet(pass);
        for (n, site) in Site::of_strategies(&stage).iter().enumerate() {
            for name in ["killed", "target"] {
                wait_names(site, name, ENV, &orders[n]);
            }
        }
        stage.kill();
    }
}
