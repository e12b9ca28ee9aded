//! Many objects: one namespace's failures do not hold up another, and thousands arrive.

use std::{
    io::{self, Write},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, AuditEvent, wait_for};

use crate::objects::{SOON, text};

use super::{
    scene::{Scene, policy, start},
    things::{change, collection, config_map, deployment, namespace_with, path, wait_that},
};

/// How long a crowd may take on a loaded machine.
const LATER: Duration = Duration::from_mins(5);

/// Creates `count` objects by eight at once.
fn create_many(up: &ApiServer, collection: &str, count: usize, object: impl Fn(usize) -> Value + Sync) {
    const CLIENTS: usize = 8;
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let object = &object;
            scope.spawn(move || {
                for n in (client..count).step_by(CLIENTS) {
                    up.client().create(collection, &object(n));
                }
            });
        }
    });
}

/// Edits `web-0` and so on by eight at once.
fn change_many(up: &ApiServer, collection: &str, count: usize, value: &str) {
    const CLIENTS: usize = 8;
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                for n in (client..count).step_by(CLIENTS) {
                    change(up, &format!("{collection}/web-{n}"), &json!({"data": {"key": value}}));
                }
            });
        }
    });
}

/// How many objects there are, by the server's word.
fn count(server: &ApiServer, collection: &str) -> usize {
    let page = server.client().read(&format!("{collection}?limit=1"));
    let left = page["metadata"]["remainingItemCount"].as_u64().unwrap_or_default();
    page["items"].as_array().map_or(0, Vec::len) + usize::try_from(left).unwrap_or_default()
}

/// An ordinary burst: three times what a target works on at once, so that an edit behind it has as many ahead of it as there can
/// usually be.
const USUAL: usize = 200;

/// 1,000 objects fail for ever in one namespace: an edit in another has at most twice its usual number of requests ahead
/// of it.
///
/// The target is stopped while both are edited upstream, so that all of it waits for its turn at once; another target shows
/// when the edit has arrived at the syncer. Then the target goes on, and its audit log shows the order.
#[test]
fn a_thousand_failing_objects_of_one_namespace_hold_up_no_other() {
    const FAILING: usize = 1_000;
    let [south] = start(["south"]);
    let mut scene = Scene::new("crowd");
    let up = scene.upstream;
    let targets = [scene.target("east", &json!({})), scene.target("south", &json!({}))];
    scene.kubeconfig("south", &south.kubeconfig_of(&scene.user()));
    let spec = json!({
        "resources": [{"group": "", "resource": "configmaps"}],
        "namespaces": {"names": ["crowd-bad", "crowd-good", "crowd-usual"]},
        // No API server takes such a label.
        "transforms": [{
            "set": {"path": "metadata.labels.bad", "cel": "namespace == 'crowd-bad' ? 'no label!' : 'fine'"},
            "targets": {"names": ["crowd-south"]},
        }],
    });
    scene.write(&[targets[0].clone(), targets[1].clone(), policy("crowd", &spec)]);
    for namespace in ["crowd-good", "crowd-bad", "crowd-usual"] {
        namespace_with(up, namespace, &json!({}));
    }
    let object = |n: usize| json!({"metadata": {"name": format!("web-{n}")}, "data": {"key": "1"}});
    config_map(up, "crowd-good", "web", &json!({}));
    create_many(up, &collection("configmaps", "crowd-usual"), USUAL, object);
    scene.run(&[]);
    scene.wait_objects("south", "synced", 1 + 2 + u64::try_from(USUAL).unwrap());

    let web = path("configmaps", "crowd-good", "web");
    // How many requests come before that of the edit of `web`, after `count` objects of `namespace` were edited.
    let ahead = |namespace: &str, count: usize, value: &str| {
        let writes = || {
            let mut requests = scene.requests(&south);
            requests.retain(AuditEvent::is_write);
            requests
        };
        let before = writes().len();
        south.pause();
        change_many(up, &collection("configmaps", namespace), count, value);
        change(up, &web, &json!({"data": {"key": value}}));
        wait_that(scene.east, &web, |seen| seen["data"]["key"] == value);
        south.resume();
        wait_that(&south, &web, |seen| seen["data"]["key"] == value);
        let position = wait_for("the edit in the audit log", SOON, || {
            let mut new = writes().into_iter().skip(before);
            new.position(|event| event.namespace == "crowd-good")
        });
        position + 1
    };
    let usual = ahead("crowd-usual", USUAL, "usual");
    create_many(up, &collection("configmaps", "crowd-bad"), FAILING, object);
    wait_for("all of them failed", LATER, || {
        let failed = scene.objects("south", "failed");
        if failed == FAILING as u64 { Ok(()) } else { Err(failed) }
    });
    let crowded = ahead("crowd-bad", FAILING, "crowded");
    let line =
        format!("requests up to an edit's own: {usual} behind {USUAL} edits, {crowded} behind {FAILING} that fail\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(
        crowded <= 2 * usual,
        "{crowded} behind the crowd, {usual} behind an ordinary burst"
    );
    // They are counted and told about, once each.
    scene.wait_event("crowd-bad", "web-0", "SyncFailed", &["crowd-south", "labels"]);
    wait_for("all of them failed again", LATER, || {
        scene.objects("south", "failed") == FAILING as u64
    });
    scene.end();
}

