//! `tmc-syncer run`: from options to the running actor tree, and to its end.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use prometheus_client::registry::Registry;
use syncer_actors::{
    Bounds, Metrics, OwnObjectsReceiver, Preview, Readiness, Rulebook, Rulebooks, Settings, StandingBy, Supervisor,
    TargetReports, UpstreamSettings, Writes,
    events::Recent,
    runtime::{self, Clock, Drained, Ended, Runtime, Signals, Spec},
};
use syncer_clusters::{Cluster, ConfigError, Fence, Rehearsal};
use syncer_core::{
    config::{API_GROUP, Configuration, schema::SYNC_TARGET},
    hash_key::HashKey,
    placement::Secrets,
};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::{
    admin,
    cli::RunOptions,
    configurator::{Configurator, Published},
    documents::{self, Following, KubeconfigSecrets, SyncSecrets},
    hash_key,
    leader_election::{Electing, ElectionError, GIVE_UP},
    rest_client::RestClient,
    rulebooks::{Surroundings, UnusableRules},
    sync_options::SyncOptions,
    target_option::{TargetOptionError, each_once},
    telemetry,
    told_to_end::told_to_end,
};

/// How long an upstream may take to say whether it has SyncTargets, where no target is named otherwise, and kubeconfigs to be looked at.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// How long what is in flight may take after SIGTERM. With the time in which the rest is stopped that is ten seconds.
const DRAIN: Duration = Duration::from_secs(8);

