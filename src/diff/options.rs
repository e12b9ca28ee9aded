//! The options of `diff`.

use clap::{Args, ValueEnum};
use syncer_core::config::ConfigDuration;

use crate::sync_options::SyncOptions;

pub(crate) const EXAMPLES: &str = "Nothing is written, on no side: targets are asked for dry runs (which takes the permissions of `run` there), so that what is shown has
the API server's defaults in it. Values of Secrets stand as hashes.

Examples:
  tmc-syncer diff --upstream-kubeconfig up.kubeconfig --target east=east.kubeconfig --target west=west.kubeconfig
  tmc-syncer diff --upstream-kubeconfig up.kubeconfig -f targets.yaml -f policies/    # before `run` gets the same files
  tmc-syncer diff --upstream-kubeconfig kcp.kubeconfig --endpoint-slice kubernetes -o json
  tmc-syncer diff --upstream-kubeconfig up.kubeconfig -f - < policies.yaml > changes.diff || test $? -eq 1

Exit codes: 0 every target holds what it should; 1 something differs; 2 wrong usage or configuration; 3 something could not be found out
(a target cannot be reached, a permission is missing): the rest is shown.";

/// The options of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffOptions {
    #[command(flatten)]
    pub(crate) sync: SyncOptions,
    /// How it is shown.
    #[arg(short, long, value_enum, default_value = "text", env = "TMC_SYNCER_OUTPUT")]
    pub(crate) output: DiffOutput,
    /// How long it may take until everything is found out; then what is found is shown.
    #[arg(long, value_name = "DURATION", default_value = "5m", env = "TMC_SYNCER_TIMEOUT")]
    pub(crate) timeout: ConfigDuration,
}

/// The form in which `diff` shows what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffOutput {
    /// Unified differences, one after the other.
    Text,
    /// One JSON object.
    Json,
    /// One YAML document.
    Yaml,
}
