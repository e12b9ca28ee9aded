//! What stays: orphans, what is paused, and what only looks like ours.

use std::time::Duration;

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Asked, Fate, GoBetween, Patch, stays, wait_for};

use super::stage::{
    KEY_LABEL, Stage, assert_nobodys, assert_untouched, change, is_marked, wait_all, wait_namespace_gone, wait_none,
};
use crate::{
    objects::{ConfigMap, SOON, create_namespace, namespace, text, uid, version},
    printed,
};

/// Waits until `map` on east carries none of our markers.
#[track_caller]
fn wait_orphaned(stage: &Stage, map: &ConfigMap) -> Value {
    wait_for(&format!("{map:?} without markers"), SOON, || {
        let seen = map.get(stage.east).ok_or_else(|| "gone".to_owned())?;
        if is_marked(&seen) {
            Err(seen.to_string())
        } else {
            Ok(seen)
        }
    })
}

#[test]
fn orphans_stay_without_our_markers_and_without_an_owner() {
    let mut stage = Stage::new("orphan");
    let [east, _] = stage.targets();
    let orphan = json!({"deletion": {"mode": "Orphan"}});
    let policy = stage.policy(&["configmaps"], &["orphan"], &orphan);
    stage.write(&[east.clone(), policy.clone()]);
    create_namespace(stage.upstream, "orphan");
    let maps = stage.maps("orphan", 4);
    stage.run();
    wait_all(stage.east, &maps);
    // Somebody else owns a label of one of them, and keeps it.
    let touched = change(
        stage.east,
        &maps[0].path(),
        &json!({"metadata": {"labels": {"team": "a"}}}),
    );

    maps[0].delete(stage.upstream);
    let left = wait_orphaned(&stage, &maps[0]);
    assert_nobodys(&left);
    assert_eq!((uid(&left), text(&left, "/metadata/labels/team")), (uid(&touched), "a"));
    assert_eq!(left["data"], json!({"key": "1"}));
    // Whoever applies it next meets no conflict.
    let applied =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "object-0"}, "data": {"key": "mine"}});
    let apply = Patch::Apply {
        manager: "kubectl",
        body: &applied,
    };
    let theirs = stage.east.client().patch(&maps[0].path(), apply);

    // Made again upstream it is somebody else's there now.
    maps[0].create(stage.upstream, &json!({"key": "3"}));
    stage.syncer().wait_for_log(&["object-0", "is not ours"], SOON);
    assert_untouched(stage.east, &maps[0].path(), &theirs);
    maps[0].delete(stage.upstream);

    // The whole namespace goes upstream: it stays with all that is in it.
    let kept = namespace(stage.east, "orphan").unwrap();
    stage.upstream.client().delete("/api/v1/namespaces/orphan");
    for map in &maps[1..] {
        assert_nobodys(&wait_orphaned(&stage, map));
    }
    let left = wait_for("the namespace without markers", SOON, || {
        let seen = namespace(stage.east, "orphan").ok_or_else(|| "gone".to_owned())?;
        if is_marked(&seen) {
            Err(seen.to_string())
        } else {
            Ok(seen)
        }
    });
    assert_nobodys(&left);
    assert_eq!(
        (uid(&left), text(&left, "/metadata/deletionTimestamp")),
        (uid(&kept), "")
    );
    wait_namespace_gone(stage.upstream, "orphan");

    // A restart finds nothing to do.
    stage.end();
    stage.run();
    stage.syncer().wait_for_log(&["listed the target", "orphan-east"], SOON);
    stage.end();
    assert_untouched(stage.east, &maps[1].path(), &maps[1].get(stage.east).unwrap());
    assert_untouched(stage.east, "/api/v1/namespaces/orphan", &left);
}

