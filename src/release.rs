//! `tmc-syncer release`: takes our finalizers off everything upstream, and with `--markers` our markers off everything on the
//! targets, when the syncer, or a target of it, is to go.

mod downstream;
mod lists;
mod objects;
mod options;
mod origin;
mod report;
mod target;
mod upstream;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io, process::ExitCode, sync::Arc};

use futures::future::join_all;
use syncer_clusters::{Cluster, ConfigError};
use syncer_core::naming::target_key;
use tracing::error;

pub(crate) use self::options::{EXAMPLES, ReleaseOptions};
use self::{
    options::Markers,
    origin::Origin,
    report::{Report, Written},
    target::{Choice, Target},
};
use crate::{printing::read_enough, target_option::TargetOptionError};

/// Why nothing can be released: wrong usage or configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseError {
    #[error(transparent)]
    Target(#[from] TargetOptionError),
    #[error("the configuration cannot be used:\n{0}")]
    Documents(String),
    #[error("no target is named: give --target, a SyncTarget in a file, or make SyncTargets of the upstream")]
    NobodyNamed,
    #[error("the upstream cannot be used: {0}")]
    Upstream(#[source] ConfigError),
}

/// Releases what `options` name, prints what was done, and returns the code to exit with.
pub(crate) fn run(options: &ReleaseOptions, pool: &Arc<tokio::runtime::Runtime>) -> Result<ExitCode, ReleaseError> {
    let choice = Choice::of(options)?;
    let upstream = connect_upstream(options).map_err(ReleaseError::Upstream)?;
    let report = pool.block_on(release(&upstream, &choice, options))?;
    let printed = report.print(options.output, &mut io::stdout().lock(), &mut io::stderr().lock());
    Ok(match read_enough(printed) {
        Ok(()) if report.failures.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(cause) => {
            error!("cannot print: {cause}");
            ExitCode::FAILURE
        }
    })
}

fn connect_upstream(options: &ReleaseOptions) -> Result<Cluster, ConfigError> {
    Cluster::builder("upstream").connect(options.source.upstream.config()?)
}

/// Releases what is chosen, all targets side by side; what fails of one holds up no other.
async fn release(upstream: &Cluster, choice: &Choice, options: &ReleaseOptions) -> Result<Report, ReleaseError> {
    let written = options.written();
    let mut report = Report::new(written);
    let origin = match Origin::ask(upstream, &options.source.source()).await {
        Ok(origin) => origin,
        // Without it nobody can tell what is ours (S1).
        Err(failure) => {
            report.failed(upstream.name(), &failure);
            return Ok(report);
        }
    };
    report.upstream = origin.id.to_string();
    let mut objects = BTreeMap::new();
    if choice.asks_for_objects() {
        match objects::sync_targets(upstream).await {
            Ok(found) => {
                for problem in &found.problems {
                    report.failed(upstream.name(), problem);
                }
                objects = found.valid;
            }
            Err(failure) => report.failed(upstream.name(), &failure),
        }
    }
    let targets = match choice.targets(objects) {
        Ok(targets) => targets,
        // Why there are none was said.
        Err(ReleaseError::NobodyNamed) if !report.failures.is_empty() => return Ok(report),
        Err(error) => return Err(error),
    };
    release_targets(upstream, &origin, &targets, (options.markers(), written), &mut report).await;
    Ok(report)
}

async fn release_targets(
    upstream: &Cluster,
    origin: &Origin,
    targets: &[Target],
    (markers, written): (Markers, Written),
    report: &mut Report,
) {
    let id = origin.id.clone();
    // Of a target that is only named it is not known whether it is an object of kcp: it had one of two keys.
    let homes = |target: &Target| match (&target.document, &origin.cluster) {
        (Some(document), _) => vec![Arc::from(document.home(&id))],
        (None, Some(cluster)) => vec![id.clone(), cluster.clone()],
        (None, None) => vec![id.clone()],
    };
    let homes: Vec<(&Target, Arc<str>)> = targets
        .iter()
        .flat_map(|target| homes(target).into_iter().map(move |home| (target, home)))
        .collect();
    let keys: Vec<_> = homes
        .iter()
        .map(|(target, home)| (target.name.clone(), target_key(home, &target.name)))
        .collect();
    let endpoints = origin.endpoints.iter();
    let finalizers = join_all(endpoints.map(|endpoint| upstream::release(endpoint, &keys, written)));
    let marked = homes
        .iter()
        .filter(|_| markers == Markers::Removed)
        .map(|(target, home)| downstream::release(target, upstream, (&id, home), written));
    let (finalizers, marked) = tokio::join!(finalizers, join_all(marked));
    for part in finalizers.into_iter().chain(marked) {
        report.merge(part);
    }
}
