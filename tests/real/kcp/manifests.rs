//! What `manifests kcp` prints: current, taken by kcp, and just enough.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Client, Kcp, Kubeconfig, Patch, WORKLOAD_TYPES, wait_for};

use super::provider::{Consumer, KCP_SOON, Provider, applied, is_true, kcp, printed};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// After another Kubernetes has come into the test bed: `cargo xtask schemas`.
#[test]
fn the_checked_in_schemas_are_current() {
    let server = ApiServer::start();
    let documents = printed("root:compute");
    for workload in &WORKLOAD_TYPES {
        let current = workload.ask(server.client()).unwrap();
        assert!(
            documents.contains(&current),
            "{} is out of date: cargo xtask schemas",
            workload.file_name()
        );
    }
}

#[test]
fn all_of_it_applies_and_applies_again_without_complaint() {
    let kcp = kcp();
    let path = kcp.create_workspace("root", "applies");
    let documents = printed(&path);
    let first = applied(&kcp, &path, &documents);
    let client = kcp.client(&path);
    let generations = || {
        ["apiexports", "apibindings"].map(|plural| {
            let object = client.read(&format!("/apis/apis.kcp.io/v1alpha2/{plural}/kubernetes"));
            object["metadata"]["generation"].clone()
        })
    };
    wait_for("the binding", KCP_SOON, || {
        let binding = client.read("/apis/apis.kcp.io/v1alpha2/apibindings/kubernetes");
        if is_true(&binding, "Ready") {
            Ok(())
        } else {
            Err(binding["status"].to_string())
        }
    });
    let before = generations();
    let again = applied(&kcp, &path, &documents);
    for output in [&first, &again] {
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
    let said = String::from_utf8_lossy(&again.stdout);
    assert_eq!(said.lines().count(), documents.len());
    assert!(said.lines().all(|line| line.ends_with("unchanged")), "{said}");
    assert_eq!(generations(), before);

    // The definitions are structural, and the export is valid.
    for name in ["synctargets.workload.kcp.io", "syncpolicies.workload.kcp.io"] {
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
        let definition = kcp.client("root:applies").read(&path);
        assert!(!is_true(&definition, "NonStructuralSchema"), "{definition}");
    }
}

/// What a server answers to a request of the syncer.
#[track_caller]
fn answered(client: &Client, method: &str, path: &str, body: Option<&Value>) -> u16 {
    let kind = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    client.try_call(method, path, kind, body).unwrap().status
}

/// The syncer's own ServiceAccount, with RBAC enforced: what it needs is granted, and what it does not need is not.
#[test]
fn the_service_account_may_do_its_work_and_nothing_else() {
    let kcp = kcp();
    let provider = Provider::make(&kcp, "least");
    let team = provider.consumer(&kcp, "least-team");
    at_home(&kcp, &provider);
    elsewhere(&kcp, &provider, &team);

    // The provider has not bound its own export, so its Secrets, kcp's own among them, cannot be read that way.
    let logical_cluster = kcp
        .client(&provider.path)
        .read("/apis/core.kcp.io/v1alpha1/logicalclusters/cluster");
    let name = logical_cluster["metadata"]["annotations"]["kcp.io/cluster"]
        .as_str()
        .unwrap();
    let own = provider.through(&kcp, name);
    assert_eq!(
        answered(&own, "GET", "/api/v1/namespaces/kcp-system/secrets", None),
        403
    );

    // Not by the door that people use.
    let outside = Client::new(&Kubeconfig {
        server: kcp.kubeconfig(&team.path).server,
        ..provider.syncer(&kcp)
    });
    assert_eq!(answered(&outside, "GET", DEPLOYMENTS, None), 403);
}

/// In the provider workspace.
#[track_caller]
fn at_home(kcp: &Kcp, provider: &Provider) {
    let at_home = Client::new(&provider.syncer(kcp));
    let targets = "/apis/workload.kcp.io/v1alpha1/synctargets";
    let spec = json!({"kubeconfigSecretRef": {"namespace": "tmc-system", "name": "east"}});
    let target = json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": "east"}, "spec": spec});
    let admin = kcp.client(&provider.path);
    admin.create(targets, &target);
    let secret = json!({"metadata": {"name": "east"}, "stringData": {"kubeconfig": "{}"}});
    admin.create("/api/v1/namespaces/tmc-system/secrets", &secret);
    admin.create("/api/v1/namespaces/default/secrets", &secret);
    let east = format!("{targets}/east");
    let status = json!({"status": {"kubernetesVersion": "v1"}});
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "east.1"},
        "involvedObject": {"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "name": "east"},
        "reason": "TargetUnreachable", "message": "x", "type": "Warning",
    });
    let exports = "/apis/apis.kcp.io/v1alpha2/apiexports";
    let slices = "/apis/apis.kcp.io/v1alpha1/apiexportendpointslices";
    let home = [
        ("GET", targets, None, 200),
        ("GET", "/apis/workload.kcp.io/v1alpha1/syncpolicies", None, 200),
        ("PATCH", &format!("{east}/status"), Some(&status), 200),
        ("PATCH", &east, Some(&json!({"spec": {"unschedulable": true}})), 403),
        ("DELETE", &east, None, 403),
        ("GET", "/api/v1/namespaces/tmc-system/secrets/east", None, 200),
        ("GET", "/api/v1/namespaces/default/secrets/east", None, 403),
        ("GET", "/api/v1/secrets", None, 403),
        ("POST", "/api/v1/namespaces/default/events", Some(&event), 201),
        ("GET", &format!("{exports}/kubernetes"), None, 200),
        (
            "GET",
            &format!("{exports}?fieldSelector=metadata.name%3Dkubernetes"),
            None,
            200,
        ),
        ("GET", exports, None, 403),
        ("GET", slices, None, 200),
        ("GET", "/apis/core.kcp.io/v1alpha1/logicalclusters/cluster", None, 200),
        (
            "PATCH",
            &format!("{exports}/kubernetes"),
            Some(&json!({"metadata": {"labels": {"a": "b"}}})),
            403,
        ),
    ];
    for (method, path, body, expected) in home {
        assert_eq!(answered(&at_home, method, path, body), expected, "{method} {path}");
    }
}

