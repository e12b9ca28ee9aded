//! Workspaces as the documentation has them: a provider with all that `manifests kcp` prints, and consumers that have bound its export.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::{Client, Kcp, Kubeconfig, Scratch, wait_for};

use crate::world::BINARY;

/// By when workspaces, bindings and endpoints are there on a loaded machine.
pub(crate) const KCP_SOON: Duration = Duration::from_mins(4);

const BINDINGS: &str = "/apis/apis.kcp.io/v1alpha2/apibindings";

/// What a workspace with a binding has to answer to.
const PEOPLE_NEED: [&str; 5] = [
    "/api/v1/namespaces/default",
    "/api/v1/namespaces/default/configmaps",
    "/api/v1/namespaces/default/secrets",
    "/api/v1/namespaces/default/services",
    "/apis/apps/v1/namespaces/default/deployments",
];

static KCP: LazyLock<RwLock<Kcp>> = LazyLock::new(|| RwLock::new(Kcp::start()));

/// The kcp of all tests, which share it: each works in workspaces of its own. Where it has died (kcp 0.30 has a race of its own, a
/// `concurrent map read and map write` in `rbac/validation`), it is started again: only the test at which it happens may fail of that.
pub(crate) fn kcp() -> RwLockReadGuard<'static, Kcp> {
    loop {
        let kcp = KCP.read().unwrap_or_else(PoisonError::into_inner);
        if kcp.is_up() {
            return kcp;
        }
        drop(kcp);
        let mut kcp = KCP.write().unwrap_or_else(PoisonError::into_inner);
        if !kcp.is_up() {
            kcp.start_again();
        }
    }
}

/// The same for one test alone, which may stop it and start it again.
pub(crate) fn kcp_alone() -> RwLockWriteGuard<'static, Kcp> {
    KCP.write().unwrap_or_else(PoisonError::into_inner)
}

/// A workspace that offers workloads.
#[derive(Clone)]
pub(crate) struct Provider {
    /// Its path.
    pub(crate) path: String,
    /// The printed documents; the binding is the last.
    documents: Vec<Value>,
}

/// A workspace that has bound what a provider offers.
pub(crate) struct Consumer {
    /// Its path.
    pub(crate) path: String,
    /// The name of its logical cluster.
    pub(crate) cluster: String,
}

// === impl Provider ===

impl Provider {
    /// Makes the workspace `name`, and applies there what is printed for it.
    #[track_caller]
    pub(crate) fn make(kcp: &Kcp, name: &str) -> Self {
        let path = kcp.create_workspace("root", name);
        let documents = printed(&path);
        // The example of a binding is for consumers.
        let (own, _) = documents.split_at(documents.len() - 1);
        applied(kcp, &path, own);
        let provider = Self { path, documents };
        provider.wait_served(kcp);
        provider
    }

    /// Whether SyncTargets can be made: some seconds after their definition.
    #[track_caller]
    fn wait_served(&self, kcp: &Kcp) {
        let client = kcp.client(&self.path);
        for plural in ["synctargets", "syncpolicies"] {
            wait_for(&format!("{plural} to be served"), KCP_SOON, || {
                match client
                    .call("GET", &format!("/apis/workload.kcp.io/v1alpha1/{plural}"), None)
                    .status
                {
                    200 => Ok(()),
                    status => Err(status.to_string()),
                }
            });
        }
    }

