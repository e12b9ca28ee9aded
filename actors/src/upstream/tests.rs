//! The whole actor tree between a kcp and two targets in memory, on a paused clock.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::{Value, json};
use syncer_clusters::Cluster;
use syncer_core::{
    config::{Configuration, NamespaceMapping, ResourceRef, SyncPolicy, SyncPolicySpec, SyncTarget, SyncTargetSpec},
    hash_key::HashKey,
    placement::{PlacementOptions, Rules, Secrets},
    protect::Protection,
};
use syncer_sandbox::{ApiServer, Fleet, FleetOptions, Hand, TimerClock};
use tokio::sync::watch;

use crate::{
    Bounds, Metrics, Readiness, Rulebook, Settings, Supervisor, TargetReports, TargetSettings, UpstreamSettings,
    UpstreamSource, Writes,
    events::Recent,
    in_memory::{self, play, throughout, until},
    runtime::{self, Clock, Ended, Runtime, Signals, Spec},
};

mod panics;

/// By when anything that is to happen has happened, but for what waits for a claim to stand still.
const SOON: Duration = Duration::from_secs(30);
/// By when that has happened too.
const SETTLED: Duration = Duration::from_secs(130);

const MAPS: &str = "/api/v1/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

fn cluster(name: &str, server: &ApiServer, path: &str) -> Cluster {
    let url = format!("https://{name}{path}");
    Cluster::builder(name)
        .seed(1)
        .service(&url, in_memory::service(server.clone(), |_| {}))
        .unwrap()
}

/// A cluster that nobody asks anything.
pub(super) fn unanswered() -> Cluster {
    cluster("nobody", &ApiServer::new(syncer_sandbox::Options::default()), "")
}

/// A kcp with workspaces, two targets, and the syncer.
struct Scene {
    fleet: Fleet,
    slice: Arc<str>,
    spec: SyncPolicySpec,
    life: Option<Life>,
}

/// One life of the syncer.
struct Life {
    runtime: Runtime,
    ended: Ended,
    registry: Registry,
    readiness: Readiness,
}

// === impl Scene ===

impl Scene {
    fn new(workspaces: &[&str]) -> Self {
        let start = jiff::Timestamp::from_second(1_700_000_000).unwrap();
        let fleet = Fleet::new(&FleetOptions {
            targets: 2,
            workspaces: workspaces.iter().map(|name| (*name).to_owned()).collect(),
            clock: Arc::new(TimerClock::new(start)),
            ..FleetOptions::default()
        });
        let resource = |group: &str, resource: &str| ResourceRef {
            group: group.to_owned(),
            resource: resource.to_owned(),
        };
        Self {
            fleet: fleet.unwrap(),
            slice: "kubernetes".into(),
            spec: SyncPolicySpec {
                resources: vec![resource("apps", "deployments"), resource("", "configmaps")],
                ..SyncPolicySpec::default()
            },
            life: None,
        }
    }

    fn rules(&self) -> Rules {
        let target = |name: &str| SyncTarget {
            name: name.to_owned(),
            uid: String::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            spec: SyncTargetSpec::default(),
        };
        let policy = SyncPolicy {
            name: "all".to_owned(),
            spec: self.spec.clone(),
        };
        let configuration = Configuration {
            targets: self
                .fleet
                .targets
                .iter()
                .map(|(name, _)| (name.as_str().into(), Arc::new(target(name))))
                .collect(),
            policies: [("all".into(), Arc::new(policy))].into(),
        };
        let options = PlacementOptions {
            secrets: Secrets::OnlyNamed,
            protection: Protection::default(),
            default_mapping: NamespaceMapping::Hashed,
        };
        Rules::compile(&configuration, options).unwrap()
    }

