//! The chart on real API servers: installed, its pod run, upgraded, taken away.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, Audit, Controllers, Credentials, FailureReport, Kubeconfig, Patch, free_port, wait_for,
};

use super::{
    helm::{Helm, chart, objects},
    pod::{Pod, Ports},
    values::{RENDERED, Rendered},
};
use crate::{
    kcp::provider::{Provider, kcp},
    objects::{ConfigMap, SOON, create_namespace},
};

const NAMESPACE: &str = "tmc-system";
const SELECTOR: &str = "app.kubernetes.io/instance=tmc-syncer";
/// Who the pod is, on the cluster that it runs in and on targets.
const ACCOUNT: &str = "system:serviceaccount:tmc-system:tmc-syncer";
/// How long nothing new has to come for a new cluster to be taken for complete.
const SETTLED: Duration = Duration::from_secs(3);
const TARGET: &str = "/apis/workload.kcp.io/v1alpha1/synctargets/east";

/// A cluster in which pods run, as far as the API server can see, and one that objects go to.
struct Clusters {
    home: ApiServer,
    east: ApiServer,
    helm: Helm,
}

// === impl Clusters ===

impl Clusters {
    fn start() -> Self {
        thread::scope(|scope| {
            let east = scope.spawn(|| {
                let options = ApiServerOptions::default().named("east").audit(Audit::Everything);
                options.start()
            });
            let options = ApiServerOptions::default().named("home").audit(Audit::Everything);
            Self {
                home: options.controllers(Controllers::Workload).start(),
                east: east.join().unwrap(),
                helm: Helm::new(),
            }
        })
    }

    /// Runs `helm <verb> tmc-syncer <chart>` with `values` on `server`.
    #[track_caller]
    fn helm(&self, server: &ApiServer, verb: &str, values: &Value, more: &[&str]) -> String {
        let (file, chart) = (self.helm.values(verb, values), chart());
        let (file, chart) = (file.to_str().unwrap(), chart.to_str().unwrap());
        let kubeconfig = server.write(server.kubeconfig());
        let mut arguments = vec![verb, "tmc-syncer", chart, "-f", file, "--namespace", NAMESPACE];
        arguments.extend(["--kubeconfig", kubeconfig.to_str().unwrap()]);
        arguments.extend(more);
        self.helm.run(arguments)
    }

    #[track_caller]
    fn uninstall(&self, server: &ApiServer) {
        let kubeconfig = server.write(server.kubeconfig());
        let kubeconfig = kubeconfig.to_str().unwrap();
        let arguments = [
            "uninstall",
            "tmc-syncer",
            "--namespace",
            NAMESPACE,
            "--kubeconfig",
            kubeconfig,
        ];
        self.helm.run(arguments);
    }

    /// Makes of `east` a target, and returns how the ServiceAccount there reaches it.
    #[track_caller]
    fn prepare_target(&self, verb: &str, values: &Value) -> Kubeconfig {
        let mut all = json!({"component": "target"});
        all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
        let more: &[&str] = match verb {
            "install" => &["--create-namespace", "--skip-crds"],
            _ => &[],
        };
        self.helm(&self.east, verb, &all, more);
        let create = ["create", "token", "tmc-syncer", "-n", NAMESPACE, "--duration=24h"];
        let token = self.east.kubectl(&create).trim().to_owned();
        self.east.kubeconfig().with(Credentials::Token(token))
    }

    /// All objects that an installation may make or leave.
    fn snapshot(server: &ApiServer) -> BTreeSet<String> {
        let listed = server.kubectl(&[
            "get",
            "clusterroles,clusterrolebindings,roles,rolebindings,deployments,replicasets,services,secrets,configmaps,\
             serviceaccounts,poddisruptionbudgets,networkpolicies,crds,namespaces",
            "--all-namespaces",
            "-o",
            "jsonpath={range .items[*]}{.kind} {.metadata.namespace} {.metadata.name}{\"\\n\"}{end}",
        ]);
        listed.lines().map(str::to_owned).collect()
    }

