//! Several endpoints, as a kcp of several shards has them: each shows workspaces of its own, at a host of its own. Here go-betweens serve one
//! workspace each of a virtual workspace, and the slice names them.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use syncer_harness::{Asked, Fate, GoBetween, Kcp, Kubeconfig, Patch, wait_for};

use super::{
    provider::{Consumer, KCP_SOON, Provider},
    scene::{CONFIG_MAPS, DEPLOYMENTS, SETTLED, SLICES, Scene, copy, shared, stay, target, wait_data, wait_gone},
};
use crate::objects::uid;

/// The slice that a test fills itself, and a part of no shard, so that kcp puts no endpoint into it.
const SLICE: &str = "parts";
const NOWHERE: &str = "nowhere";

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

/// An endpoint that shows one workspace.
struct Shard {
    between: GoBetween,
    /// Where the virtual workspace is, below the address.
    path: String,
    cluster: String,
    /// What was written through it.
    written: Arc<Mutex<Vec<String>>>,
}

// === impl Shard ===

impl Shard {
    /// Shows `consumer` and nothing else.
    fn of(kcp: &Kcp, provider: &Provider, consumer: &Consumer) -> Self {
        let endpoint = provider.endpoint(kcp);
        let (scheme, rest) = endpoint.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let server = format!("{scheme}://{host}");
        let shard = Self {
            between: GoBetween::before(&Kubeconfig {
                server,
                ..provider.syncer(kcp)
            }),
            path: format!("/{path}"),
            cluster: consumer.cluster.clone(),
            written: Arc::default(),
        };
        shard.serve();
        shard
    }

    fn url(&self) -> String {
        format!("{}{}", self.between.kubeconfig().server, self.path)
    }

    /// All workspaces are this one, and any other is not here.
    fn serve(&self) {
        let (here, written) = (format!("/clusters/{}/", self.cluster), self.written.clone());
        self.between.decide(move |asked: &Asked| {
            if asked.path.contains("/clusters/*/") {
                return Fate::PassedTo(asked.path.replace("/clusters/*/", &here));
            }
            if asked.method != "GET" {
                let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
                written.push(asked.path.clone());
            }
            if asked.path.contains(&here) {
                Fate::Passed
            } else {
                Fate::status(404, "NotFound")
            }
        });
    }

    /// It lets nobody in.
    fn refuse(&self) {
        self.between.decide(|_| Fate::status(403, "Forbidden"));
    }

    /// The writes of other workspaces' objects than its own.
    fn astray(&self) -> Vec<String> {
        let here = format!("/clusters/{}/", self.cluster);
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.iter().filter(|path| !path.contains(&here)).cloned().collect()
    }
}

/// A provider with a slice of its own.
fn scene<'a>(kcp: &'a Kcp, name: &str) -> Scene<'a> {
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
fn name(scene: &Scene<'_>, shards: &[&Shard]) {
    let urls: Vec<_> = shards.iter().map(|shard| json!({"url": shard.url()})).collect();
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

/// Has both targets report for the Deployment of `consumer`, and waits until its workspace shows it.
#[track_caller]
fn wait_status(scene: &Scene<'_>, consumer: &Consumer, replicas: u32) {
    for number in 0..2 {
        let found = wait_for("the Deployment", KCP_SOON, || {
            copy(target(number), DEPLOYMENTS, consumer, "web")
        });
        let metadata = &found["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap();
        let status = json!({"status": {"observedGeneration": metadata["generation"], "replicas": replicas}});
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web/status");
        target(number).client().patch(&path, Patch::Merge(&status));
    }
    wait_for(&format!("the status in {}", consumer.path), KCP_SOON, || {
        let status: Value = consumer.client(scene.kcp).read(WEB)["status"].clone();
        if status["replicas"] == replicas * 2 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
}

/// The UIDs of the copies of `name` of `consumer`.
fn uids(consumer: &Consumer, name: &str) -> [Option<String>; 2] {
    [0, 1].map(|number| copy(target(number), CONFIG_MAPS, consumer, name).map(|found| uid(&found).to_owned()))
}

#[test]
fn each_of_several_endpoints_has_workspaces_of_its_own_and_one_that_goes_and_comes_back_elsewhere_loses_nothing() {
    let kcp = shared();
    let mut scene = scene(&kcp, "shards");
    let (red, blue) = (scene.consumer("shards-red"), scene.consumer("shards-blue"));
    let [first, second] = [&red, &blue].map(|consumer| Shard::of(&kcp, &scene.provider, consumer));
    name(&scene, &[&first, &second]);
    scene.run();
    for (consumer, replicas) in [(&red, 3), (&blue, 5)] {
        scene.config_map(consumer, "web", &json!({"of": consumer.path}));
        scene.deployment(consumer, "web", 1);
        wait_data(consumer, "web", &json!({"of": consumer.path}));
        wait_status(&scene, consumer, replicas);
    }
    for shard in [&first, &second] {
        assert_eq!(shard.astray(), Vec::<String>::new());
    }

    // One endpoint is withdrawn. What it showed stays, and the other goes on.
    let before = uids(&blue, "web");
    name(&scene, &[&first]);
    scene.wait_objects("unknown", |count| count >= 2);
    scene.edit(&blue, "web", &json!({"more": "1"}));
    scene.edit(&red, "web", &json!({"more": "1"}));
    wait_data(&red, "web", &json!({"of": red.path, "more": "1"}));
    stay(&blue, &["web"]);

    // Its workspaces are at another one then, as after a migration.
    let third = Shard::of(&kcp, &scene.provider, &blue);
    name(&scene, &[&first, &third]);
    wait_data(&blue, "web", &json!({"of": blue.path, "more": "1"}));
    scene.wait_objects("unknown", |count| count == 0);
    assert_eq!(uids(&blue, "web"), before, "nothing was deleted and made again");
    wait_status(&scene, &blue, 7);
    assert_eq!(third.astray(), Vec::<String>::new());

    // None at all is no error either.
    name(&scene, &[]);
    scene.wait_objects("unknown", |count| count >= 4);
    stay(&red, &["web"]);
    stay(&blue, &["web"]);
}

#[test]
fn an_endpoint_that_lost_access_deletes_nothing_and_holds_up_no_other_not_even_over_a_restart() {
    let kcp = shared();
    let mut scene = scene(&kcp, "refused");
    let (red, blue) = (scene.consumer("refused-red"), scene.consumer("refused-blue"));
    let [first, second] = [&red, &blue].map(|consumer| Shard::of(&kcp, &scene.provider, consumer));
    name(&scene, &[&first, &second]);
    scene.run();
    for consumer in [&red, &blue] {
        for name in ["a", "b"] {
            scene.config_map(consumer, name, &json!({"v": "1"}));
            wait_data(consumer, name, &json!({"v": "1"}));
        }
    }
    let before = uids(&blue, "a");

    second.refuse();
    scene.delete_config_map(&blue, "b");
    scene.edit(&red, "a", &json!({"v": "2"}));
    wait_data(&red, "a", &json!({"v": "2"}));
    stay(&blue, &["a", "b"]);
    scene.kill();
    scene.run();
    scene.edit(&red, "a", &json!({"v": "3"}));
    wait_data(&red, "a", &json!({"v": "3"}));
    stay(&blue, &["a", "b"]);

    // Let in again, it says what became of its objects.
    second.serve();
    scene.edit(&blue, "a", &json!({"v": "4"}));
    wait_data(&blue, "a", &json!({"v": "4"}));
    wait_gone(CONFIG_MAPS, &blue, "b", SETTLED);
    assert_eq!(uids(&blue, "a"), before);
}