/// In the workspaces of others, through the virtual workspace.
#[track_caller]
fn elsewhere(kcp: &Kcp, provider: &Provider, team: &Consumer) {
    let there = provider.through(kcp, &team.cluster);
    let all = provider.through(kcp, "*");
    let client = team.client(kcp);
    let labels = json!({"app": "web"});
    let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": labels}, "template": pod}});
    client.create(DEPLOYMENTS, &deployment);
    client.create(
        "/api/v1/namespaces/default/configmaps",
        &json!({"metadata": {"name": "web"}, "data": {"a": "1"}}),
    );
    for path in [
        "/apis/apps/v1/deployments",
        "/api/v1/services",
        "/api/v1/namespaces",
        "/api/v1/configmaps",
        "/api/v1/secrets",
        "/api/v1/serviceaccounts",
        "/apis/apis.kcp.io/v1alpha2/apibindings",
    ] {
        assert_eq!(answered(&all, "GET", path, None), 200, "{path} of all workspaces");
    }
    let web = format!("{DEPLOYMENTS}/web");
    let finalizer = json!({"metadata": {"finalizers": ["workload.kcp.io/syncer-test"]}});
    let report = json!({"status": {"replicas": 1}});
    let config_map = "/api/v1/namespaces/default/configmaps/web";
    let told = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "web.1"},
        "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "default", "name": "web"},
        "reason": "Synced", "message": "x", "type": "Normal",
    });
    let away = [
        ("GET", web.as_str(), None, 200),
        ("PATCH", &format!("{web}/status"), Some(&report), 200),
        ("PATCH", &web, Some(&finalizer), 200),
        ("PATCH", &web, Some(&json!({"metadata": {"finalizers": null}})), 200),
        ("DELETE", &web, None, 403),
        // kcp cannot tell Events from our own types here: it would be let in.
        ("POST", DEPLOYMENTS, Some(&deployment), 409),
        ("PATCH", config_map, Some(&json!({"data": {"a": "2"}})), 200),
        ("DELETE", config_map, None, 403),
        ("POST", "/api/v1/namespaces/default/events", Some(&told), 201),
        (
            "PATCH",
            "/api/v1/namespaces/default/events/web.1",
            Some(&json!({"count": 2})),
            200,
        ),
        ("GET", "/api/v1/namespaces/default/events/web.1", None, 403),
        (
            "PATCH",
            "/api/v1/namespaces/default",
            Some(&json!({"metadata": {"labels": {"a": "b"}}})),
            403,
        ),
        ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles", None, 403),
    ];
    for (method, path, body, expected) in away {
        assert_eq!(
            answered(&there, method, path, body),
            expected,
            "{method} {path} of {}",
            team.path
        );
    }
}

/// A status is written over the version that was seen, of the object that was seen, or not at all.
#[test]
fn a_status_is_written_over_what_was_seen() {
    let kcp = kcp();
    let provider = Provider::make(&kcp, "seen");
    let team = provider.consumer(&kcp, "seen-team");
    let client = team.client(&kcp);
    let services = "/api/v1/namespaces/default/services";
    let made = client.create(
        services,
        &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    );
    assert_eq!(made["spec"]["ports"][0]["protocol"], "TCP");
    let (uid, version) = (&made["metadata"]["uid"], &made["metadata"]["resourceVersion"]);
    let there = provider.through(&kcp, &team.cluster);
    let path = format!("{services}/web/status");
    let written = |uid: &Value, version: &Value, address: &str| {
        let status = json!({"loadBalancer": {"ingress": [{"ip": address}]}});
        let body = json!({"metadata": {"uid": uid, "resourceVersion": version}, "status": status});
        there.try_patch(&path, Patch::Merge(&body)).status
    };
    assert_eq!(written(uid, version, "192.0.2.1"), 200);
    assert_eq!(written(uid, version, "192.0.2.2"), 409);
    assert_eq!(written(&json!("another"), &json!(null), "192.0.2.3"), 409);
    let seen = client.read(&format!("{services}/web"));
    assert_eq!(seen["status"]["loadBalancer"]["ingress"], json!([{"ip": "192.0.2.1"}]));
    // Only the status has been written.
    assert_eq!(seen["spec"], made["spec"]);
}
