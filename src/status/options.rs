//! The options of `status`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(crate) const EXAMPLES: &str = "Examples:
  tmc-syncer status --upstream-kubeconfig up.kubeconfig                  # from SyncTarget and SyncPolicy objects
  tmc-syncer status --admin http://127.0.0.1:8085                        # from a running syncer, whatever its targets come from
  tmc-syncer status --upstream-kubeconfig kcp.kubeconfig --admin 127.0.0.1:8085 -o json --watch

Exit codes: 0 shown; 1 something that was asked for could not be read; 2 wrong usage or configuration.";

/// The options of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    /// The kubeconfig of the server that has the objects of targets and policies; without it, and without --admin, in-cluster
    /// credentials, then KUBECONFIG.
    #[arg(long, value_name = "FILE", env = "TMC_SYNCER_UPSTREAM_KUBECONFIG")]
    pub(crate) upstream_kubeconfig: Option<PathBuf>,
    /// The context in it; without it the current one.
    #[arg(long, value_name = "NAME", env = "TMC_SYNCER_UPSTREAM_CONTEXT")]
    pub(crate) upstream_context: Option<String>,
    /// The admin address of a running syncer, for what is not in the objects: drift, lag, conflicts, actors.
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