    /// The same, once the cluster's own controllers have made what they make in a new one.
    #[track_caller]
    fn settled(server: &ApiServer) -> BTreeSet<String> {
        let mut last = (Self::snapshot(server), Instant::now());
        wait_for("a cluster that is left alone", SOON, || {
            let now = Self::snapshot(server);
            if now != last.0 {
                last = (now, Instant::now());
            }
            if last.1.elapsed() >= SETTLED {
                Ok(last.0.clone())
            } else {
                Err("something new a moment ago")
            }
        })
    }

    /// What the pod's ServiceAccount was refused on `server`.
    fn refused(server: &ApiServer) -> Vec<String> {
        let events = server.audit().into_iter();
        let refused = events.filter(|event| event.user == ACCOUNT && event.code == 403);
        // Once per start a target is asked for what is left of kinds that no policy names any more; what it withholds is left alone.
        let refused = refused
            .filter(|event| !(event.verb == "list" && event.uri.contains("labelSelector=internal.workload.kcp.io")));
        refused.map(|event| format!("{} {}", event.verb, event.uri)).collect()
    }

    fn report(&self) -> FailureReport<'_> {
        FailureReport::on([self.home.process(), self.east.process()])
    }
}

/// Ports that nobody else has: pods of a real cluster each have an address of their own.
fn ports() -> Value {
    json!({"health": {"port": free_port()}, "admin": {"port": free_port()}})
}

fn with(mut values: Value, more: &Value) -> Value {
    values
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    values
}

fn deployment() -> Value {
    let labels = json!({"app": "web"});
    let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
    json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}})
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";

/// Waits until `server` has the object at `path`.
#[track_caller]
fn wait_there(server: &ApiServer, path: &str) -> Value {
    wait_for(path, SOON, || server.client().get(path))
}

/// A SyncTarget `east` with the kubeconfig in a Secret, and a policy for it.
#[track_caller]
fn configure(home: &ApiServer, kubeconfig: &Kubeconfig, resources: &Value) {
    let client = home.client();
    let secret = json!({"metadata": {"name": "east"}, "stringData": {"kubeconfig": kubeconfig.to_yaml()}});
    client.create(&format!("/api/v1/namespaces/{NAMESPACE}/secrets"), &secret);
    let target = json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": "east"},
        "spec": {"kubeconfigSecretRef": {"namespace": NAMESPACE, "name": "east"}},
    });
    client.create("/apis/workload.kcp.io/v1alpha1/synctargets", &target);
    let policy = json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": "shop"},
        "spec": {"resources": resources, "namespaces": {"names": ["shop"]}},
    });
    client.create("/apis/workload.kcp.io/v1alpha1/syncpolicies", &policy);
}

