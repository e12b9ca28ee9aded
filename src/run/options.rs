//! The options of `run`.

use std::net::SocketAddr;

use clap::Args;

use crate::{leader_election::LeaderElectionOptions, sync_options::SyncOptions};

/// What is shown after the options.
pub(crate) const EXAMPLES: &str = "Examples:
  tmc-syncer run --upstream-kubeconfig up.kubeconfig --target east=east.kubeconfig --target west=west.kubeconfig
  tmc-syncer run --upstream-kubeconfig all.kubeconfig --upstream-context up --target east=all.kubeconfig#east
  tmc-syncer run --upstream-kubeconfig kcp.kubeconfig --endpoint-slice kubernetes --target east=east.kubeconfig
  tmc-syncer run --upstream-kubeconfig up.kubeconfig    # SyncTargets and SyncPolicies are objects of that upstream
  tmc-syncer run --upstream-kubeconfig up.kubeconfig --leader-elect    # one of several replicas
  TMC_SYNCER_TARGET=east=east.kubeconfig,west=west.kubeconfig tmc-syncer run    # upstream: in-cluster, then KUBECONFIG

Exit codes: 0 done; 1 failed while running; 2 wrong usage or configuration.";

/// The options of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) sync: SyncOptions,
    /// Plan and report, and write nothing.
    #[arg(long, env = "TMC_SYNCER_DRY_RUN")]
    pub(crate) dry_run: bool,
    /// Delete what is held as mass deletions once everything is listed, on all targets together exactly so many objects; another count
    /// deletes nothing. For one target: the annotation `workload.kcp.io/confirm-deletion` of its SyncTarget.
    #[arg(long, value_name = "COUNT", env = "TMC_SYNCER_CONFIRM_MASS_DELETION")]
    pub(crate) confirm_mass_deletion: Option<usize>,
    /// Where the admin pages, probes and metrics are served.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8085",
        env = "TMC_SYNCER_ADMIN_ADDRESS"
    )]
    pub(crate) admin_address: SocketAddr,
    /// Where probes and metrics are served too, for other hosts to reach.
    #[arg(long, value_name = "ADDRESS", env = "TMC_SYNCER_HEALTH_ADDRESS")]
    pub(crate) health_address: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) election: LeaderElectionOptions,
}
