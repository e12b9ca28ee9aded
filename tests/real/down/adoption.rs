//! Objects of others under the same name (S1), and policies that adopt them.

use serde_json::{Value, json};
use syncer_harness::wait_for;

use super::{
    clusters::{Beside, Down},
    object::{Object, deployment},
};
use crate::objects::{SOON, create_namespace, text, uid, version};

const ORIGIN: &str = "/metadata/annotations/workload.kcp.io~1origin";

/// Waits until `object` carries our marker on the target; what the target holds.
#[track_caller]
fn wait_adopted(down: &Down, object: &Object) -> Value {
    wait_for("our marker", SOON, || {
        let held = object.read(&down.east);
        if text(&held, ORIGIN).is_empty() {
            return Err(held.to_string());
        }
        Ok(held)
    })
}

#[test]
fn another_tenants_object_is_left_alone_and_told() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("adopt-never");
    create_namespace(&down.east, "adopt-never");
    let object = Object::config_map("adopt-never", "web");
    let theirs = object.create(&down.east, &json!({"data": {"theirs": "1"}}));
    // Equal ones, too.
    let equal = Object::service("adopt-never", "web");
    let body = json!({"spec": {"ports": [{"port": 80}]}});
    let theirs_too = equal.create(&down.east, &body);
    equal.create(&down.upstream, &body);
    object.create(&down.upstream, &json!({"data": {"ours": "1"}}));
    down.wait_event(&object, "AdoptionRefused", &["east", "adopt-never/web", "not ours"]);
    down.wait_event(&equal, "AdoptionRefused", &["east"]);

    object.merge(&down.upstream, &json!({"data": {"ours": "2"}}));
    down.wait_turn("adopt-never", "later");
    object.delete(&down.upstream);
    equal.delete(&down.upstream);
    down.wait_turn("adopt-never", "later-still");
    assert_eq!(version(&object.read(&down.east)), version(&theirs));
    assert_eq!(version(&equal.read(&down.east)), version(&theirs_too));

    // Once the name is free, it is used.
    object.create(&down.upstream, &json!({"data": {"ours": "3"}}));
    down.wait_turn("adopt-never", "even-later");
    object.delete(&down.east);
    object.merge(&down.upstream, &json!({"data": {"ours": "4"}}));
    down.wait_alike(&object);
}

/// Controllers copy labels and annotations to what they make.
#[test]
fn copied_markers_prove_nothing() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("copied");
    let web = Object::deployment("copied", "web");
    let held = down.sync(&web, &deployment("example.org/web:1"));
    let client = down.east.client();
    let replica_sets = "/apis/apps/v1/namespaces/copied/replicasets";
    let copied = wait_for("its ReplicaSet", SOON, || {
        let items = client.items(replica_sets);
        items
            .into_iter()
            .find(|item| item["metadata"]["ownerReferences"][0]["uid"] == held["metadata"]["uid"])
    });
    // As they are copied, by controllers (annotations to ReplicaSets) and by people (all of it to another Deployment).
    assert_ne!(text(&copied, ORIGIN), "");
    let markers = json!({"labels": held["metadata"]["labels"], "annotations": held["metadata"]["annotations"]});
    let slice = client.create(
        "/apis/discovery.k8s.io/v1/namespaces/copied/endpointslices",
        &json!({"metadata": {"name": "web", "labels": markers["labels"], "annotations": markers["annotations"]},
            "addressType": "IPv4", "endpoints": []}),
    );
    let copy = Object::deployment("copied", "copy");
    let mut body = deployment("example.org/web:1");
    body["metadata"] = markers;
    body["spec"]["replicas"] = json!(0);
    let made = copy.create(&down.east, &body);

    web.merge(&down.upstream, &json!({"spec": {"minReadySeconds": 1}}));
    down.wait_alike(&web);
    down.wait_turn("copied", "later");
    web.delete(&down.upstream);
    wait_for("its end", SOON, || web.get(&down.east).is_none());
    down.wait_turn("copied", "later-still");
    let now = copy.read(&down.east);
    assert_eq!((uid(&now), &now["spec"]), (uid(&made), &made["spec"]));
    assert_eq!(now["metadata"]["labels"], made["metadata"]["labels"]);
    let now = client.read("/apis/discovery.k8s.io/v1/namespaces/copied/endpointslices/web");
    assert_eq!(version(&now), version(&slice));
}