    fn run(&mut self) {
        let targets = self.fleet.targets.iter().map(|(name, server)| {
            let (name, server): (Arc<str>, ApiServer) = (name.as_str().into(), server.clone());
            let called = name.clone();
            let settings = TargetSettings {
                name: name.clone(),
                uid: "".into(),
                connect: Arc::new(move || Ok(cluster(&called, &server, ""))),
                fingerprint: 0,
            };
            (name, settings)
        });
        let rulebook = Rulebook {
            revision: 1,
            rules: self.rules(),
            unreadable: crate::rulebook::Unreadable::default(),
            targets: targets.collect(),
        };
        let (signals, metrics) = (Signals::new(), Metrics::default());
        let settings = Settings {
            rulebooks: watch::channel(Arc::new(rulebook)).1,
            upstream: UpstreamSettings {
                previous: None,
                cluster: cluster("kcp", &self.fleet.upstream, "/clusters/root:compute"),
                body_cache: 1 << 20,
                source: UpstreamSource::EndpointSlice(self.slice.clone()),
            },
            bounds: Bounds {
                mailbox: 64,
                reconcilers: 8,
            },
            writes: Writes::Done,
            hash_key: HashKey::new(b"a key of the test alone"),
            recent: Recent::default(),
            verdicts: crate::verdicts::Verdicts::default(),
            reports: TargetReports::default(),
            confirm_mass_deletion: None,
            own_objects: crate::no_own_objects(),
            preview: None,
            standing_by: None,
        };
        let readiness = Readiness::of(settings.rulebooks.borrow().targets.keys().cloned());
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut runtime = Runtime::local(runtime::Settings {
            seed: 1,
            clock: Clock::simulated(std::time::UNIX_EPOCH + Duration::from_hours(500_000)),
            signals: signals.clone(),
        });
        let factory = Supervisor::factory(settings, readiness.clone(), signals, metrics);
        let (_, ended) = runtime.start(Spec::new("test"), factory);
        self.life = Some(Life {
            runtime,
            ended,
            registry,
            readiness,
        });
    }

    async fn kill(&mut self) {
        let life = self.life.take().unwrap();
        life.runtime.stop();
        let _ = life.ended.wait().await;
    }

    fn hand(&self) -> Hand {
        Hand::at(&self.fleet.upstream, "kubectl")
    }

    fn config_map(&self, workspace: &str, name: &str, value: &str) {
        let object = json!({"metadata": {"name": name}, "data": {"v": value}});
        let path = format!("/clusters/root:{workspace}/api/v1/namespaces/default/configmaps");
        self.hand().create(&path, &object).unwrap();
    }

    fn edit(&self, workspace: &str, name: &str, value: &str) {
        let path = format!("/clusters/root:{workspace}/api/v1/namespaces/default/configmaps/{name}");
        self.hand().merge(&path, &json!({"data": {"v": value}})).unwrap();
    }

    fn delete_config_map(&self, workspace: &str, name: &str) {
        let path = format!("/clusters/root:{workspace}/api/v1/namespaces/default/configmaps/{name}");
        self.hand().delete(&path).unwrap();
    }

    fn deployment(&self, workspace: &str, name: &str) {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        }});
        let path = format!("/clusters/root:{workspace}/apis/apps/v1/namespaces/default/deployments");
        self.hand().create(&path, &object).unwrap();
    }

    fn binding(workspace: &str) -> String {
        format!("/clusters/root:{workspace}/apis/apis.kcp.io/v1alpha2/apibindings/kubernetes")
    }

    /// Answers the claim on ConfigMaps.
    fn answer(&self, workspace: &str, state: &str) {
        let path = Self::binding(workspace);
        let mut claims = self.hand().get(&path).unwrap()["spec"]["permissionClaims"].take();
        for claim in claims.as_array_mut().unwrap() {
            if claim["resource"] == "configmaps" {
                claim["state"] = json!(state);
            }
        }
        self.hand()
            .merge(&path, &json!({"spec": {"permissionClaims": claims}}))
            .unwrap();
    }

    fn cluster_name(&self, workspace: &str) -> String {
        self.fleet
            .upstream
            .logical_cluster(&format!("root:{workspace}"))
            .unwrap()
    }

    /// The copy of `name` of the logical cluster `cluster` on the target `number`.
    fn copy(&self, number: usize, collection: &str, cluster: &str, name: &str) -> Option<Value> {
        let (_, server) = &self.fleet.targets[number];
        let copies = Hand::at(server, "kubectl").list(collection);
        copies.into_iter().find(|object| {
            let origin = object["metadata"]["annotations"]["workload.kcp.io/origin"]
                .as_str()
                .unwrap_or("null");
            let origin: Value = serde_json::from_str(origin).unwrap();
            object["metadata"]["name"] == name && origin["cluster"] == cluster
        })
    }

    fn has(&self, collection: &str, cluster: &str, name: &str, value: Option<&str>) -> bool {
        (0..2).all(|number| {
            let copy = self.copy(number, collection, cluster, name);
            copy.is_some_and(|copy| value.is_none_or(|value| copy["data"]["v"] == value))
        })
    }

    fn lacks(&self, collection: &str, cluster: &str, name: &str) -> bool {
        (0..2).all(|number| self.copy(number, collection, cluster, name).is_none())
    }

    fn unknown(&self) -> u64 {
        let mut text = String::new();
        encode(&mut text, &self.life.as_ref().unwrap().registry).unwrap();
        let counts = text
            .lines()
            .filter(|line| line.contains("objects{") && line.contains("unknown") && line.contains("east"));
        counts
            .filter_map(|line| line.rsplit(' ').next()?.split('.').next()?.parse::<u64>().ok())
            .sum()
    }

    fn is_ready(&self) -> bool {
        self.life.as_ref().unwrap().readiness.is_ready()
    }
}

