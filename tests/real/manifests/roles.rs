//! The printed roles: all that the syncer needs on plain clusters, with its documents in a file.

use std::{ffi::OsStr, fs, path::Path, process::Command};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, ApiServerOptions, Audit, FailureReport, Syncer, User, wait_for};

use crate::{
    objects::{ConfigMap, SOON, create_namespace},
    world::BINARY,
};

/// A server on which `user` has the printed roles `roles`, and nothing else.
pub(crate) fn server(name: &str, user: &User, roles: &[&str]) -> ApiServer {
    let server = ApiServerOptions::default()
        .named(name)
        .user(user)
        .audit(Audit::Everything)
        .start();
    let printed = Command::new(BINARY).args(["manifests", "rbac"]).output().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rbac.yaml");
    fs::write(&file, printed.stdout).unwrap();
    server.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    for name in roles {
        let (role, user) = (format!("--clusterrole={name}"), format!("--user={}", user.name()));
        server.kubectl(&["create", "clusterrolebinding", name, &role, &user]);
    }
    server
}

fn documents(kubeconfig: &Path, namespaces: &[&str]) -> String {
    let target = json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": "east"},
        "spec": {"kubeconfigFile": kubeconfig},
    });
    let resources = json!([
        {"resource": "configmaps"}, {"resource": "services"}, {"resource": "secrets"},
        {"group": "apps", "resource": "deployments"},
    ]);
    let policy = json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": "web"},
        "spec": {
            "resources": resources,
            "namespaces": {"names": namespaces}, "targets": {"names": ["east"]},
        },
    });
    format!("{target}\n---\n{policy}\n")
}

/// One object of each kind, by its collection.
fn objects() -> [(&'static str, Value); 4] {
    let labels = json!({"app": "web"});
    let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
    [
        (
            "/api/v1/namespaces/web/configmaps",
            json!({"metadata": {"name": "a"}, "data": {"a": "1"}}),
        ),
        (
            "/api/v1/namespaces/web/secrets",
            json!({"metadata": {"name": "a"}, "stringData": {"a": "1"}}),
        ),
        (
            "/api/v1/namespaces/web/services",
            json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}),
        ),
        (
            "/apis/apps/v1/namespaces/web/deployments",
            json!({"metadata": {"name": "a"}, "spec": {"selector": {"matchLabels": labels}, "template": pod}}),
        ),
    ]
}

#[test]
fn the_printed_roles_are_enough() {
    let user = User::new("plain");
    let upstream = server(
        "upstream",
        &user,
        &["tmc-syncer-upstream", "tmc-syncer-upstream-secrets"],
    );
    let east = server("east", &user, &["tmc-syncer-target", "tmc-syncer-target-secrets"]);
    let _report = FailureReport::on([upstream.process(), east.process()]);
    let folder = tempfile::tempdir().unwrap();
    let (file, kubeconfig) = (folder.path().join("sync.yaml"), east.write(&east.kubeconfig_of(&user)));
    fs::write(&file, documents(&kubeconfig, &["web"])).unwrap();
    let of_upstream = upstream.write(&upstream.kubeconfig_of(&user));
    let arguments: [&OsStr; 5] = [
        "run".as_ref(),
        "--upstream-kubeconfig".as_ref(),
        of_upstream.as_ref(),
        "-f".as_ref(),
        file.as_ref(),
    ];
    let syncer = Syncer::start(BINARY, arguments);
    let _log = FailureReport::on([syncer.process()]);

    for namespace in ["web", "later"] {
        create_namespace(&upstream, namespace);
    }
    let later = ConfigMap::new("later", "b");
    later.create(&upstream, &json!({"b": "2"}));
    for (collection, object) in objects() {
        upstream.client().create(collection, &object);
    }
    for (collection, _) in objects() {
        let path = format!("{collection}/a");
        wait_for(&path, SOON, || {
            east.client().get(&path).ok_or_else(|| "not there".to_owned())
        });
    }
    assert_eq!(later.get(&east), None);

    // The file is followed.
    fs::write(&file, documents(&kubeconfig, &["web", "later"])).unwrap();
    later.wait_data(&east, &json!({"b": "2"}));

    for (collection, _) in objects() {
        let path = format!("{collection}/a");
        upstream.client().delete(&path);
        wait_for(&format!("the end of {path}"), SOON, || match east.client().get(&path) {
            None => Ok(()),
            Some(seen) => Err(seen.to_string()),
        });
    }
    for (name, server) in [("upstream", &upstream), ("east", &east)] {
        let refused: Vec<_> = server
            .audit()
            .into_iter()
            .filter(|event| event.user == user.name() && event.code == 403)
            // Once per start a target is asked for what is left of kinds that no policy names any more; what it withholds is left alone.
            .filter(|event| !(event.verb == "list" && event.uri.contains("labelSelector=internal.workload.kcp.io")))
            .map(|event| format!("{} {}", event.verb, event.uri))
            .collect();
        assert!(refused.is_empty(), "{name} refused {refused:?}");
    }
}