#[test]
fn a_policy_that_is_gone_after_a_restart_still_leaves_its_orphans_behind() {
    let mut stage = Stage::new("marked");
    let [east, _] = stage.targets();
    let orphan = json!({"deletion": {"mode": "Orphan"}});
    let policy = stage.policy(&["configmaps"], &["marked"], &orphan);
    // Another policy goes on to name the resource, or nobody would look at it.
    let mut other = stage.policy(&["configmaps"], &["marked-other"], &json!({}));
    other["metadata"]["name"] = json!("marked-other");
    stage.write(&[east.clone(), policy, other.clone()]);
    create_namespace(stage.upstream, "marked");
    let maps = stage.maps("marked", 5);
    stage.run();
    wait_all(stage.east, &maps);
    stage.kill();
    stage.write(&[east, other]);
    stage.run();
    for map in &maps {
        assert_nobodys(&wait_orphaned(&stage, map));
    }
    stage.end();
}

#[test]
fn what_is_paused_on_either_side_stays() {
    let mut stage = Stage::new("paused");
    let [east, _] = stage.targets();
    let policy = stage.policy(&["configmaps"], &["paused"], &json!({}));
    stage.write(&[east.clone(), policy.clone()]);
    create_namespace(stage.upstream, "paused");
    let maps = stage.maps("paused", 4);
    stage.run();
    wait_all(stage.east, &maps);
    let pause = json!({"metadata": {"annotations": {"workload.kcp.io/paused": "true"}}});
    let below = change(stage.east, &maps[0].path(), &pause);
    change(stage.upstream, &maps[1].path(), &pause);
    let above = maps[1].get(stage.east).unwrap();

    // Deleted upstream: what is paused below stays.
    maps[0].delete(stage.upstream);
    maps[2].delete(stage.upstream);
    maps[2].wait_gone(stage.east);
    assert_untouched(stage.east, &maps[0].path(), &below);
    // Drained: what is paused above stays as well, across a restart, and keeps the namespace.
    stage.write(&[
        stage.target("east", &json!({"evictAfter": "2026-01-01T00:00:00Z"})),
        policy.clone(),
    ]);
    maps[3].wait_gone(stage.east);
    stage.kill();
    stage.run();
    stage.syncer().wait_for_log(&["stays here: it holds", "paused"], SOON);
    assert_untouched(stage.east, &maps[0].path(), &below);
    assert_untouched(stage.east, &maps[1].path(), &above);
    assert_eq!(
        text(&namespace(stage.east, "paused").unwrap(), "/metadata/deletionTimestamp"),
        ""
    );
    // The pauses end: all of it goes.
    let resume = json!({"metadata": {"annotations": {"workload.kcp.io/paused": null}}});
    change(stage.upstream, &maps[1].path(), &resume);
    change(stage.east, &maps[0].path(), &resume);
    maps[0].wait_gone(stage.east);
    stage.end();
    stage.run();
    maps[1].wait_gone(stage.east);
    wait_namespace_gone(stage.east, "paused");
    stage.end();
}

/// What nobody is told for now: all ConfigMaps of a cluster.
fn lists_no_maps(asked: &Asked) -> Fate {
    if asked.path == "/api/v1/configmaps" {
        return Fate::status(503, "ServiceUnavailable");
    }
    Fate::Passed
}