#[test]
fn objects_of_the_same_name_are_kept_apart_by_workspace_and_new_workspaces_need_no_restart() {
    play(async || {
        let mut scene = Scene::new(&["red", "blue"]);
        let (red, blue) = (scene.cluster_name("red"), scene.cluster_name("blue"));
        scene.config_map("red", "web", "of red");
        scene.config_map("blue", "web", "of blue");
        scene.run();
        until(SOON, || scene.has(MAPS, &red, "web", Some("of red"))).await;
        until(SOON, || scene.has(MAPS, &blue, "web", Some("of blue"))).await;
        until(SOON, || scene.is_ready()).await;
        scene.edit("red", "web", "edited");
        until(SOON, || scene.has(MAPS, &red, "web", Some("edited"))).await;
        assert!(scene.has(MAPS, &blue, "web", Some("of blue")));

        let hand = scene.hand();
        let workspace = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": "late"}, "spec": {}});
        hand.create("/apis/tenancy.kcp.io/v1alpha1/workspaces", &workspace)
            .unwrap();
        scene.config_map("late", "web", "of late");
        let mut binding = hand.get(&Scene::binding("red")).unwrap();
        binding = json!({
            "apiVersion": "apis.kcp.io/v1alpha2",
            "kind": "APIBinding",
            "metadata": {"name": "kubernetes"},
            "spec": binding["spec"].take(),
        });
        let bindings = "/clusters/root:late/apis/apis.kcp.io/v1alpha2/apibindings";
        hand.create(bindings, &binding).unwrap();
        let late = scene.cluster_name("late");
        until(SOON, || scene.has(MAPS, &late, "web", Some("of late"))).await;
    });
}

#[test]
fn a_policy_may_select_workspaces_by_path() {
    play(async || {
        let mut scene = Scene::new(&["red", "blue"]);
        scene.spec.workspaces.paths = vec!["root:red".to_owned()];
        scene.config_map("red", "web", "1");
        scene.config_map("blue", "web", "1");
        scene.run();
        let (red, blue) = (scene.cluster_name("red"), scene.cluster_name("blue"));
        until(SOON, || scene.has(MAPS, &red, "web", None)).await;
        throughout(|| scene.lacks(MAPS, &blue, "web")).await;
    });
}

#[test]
fn a_claim_withdrawn_and_given_again_deletes_nothing_and_a_true_deletion_goes() {
    play(async || {
        let mut scene = Scene::new(&["red", "blue"]);
        let red = scene.cluster_name("red");
        for name in ["a", "b"] {
            scene.config_map("red", name, "1");
        }
        scene.run();
        until(SOON, || {
            scene.has(MAPS, &red, "a", None) && scene.has(MAPS, &red, "b", None)
        })
        .await;
        scene.answer("red", "Rejected");
        until(SOON, || scene.unknown() >= 2).await;
        throughout(|| scene.has(MAPS, &red, "a", None) && scene.has(MAPS, &red, "b", None)).await;
        // One of them is deleted while nobody may see it.
        scene.delete_config_map("red", "b");
        scene.answer("red", "Accepted");
        tokio::time::sleep(Duration::from_secs(50)).await;
        assert!(scene.has(MAPS, &red, "b", None), "not before the claim has stood still");
        until(SETTLED, || scene.lacks(MAPS, &red, "b")).await;
        until(SOON, || scene.unknown() == 0).await;
        scene.edit("red", "a", "2");
        until(SOON, || scene.has(MAPS, &red, "a", Some("2"))).await;
        scene.delete_config_map("red", "a");
        until(SOON, || scene.lacks(MAPS, &red, "a")).await;
    });
}

