//! Another API server under the address of the upstream, set up by the same hands: the same SyncTargets and policies, other objects.

use std::time::Duration;

use serde_json::json;
use syncer_harness::{AuditEvent, GoBetween, Patch, stays, wait_for};

use super::scene::{Scene, TARGETS, config_maps_of, own, plain};
use crate::objects::{ConfigMap, SOON, create_namespace, uid};

#[test]
fn another_upstream_is_said_on_the_synctargets_and_changes_nothing() {
    let mut scene = Scene::new("first");
    let stranger = Scene::new("second");
    let east = &TARGETS.east;
    let ours = ConfigMap::new("replaced", "web");
    for scene in [&scene, &stranger] {
        create_namespace(&scene.upstream, "replaced");
        scene.policy("replaced", &config_maps_of("replaced"));
        scene.target_of("replaced-east", east, "one");
    }
    ours.create(&scene.upstream, &json!({"of": "first"}));
    ConfigMap::new("replaced", "other").create(&stranger.upstream, &json!({"of": "second"}));

    let between = GoBetween::before(&scene.upstream.kubeconfig_of(&plain()));
    scene.run_by(&between.kubeconfig(), &[]);
    let target = ("synctargets", "replaced-east");
    scene.wait_condition(target, "Ready", ("True", "InStep"));
    ours.wait_data(east, &json!({"of": "first"}));
    let before = uid(&ours.get(east).unwrap()).to_owned();

    between.lead(&stranger.upstream.kubeconfig_of(&plain()));
    scene
        .syncer()
        .wait_for_log(&["ERROR", "another upstream answers"], SOON);
    stays("as it was", Duration::from_secs(5), || {
        let kept = ours.get(east).is_some_and(|seen| uid(&seen) == before);
        kept && ConfigMap::new("replaced", "other").get(east).is_none()
    });
    let written: Vec<_> = stranger.requests().into_iter().filter(AuditEvent::is_write).collect();
    assert!(written.is_empty(), "the stranger was written to: {written:?}");
    let seen = stranger.upstream.client().read(&own(target.0, target.1));
    assert!(
        seen["status"]["conditions"].as_array().is_none_or(Vec::is_empty),
        "{seen}"
    );

    between.lead(&scene.upstream.kubeconfig_of(&plain()));
    let edited = json!({"data": {"of": "first again"}});
    scene.upstream.client().patch(&ours.path(), Patch::Merge(&edited));
    wait_for("the first upstream's edit", SOON * 3, || {
        let seen = ours.get(east);
        match seen {
            Some(seen) if seen["data"]["of"] == "first again" => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    });
    assert_eq!(uid(&ours.get(east).unwrap()), before);
    // Where its SyncTarget is, and not on that of the stranger.
    scene.wait_event("SyncTarget", "replaced-east", "UpstreamReplaced");
    scene.assert_allowed();
    scene.end();
}