#[test]
fn a_namespace_stays_while_what_is_in_it_was_not_listed() {
    let mut stage = Stage::new("unlisted");
    let between = GoBetween::before(&stage.east.kubeconfig_of(&printed::user("unlisted")));
    stage.kubeconfig("east", &between.kubeconfig());
    let [east, _] = stage.targets();
    let drained = stage.target("east", &json!({"evictAfter": "2026-01-01T00:00:00Z"}));
    let policy = stage.policy(&["configmaps"], &["unlisted"], &json!({}));
    stage.write(&[east, policy.clone()]);
    create_namespace(stage.upstream, "unlisted");
    let maps = stage.maps("unlisted", 2);
    stage.run();
    wait_all(stage.east, &maps);
    // Drained, but for what is paused above.
    change(stage.upstream, &maps[0].path(), &annotated("true"));
    stage.write(&[drained.clone(), policy]);
    maps[1].wait_gone(stage.east);
    stage.syncer().wait_for_log(&["stays here: it holds", "unlisted"], SOON);
    let above = maps[0].get(stage.east).unwrap();
    let stays_with_all = || {
        stays("the namespace", Duration::from_secs(5), || {
            let seen = namespace(stage.east, "unlisted").ok_or("it is gone")?;
            assert_eq!(text(&seen, "/metadata/deletionTimestamp"), "");
            maps[0].get(stage.east).ok_or("what is in it is gone")
        });
        assert_untouched(stage.east, &maps[0].path(), &above);
    };

    // A restart lists the namespaces, and cannot list what is in them.
    stage.kill();
    between.decide(lists_no_maps);
    stage.run();
    stage.syncer().wait_for_log(&["listed the target", "namespaces"], SOON);
    stays_with_all();
    // Nor is it watched once no policy names it: then only a look into the namespace tells.
    stage.kill();
    stage.write(&[drained, stage.policy(&["secrets"], &["unlisted"], &json!({}))]);
    stage.run();
    stage.syncer().wait_for_log(&["listed the target", "namespaces"], SOON);
    stays_with_all();
    stage.end();
}

/// A change of the annotation by which a person pauses an object.
fn annotated(paused: &str) -> Value {
    json!({"metadata": {"annotations": {"workload.kcp.io/paused": paused}}})
}

#[test]
fn what_leaves_its_targets_while_it_is_paused_goes_when_the_pause_ends() {
    let mut stage = Stage::new("rested");
    let [east, west] = stage.targets();
    let chosen = json!({"objects": {"matchLabels": {"synced": "yes"}}});
    let policy = stage.policy(&["configmaps"], &["rested"], &chosen);
    stage.write(&[east, west.clone(), policy.clone()]);
    create_namespace(stage.upstream, "rested");
    let maps = stage.maps("rested", 3);
    let label = |map: &ConfigMap, value: &str| {
        change(
            stage.upstream,
            &map.path(),
            &json!({"metadata": {"labels": {"synced": value}}}),
        );
    };
    for map in &maps {
        label(map, "yes");
    }
    stage.run();
    for server in [stage.east, stage.west] {
        wait_all(server, &maps);
    }
    for map in &maps {
        change(stage.upstream, &map.path(), &annotated("true"));
    }
    // One is not selected any more, and two are on a target that is drained; one of these is deleted.
    label(&maps[0], "no");
    let drained = stage.target("east", &json!({"evictAfter": "2026-01-01T00:00:00Z"}));
    stage.write(&[drained, west, policy]);
    stage.syncer().wait_for_log(&["other rules"], SOON);
    let present = |server: &ApiServer, map: &ConfigMap| map.get(server).map(|_| ()).ok_or("it is gone");
    stays("what is paused", Duration::from_secs(5), || {
        for map in &maps {
            present(stage.east, map)?;
            present(stage.west, map)?;
        }
        Ok::<_, &str>(())
    });
    maps[2].delete(stage.upstream);
    for server in [stage.east, stage.west] {
        maps[2].wait_gone(server);
    }
    for map in &maps[..2] {
        change(stage.upstream, &map.path(), &annotated("false"));
    }
    for server in [stage.east, stage.west] {
        maps[0].wait_gone(server);
    }
    maps[1].wait_gone(stage.east);
    assert_eq!(present(stage.west, &maps[1]), Ok(()));
    stage.end();
}

