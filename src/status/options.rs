//! The options of `status`.

use clap::{Args, ValueEnum};

use crate::upstream_options::UpstreamOptions;

pub(crate) const EXAMPLES: &str = "Examples:
  tmc-syncer status --upstream-kubeconfig up.kubeconfig                  # from SyncTarget and SyncPolicy objects
  tmc-syncer status --admin http://127.0.0.1:8085                        # from a running syncer, whatever its targets come from
  tmc-syncer status --upstream-kubeconfig kcp.kubeconfig --admin 127.0.0.1:8085 -o json --watch

Exit codes: 0 shown; 1 something that was asked for could not be read; 2 wrong usage or configuration.";

/// The options of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    #[command(flatten)]
    pub(crate) upstream: UpstreamOptions,
    /// The admin address of a running syncer, for what is not in the objects of targets and policies: drift, lag, conflicts, actors. With it
    /// the upstream is asked only where it is named.
    #[arg(long, value_name = "URL", env = "TMC_SYNCER_ADMIN")]
    pub(crate) admin: Option<String>,
    /// How it is shown.
    #[arg(short, long, value_enum, default_value = "table", env = "TMC_SYNCER_OUTPUT")]
    pub(crate) output: StatusOutput,
    /// Show it again every two seconds until SIGINT: tables one over the other, JSON one object a line, YAML one document after the other.
    #[arg(short, long, env = "TMC_SYNCER_WATCH")]
    pub(crate) watch: bool,
}

/// The form in which `status` shows how things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusOutput {
    /// For people.
    Table,
    /// One JSON object.
    Json,
    /// One YAML document.
    Yaml,
}
