//! `tmc-syncer run`: from options to the running actor tree, and to its end.

mod options;
mod settings;
mod start_error;
mod usable;

use std::{collections::BTreeMap, process::ExitCode, sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use syncer_actors::{
    Metrics, Readiness, Supervisor, Writes,
    runtime::{self, Drained, Ended, Runtime, Signals, Spec},
};
use tracing::{error, info, warn};

pub(crate) use self::{
    options::{EXAMPLES, RunOptions},
    settings::{Purpose, settings},
    start_error::StartError,
};
use crate::{
    admin,
    leader_election::{Electing, GIVE_UP},
    rest_client::RestClient,
    telemetry,
    told_to_end::told_to_end,
};

/// How long what is in flight may take after SIGTERM. With the time in which the rest is stopped that is ten seconds.
const DRAIN: Duration = Duration::from_secs(8);

/// Runs the syncer until it is told to end, and returns the code to exit with.
pub(crate) fn run(options: &RunOptions, pool: &Arc<tokio::runtime::Runtime>) -> Result<ExitCode, StartError> {
    let rest_client = RestClient::new();
    let writes = if options.dry_run {
        Writes::Reported
    } else {
        Writes::Done
    };
    let mut electing = options
        .election
        .prepare(&options.sync.source.upstream, &rest_client, writes)?;
    let purpose = Purpose {
        writes,
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
