//! The options of `release`.

use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::report::Written;
use crate::{
    object_name::ObjectName,
    source_options::SourceOptions,
    target_option::{TargetOption, TargetOptionError},
};

pub(crate) const EXAMPLES: &str = "Stop the syncer first, or take the target out of its configuration: a syncer that runs puts back what it needs.

Examples:
  tmc-syncer release --upstream-kubeconfig up.kubeconfig -f targets.yaml --dry-run       # what would be done
  tmc-syncer release --upstream-kubeconfig up.kubeconfig -f targets.yaml --markers       # the syncer goes, the objects stay
  tmc-syncer release --upstream-kubeconfig up.kubeconfig --target east                   # east is gone for good: let go of its objects
  tmc-syncer release --upstream-kubeconfig up.kubeconfig --target east=east.kubeconfig --markers -o json

Exit codes: 0 done; 1 something could not be released, the rest is; 2 wrong usage or configuration.";

/// The options of `release`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseOptions {
    #[command(flatten)]
    pub(crate) source: SourceOptions,
    /// A target to release: one of a file or of the upstream's SyncTargets by its name, or any with its kubeconfig. Where the target
    /// itself is gone, its name is enough for its finalizers. Without this option all of them. Repeatable.
    #[arg(
        long = "target",
        value_name = "NAME[=FILE[#CONTEXT]]",
        env = "TMC_SYNCER_TARGET",
        value_delimiter = ','
    )]
    pub(crate) targets: Vec<ReleaseTarget>,
    /// Take our markers (and our field ownership) off everything on the targets too: it stays there and is nobody's.
    #[arg(long, env = "TMC_SYNCER_MARKERS")]
    markers: bool,
    /// Say what would be done, and write nothing.
    #[arg(long, env = "TMC_SYNCER_DRY_RUN")]
    dry_run: bool,
    /// How what was done is printed.
    #[arg(short, long, value_enum, default_value = "table", env = "TMC_SYNCER_OUTPUT")]
    pub(crate) output: ReleaseOutput,
}

/// A target as `release` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReleaseTarget {
    /// By its name.
    Named(ObjectName),
    /// With its kubeconfig.
    Given(TargetOption),
}

/// The form of what `release` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReleaseOutput {
    /// For people.
    Table,
    /// One JSON object.
    Json,
    /// One YAML document.
    Yaml,
}

/// What becomes of our markers on the targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Markers {
    /// They come off.
    Removed,
    /// They stay: another syncer takes over.
    Kept,
}

// === impl ReleaseOptions ===

impl ReleaseOptions {
    pub(super) fn markers(&self) -> Markers {
        if self.markers { Markers::Removed } else { Markers::Kept }
    }

    pub(super) fn written(&self) -> Written {
        if self.dry_run {
            Written::Nothing
        } else {
            Written::Everything
        }
    }
}

// === impl ReleaseTarget ===

impl ReleaseTarget {
    pub(super) fn name(&self) -> &ObjectName {
        match self {
            Self::Named(name) => name,
            Self::Given(option) => &option.name,
        }
    }
}

impl FromStr for ReleaseTarget {
    type Err = TargetOptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('=') {
            return text.parse().map(Self::Given);
        }
        Ok(Self::Named(text.parse()?))
    }
}
