//! Namespaces that a target had before us.

use std::time::Duration;

use serde_json::json;
use syncer_harness::stays;

use super::scene::{Scene, TARGETS, config_maps_of};
use crate::objects::{ConfigMap, SOON, create_namespace};

/// For how long nothing may happen.
const QUIET: Duration = Duration::from_secs(3);

/// An operator who relies on Pod Security below hears that it does not hold there.
#[test]
fn what_a_namespace_of_somebody_else_does_not_get_is_said_on_the_synctarget() {
    let mut scene = Scene::new("unmarked");
    let east = &TARGETS.east;
    create_namespace(east, "unmarked");
    create_namespace(&scene.upstream, "unmarked");
    let web = ConfigMap::new("unmarked", "web");
    web.create(&scene.upstream, &json!({"a": "1"}));
    let mut spec = config_maps_of("unmarked");
    spec["namespaceMetadata"] = json!({"labels": {"pod-security.kubernetes.io/enforce": "baseline"}});
    scene.policy("unmarked", &spec);
    scene.target_of("unmarked-east", east, "one");
    scene.run(&[]);
    web.wait_data(east, &json!({"a": "1"}));
    scene.wait_event("SyncTarget", "unmarked-east", "NamespaceNotOurs");
    let words = ["namespace unmarked", "label pod-security.kubernetes.io/enforce"];
    scene.syncer().wait_for_log(&words, SOON);
    let is_as_it_was = || {
        let labels = east.client().read("/api/v1/namespaces/unmarked")["metadata"]["labels"].clone();
        labels == json!({"kubernetes.io/metadata.name": "unmarked"})
    };
    stays("the namespace is used as it is (S1)", QUIET, is_as_it_was);
    assert_eq!(scene.syncer().log().matches("is used as it is").count(), 1, "said once");
    scene.assert_allowed();
    scene.end();
}