#[test]
fn a_claim_withdrawn_while_the_syncer_was_down_deletes_nothing() {
    play(async || {
        let mut scene = Scene::new(&["red"]);
        let red = scene.cluster_name("red");
        // More than the guard lets pass: it has no part in this.
        let names: Vec<String> = (0..12).map(|number| format!("m{number}")).collect();
        for name in &names {
            scene.config_map("red", name, "1");
        }
        scene.run();
        until(SOON, || names.iter().all(|name| scene.has(MAPS, &red, name, None))).await;
        scene.kill().await;
        scene.answer("red", "Rejected");
        scene.delete_config_map("red", "m0");
        scene.run();
        until(SOON, || scene.unknown() >= 12).await;
        throughout(|| names.iter().all(|name| scene.has(MAPS, &red, name, None))).await;
        scene.answer("red", "Accepted");
        until(SETTLED, || scene.lacks(MAPS, &red, "m0")).await;
        until(SOON, || scene.unknown() == 0).await;
        assert!(names.iter().skip(1).all(|name| scene.has(MAPS, &red, name, None)));
    });
}

#[test]
fn a_deleted_binding_and_a_deleted_workspace_take_their_objects_off_the_targets() {
    play(async || {
        let mut scene = Scene::new(&["red", "blue", "green"]);
        let names = ["red", "blue", "green"];
        let clusters = names.map(|name| scene.cluster_name(name));
        for name in names {
            for number in 0..12 {
                scene.config_map(name, &format!("m{number}"), "1");
            }
            scene.deployment(name, "web");
        }
        scene.run();
        for cluster in &clusters {
            until(SOON, || {
                scene.has(MAPS, cluster, "m11", None) && scene.has(DEPLOYMENTS, cluster, "web", None)
            })
            .await;
        }
        let [red, blue, green] = &clusters;
        scene.hand().delete(&Scene::binding("red")).unwrap();
        until(SETTLED, || scene.lacks(DEPLOYMENTS, red, "web")).await;
        until(SETTLED, || {
            (0..12).all(|number| scene.lacks(MAPS, red, &format!("m{number}")))
        })
        .await;
        scene
            .hand()
            .delete("/apis/tenancy.kcp.io/v1alpha1/workspaces/blue")
            .unwrap();
        until(SETTLED, || scene.lacks(DEPLOYMENTS, blue, "web")).await;
        until(SETTLED, || {
            (0..12).all(|number| scene.lacks(MAPS, blue, &format!("m{number}")))
        })
        .await;
        throughout(|| scene.has(MAPS, green, "m11", None) && scene.has(DEPLOYMENTS, green, "web", None)).await;
    });
}

#[test]
fn a_binding_that_went_unseen_leaves_its_objects_unknown() {
    play(async || {
        let mut scene = Scene::new(&["red", "blue"]);
        let (red, blue) = (scene.cluster_name("red"), scene.cluster_name("blue"));
        for name in ["red", "blue"] {
            scene.config_map(name, "web", "1");
        }
        scene.run();
        until(SOON, || {
            scene.has(MAPS, &red, "web", None) && scene.has(MAPS, &blue, "web", None)
        })
        .await;
        scene.kill().await;
        scene.hand().delete(&Scene::binding("red")).unwrap();
        scene.run();
        until(SOON, || scene.unknown() >= 1).await;
        throughout(|| scene.has(MAPS, &red, "web", None)).await;
        scene.edit("blue", "web", "2");
        until(SOON, || scene.has(MAPS, &blue, "web", Some("2"))).await;
    });
}