/// Makes on east what looks like ours and is not; returns it with its paths. Controllers give a ReplicaSet the annotations of its
/// Deployment, and an EndpointSlice the labels of its Service. These even have the names of their originals and, worse than any
/// controller, all of the markers and no owner.
fn copies_of(stage: &Stage, [deployment, service, map]: [&Value; 3], workload: &Value) -> Vec<(String, Value)> {
    let copy_of = |from: &Value, name: &str| {
        let metadata = &from["metadata"];
        json!({"name": name, "labels": metadata["labels"], "annotations": metadata["annotations"]})
    };
    let down = stage.east.client();
    let account = json!({"metadata": {"name": "default"}});
    down.create("/api/v1/namespaces/copies/serviceaccounts", &account);
    let pod = json!({
        "containers": [{"name": "main", "image": "example.org/web"}],
        "automountServiceAccountToken": false,
    });
    let of_deployment = copy_of(deployment, "web");
    let bystanders = [
        (
            "/apis/apps/v1/namespaces/copies/replicasets",
            json!({"metadata": of_deployment, "spec": workload}),
        ),
        (
            "/apis/discovery.k8s.io/v1/namespaces/copies/endpointslices",
            json!({"metadata": copy_of(service, "web"), "addressType": "IPv4", "endpoints": []}),
        ),
        (
            "/api/v1/namespaces/copies/pods",
            json!({"metadata": of_deployment, "spec": pod}),
        ),
        (
            "/api/v1/namespaces/copies/configmaps",
            json!({"metadata": copy_of(map, "copy"), "data": {"key": "1"}}),
        ),
    ];
    let made = bystanders.iter().map(|(collection, object)| {
        let path = format!("{collection}/{}", text(object, "/metadata/name"));
        (path, down.create(collection, object))
    });
    made.collect()
}

#[test]
fn copies_of_our_labels_and_annotations_are_never_touched_whatever_policies_name() {
    let mut stage = Stage::new("copies");
    let [east, _] = stage.targets();
    let named = [
        "configmaps",
        "services",
        "deployments.apps",
        "replicasets.apps",
        "endpointslices.discovery.k8s.io",
        "pods",
    ];
    let policy = stage.policy(&named, &["copies"], &json!({}));
    stage.write(&[east.clone(), policy.clone()]);
    let (up, down) = (stage.upstream.client(), stage.east.client());
    create_namespace(stage.upstream, "copies");
    let map = &stage.maps("copies", 1)[0];
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": "example.org/web"}]},
    });
    let workload = json!({"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template});
    let deployments = "/apis/apps/v1/namespaces/copies/deployments";
    up.create(deployments, &json!({"metadata": {"name": "web"}, "spec": workload}));
    let services = "/api/v1/namespaces/copies/services";
    up.create(
        services,
        &json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}),
    );
    stage.run();
    wait_all(stage.east, std::slice::from_ref(map));
    let arrived = |path: &str| wait_for(path, SOON, || down.get(path).ok_or("nothing"));
    let deployment = arrived(&format!("{deployments}/web"));
    let service = arrived(&format!("{services}/web"));

    let copies = copies_of(
        &stage,
        [&deployment, &service, &map.get(stage.east).unwrap()],
        &workload,
    );
    let untouched = || {
        for (path, object) in &copies {
            assert_untouched(stage.east, path, object);
            assert!(!text(object, KEY_LABEL).is_empty(), "it is no copy");
        }
    };
    // An edit, a restart, the end of the originals: none of it concerns them.
    change(stage.upstream, &map.path(), &json!({"data": {"key": "2"}}));
    map.wait_data(stage.east, &json!({"key": "2"}));
    untouched();
    for path in [format!("{deployments}/web"), format!("{services}/web"), map.path()] {
        up.delete(&path);
        wait_for(&format!("the end of {path}"), SOON, || {
            down.get(&path).map_or(Ok(()), |seen| Err(seen.to_string()))
        });
    }
    untouched();
    stage.kill();
    stage.run();
    let late = ConfigMap::new("copies", "late");
    late.create(stage.upstream, &json!({"key": "1"}));
    wait_all(stage.east, std::slice::from_ref(&late));
    untouched();
    // Nor does the end of their namespace upstream: it holds what is not ours.
    up.delete("/api/v1/namespaces/copies");
    wait_namespace_gone(stage.upstream, "copies");
    wait_none(stage.east, &[late]);
    stage.syncer().wait_for_log(&["copies", "stays here: it holds"], SOON);
    untouched();
    let kept = namespace(stage.east, "copies").unwrap();
    assert_eq!(text(&kept, "/metadata/deletionTimestamp"), "");
    assert!(!version(&kept).is_empty());
    stage.end();
}
