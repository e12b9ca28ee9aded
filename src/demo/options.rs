//! The options of `demo`.

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use clap::{Args, ValueEnum};
use syncer_sandbox::scenario::Kind;

use super::span::span;

/// What is shown after the options.
pub(crate) const EXAMPLES: &str = "Examples:
  tmc-syncer demo
  tmc-syncer demo --chaos --for 1m                     # servers fail, and the syncer is killed once
  tmc-syncer demo --seed 7 --for 20s -o json           # the same seed: the same script, the same objects at the end

Exit codes: 0 all converged and no invariant broke; 1 not so; 2 wrong usage.";

/// The kinds that are shown: those that the syncer carries.
pub(super) const KINDS: &[Kind] = &Kind::ALL;

/// The options of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    /// How long it takes, such as `20s` or `2m`; coming to rest may take half a minute more.
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = span, env = "TMC_SYNCER_FOR")]
    pub(crate) length: Duration,
    /// How many objects are made at the start.
    #[arg(long, value_name = "N", default_value = "24", env = "TMC_SYNCER_OBJECTS")]
    pub(crate) objects: NonZeroUsize,
    /// How many targets there are.
    #[arg(long, value_name = "N", default_value = "3", env = "TMC_SYNCER_TARGETS")]
    pub(crate) targets: NonZeroUsize,
    /// Lets servers fail in many ways, and kills the syncer once.
    #[arg(long, env = "TMC_SYNCER_CHAOS")]
    pub(crate) chaos: bool,
    /// The seed of everything that happens; another one each time if none is given.
    #[arg(long, value_name = "N", env = "TMC_SYNCER_SEED")]
    pub(crate) seed: Option<u64>,
    /// Where the syncer serves its admin pages; with port 0 a free one.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0",
        env = "TMC_SYNCER_ADMIN_ADDRESS"
    )]
    pub(crate) admin_address: SocketAddr,
    /// How the result is printed.
    #[arg(short, long, value_enum, default_value = "text", env = "TMC_SYNCER_OUTPUT")]
    pub(crate) output: DemoOutput,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoOutput {
    /// A table, after the story.
    Text,
    /// One JSON object on stdout; the story is on stderr.
    Json,
}
