//! `tmc-syncer release`: takes our finalizers off everything upstream, and with `--markers` our markers off everything on the
//! targets, when the syncer, or a target of it, is to go.

mod downstream;
mod lists;
mod options;
mod origin;
mod report;
mod target;
mod upstream;

#[cfg(test)]
mod tests;

use std::{io, process::ExitCode, sync::Arc};

use futures::future::join_all;
use syncer_clusters::{Cluster, ClusterConfig, ConfigError};
use syncer_core::naming::target_key;
use tracing::error;

pub(crate) use self::options::{EXAMPLES, ReleaseOptions};
use self::{
    options::Markers,
    origin::Origin,
    report::{Report, Written},
    target::{Target, targets},
};
use crate::target_option::TargetOptionError;

/// Why nothing can be released: wrong usage or configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseError {
    #[error(transparent)]
    Target(#[from] TargetOptionError),
    #[error("the configuration cannot be used:\n{0}")]
    Documents(String),
    #[error("no target is named: give --target or a SyncTarget in a file")]
    NobodyNamed,
    #[error("the upstream cannot be used: {0}")]
    Upstream(#[source] ConfigError),
}

/// Releases what `options` name, prints what was done, and returns the code to exit with.
pub(crate) fn run(options: &ReleaseOptions, pool: &Arc<tokio::runtime::Runtime>) -> Result<ExitCode, ReleaseError> {
    let targets = targets(options)?;
    let upstream = connect_upstream(options).map_err(ReleaseError::Upstream)?;
    let slice = options.endpoint_slice.as_ref().map(|slice| &*slice.0);
    let releasing = release(&upstream, slice, &targets, options.markers(), options.written());
    let report = pool.block_on(releasing);
    let printed = report.print(options.output, &mut io::stdout().lock(), &mut io::stderr().lock());
    Ok(match printed {
        Ok(()) if report.failures.is_empty() => ExitCode::SUCCESS,
        // Whoever closes the pipe has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && report.failures.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(cause) => {
            error!("cannot print: {cause}");
            ExitCode::FAILURE
        }
    })
}

fn connect_upstream(options: &ReleaseOptions) -> Result<Cluster, ConfigError> {
    let context = options.upstream_context.as_deref();
    let config = match &options.upstream_kubeconfig {
        Some(file) => ClusterConfig::from_kubeconfig_file(file, context)?,
        None => ClusterConfig::from_environment(context)?,
    };
    Cluster::builder("upstream").connect(config)
}

/// Releases `targets`: all of them side by side, and what fails of one holds up no other.
async fn release(
    upstream: &Cluster,
    slice: Option<&str>,
    targets: &[Target],
    markers: Markers,
    written: Written,
) -> Report {
    let mut report = Report::new(written);
    let origin = match Origin::ask(upstream, slice).await {
        Ok(origin) => origin,
        // Without it nobody can tell what is ours (S1).
        Err(failure) => {
            report.failed(upstream.name(), &failure);
            return report;
        }
    };
    let id = origin.id;
    report.upstream = id.to_string();
    let keys: Vec<_> = targets
        .iter()
        .map(|target| (target.name.clone(), target_key(&id, &target.name)))
        .collect();
    let endpoints = origin.endpoints.iter();
    let finalizers = join_all(endpoints.map(|endpoint| upstream::release(endpoint, &keys, written)));
    let marked = targets
        .iter()
        .filter(|_| markers == Markers::Removed)
        .map(|target| downstream::release(target, &id, written));
    let (finalizers, marked) = tokio::join!(finalizers, join_all(marked));
    for part in finalizers.into_iter().chain(marked) {
        report.merge(part);
    }
    report
}
