//! The whole actor tree between a plain upstream and one target in memory, on a paused clock.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use syncer_clusters::Cluster;
use syncer_core::{
    config::{Configuration, NamespaceMapping, SyncPolicy, SyncTarget},
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

/// By when anything that is to happen has happened.
const SOON: Duration = Duration::from_secs(30);

/// When the scenes are played, and what is to be drained is.
const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

fn cluster(name: &str, server: &ApiServer) -> Cluster {
    Cluster::builder(name)
        .seed(1)
        .service(&format!("https://{name}"), in_memory::service(server.clone(), |_| {}))
        .unwrap()
}

/// An upstream, the target `east`, and the syncer.
struct Scene {
    fleet: Fleet,
    life: Option<Life>,
}

/// One life of the syncer.
struct Life {
    runtime: Runtime,
    ended: Ended,
    _rulebooks: watch::Sender<Arc<Rulebook>>,
}

// === impl Scene ===

impl Scene {
    fn new() -> Self {
        let fleet = Fleet::new(&FleetOptions {
            targets: 1,
            clock: Arc::new(TimerClock::new(NOW)),
            ..FleetOptions::default()
        });
        Self {
            fleet: fleet.unwrap(),
            life: None,
        }
    }

    fn upstream(&self) -> Hand {
        Hand::at(&self.fleet.upstream, "author")
    }

    fn target(&self, manager: &str) -> Hand {
        Hand::at(&self.fleet.targets[0].1, manager)
    }

    /// Whether nothing of `collection` on the target is made from an upstream object.
    fn is_empty(&self, collection: &str) -> bool {
        let objects = self.target("reader").list(collection);
        let is_copy = |object: &Value| !object["metadata"]["annotations"]["workload.kcp.io/origin"].is_null();
        !objects.iter().any(is_copy)
    }

    /// The containers of `web` on the target.
    fn containers(&self) -> Vec<Value> {
        let web = self.target("reader").get(WEB).unwrap_or_default();
        let containers = web["spec"]["template"]["spec"]["containers"].as_array();
        containers.cloned().unwrap_or_default()
    }

    fn rulebook(&self, target: &Value, policy: &Value) -> Rulebook {
        let (name, server) = &self.fleet.targets[0];
        let (name, server): (Arc<str>, ApiServer) = (name.as_str().into(), server.clone());
        let target = SyncTarget {
            name: name.to_string(),
            uid: String::new(),
            labels: [].into(),
            annotations: [].into(),
            spec: serde_json::from_value(target.clone()).unwrap(),
        };
        let policy = SyncPolicy {
            name: "all".to_owned(),
            spec: serde_json::from_value(policy.clone()).unwrap(),
        };
        let configuration = Configuration {
            targets: [(name.clone(), Arc::new(target))].into(),
            policies: [("all".into(), Arc::new(policy))].into(),
        };
        let options = PlacementOptions {
            secrets: Secrets::OnlyNamed,
            protection: Protection::default(),
            default_mapping: NamespaceMapping::Identity,
        };
        let called = name.clone();
        let settings = TargetSettings {
            name: name.clone(),
            uid: "".into(),
            connect: Arc::new(move || Ok(cluster(&called, &server))),
            fingerprint: 0,
        };
        Rulebook {
            revision: 1,
            rules: Rules::compile_at(&configuration, options, NOW).unwrap(),
            unreadable: crate::rulebook::Unreadable::default(),
            targets: [(name, settings)].into(),
        }
    }

    /// Starts the syncer, with this specification of the target and of the policy.
    fn run(&mut self, target: &Value, policy: &Value) {
        let (keep, rulebooks) = watch::channel(Arc::new(self.rulebook(target, policy)));
        let settings = Settings {
            rulebooks,
            upstream: UpstreamSettings {
                previous: None,
                cluster: cluster("upstream", &self.fleet.upstream),
                body_cache: 1 << 20,
                source: UpstreamSource::Plain,
            },
            bounds: Bounds {
                mailbox: 64,
                reconcilers: 8,
            },
            writes: Writes::Done,
            hash_key: HashKey::new(b"a key of these tests alone"),
            recent: Recent::default(),
            verdicts: crate::verdicts::Verdicts::default(),
            standing_by: None,
            reports: TargetReports::default(),
            confirm_mass_deletion: None,
            own_objects: crate::no_own_objects(),
            preview: None,
        };
        let signals = Signals::new();
        let readiness = Readiness::of(settings.rulebooks.borrow().targets.keys().cloned());
        let mut runtime = Runtime::local(runtime::Settings {
            seed: 1,
            clock: Clock::simulated(NOW.into()),
            signals: signals.clone(),
        });
        let factory = Supervisor::factory(settings, readiness, signals, Metrics::default());
        let (_, ended) = runtime.start(Spec::new("test"), factory);
        self.life = Some(Life {
            runtime,
            ended,
            _rulebooks: keep,
        });
    }

    async fn kill(&mut self) {
        let life = self.life.take().unwrap();
        life.runtime.stop();
        let _ = life.ended.wait().await;
    }
}

/// No watch follows the kind any more, so nobody but the sweep can set it to be removed.
#[test]
fn a_drained_target_lets_go_of_a_kind_that_no_policy_names_any_more() {
    play(async || {
        let mut scene = Scene::new();
        for name in ["a", "b"] {
            let map = json!({"metadata": {"name": name}, "data": {"k": "v"}});
            scene.upstream().create(MAPS, &map).unwrap();
        }
        let foreign = json!({"metadata": {"name": "foreign"}, "data": {"k": "v"}});
        scene.target("bob").create(MAPS, &foreign).unwrap();
        scene.run(
            &json!({}),
            &json!({"resources": [{"group": "", "resource": "configmaps"}]}),
        );
        let has = |name: &str| scene.target("reader").get(&format!("{MAPS}/{name}")).is_some();
        until(SOON, || has("a") && has("b")).await;
        scene.kill().await;

        scene.run(
            &json!({"evictAfter": "2020-01-01T00:00:00Z"}),
            &json!({"resources": [{"group": "apps", "resource": "deployments"}]}),
        );
        until(SOON, || scene.is_empty(MAPS)).await;
        assert!(scene.target("reader").get(&format!("{MAPS}/foreign")).is_some(), "S1");
        let above = |name: &str| scene.upstream().get(&format!("{MAPS}/{name}")).is_some();
        assert!(above("a") && above("b"), "the upstream keeps its own");
    });
}

/// What a rule gives to the target is a part of each item that the upstream has, and no leave to add items.
#[test]
fn a_rule_about_a_part_of_all_items_shields_no_item_that_only_the_target_has() {
    play(async || {
        let resources = |cpu: &str| json!({"limits": {"cpu": cpu}});
        for evil in [
            json!({"name": "evil", "image": "evil:1"}),
            json!({"name": "evil", "image": "evil:1", "resources": resources("8")}),
        ] {
            let mut scene = Scene::new();
            let web = json!({"metadata": {"name": "web"}, "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "web", "image": "web:1"}]},
                },
            }});
            scene.upstream().create(DEPLOYMENTS, &web).unwrap();
            let rule = json!({
                "resource": "deployments.apps", "path": "spec.template.spec.containers[*].resources", "owner": "Downstream",
            });
            let policy = json!({
                "resources": [{"group": "apps", "resource": "deployments"}],
                "conflict": {"strategy": "UpstreamWins", "fields": [rule]},
            });
            scene.run(&json!({}), &policy);
            until(SOON, || scene.containers().len() == 1).await;

            let edit = json!([
                {"op": "add", "path": "/spec/template/spec/containers/0/resources", "value": resources("2")},
                {"op": "add", "path": "/spec/template/spec/containers/-", "value": evil},
            ]);
            scene.target("mallory").patch(WEB, &edit).unwrap();
            assert_eq!(scene.containers().len(), 2);
            let mended = || {
                let containers = scene.containers();
                containers.len() == 1 && containers[0]["name"] == "web" && containers[0]["resources"] == resources("2")
            };
            until(SOON, mended).await;
            throughout(mended).await;
        }
    });
}
