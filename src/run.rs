//! `tmc-syncer run`: from options to the running actor tree, and to its end.

use std::{process::ExitCode, sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use syncer_actors::{
    Bounds, Connect, Metrics, Readiness, Settings, Supervisor, TargetSettings, UpstreamSettings,
    runtime::{self, Drained, Ended, Runtime, Signals, Spec},
};
use syncer_clusters::{Cluster, ClusterConfig, ConfigError, Limits};
use syncer_core::protect::Protection;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::{
    admin,
    cli::RunOptions,
    rest_client::RestClient,
    target_option::{TargetOption, TargetOptionError, each_once},
};

/// What goes down when no policy says otherwise: group and resource.
const RESOURCES: [(&str, &str); 1] = [("", "configmaps")];

/// How long what is in flight may take after SIGTERM. With the time in which the rest is stopped that is ten seconds.
const DRAIN: Duration = Duration::from_secs(8);

/// Why the syncer cannot start: wrong configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Target(#[from] TargetOptionError),
    #[error("the upstream cannot be used: {0}")]
    Upstream(#[source] ConfigError),
    #[error("no target can be used: {}", .0.join("; "))]
    NoTarget(Vec<String>),
    #[error(transparent)]
    Bind(#[from] admin::BindError),
    #[error("cannot start the actor threads: {0}")]
    Threads(#[source] std::io::Error),
}

/// Runs the syncer until it is told to end, and returns the code to exit with.
pub(crate) fn run(options: &RunOptions, pool: &Arc<tokio::runtime::Runtime>) -> Result<ExitCode, StartError> {
    let rest_client = RestClient::new();
    let settings = settings(options, &rest_client)?;
    let readiness = Readiness::of(settings.targets.iter().map(|target| target.name.clone()));
    let (signals, metrics) = (Signals::new(), Metrics::default());
    let injected = runtime::Settings {
        signals: signals.clone(),
        ..runtime::Settings::default()
    };
    let mut actors = Runtime::threaded(injected, options.threads.get(), pool).map_err(StartError::Threads)?;

    let mut registry = Registry::default();
    signals.register(&mut registry);
    metrics.register(&mut registry);
    rest_client.register(&mut registry);
    let conditions = readiness.clone();
    let shown = admin::Shown {
        tree: actors.tree(),
        probe: actors.probe(),
        ready: Arc::new(move || conditions.conditions()),
        metrics: Arc::new(registry),
    };
    // Before the first object is touched: a port that is taken is a wrong configuration.
    let servers = pool.block_on(admin::serve(shown, options.admin_address, options.health_address))?;
    info!(admin = %servers.admin, health = ?servers.health, "serving probes, metrics and the actor tree");

    let root = Spec::new("tmc-syncer").mailbox(settings.bounds.mailbox);
    let (_, ended) = actors.start(root, Supervisor::factory(settings, readiness, signals, metrics));
    Ok(pool.block_on(until_the_end(&actors, ended)))
}

async fn until_the_end(actors: &Runtime, ended: Ended) -> ExitCode {
    tokio::select! {
        biased;
        end = ended.wait() => match end {
            Ok(()) => ExitCode::SUCCESS,
            Err(escalation) => {
                error!("the syncer cannot go on: {escalation}");
                ExitCode::FAILURE
            }
        },
        () = told_to_end() => drain(actors).await,
    }
}

async fn drain(actors: &Runtime) -> ExitCode {
    info!("told to end: finishing what is in flight");
    match actors.drain(DRAIN).await {
        Drained::Clean => info!("ended"),
        Drained::Forced => warn!("what was still in flight after {DRAIN:?} was dropped; the next start repairs it"),
        Drained::Stuck => {
            error!("an actor thread does not answer; ending anyway");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// SIGTERM, as a pod's end begins, or SIGINT.
async fn told_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        error!("cannot listen for signals: only SIGKILL ends this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn settings(options: &RunOptions, rest_client: &RestClient) -> Result<Settings, StartError> {
    each_once(&options.targets)?;
    let targets: Vec<_> = options
        .targets
        .iter()
        .map(|target| target_settings(target, options, rest_client))
        .collect();
    let failures: Vec<_> = targets
        .iter()
        .filter_map(|target| {
            (target.connect)()
                .err()
                .map(|error| format!("target {}: {error}", target.name))
        })
        .collect();
    // One target that cannot be used holds up no other; if none can, the command line is wrong.
    if failures.len() == targets.len() {
        return Err(StartError::NoTarget(failures));
    }
    Ok(Settings {
        upstream: UpstreamSettings {
            cluster: upstream(options, rest_client).map_err(StartError::Upstream)?,
            resources: RESOURCES
                .map(|(group, resource)| (group.to_owned(), resource.to_owned()))
                .into(),
            protection: Protection {
                own_namespace: own_namespace(),
                ..Protection::default()
            },
            body_cache: options.body_cache,
        },
        targets,
        bounds: Bounds {
            mailbox: options.mailbox.get(),
            reconcilers: options.reconcilers.get(),
        },
    })
}

fn upstream(options: &RunOptions, rest_client: &RestClient) -> Result<Cluster, ConfigError> {
    let context = options.upstream_context.as_deref();
    let config = match &options.upstream_kubeconfig {
        Some(file) => ClusterConfig::from_kubeconfig_file(file, context)?,
        None => ClusterConfig::from_environment(context)?,
    };
    Cluster::builder("upstream")
        .observer(Arc::new(rest_client.clone()))
        .connect(config)
}

fn target_settings(target: &TargetOption, options: &RunOptions, rest_client: &RestClient) -> TargetSettings {
    let name: Arc<str> = target.name.as_str().into();
    let limits = Limits {
        writes_in_flight: options.writes_in_flight.get(),
        ..Limits::default()
    };
    let (target, rest_client) = (target.clone(), rest_client.clone());
    let connect: Connect = Arc::new(move || {
        let config = ClusterConfig::from_kubeconfig_file(&target.kubeconfig, target.context.as_deref())?;
        Cluster::builder(&format!("target {}", target.name))
            .limits(limits.clone())
            .observer(Arc::new(rest_client.clone()))
            .connect(config)
    });
    TargetSettings { name, connect }
}

/// The namespace that this pod runs in, whose objects are never synced.
fn own_namespace() -> Option<String> {
    let namespace = std::fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/namespace").ok()?;
    Some(namespace.trim().to_owned()).filter(|namespace| !namespace.is_empty())
}
