//! An actor of any kind may panic at work: it is built anew, what it knew is known again, and nothing of the world differs in the end.

use super::*;
use crate::runtime::strike;

/// The address of an object on the target `east`, in whatever namespace it is mapped to.
fn path_of(copy: &Value, collection: &str) -> String {
    let text = |pointer: &str| copy.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let (version, resource) = collection.rsplit_once('/').unwrap();
    format!("{version}/namespaces/{namespace}/{resource}/{name}")
}

impl Scene {
    /// A hand on the target `number`.
    fn there(&self, number: usize) -> Hand {
        let (_, server) = &self.fleet.targets[number];
        Hand::at(server, "kubectl")
    }

    /// What the upstream says of the copies of the Deployment `name`: its ready replicas, over all targets.
    fn ready_replicas(&self, workspace: &str, name: &str) -> Option<u64> {
        let path = format!("/clusters/root:{workspace}/apis/apps/v1/namespaces/default/deployments/{name}");
        self.hand().get(&path)?.pointer("/status/readyReplicas")?.as_u64()
    }

    /// Each target reports that the Deployment `name` has one replica, which is ready.
    fn report_ready(&self, cluster: &str, name: &str) {
        for number in 0..2 {
            let copy = self.copy(number, DEPLOYMENTS, cluster, name).unwrap();
            let generation = copy["metadata"]["generation"].clone();
            let status = json!({"status": {"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}});
            let path = format!("{}/status", path_of(&copy, DEPLOYMENTS));
            self.there(number).merge(&path, &status).unwrap();
        }
    }

    /// Somebody changes the copy of the ConfigMap `name` on the first target.
    fn meddle(&self, cluster: &str, name: &str) {
        let copy = self.copy(0, MAPS, cluster, name).unwrap();
        let path = path_of(&copy, MAPS);
        self.there(0)
            .merge(&path, &json!({"data": {"v": "meddled with"}}))
            .unwrap();
    }

    /// Whether an Event of the upstream says `reason` of `name`.
    fn is_told(&self, workspace: &str, name: &str, reason: &str) -> bool {
        let path = format!("/clusters/root:{workspace}/api/v1/namespaces/default/events");
        let events = self.hand().list(&path);
        let says = |event: &Value| event["reason"] == reason && event["involvedObject"]["name"] == name;
        events.iter().any(says)
    }
}

/// Everything that the actors do: an edit goes down, a new object too, a status comes up, drift is put right and told, and a Deployment
/// that waits for its targets leaves.
async fn whole_day(scene: &Scene, red: &str) {
    scene.edit("red", "web", "2");
    scene.config_map("red", "late", "1");
    scene.report_ready(red, "app");
    until(SETTLED, || scene.has(MAPS, red, "web", Some("2"))).await;
    until(SETTLED, || scene.has(MAPS, red, "late", Some("1"))).await;
    until(SETTLED, || scene.ready_replicas("red", "app") == Some(2)).await;
    scene.meddle(red, "web");
    until(SETTLED, || scene.has(MAPS, red, "web", Some("2"))).await;
    until(SETTLED, || scene.is_told("red", "web", "DriftReverted")).await;
    scene
        .hand()
        .delete("/clusters/root:red/apis/apps/v1/namespaces/default/deployments/app")
        .unwrap();
    until(SETTLED, || scene.lacks(DEPLOYMENTS, red, "app")).await;
    let gone = || scene.ready_replicas("red", "app").is_none();
    until(SETTLED, gone).await;
}

async fn begun(kind_at_start: Option<&'static str>) -> (Scene, String) {
    let mut scene = Scene::new(&["red"]);
    let red = scene.cluster_name("red");
    scene.config_map("red", "web", "1");
    scene.deployment("red", "app");
    if let Some(kind) = kind_at_start {
        strike::aim(kind);
    }
    scene.run();
    until(SETTLED, || scene.has(MAPS, &red, "web", Some("1"))).await;
    until(SETTLED, || scene.has(DEPLOYMENTS, &red, "app", None)).await;
    until(SETTLED, || scene.is_ready()).await;
    (scene, red)
}

const KINDS: [&str; 9] = [
    "ConflictArbiter",
    "EventRecorder",
    "FinalizerKeeper",
    "Reconciler",
    "StatusPropagator",
    "Supervisor",
    "Target",
    "Upstream",
    "Watcher",
];

#[test]
fn an_actor_of_any_kind_that_panics_at_work_is_built_anew_and_all_goes_on() {
    // The Supervisor is at work when the process starts and when rules change.
    for kind in KINDS.into_iter().filter(|kind| *kind != "Supervisor") {
        play(async || {
            let (scene, red) = begun(None).await;
            strike::aim(kind);
            whole_day(&scene, &red).await;
            assert!(!strike::is_aimed(kind), "no {kind} was at work");
        });
    }
}

#[test]
fn an_actor_of_any_kind_that_panics_at_the_start_is_built_anew_and_all_goes_on() {
    for kind in KINDS {
        play(async || {
            let (scene, red) = begun(Some(kind)).await;
            whole_day(&scene, &red).await;
            assert!(!strike::is_aimed(kind), "no {kind} was at work");
        });
    }
}