    /// The name of its logical cluster.
    #[track_caller]
    pub(crate) fn cluster(&self, kcp: &Kcp) -> String {
        let home = kcp
            .client(&self.path)
            .read("/apis/core.kcp.io/v1alpha1/logicalclusters/cluster");
        home["metadata"]["annotations"]["kcp.io/cluster"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// How the printed ServiceAccount reaches the provider: what the syncer is given.
    #[track_caller]
    pub(crate) fn syncer(&self, kcp: &Kcp) -> Kubeconfig {
        kcp.service_account(&self.path, "tmc-system", "tmc-syncer")
    }

    /// Makes the SyncTarget `name`, and the Secret with its kubeconfig.
    #[track_caller]
    pub(crate) fn target(&self, kcp: &Kcp, name: &str, kubeconfig: &Kubeconfig) {
        let client = kcp.client(&self.path);
        let secret = json!({"metadata": {"name": name}, "stringData": {"kubeconfig": kubeconfig.to_yaml()}});
        client.create("/api/v1/namespaces/tmc-system/secrets", &secret);
        let spec = json!({"kubeconfigSecretRef": {"namespace": "tmc-system", "name": name}});
        client.create(&own("synctargets", ""), &document("SyncTarget", name, &spec));
    }

    /// Makes the SyncPolicy `name`.
    #[track_caller]
    pub(crate) fn policy(&self, kcp: &Kcp, name: &str, spec: &Value) {
        let client = kcp.client(&self.path);
        client.create(&own("syncpolicies", ""), &document("SyncPolicy", name, spec));
    }

    /// Waits until the SyncTarget or SyncPolicy `name` is as `holds` says; the object.
    #[track_caller]
    pub(crate) fn wait_own(&self, kcp: &Kcp, kind: &str, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let (client, path) = (kcp.client(&self.path), own(kind, name));
        wait_for(&format!("{name} of {kind}"), KCP_SOON, || {
            let seen = client.read(&path);
            if holds(&seen) {
                Ok(seen)
            } else {
                Err(seen["status"].to_string())
            }
        })
    }

    /// Makes the workspace `name`, and binds the export there as the printed example does.
    #[track_caller]
    pub(crate) fn consumer(&self, kcp: &Kcp, name: &str) -> Consumer {
        self.consumer_under(kcp, "root", name)
    }

    /// The same under the workspace `parent`.
    #[track_caller]
    pub(crate) fn consumer_under(&self, kcp: &Kcp, parent: &str, name: &str) -> Consumer {
        let path = kcp.create_workspace(parent, name);
        bound(kcp, &path, self.documents.last().unwrap())
    }

    /// The same, without an answer to the claim on `resource`: nobody has said yes or no.
    #[track_caller]
    pub(crate) fn consumer_without(&self, kcp: &Kcp, name: &str, resource: &str) -> Consumer {
        let path = kcp.create_workspace("root", name);
        self.bind_without(kcp, &path, resource)
    }

    /// Binds the export in the workspace at `path` as the printed example does, without an answer to the claim on `resource`.
    #[track_caller]
    pub(crate) fn bind_without(&self, kcp: &Kcp, path: &str, resource: &str) -> Consumer {
        let mut binding = self.documents.last().unwrap().clone();
        let claims = binding["spec"]["permissionClaims"].as_array_mut().unwrap();
        claims.retain(|claim| claim["resource"] != resource);
        bound(kcp, path, &binding)
    }

    /// Answers all claims in `consumer` as the printed example does.
    #[track_caller]
    pub(crate) fn accept_all(&self, kcp: &Kcp, consumer: &Consumer) {
        applied(kcp, &consumer.path, &self.documents[self.documents.len() - 1..]);
    }

    /// The endpoint of its virtual workspace, which is there once somebody has bound the export.
    #[track_caller]
    pub(crate) fn endpoint(&self, kcp: &Kcp) -> String {
        let slices = "/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/kubernetes";
        wait_for("an endpoint", KCP_SOON, || {
            let slice = kcp.client(&self.path).read(slices);
            let url = slice.pointer("/status/endpoints/0/url").and_then(Value::as_str);
            url.map(str::to_owned).ok_or_else(|| slice["status"].to_string())
        })
    }

    /// The syncer's client for the logical cluster `cluster` through the virtual workspace.
    #[track_caller]
    pub(crate) fn through(&self, kcp: &Kcp, cluster: &str) -> Client {
        let server = format!("{}/clusters/{cluster}", self.endpoint(kcp));
        Client::new(&Kubeconfig {
            server,
            ..self.syncer(kcp)
        })
    }
}

// === impl Consumer ===

impl Consumer {
    /// Waits until people can make objects there: a binding is `Bound` before each of its kinds is served, and a workspace ready before
    /// its namespace `default` is.
    #[track_caller]
    fn wait_served(&self, kcp: &Kcp) {
        let client = self.client(kcp);
        for path in PEOPLE_NEED {
            wait_for(&format!("{path} in {}", self.path), KCP_SOON, || {
                match client.call("GET", path, None) {
                    reply if reply.status == 200 => Ok(()),
                    reply => Err(reply.text),
                }
            });
        }
    }

    /// Its client, as an administrator.
    pub(crate) fn client(&self, kcp: &Kcp) -> Client {
        kcp.client(&self.path)
    }
}

/// Applies `binding` in the workspace at `path`, and waits until people can work there.
#[track_caller]
fn bound(kcp: &Kcp, path: &str, binding: &Value) -> Consumer {
    applied(kcp, path, std::slice::from_ref(binding));
    let client = kcp.client(path);
    let bound = wait_for(&format!("the binding in {path}"), KCP_SOON, || {
        let binding = client.read(&format!("{BINDINGS}/kubernetes"));
        let is_bound = binding["status"]["phase"] == "Bound" && is_true(&binding, "PermissionClaimsApplied");
        if is_bound {
            Ok(binding)
        } else {
            Err(binding["status"].to_string())
        }
    });
    let cluster = bound["metadata"]["annotations"]["kcp.io/cluster"].as_str().unwrap();
    let consumer = Consumer {
        cluster: cluster.to_owned(),
        path: path.to_owned(),
    };
    consumer.wait_served(kcp);
    consumer
}

/// The path of one of our own objects; of all of its kind where the name is empty.
fn own(kind: &str, name: &str) -> String {
    let collection = format!("/apis/workload.kcp.io/v1alpha1/{kind}");
    if name.is_empty() {
        collection
    } else {
        format!("{collection}/{name}")
    }
}

fn document(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// What `manifests kcp` prints for the provider at `path`.
#[track_caller]
pub(crate) fn printed(path: &str) -> Vec<Value> {
    let arguments = ["manifests", "kcp", "--workspace", path];
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_saphyr::from_multiple(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
}

/// Applies `documents` in the workspace at `path` as a person would.
#[track_caller]
pub(crate) fn applied(kcp: &Kcp, path: &str, documents: &[Value]) -> Output {
    let scratch = Scratch::new("manifests");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": documents});
    let file: PathBuf = scratch.path().join("documents.json");
    fs::write(&file, list.to_string()).unwrap();
    let file = file.to_str().unwrap();
    // Right after its start kcp does not let everything in yet.
    wait_for(&format!("kubectl apply in {path}"), KCP_SOON, || {
        let output = kcp.kubectl(path, &["apply", "-f", file]);
        if output.status.success() {
            Ok(output)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    })
}

/// Whether the condition `kind` of `object` is true.
pub(crate) fn is_true(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == kind && condition["status"] == "True")
}
