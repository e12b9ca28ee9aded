//! Endpoints that a test makes: go-betweens with a certificate of their own, which serve one workspace each of a virtual workspace, and a
//! slice that names them.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use syncer_harness::{Asked, Authority, Credentials, Fate, GoBetween, Kcp, Kubeconfig, Patch, wait_for};

use super::{
    provider::{Consumer, KCP_SOON},
    scene::{SLICES, Scene},
};

/// The slice that a test fills itself, and a part of no shard, so that kcp puts no endpoint into it.
const SLICE: &str = "parts";
const NOWHERE: &str = "nowhere";

/// An endpoint that shows one workspace.
pub(super) struct Shard {
    between: GoBetween,
    /// Where the virtual workspace is, below the address.
    path: String,
    cluster: String,
    /// What was asked of it.
    asked: Arc<Mutex<Vec<Asked>>>,
}

// === impl Shard ===

impl Shard {
    /// Shows `consumer` and nothing else, at an address whose authority the syncer of `scene` trusts.
    pub(super) fn of(scene: &Scene<'_>, consumer: &Consumer) -> Self {
        Self::vouched_for(&scene.authority, scene, consumer)
    }

    /// Shows `consumer` and nothing else, with a certificate of `authority`.
    pub(super) fn vouched_for(authority: &Authority, scene: &Scene<'_>, consumer: &Consumer) -> Self {
        let endpoint = scene.provider.endpoint(scene.kcp);
        let (scheme, rest) = endpoint.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let behind = Kubeconfig {
            server: format!("{scheme}://{host}"),
            credentials: Credentials::Anonymous,
            ..scene.kcp.kubeconfig("root")
        };
        let shard = Self {
            between: GoBetween::secured_by(authority, &behind),
            path: format!("/{path}"),
            cluster: consumer.cluster.clone(),
            asked: Arc::default(),
        };
        shard.serve();
        shard
    }

    pub(super) fn url(&self) -> String {
        self.url_at("127.0.0.1")
    }

    /// Its URL under another name of this machine.
    pub(super) fn url_at(&self, host: &str) -> String {
        format!("{}{}", self.between.at(host), self.path)
    }

    /// What was asked of it so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All workspaces are this one, and any other is not here.
    pub(super) fn serve(&self) {
        let (here, heard) = (format!("/clusters/{}/", self.cluster), self.asked.clone());
        self.between.decide(move |asked: &Asked| {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(asked.clone());
            if asked.path.contains("/clusters/*/") {
                return Fate::PassedTo(asked.path.replace("/clusters/*/", &here));
            }
            if asked.path.contains(&here) {
                Fate::Passed
            } else {
                Fate::status(404, "NotFound")
            }
        });
    }

    /// It lets nobody in.
    pub(super) fn refuse(&self) {
        self.between.decide(|_| Fate::status(403, "Forbidden"));
    }

    /// The writes of other workspaces' objects than its own.
    pub(super) fn astray(&self) -> Vec<String> {
        let here = format!("/clusters/{}/", self.cluster);
        let asked = self.asked().into_iter();
        let astray = asked.filter(|asked| asked.method != "GET" && !asked.path.contains(&here));
        astray.map(|asked| asked.path).collect()
    }
}

/// A provider with a slice of its own.
pub(super) fn scene<'a>(kcp: &'a Kcp, name: &str) -> Scene<'a> {
    let scene = Scene::new(kcp, name).following(SLICE);
    let client = kcp.client(&scene.provider.path);
    let partition = json!({
        "apiVersion": "topology.kcp.io/v1alpha1", "kind": "Partition", "metadata": {"name": NOWHERE},
        "spec": {"selector": {"matchLabels": {"shard": "none"}}},
    });
    client.create("/apis/topology.kcp.io/v1alpha1/partitions", &partition);
    let slice = json!({
        "apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIExportEndpointSlice", "metadata": {"name": SLICE},
        "spec": {"export": {"path": scene.provider.path, "name": "kubernetes"}, "partition": NOWHERE},
    });
    client.create(SLICES, &slice);
    scene
}

/// Has the slice name exactly these.
#[track_caller]
pub(super) fn name(scene: &Scene<'_>, urls: &[String]) {
    let urls: Vec<_> = urls.iter().map(|url| json!({"url": url})).collect();
    let client = scene.kcp.client(&scene.provider.path);
    let path = format!("{SLICES}/{SLICE}");
    // kcp writes conditions into the same status.
    wait_for("the endpoints in the slice", KCP_SOON, || {
        let status = json!({"status": {"endpoints": urls}});
        let reply = client.try_patch(&format!("{path}/status"), Patch::Merge(&status));
        let held = client.read(&path)["status"]["endpoints"].clone();
        if held == json!(urls) {
            Ok(())
        } else {
            Err(format!("{held}: {}", reply.text))
        }
    });
}