#[test]
fn an_endpoint_that_is_gone_leaves_its_objects_unknown_until_it_is_back() {
    play(async || {
        let mut scene = Scene::new(&["red"]);
        let slices = "/clusters/root:compute/apis/apis.kcp.io/v1alpha1/apiexportendpointslices";
        let slice = json!({
            "apiVersion": "apis.kcp.io/v1alpha1",
            "kind": "APIExportEndpointSlice",
            "metadata": {"name": "mine"},
            "spec": {"export": {"path": "root:compute", "name": "kubernetes"}},
        });
        scene.hand().create(slices, &slice).unwrap();
        scene.slice = "mine".into();
        let red = scene.cluster_name("red");
        for name in ["a", "b"] {
            scene.config_map("red", name, "1");
        }
        scene.run();
        until(SOON, || {
            scene.has(MAPS, &red, "a", None) && scene.has(MAPS, &red, "b", None)
        })
        .await;
        scene.hand().delete(&format!("{slices}/mine")).unwrap();
        until(SOON, || scene.unknown() >= 2).await;
        scene.edit("red", "a", "2");
        scene.delete_config_map("red", "b");
        throughout(|| scene.has(MAPS, &red, "a", Some("1")) && scene.has(MAPS, &red, "b", None)).await;
        scene.hand().create(slices, &slice).unwrap();
        until(SOON, || scene.has(MAPS, &red, "a", Some("2"))).await;
        until(SETTLED, || scene.lacks(MAPS, &red, "b")).await;
        until(SOON, || scene.unknown() == 0).await;
    });
}

#[test]
fn no_endpoint_at_all_is_ready_and_what_a_target_holds_stays() {
    play(async || {
        let mut scene = Scene::new(&["red"]);
        let red = scene.cluster_name("red");
        scene.config_map("red", "web", "1");
        scene.run();
        until(SOON, || scene.has(MAPS, &red, "web", None)).await;
        scene.kill().await;
        scene.hand().delete(&Scene::binding("red")).unwrap();
        scene.run();
        until(SOON, || scene.is_ready()).await;
        throughout(|| scene.has(MAPS, &red, "web", None)).await;
        assert!(scene.unknown() >= 1);
    });
}

#[test]
fn a_claim_that_comes_late_is_picked_up_without_restart() {
    play(async || {
        let mut scene = Scene::new(&["red"]);
        let (red, hand) = (scene.cluster_name("red"), scene.hand());
        let export = "/clusters/root:compute/apis/apis.kcp.io/v1alpha2/apiexports/kubernetes";
        let all = hand.get(export).unwrap()["spec"]["permissionClaims"].take();
        let but_maps: Vec<&Value> = all
            .as_array()
            .unwrap()
            .iter()
            .filter(|claim| claim["resource"] != "configmaps")
            .collect();
        hand.merge(export, &json!({"spec": {"permissionClaims": but_maps}}))
            .unwrap();
        scene.config_map("red", "web", "1");
        scene.deployment("red", "web");
        scene.run();
        until(SOON, || scene.has(DEPLOYMENTS, &red, "web", None)).await;
        until(SOON, || scene.is_ready()).await;
        assert!(scene.lacks(MAPS, &red, "web"));
        hand.merge(export, &json!({"spec": {"permissionClaims": all}})).unwrap();
        until(SETTLED, || scene.has(MAPS, &red, "web", None)).await;
        assert!(scene.has(DEPLOYMENTS, &red, "web", None));
    });
}

#[test]
fn a_workspace_that_binds_the_export_anew_gets_its_objects_back() {
    play(async || {
        let mut scene = Scene::new(&["red", "blue"]);
        let red = scene.cluster_name("red");
        scene.config_map("red", "web", "1");
        scene.run();
        until(SOON, || scene.has(MAPS, &red, "web", None)).await;
        let hand = scene.hand();
        let spec = hand.get(&Scene::binding("red")).unwrap()["spec"].take();
        hand.delete(&Scene::binding("red")).unwrap();
        until(SETTLED, || scene.lacks(MAPS, &red, "web")).await;
        let binding = json!({
            "apiVersion": "apis.kcp.io/v1alpha2",
            "kind": "APIBinding",
            "metadata": {"name": "kubernetes"},
            "spec": spec,
        });
        let bindings = "/clusters/root:red/apis/apis.kcp.io/v1alpha2/apibindings";
        hand.create(bindings, &binding).unwrap();
        until(SETTLED, || scene.has(MAPS, &red, "web", Some("1"))).await;
        // And at once, so that only the newest word of the two is heard.
        hand.delete(&Scene::binding("red")).unwrap();
        hand.create(bindings, &binding).unwrap();
        tokio::time::sleep(SETTLED).await;
        assert!(scene.has(MAPS, &red, "web", Some("1")));
    });
}