#[test]
fn hundreds_of_objects_arrive_on_three_targets() {
    arrive_on_three_targets("some", 400, 100);
}

#[test]
#[ignore = "a bigger load: cargo xtask test --full"]
fn thousands_of_objects_arrive_on_three_targets() {
    arrive_on_three_targets("load", 2_000, 500);
}

#[track_caller]
fn arrive_on_three_targets(name: &'static str, maps: usize, deployments: usize) {
    let [south] = start(["south"]);
    let mut scene = Scene::new(name);
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let third = scene.target("south", &json!({}));
    scene.kubeconfig("south", &south.kubeconfig_of(&scene.user()));
    let spec = json!({
        "resources": [{"group": "", "resource": "configmaps"}, {"group": "apps", "resource": "deployments"}],
        "namespaces": {"names": [name]},
    });
    scene.write(&[east, west, third, policy(name, &spec)]);
    namespace_with(up, name, &json!({}));
    let (of_maps, of_deployments) = (collection("configmaps", name), collection("deployments.apps", name));
    create_many(
        up,
        &of_maps,
        maps,
        |n| json!({"metadata": {"name": format!("map-{n}")}, "data": {"key": n.to_string()}}),
    );
    create_many(up, &of_deployments, deployments, |n| {
        deployment(&format!("web-{n}"), "web:1")
    });
    let start = Instant::now();
    scene.run(&[]);
    for server in [scene.east, scene.west, &south] {
        for (collection, wanted) in [(&of_maps, maps), (&of_deployments, deployments)] {
            wait_for(&format!("{wanted} at {collection}"), LATER, || {
                let seen = count(server, collection);
                if seen == wanted { Ok(()) } else { Err(seen) }
            });
        }
    }
    let took = start.elapsed();
    let line = format!(
        "{maps} ConfigMaps and {deployments} Deployments on three targets: {:.1} s\n",
        took.as_secs_f64()
    );
    io::stderr().write_all(line.as_bytes()).unwrap();
    let all = u64::try_from(maps + deployments + 1).unwrap();
    for (cluster, server) in [("east", scene.east), ("west", scene.west), ("south", &south)] {
        scene.wait_objects(cluster, "synced", all);
        // One write per object and target.
        assert_eq!(u64::try_from(scene.writes(server).len()).unwrap(), all, "{cluster}");
    }
    let last = path("configmaps", name, &format!("map-{}", maps - 1));
    wait_that(&south, &last, |seen| text(seen, "/data/key") == (maps - 1).to_string());
    scene.end();
}