#[test]
fn the_chart_is_installed_its_pod_syncs_and_it_goes_without_a_trace() {
    let clusters = Clusters::start();
    let Clusters { home, east, .. } = &clusters;
    let _report = clusters.report();
    let before = [home, east].map(Clusters::settled);
    let values = ports();
    clusters.helm(home, "install", &values, &["--create-namespace", "--dry-run=server"]);
    assert_eq!(Clusters::snapshot(home), before[0], "a dry run makes nothing");

    let kubeconfig = clusters.prepare_target("install", &json!({}));
    let notes = clusters.helm(
        home,
        "install",
        &values,
        &["--create-namespace", "--wait", "--timeout=5m"],
    );
    assert!(notes.contains("Upstream: this cluster"), "{notes}");
    create_namespace(home, "shop");
    let resources = json!([{"resource": "configmaps"}, {"group": "apps", "resource": "deployments"}]);
    configure(home, &kubeconfig, &resources);
    let mut pod = Pod::run(home, NAMESPACE, SELECTOR);
    pod.wait_ready();

    let greeting = ConfigMap::new("shop", "greeting");
    greeting.create(home, &json!({"text": "hello"}));
    home.client().create(DEPLOYMENTS, &deployment());
    greeting.wait_data(east, &json!({"text": "hello"}));
    let web = wait_there(east, &format!("{DEPLOYMENTS}/web"));
    assert_eq!(web["spec"]["replicas"], 2);
    let edit = json!({"data": {"text": "bye"}});
    home.client().patch(&greeting.path(), Patch::Merge(&edit));
    greeting.wait_data(east, &json!({"text": "bye"}));
    // Its own reports arrive too, and the key of its hashes lasts.
    wait_for("SyncTarget east to be ready", SOON, || {
        let seen = home.client().read(TARGET);
        let conditions = seen["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions
            .iter()
            .any(|it| it["type"] == "Ready" && it["status"] == "True");
        if ready { Ok(()) } else { Err(seen["status"].to_string()) }
    });
    wait_there(
        home,
        &format!("/api/v1/namespaces/{NAMESPACE}/secrets/tmc-syncer-hash-key"),
    );
    assert!(pod.get("/metrics").contains("tmc_syncer_target_reachable"));

    // It was who the chart says, with the rights that the chart gives, and these were enough on both sides.
    for server in [home, east] {
        assert!(server.audit().iter().any(|event| event.user == ACCOUNT));
        assert_eq!(Clusters::refused(server), Vec::<String>::new());
    }
    assert!(!pod.log().contains("Read-only file system"), "{}", pod.log());

    upgrade(&clusters, &mut pod, &values);

    clusters.uninstall(home);
    clusters.uninstall(east);
    left_behind(&clusters, &before);
}

/// A value that needs other rights, without a hand on anything but Helm.
#[track_caller]
fn upgrade(clusters: &Clusters, pod: &mut Pod, values: &Value) {
    let Clusters { home, east, .. } = clusters;
    let secret = json!({"metadata": {"name": "token"}, "stringData": {"token": "hunter2"}});
    home.client().create("/api/v1/namespaces/shop/secrets", &secret);
    let resources = json!([
        {"resource": "configmaps"}, {"resource": "secrets"}, {"group": "apps", "resource": "deployments"},
    ]);
    let change = json!({"spec": {"resources": resources}});
    let policy = "/apis/workload.kcp.io/v1alpha1/syncpolicies/shop";
    home.client().patch(policy, Patch::Merge(&change));
    clusters.prepare_target("upgrade", &json!({"sync": {"secrets": true}}));
    let values = with(
        values.clone(),
        &json!({"sync": {"secrets": true}, "log": {"format": "json"}}),
    );
    assert_eq!(pod.end().code, Some(0), "{}", pod.log());
    clusters.helm(home, "upgrade", &values, &["--wait", "--timeout=5m"]);
    *pod = Pod::run(home, NAMESPACE, SELECTOR);
    pod.wait_ready();
    assert!(pod.arguments().contains(&"--sync-secrets".to_owned()));
    wait_there(east, "/api/v1/namespaces/shop/secrets/token");
    assert!(pod.log().lines().all(|line| line.starts_with('{')), "{}", pod.log());
    assert!(!pod.log().contains("hunter2"));
    assert_eq!(pod.end().code, Some(0), "{}", pod.log());
}

/// What the chart made is gone, but for the two types; what people and the syncer made is there.
#[track_caller]
fn left_behind(clusters: &Clusters, before: &[BTreeSet<String>; 2]) {
    let Clusters { home, east, .. } = clusters;
    let of_home = [
        "CustomResourceDefinition  syncpolicies.workload.kcp.io",
        "CustomResourceDefinition  synctargets.workload.kcp.io",
        "ConfigMap shop greeting",
        "ConfigMap shop kube-root-ca.crt",
        "ConfigMap tmc-system kube-root-ca.crt",
        "Deployment shop web",
        "Namespace  shop",
        "Namespace  tmc-system",
        "Secret shop token",
        "Secret tmc-system east",
        "Secret tmc-system tmc-syncer-hash-key",
        "ServiceAccount shop default",
        "ServiceAccount tmc-system default",
    ];
    // Pods and what belongs to them are taken away by controllers, a moment later.
    wait_for("the end of what the chart made", SOON, || {
        let after = Clusters::snapshot(home);
        let left = after
            .difference(&before[0])
            .filter(|line| !line.starts_with("ReplicaSet shop"));
        let left: Vec<_> = left.map(String::as_str).collect();
        let mut expected = of_home.to_vec();
        expected.sort_unstable();
        if left == expected {
            Ok(())
        } else {
            Err(format!("{left:#?}"))
        }
    });
    let expected = [
        "ConfigMap shop greeting",
        "Deployment shop web",
        "Namespace  shop",
        "Namespace  tmc-system",
        "Secret shop token",
    ];
    wait_for("the end of what the chart made on the target", SOON, || {
        let left: Vec<_> = Clusters::snapshot(east).difference(&before[1]).cloned().collect();
        if left == expected {
            Ok(())
        } else {
            Err(format!("{left:#?}"))
        }
    });
}

/// All that can be rendered is what a real API server takes, `ServiceMonitor` too.
#[test]
fn a_real_api_server_takes_all_that_can_be_rendered() {
    let server = ApiServer::start();
    let _report = FailureReport::on([server.process()]);
    create_namespace(&server, NAMESPACE);
    create_namespace(&server, "clusters");
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let monitors = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com", "scope": "Namespaced",
            "names": {"plural": "servicemonitors", "singular": "servicemonitor", "kind": "ServiceMonitor", "listKind": "ServiceMonitorList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let client = server.client();
    client.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &monitors);
    wait_for("ServiceMonitors to be served", SOON, || {
        let path = "/apis/monitoring.coreos.com/v1/servicemonitors";
        client.call("GET", path, None).status == 200
    });
    for Rendered { values, text, .. } in &*RENDERED {
        for object in objects(text) {
            let (kind, name) = (
                object["kind"].as_str().unwrap(),
                object["metadata"]["name"].as_str().unwrap(),
            );
            let path = format!("{}/{name}?dryRun=All&fieldValidation=Strict", collection(&object));
            let apply = Patch::Apply {
                manager: "test",
                body: &object,
            };
            let reply = client.try_patch(&path, apply);
            assert!(reply.is_success(), "{values}: {kind} {name}: {}", reply.text);
        }
    }
}

/// Where objects like this one live.
fn collection(object: &Value) -> String {
    let version = object["apiVersion"].as_str().unwrap();
    let api = if version == "v1" {
        "/api/v1".to_owned()
    } else {
        format!("/apis/{version}")
    };
    let kind = object["kind"].as_str().unwrap();
    let plural = match kind {
        "NetworkPolicy" => "networkpolicies".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{api}/namespaces/{namespace}/{plural}"),
        None => format!("{api}/{plural}"),
    }
}

/// The pod runs in one cluster, follows the workspaces of a kcp that is elsewhere, and sends to a third.
#[test]
fn with_kcp_the_installed_pod_syncs_the_workspaces() {
    let clusters = Clusters::start();
    let Clusters { home, east, .. } = &clusters;
    let _report = clusters.report();
    let kcp = kcp();
    let provider = Provider::make(&kcp, "installed");
    let kubeconfig = clusters.prepare_target("install", &json!({}));
    let policy = json!({"resources": [{"resource": "configmaps"}, {"group": "apps", "resource": "deployments"}]});
    let values = json!({
        "upstream": {"kind": "kcp", "kubeconfig": {"inline": provider.syncer(&kcp).to_yaml()}},
        "targets": [{"name": "east", "kubeconfig": {"inline": kubeconfig.to_yaml()}, "labels": {"region": "eu"}}],
        "policies": [{"name": "workloads", "spec": policy}],
    });
    let values = with(values, &ports());
    clusters.helm(
        home,
        "install",
        &values,
        &["--create-namespace", "--skip-crds", "--wait", "--timeout=5m"],
    );
    let mut pod = Pod::run(home, NAMESPACE, SELECTOR);
    pod.wait_ready();

    let team = provider.consumer(&kcp, "installed-team");
    let client = team.client(&kcp);
    let greeting = json!({"metadata": {"name": "greeting"}, "data": {"text": "hello"}});
    client.create("/api/v1/namespaces/default/configmaps", &greeting);
    let mut web = deployment();
    web["apiVersion"] = json!("apps/v1");
    web["kind"] = json!("Deployment");
    client.create("/apis/apps/v1/namespaces/default/deployments", &web);
    for (path, name) in [("/api/v1/configmaps", "greeting"), ("/apis/apps/v1/deployments", "web")] {
        wait_for(&format!("{name} on the target"), SOON, || {
            let found = east.client().items(path);
            let found = found.iter().any(|object| object["metadata"]["name"] == name);
            if found { Ok(()) } else { Err(pod.log()) }
        });
    }
    assert_eq!(Clusters::refused(home), Vec::<String>::new());
    assert_eq!(Clusters::refused(east), Vec::<String>::new());
    // What the values say beside the objects of the provider.
    let documents = pod.folder("/etc/tmc-syncer/documents").join("documents.yaml");
    let documents = std::fs::read_to_string(documents).unwrap();
    assert_eq!(objects(&documents).len(), 2);
    assert_eq!(pod.end().code, Some(0), "{}", pod.log());
}

/// Two pods of one Deployment: one works, and when it ends, as on an upgrade, the other goes on.
#[test]
fn two_replicas_share_a_lease_and_one_goes_on_when_the_other_ends() {
    let clusters = Clusters::start();
    let Clusters { home, east, .. } = &clusters;
    let _report = clusters.report();
    let kubeconfig = clusters.prepare_target("install", &json!({}));
    let values = json!({"replicas": 2, "leaderElection": {"enabled": true}});
    clusters.helm(
        home,
        "install",
        &values,
        &["--create-namespace", "--wait", "--timeout=5m"],
    );
    create_namespace(home, "shop");
    configure(home, &kubeconfig, &json!([{"resource": "configmaps"}]));
    let pods = home.client().items(&format!("/api/v1/namespaces/{NAMESPACE}/pods"));
    assert_eq!(pods.len(), 2);
    let mut pods: Vec<_> = pods.iter().map(|pod| Pod::start(home, pod, Ports::OfItsOwn)).collect();
    for pod in &mut pods {
        pod.wait_ready();
    }
    let before = ConfigMap::new("shop", "before");
    before.create(home, &json!({"a": "1"}));
    before.wait_data(east, &json!({"a": "1"}));
    let leads = |pod: &Pod| {
        let metrics = pod.get("/metrics");
        let mut lines = metrics.lines();
        lines.any(|line| line.starts_with("leader_election_master_status{") && line.ends_with(" 1"))
    };
    let leading: Vec<_> = pods.iter().map(leads).collect();
    assert_eq!(leading.iter().filter(|leads| **leads).count(), 1, "{leading:?}");
    let leader = leading.iter().position(|leads| *leads).unwrap();
    let mut leader = pods.remove(leader);
    assert_eq!(leader.end().code, Some(0), "{}", leader.log());
    let after = ConfigMap::new("shop", "after");
    after.create(home, &json!({"b": "2"}));
    after.wait_data(east, &json!({"b": "2"}));
    assert!(leads(&pods[0]));
    for server in [home, east] {
        assert_eq!(Clusters::refused(server), Vec::<String>::new());
    }
}
