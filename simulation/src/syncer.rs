//! The syncer under test, put together as `run` does it, but for time, chance and wires.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use syncer_actors::{
    Bounds, Connect, Metrics, Readiness, Rulebook, Rulebooks, Settings, Supervisor, TargetReports, TargetSettings,
    Unreadable, UpstreamSettings, UpstreamSource, Writes,
    events::Recent,
    runtime::{self, Census, Clock, Ended, Runtime, Signals, Spec, Tree},
};
use syncer_clusters::{Cluster, ConfigError, Limits};
use syncer_core::{
    config::{
        Configuration, Deletion, NamespaceMapping, ResourceRef, SyncPolicy, SyncPolicySpec, SyncTarget, SyncTargetSpec,
    },
    hash_key::HashKey,
    placement::{PlacementOptions, Rules, Secrets},
    protect::Protection,
};
use syncer_sandbox::{ApiServer, Fleet};
use tokio::sync::watch;

use crate::{
    observation::Observation,
    schedule::{KINDS, Schedule},
    wire::{Side, Wire},
};

/// How much of everything there may be: little, so that bounds are reached.
pub(crate) const BOUNDS: Bounds = Bounds {
    mailbox: 8,
    reconcilers: 4,
};

/// How much is kept of upstream bodies: little, so that some are read again.
const BODY_CACHE: u64 = 4096;

/// One life of the syncer.
pub(crate) struct Syncer {
    runtime: Runtime,
    ended: Ended,
    signals: Signals,
}

// === impl Syncer ===

impl Syncer {
    /// Starts it. `life` counts its lives, so that each has chances of its own.
    pub(crate) fn start(
        schedule: &Schedule,
        fleet: &Fleet,
        observation: &Observation,
        start: SystemTime,
        life: u64,
    ) -> Result<Self, ConfigError> {
        let signals = Signals::new();
        let seed = schedule.seed.wrapping_mul(31).wrapping_add(life);
        let clock = Clock::simulated(start);
        let settings = settings(schedule, fleet, observation, &clock, seed)?;
        let readiness = Readiness::of(settings.rulebooks.borrow().targets.keys().cloned());
        let injected = runtime::Settings {
            seed,
            clock,
            signals: signals.clone(),
        };
        let mut runtime = Runtime::local(injected);
        let factory = Supervisor::factory(settings, readiness, signals.clone(), Metrics::default());
        let (_, ended) = runtime.start(Spec::new("simulated").mailbox(BOUNDS.mailbox), factory);
        Ok(Self {
            runtime,
            ended,
            signals,
        })
    }

    pub(crate) fn tree(&self) -> Tree {
        self.runtime.tree()
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Why it ended by itself, if it did.
    pub(crate) async fn ended(&self) -> String {
        match self.ended.clone().wait().await {
            Ok(()) => "it ended by itself".to_owned(),
            Err(escalation) => escalation.to_string(),
        }
    }

    /// Kills it: what is in flight is dropped where it is.
    pub(crate) async fn kill(self) {
        self.runtime.stop();
        let _ = self.ended.wait().await;
    }

    /// Ends it as SIGTERM does; says what is still alive of it.
    pub(crate) async fn drain(self) -> Census {
        let _ = self.runtime.drain(std::time::Duration::from_secs(8)).await;
        drop(self.ended);
        // What was told to end does so when it has its turn.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        self.runtime.census()
    }
}

fn settings(
    schedule: &Schedule,
    fleet: &Fleet,
    observation: &Observation,
    clock: &Clock,
    seed: u64,
) -> Result<Settings, ConfigError> {
    let connect = Wiring {
        plant_of: schedule.clone(),
        observation: observation.clone(),
        clock: clock.clone(),
        seed,
    };
    let targets = fleet.targets.iter().zip(1_u64..).map(|((name, server), number)| {
        let (wiring, server): (Wiring, ApiServer) = (connect.clone(), server.clone());
        let name: Arc<str> = name.as_str().into();
        let side = Side::Target(name.clone());
        let connect: Connect = Arc::new(move || wiring.cluster(&server, &side, number));
        let settings = TargetSettings {
            name: name.clone(),
            uid: "".into(),
            connect,
            fingerprint: 0,
        };
        (name, settings)
    });
    Ok(Settings {
        rulebooks: rulebooks(schedule, targets.collect())?,
        upstream: UpstreamSettings {
            cluster: connect.cluster(&fleet.upstream, &Side::Upstream, 0)?,
            body_cache: BODY_CACHE,
            source: UpstreamSource::Plain,
        },
        bounds: BOUNDS,
        writes: Writes::Done,
        // The same in every life, as with a key file: a restart is to change nothing.
        confirm_mass_deletion: None,
        hash_key: HashKey::new(b"the simulation's own"),
        own_objects: syncer_actors::no_own_objects(),
        recent: Recent::default(),
        reports: TargetReports::default(),
    })
}

/// Everything that is drawn goes everywhere.
fn rulebooks(schedule: &Schedule, targets: BTreeMap<Arc<str>, TargetSettings>) -> Result<Rulebooks, ConfigError> {
    let resources = KINDS.map(|kind| ResourceRef {
        group: kind.group().to_owned(),
        resource: kind.plural().to_owned(),
    });
    let policy = SyncPolicy {
        name: "everything".to_owned(),
        spec: SyncPolicySpec {
            resources: resources.into(),
            deletion: Deletion {
                wait_for_downstream: schedule.waits,
                ..Deletion::default()
            },
            ..SyncPolicySpec::default()
        },
    };
    let target = |name: &Arc<str>| SyncTarget {
        name: name.to_string(),
        uid: String::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        spec: SyncTargetSpec::default(),
    };
    let configuration = Configuration {
        targets: targets
            .keys()
            .map(|name| (name.clone(), Arc::new(target(name))))
            .collect(),
        policies: [(Arc::from("everything"), Arc::new(policy))].into(),
    };
    let options = PlacementOptions {
        secrets: Secrets::OnlyNamed,
        protection: Protection::default(),
        default_mapping: NamespaceMapping::Identity,
    };
    let rules = Rules::compile(&configuration, options).map_err(|errors| {
        let first = errors.first().map(|error| error.message.as_str()).unwrap_or_default();
        ConfigError::new("the rules of the simulation", first, "mend the simulation")
    })?;
    let rulebook = Rulebook {
        revision: 1,
        rules,
        targets,
        unreadable: Unreadable::default(),
    };
    Ok(watch::channel(Arc::new(rulebook)).1)
}

/// How clusters are wired.
#[derive(Clone)]
struct Wiring {
    plant_of: Schedule,
    observation: Observation,
    clock: Clock,
    seed: u64,
}

// === impl Wiring ===

impl Wiring {
    fn cluster(&self, server: &ApiServer, side: &Side, number: u64) -> Result<Cluster, ConfigError> {
        let plant = self.plant_of.plant;
        let limits = plant.map_or_else(Limits::default, |plant| plant.limits(Limits::default()));
        let wire = Wire::new(
            server,
            side.clone(),
            &self.observation,
            plant,
            self.seed ^ (number << 32),
        );
        let clock = self.clock.clone();
        Cluster::builder(side.name())
            .limits(limits)
            .seed(self.seed.wrapping_add(number))
            .wall_clock(move || clock.time())
            .service(&format!("http://{}", side.name()), wire)
    }
}