/// Why the syncer cannot start: wrong configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Target(#[from] TargetOptionError),
    #[error("the configuration cannot be used:\n{0}")]
    Documents(String),
    #[error("the configuration cannot be used: {0}")]
    Rules(#[from] UnusableRules),
    #[error(
        "no target is named: give --target or a SyncTarget in a file, or make SyncTargets of the upstream, which does not have \
         that kind yet (tmc-syncer manifests crds)"
    )]
    NobodyNamed,
    #[error("the upstream cannot be used: {0}")]
    Upstream(#[source] ConfigError),
    #[error("no target can be used: {}", .0.join("; "))]
    NoTarget(Vec<String>),
    #[error("cannot read the hash key {file}: {cause}")]
    HashKey {
        file: String,
        #[source]
        cause: std::io::Error,
    },
    #[error(transparent)]
    Election(#[from] ElectionError),
    #[error(transparent)]
    Bind(#[from] admin::BindError),
    #[error("cannot start the actor threads: {0}")]
    Threads(#[source] std::io::Error),
}

/// Runs the syncer until it is told to end, and returns the code to exit with.
pub(crate) fn run(options: &RunOptions, pool: &Arc<tokio::runtime::Runtime>) -> Result<ExitCode, StartError> {
    let rest_client = RestClient::new();
    let mut electing = options
        .election
        .prepare(&options.sync.source.upstream, &rest_client, options.dry_run)?;
    let purpose = Purpose {
        writes: if options.dry_run {
            Writes::Reported
        } else {
            Writes::Done
        },
        confirm_mass_deletion: options.confirm_mass_deletion,
        preview: None,
        fence: electing.fence().cloned(),
        standing_by: electing.standing_by(),
    };
    let settings = settings(&options.sync, purpose, &rest_client, pool)?;
    let names: Vec<_> = settings.rulebooks.borrow().targets.keys().cloned().collect();
    let readiness = Readiness::of(names);
    let (signals, metrics) = (Signals::new(), Metrics::default());
    let injected = runtime::Settings {
        signals: signals.clone(),
        ..runtime::Settings::default()
    };
    let mut actors = Runtime::threaded(injected, options.sync.threads.get(), pool).map_err(StartError::Threads)?;

    let mut registry = Registry::default();
    signals.register(&mut registry);
    metrics.register(&mut registry);
    rest_client.register(&mut registry);
    telemetry::register(&mut registry);
    if let Some(status) = electing.status() {
        status.register(&mut registry);
    }
    let ready = ready(&readiness, &electing);
    let (recent, verdicts) = (settings.recent.clone(), settings.verdicts.clone());
    let shown = admin::Shown {
        tree: actors.tree(),
        probe: actors.probe(),
        ready,
        leadership: electing.leadership().cloned(),
        metrics: Arc::new(registry),
        recent,
        verdicts,
    };
    // Before the first object is touched: a port that is taken is a wrong configuration.
    let servers = pool.block_on(admin::serve(shown, options.admin_address, options.health_address))?;
    info!(admin = %servers.admin, health = ?servers.health, "serving probes, metrics and the actor tree");

    // Nothing can turn out to be wrong usage from here on, so nobody leads who ends at once.
    electing.begin();
    let root = Spec::new("tmc-syncer").mailbox(settings.bounds.mailbox);
    let (_, ended) = actors.start(root, Supervisor::factory(settings, readiness, signals, metrics));
    Ok(pool.block_on(until_the_end(&actors, ended, electing)))
}

/// A standby is ready when it can read the Lease; for a leader ready means what it means without an election.
fn ready(readiness: &Readiness, electing: &Electing) -> Arc<dyn Fn() -> BTreeMap<String, bool> + Send + Sync> {
    let (readiness, leadership) = (readiness.clone(), electing.leadership().cloned());
    Arc::new(move || match &leadership {
        Some(leadership) if !leadership.leads() => [("lease".to_owned(), leadership.can_use_the_lease())].into(),
        _ => readiness.conditions(),
    })
}

async fn until_the_end(actors: &Runtime, ended: Ended, mut electing: Electing) -> ExitCode {
    tokio::select! {
        biased;
        end = ended.wait() => match end {
            Ok(()) => ExitCode::SUCCESS,
            Err(escalation) => {
                error!("the syncer cannot go on: {escalation}");
                ExitCode::FAILURE
            }
        },
        // Why is in the log. What starts in this process's place stands by.
        () = electing.lost() => ExitCode::FAILURE,
        () = told_to_end() => drain(actors, electing).await,
    }
}

async fn drain(actors: &Runtime, electing: Electing) -> ExitCode {
    info!("told to end: finishing what is in flight");
    let limit = match electing.leadership() {
        Some(_) => DRAIN.saturating_sub(GIVE_UP),
        None => DRAIN,
    };
    match actors.drain(limit).await {
        // Otherwise something of ours may still be under way: others wait until the Lease is over.
        Drained::Clean => {
            electing.give_up().await;
            info!("ended");
        }
        Drained::Forced => warn!("what was still in flight after {DRAIN:?} was dropped; the next start repairs it"),
        Drained::Stuck => {
            error!("an actor thread does not answer; ending anyway");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What the actors are for: to write, to say what they would write, or to try it.
pub(crate) struct Purpose {
    pub(crate) writes: Writes,
    pub(crate) confirm_mass_deletion: Option<usize>,
    pub(crate) preview: Option<Preview>,
    /// What lets writes through; none where all go.
    pub(crate) fence: Option<Fence>,
    /// What is to be done while another process leads; none where there is no election.
    pub(crate) standing_by: Option<StandingBy>,
}

/// What the actors are told, as `options` say.
pub(crate) fn settings(
    options: &SyncOptions,
    purpose: Purpose,
    rest_client: &RestClient,
    pool: &Arc<tokio::runtime::Runtime>,
) -> Result<Settings, StartError> {
    let cluster = upstream(options, rest_client, &purpose).map_err(StartError::Upstream)?;
    let reports = TargetReports::default();
    let (rulebooks, own_objects) = configuration(options, &purpose, rest_client, pool, &cluster, &reports)?;
    let bounds = Bounds {
        mailbox: options.mailbox.get(),
        reconcilers: options.reconcilers.get(),
    };
    Ok(Settings {
        rulebooks,
        upstream: UpstreamSettings {
            cluster,
            body_cache: options.body_cache,
            source: options.source.source(),
            previous: options.previous_upstream.as_deref().map(Arc::from),
        },
        bounds,
        writes: purpose.writes,
        confirm_mass_deletion: purpose.confirm_mass_deletion,
        hash_key: hash_key(options, purpose.writes, pool)?,
        recent: Recent::default(),
        verdicts: syncer_actors::verdicts::Verdicts::default(),
        own_objects,
        reports,
        preview: purpose.preview,
        standing_by: purpose.standing_by,
    })
}

// === impl Purpose ===

impl Purpose {
    fn rehearsal(&self) -> Option<Rehearsal> {
        self.preview.as_ref().map(|preview| preview.rehearsal().clone())
    }
}

/// Reads the documents of files and options, and follows them and the objects of the upstream from here on.
fn configuration(
    options: &SyncOptions,
    purpose: &Purpose,
    rest_client: &RestClient,
    pool: &Arc<tokio::runtime::Runtime>,
    cluster: &Cluster,
    reports: &TargetReports,
) -> Result<(Rulebooks, OwnObjectsReceiver), StartError> {
    each_once(&options.targets)?;
    let of_options = documents_of(options);
    let fallback = of_options.fallback();
    let following = Following::start(options.source.files.clone(), of_options)
        .map_err(|problems| StartError::Documents(documents::report(&problems)))?;
    let secrets = KubeconfigSecrets::of(cluster.clone());
    let surroundings = Surroundings {
        rest_client: rest_client.clone(),
        fence: purpose.fence.clone(),
        kubeconfigs: secrets.clone(),
        rehearsal: purpose.rehearsal(),
        writes_in_flight: options.writes_in_flight.get(),
        own_namespace: own_namespace(),
        secrets: if options.sync_secrets {
            Secrets::Allowed
        } else {
            Secrets::OnlyNamed
        },
        default_mapping: options.source.default_mapping(),
        clock: Clock::system(),
    };
    let (seen, objects) = watch::channel(Arc::default());
    let configurator = Configurator {
        surroundings,
        secrets,
        fallback,
        files: following.receiver(),
        objects,
        reports: reports.clone(),
    };
    let of_files = configurator.of_files()?;
    if of_files.targets.is_empty() {
        pool.block_on(has_sync_targets(cluster))?;
    }
    usable(&of_files, &following.receiver().borrow().configuration)?;
    let (rulebooks, newest) = watch::channel(Arc::new(configurator.unknown()?));
    let (own_objects, own) = watch::channel(Arc::default());
    let (cluster, standing_by) = (cluster.clone(), purpose.standing_by.clone());
    pool.spawn(async move {
        // Who stands by reads none of it: it begins with what there is when it leads.
        if let Some(standing_by) = standing_by {
            standing_by.leadership.leading().await;
        }
        documents::follow_objects(cluster, seen).await;
    });
    pool.spawn(configurator.run(Published { rulebooks, own_objects }));
    pool.spawn(following.run(documents::every()));
    Ok((newest, own))
}

/// Without any target named here they have to be objects. An upstream that does not answer yet may have some.
async fn has_sync_targets(cluster: &Cluster) -> Result<(), StartError> {
    match tokio::time::timeout(FIRST_LOOK, cluster.discover()).await {
        Ok(Ok(served)) if served.resource_type(API_GROUP, SYNC_TARGET.plural).is_none() => Err(StartError::NobodyNamed),
        _ => Ok(()),
    }
}

/// One target that cannot be used holds up no other; if none of the files' can, the configuration is wrong. What lies in a Secret
/// comes later. A kubeconfig may name a plugin, which may hang: whoever has not said no in time may be usable.
fn usable(rulebook: &Rulebook, configuration: &Configuration) -> Result<(), StartError> {
    let targets = configuration.targets.iter();
    if targets.clone().any(|(_, target)| target.spec.kubeconfig_file.is_none()) {
        return Ok(());
    }
    let (tell, told) = mpsc::channel();
    let pool = tokio::runtime::Handle::current();
    let mut asked = 0;
    for (name, settings) in targets.filter_map(|(name, _)| rulebook.targets.get_key_value(name)) {
        let (name, connect, tell, pool) = (name.clone(), settings.connect.clone(), tell.clone(), pool.clone());
        // A thread of its own: one that never ends must not keep the process.
        thread::Builder::new()
            .name("kubeconfig".to_owned())
            .spawn(move || {
                let _on_the_pool = pool.enter();
                let refused = connect().err().map(|error| format!("target {name}: {error}"));
                // Nobody listens any more where another one was usable.
                let _ = tell.send(refused);
            })
            .map_err(StartError::Threads)?;
        asked += 1;
    }
    drop(tell);
    let until = Instant::now() + FIRST_LOOK;
    let mut failures = Vec::new();
    while failures.len() < asked {
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Some(failure)) => failures.push(failure),
            Ok(None) | Err(_) => return Ok(()),
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    failures.sort_unstable();
    Err(StartError::NoTarget(failures))
}

fn documents_of(options: &SyncOptions) -> documents::Options {
    documents::Options {
        named: options.targets.clone(),
        strategy: options.strategy.into(),
        secrets: if options.sync_secrets {
            SyncSecrets::All
        } else {
            SyncSecrets::OnlyNamed
        },
        status_interval: options.status_interval,
    }
}

/// The key of the file, else the one beside this pod, else one of this process alone.
fn hash_key(options: &SyncOptions, writes: Writes, pool: &Arc<tokio::runtime::Runtime>) -> Result<HashKey, StartError> {
    let failed = |file: &str, cause: std::io::Error| StartError::HashKey {
        file: file.to_owned(),
        cause,
    };
    if let Some(file) = &options.hash_key_file {
        return hash_key::of_file(file).map_err(|cause| failed(&file.display().to_string(), cause));
    }
    let namespace = own_namespace();
    let key = pool.block_on(hash_key::of_pod(namespace.as_deref(), writes));
    key.map_err(|error| failed("of this process", std::io::Error::other(error)))
}

fn upstream(options: &SyncOptions, rest_client: &RestClient, purpose: &Purpose) -> Result<Cluster, ConfigError> {
    Cluster::builder("upstream")
        .observer(Arc::new(rest_client.clone()))
        .rehearsing(purpose.rehearsal())
        .fenced(purpose.fence.clone())
        .connect(options.source.upstream.config()?)
}

/// The namespace that this pod runs in, whose objects are never synced.
fn own_namespace() -> Option<String> {
    let namespace = std::fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/namespace").ok()?;
    Some(namespace.trim().to_owned()).filter(|namespace| !namespace.is_empty())
}
