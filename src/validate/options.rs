//! The options of `validate`.

use clap::{Args, ValueEnum};

use crate::documents::Source;

/// What is shown after the options.
pub(crate) const EXAMPLES: &str = "Examples:
  tmc-syncer validate -f targets.yaml -f policies/
  kubectl get synctargets,syncpolicies -o yaml | tmc-syncer validate -f - -o json

Exit codes: 0 all is well; 2 something is wrong.";

/// The options of `validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateOptions {
    /// A file of SyncTarget and SyncPolicy documents (YAML or JSON), a folder of such files, or `-` for standard input. Repeatable.
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE",
        env = "TMC_SYNCER_FILE",
        value_delimiter = ',',
        required = true
    )]
    pub(crate) files: Vec<Source>,
    /// How the findings are printed.
    #[arg(short, long, value_enum, default_value = "text", env = "TMC_SYNCER_OUTPUT")]
    pub(crate) output: ValidateOutput,
}

/// The form of what `validate` finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ValidateOutput {
    /// One line a problem.
    Text,
    /// One JSON object.
    Json,
}
