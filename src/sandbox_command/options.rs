//! The options of `sandbox`.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;

/// What is shown after the options.
pub(crate) const EXAMPLES: &str = "Examples:
  tmc-syncer sandbox                                   # a plain upstream and three targets
  tmc-syncer sandbox --targets 1 --dir /tmp/clusters
  tmc-syncer sandbox --workspaces red,blue             # the upstream is a kcp

Exit codes: 0 done; 2 wrong usage.";

/// The options of `sandbox`.
#[derive(Debug, Args)]
pub(crate) struct SandboxOptions {
    /// How many targets there are.
    #[arg(long, value_name = "N", default_value = "3", env = "TMC_SYNCER_TARGETS")]
    pub(crate) targets: NonZeroUsize,
    /// Where the kubeconfigs go; made if it is missing.
    #[arg(long, value_name = "DIR", default_value = "tmc-sandbox", env = "TMC_SYNCER_DIR")]
    pub(crate) dir: PathBuf,
    /// Workspaces of the upstream, which is a kcp then; without any it is a plain API server.
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "TMC_SYNCER_WORKSPACES")]
    pub(crate) workspaces: Vec<String>,
    /// The seed of all UIDs; another one at each start if none is given.
    #[arg(long, value_name = "N", env = "TMC_SYNCER_SEED")]
    pub(crate) seed: Option<u64>,
}