#[test]
fn if_equal_takes_over_only_what_is_equal() {
    let down = Beside::others();
    let _report = down.report();
    create_namespace(&down.east, "adopt-equal");
    let equal = Object::deployment("adopt-equal", "equal");
    let theirs = equal.create(&down.east, &deployment("example.org/web:1"));
    // Addresses are each cluster's own.
    let service = Object::service("adopt-equal", "equal");
    let of_service = json!({"spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
    let their_service = service.create(&down.east, &of_service);
    let secret = Object::secret("adopt-equal", "equal");
    let of_secret = json!({"data": {"a": "MQ=="}});
    let their_secret = secret.create(&down.east, &of_secret);
    let different = Object::config_map("adopt-equal", "different");
    let kept = different.create(&down.east, &json!({"data": {"a": "theirs"}}));

    down.namespace("adopt-equal");
    equal.create(&down.upstream, &deployment("example.org/web:1"));
    service.create(&down.upstream, &of_service);
    secret.create(&down.upstream, &of_secret);
    different.create(&down.upstream, &json!({"data": {"a": "ours"}}));
    assert_eq!(uid(&wait_adopted(&down, &secret)), uid(&their_secret));
    let adopted = wait_adopted(&down, &service);
    assert_eq!(adopted["spec"], their_service["spec"]);
    assert_eq!(uid(&wait_adopted(&down, &equal)), uid(&theirs));
    down.wait_event(&different, "AdoptionRefused", &["different"]);
    assert_eq!(version(&different.read(&down.east)), version(&kept));
    different.delete(&down.upstream);
    // From now on it is ours, whoever made it.
    equal.merge(&down.upstream, &json!({"spec": {"replicas": 2, "minReadySeconds": 3}}));
    down.wait_alike(&equal);
    equal.merge(&down.upstream, &json!({"spec": {"minReadySeconds": null}}));
    down.wait_alike(&equal);
}

/// What an adopted object of theirs would have to be made again for is not theirs to lose.
#[test]
fn a_service_is_taken_over_in_place_and_what_is_immutable_stays_theirs() {
    let down = Beside::others();
    let _report = down.report();
    for server in [&down.east, &down.upstream] {
        create_namespace(server, "adopt-services");
    }
    let service = Object::service("adopt-services", "web");
    let theirs = json!({"spec": {
        "type": "LoadBalancer", "externalTrafficPolicy": "Local", "sessionAffinity": "ClientIP", "selector": {"app": "theirs"},
        "ports": [{"name": "http", "port": 80}, {"name": "admin", "port": 81}],
    }});
    let before = service.create(&down.east, &theirs);
    let secret = Object::secret("adopt-services", "web");
    let kept = secret.create(
        &down.east,
        &json!({"type": "example.org/theirs", "data": {"a": "MQ=="}}),
    );
    secret.create(&down.upstream, &json!({"data": {"a": "MQ=="}}));
    let ours =
        json!({"spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    service.create(&down.upstream, &ours);
    wait_adopted(&down, &service);
    let held = down.wait_alike(&service);
    assert_eq!(
        (uid(&held), &held["spec"]["clusterIP"]),
        (uid(&before), &before["spec"]["clusterIP"])
    );
    down.wait_event(&secret, "SyncFailed", &["secrets adopt-services/web", "type"]);
    assert_eq!(version(&secret.read(&down.east)), version(&kept));
    secret.delete(&down.upstream);
}

/// Whoever made an object by a POST co-owns all of it, defaults included: what is left out has to go all the same.
#[test]
fn always_takes_over_and_what_the_upstream_lacks_goes() {
    let down = Beside::others();
    let _report = down.report();
    create_namespace(&down.east, "adopt-always");
    let object = Object::deployment("adopt-always", "web");
    let mut body = deployment("example.org/theirs:1");
    body["metadata"] = json!({"labels": {"shared": "1", "theirs": "1"}});
    let pod = &mut body["spec"]["template"]["spec"];
    pod["nodeSelector"] = json!({"zone": "a"});
    pod["containers"][0]["env"] = json!([{"name": "A", "value": "theirs"}, {"name": "B", "value": "1"}]);
    pod["containers"][0]["livenessProbe"] = json!({"httpGet": {"port": 80}});
    pod["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
    let theirs = object.create(&down.east, &body);

    down.namespace("adopt-always");
    let mut ours = deployment("example.org/web:1");
    ours["metadata"] = json!({"labels": {"shared": "1"}});
    let pod = &mut ours["spec"]["template"]["spec"];
    pod["containers"][0]["env"] = json!([{"name": "A", "value": "1"}]);
    pod["containers"][0]["livenessProbe"] = json!({"exec": {"command": ["true"]}});
    pod["volumes"] = json!([{"name": "v", "configMap": {"name": "settings"}}]);
    object.create(&down.upstream, &ours);
    let held = wait_adopted(&down, &object);
    assert_eq!(uid(&held), uid(&theirs));
    let held = down.wait_alike(&object);
    assert_eq!(held["metadata"]["labels"]["theirs"], "1");

    // Removed upstream, kept by their entry.
    let less = json!([
        {"op": "remove", "path": "/spec/template/spec/containers/0/env"},
        {"op": "remove", "path": "/spec/template/spec/containers/0/livenessProbe"},
        {"op": "remove", "path": "/spec/template/spec/volumes"},
        {"op": "remove", "path": "/metadata/labels/shared"},
    ]);
    down.upstream
        .client()
        .patch(&object.path(), syncer_harness::Patch::Json(&less));
    down.wait_alike(&object);
    wait_for("the shared label to go", SOON, || {
        let held = object.read(&down.east);
        if held["metadata"]["labels"]["shared"].is_null() {
            Ok(())
        } else {
            Err(held["metadata"].to_string())
        }
    });
    object.merge(
        &down.upstream,
        &json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}),
    );
    down.wait_alike(&object);
}
