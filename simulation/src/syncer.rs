//! The syncer under test, put together as `run` does it, but for time, chance and wires.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use jiff::Timestamp;
use syncer_actors::{
    Bounds, Connect, Metrics, Readiness, Rulebook, Settings, Supervisor, TargetReports, TargetSettings, Unreadable,
    UpstreamSettings, UpstreamSource, Writes,
    events::Recent,
    runtime::{self, Census, Clock, Ended, Runtime, Signals, Spec, Tree},
};
use syncer_clusters::{Cluster, ConfigError, Limits};
use syncer_core::{
    config::{Deletion, NamespaceMapping},
    hash_key::HashKey,
    placement::{PlacementOptions, Rules, Secrets},
    protect::Protection,
};
use syncer_sandbox::{ApiServer, Fleet};
use tokio::sync::watch;

use crate::{
    laws::{Citizen, Law, Laws},
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
    ways: Ways,
    rulebooks: watch::Sender<Arc<Rulebook>>,
    clock: Clock,
}

// === impl Syncer ===

impl Syncer {
    /// Starts it under `laws`. `life` counts its lives, so that each has chances of its own.
    pub(crate) fn start(
        schedule: &Schedule,
        fleet: &Fleet,
        observation: &Observation,
        laws: &Laws,
        start: SystemTime,
        life: u64,
    ) -> Result<Self, ConfigError> {
        let signals = Signals::new();
        let seed = schedule.seed.wrapping_mul(31).wrapping_add(life);
        let clock = Clock::simulated(start);
        let connect = Wiring {
            plant_of: schedule.clone(),
            observation: observation.clone(),
            clock: clock.clone(),
            seed,
        };
        let ways = connect.ways(fleet);
        let (rulebooks, _) = watch::channel(Arc::new(rulebook(laws, &ways, 1, clock.time())?));
        let settings = settings(&connect, fleet, &rulebooks)?;
        let readiness = Readiness::of(settings.rulebooks.borrow().targets.keys().cloned());
        let injected = runtime::Settings {
            seed,
            clock: clock.clone(),
            signals: signals.clone(),
        };
        let mut runtime = Runtime::local(injected);
        let factory = Supervisor::factory(settings, readiness, signals.clone(), Metrics::default());
        let (_, ended) = runtime.start(Spec::new("simulated").mailbox(BOUNDS.mailbox), factory);
        Ok(Self {
            runtime,
            ended,
            signals,
            ways,
            rulebooks,
            clock,
        })
    }

    /// From here on `laws` hold.
    pub(crate) fn decree(&self, laws: &Laws) -> Result<(), ConfigError> {
        let revision = self.rulebooks.borrow().revision + 1;
        let rulebook = rulebook(laws, &self.ways, revision, self.clock.time())?;
        self.rulebooks.send_replace(Arc::new(rulebook));
        Ok(())
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
    connect: &Wiring,
    fleet: &Fleet,
    rulebooks: &watch::Sender<Arc<Rulebook>>,
) -> Result<Settings, ConfigError> {
    Ok(Settings {
        rulebooks: rulebooks.subscribe(),
        upstream: UpstreamSettings {
            cluster: connect.cluster(&fleet.upstream, &Side::Upstream, 0)?,
            body_cache: BODY_CACHE,
            source: UpstreamSource::Plain,
            previous: None,
        },
        bounds: BOUNDS,
        writes: Writes::Done,
        confirm_mass_deletion: None,
        // The same in every life, as with a key file: a restart is to change nothing.
        hash_key: HashKey::new(b"the simulation's own"),
        own_objects: syncer_actors::no_own_objects(),
        standing_by: None,
        recent: Recent::default(),
        verdicts: syncer_actors::verdicts::Verdicts::default(),
        reports: TargetReports::default(),
        preview: None,
    })
}

/// What `schedule` has go where: everything that is drawn, everywhere.
pub(crate) fn everything(schedule: &Schedule, fleet: &Fleet) -> Laws {
    let targets: Vec<String> = fleet.targets.iter().map(|(name, _)| name.clone()).collect();
    let law = Law {
        name: "everything".to_owned(),
        kinds: KINDS
            .iter()
            .map(|kind| (kind.group().to_owned(), kind.plural().to_owned()))
            .collect(),
        targets: targets.iter().cloned().collect(),
        waits: schedule.waits,
        abandon_after: Deletion::default().abandon_after.0,
    };
    Laws {
        policies: vec![law],
        targets: targets.into_iter().map(|name| (name, Citizen::default())).collect(),
    }
}

fn rulebook(laws: &Laws, ways: &Ways, revision: u64, now: SystemTime) -> Result<Rulebook, ConfigError> {
    let options = PlacementOptions {
        secrets: Secrets::OnlyNamed,
        protection: Protection::default(),
        default_mapping: NamespaceMapping::Identity,
    };
    let now = Timestamp::try_from(now).unwrap_or_default();
    let rules = Rules::compile_at(&laws.configuration(), options, now).map_err(|errors| {
        let first = errors.first().map(|error| error.message.as_str()).unwrap_or_default();
        ConfigError::new("the rules of the simulation", first, "mend the simulation")
    })?;
    let targets = ways.iter().filter(|(name, _)| laws.targets.contains_key(&***name));
    Ok(Rulebook {
        revision,
        rules,
        targets: targets.map(|(name, way)| (name.clone(), way.clone())).collect(),
        unreadable: Unreadable::default(),
    })
}

/// The ways to all targets that there are, on the list or not.
type Ways = BTreeMap<Arc<str>, TargetSettings>;

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
    /// The ways to all targets of `fleet`.
    fn ways(&self, fleet: &Fleet) -> Ways {
        let targets = fleet.targets.iter().zip(1_u64..);
        let ways = targets.map(|((name, server), number)| {
            let (wiring, server): (Self, ApiServer) = (self.clone(), server.clone());
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
        ways.collect()
    }

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
