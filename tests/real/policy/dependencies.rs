//! What pod templates name goes along, and leaves with the last that names it.

use serde_json::{Value, json};
use syncer_harness::stays;

use super::{
    scene::{Scene, policy},
    things::{assert_absent, change, collection, deployment, namespace_with, path, wait_gone, wait_that, wait_there},
};

const NAMED: [(&str, &str); 6] = [
    ("serviceaccounts", "web"),
    ("configmaps", "env"),
    ("configmaps", "volume"),
    ("secrets", "env"),
    ("secrets", "volume"),
    ("secrets", "pull"),
];

/// A Deployment whose pods name one of everything.
fn naming(name: &str) -> Value {
    let mut object = deployment(name, "web:1");
    object["spec"]["template"]["spec"] = json!({
        "serviceAccountName": "web",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [{
            "name": "main",
            "image": "web:1",
            "envFrom": [{"configMapRef": {"name": "env"}}],
            "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "env", "key": "key"}}}],
        }],
        "volumes": [
            {"name": "a", "configMap": {"name": "volume"}},
            {"name": "b", "projected": {"sources": [{"secret": {"name": "volume"}}]}},
        ],
    });
    object
}

#[test]
fn what_pods_name_goes_along_and_leaves_with_the_last_that_names_it() {
    let mut scene = Scene::new("along");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let spec = json!({
        "resources": [{"group": "apps", "resource": "deployments"}],
        "dependencies": true,
        "namespaces": {"names": ["along"]},
    });
    scene.write(&[east, west, policy("along", &spec)]);
    namespace_with(up, "along", &json!({}));
    for (resource, name) in NAMED
        .into_iter()
        .chain([("configmaps", "unnamed"), ("secrets", "unnamed")])
    {
        let mut object = json!({"metadata": {"name": name}});
        if resource != "serviceaccounts" {
            object["data"] = json!({"key": "MQ=="});
        }
        up.client().create(&collection(resource, "along"), &object);
    }
    let deployments = collection("deployments.apps", "along");
    up.client().create(&deployments, &naming("one"));
    up.client().create(&deployments, &naming("two"));
    scene.run(&["--sync-secrets"]);
    for server in [scene.east, scene.west] {
        for name in ["one", "two"] {
            wait_there(server, &path("deployments.apps", "along", name));
        }
        for (resource, name) in NAMED {
            wait_there(server, &path(resource, "along", name));
        }
    }
    // They are kept in step.
    change(
        up,
        &path("configmaps", "along", "env"),
        &json!({"data": {"key": "Mg=="}}),
    );
    for server in [scene.east, scene.west] {
        wait_that(server, &path("configmaps", "along", "env"), |seen| {
            seen["data"]["key"] == "Mg=="
        });
    }

    up.client().delete(&path("deployments.apps", "along", "one"));
    for server in [scene.east, scene.west] {
        wait_gone(server, &path("deployments.apps", "along", "one"));
    }
    stays("still named", std::time::Duration::from_secs(2), || {
        let there = |(resource, name)| scene.east.client().get(&path(resource, "along", name)).is_some();
        NAMED.into_iter().all(there)
    });
    // The second one names one ConfigMap less, then goes.
    let fewer = json!([{"op": "remove", "path": "/spec/template/spec/containers/0/envFrom"}]);
    up.client().patch(
        &path("deployments.apps", "along", "two"),
        syncer_harness::Patch::Json(&fewer),
    );
    for server in [scene.east, scene.west] {
        wait_gone(server, &path("configmaps", "along", "env"));
        wait_there(server, &path("secrets", "along", "env"));
    }
    up.client().delete(&path("deployments.apps", "along", "two"));
    for server in [scene.east, scene.west] {
        for (resource, name) in NAMED {
            wait_gone(server, &path(resource, "along", name));
        }
        assert_absent(server, &path("configmaps", "along", "unnamed"));
        assert_absent(server, &path("secrets", "along", "unnamed"));
    }
    scene.end();
}
