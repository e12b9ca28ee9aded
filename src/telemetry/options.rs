//! How the syncer logs, and where traces go: options of every command.

use std::str::FromStr;

use clap::{Args, ValueEnum};

/// How the syncer logs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs and traces")]
pub(crate) struct LogOptions {
    /// What is logged: a level, or directives such as `info,syncer_clusters=debug`.
    #[arg(long, global = true, default_value = "info", env = "TMC_SYNCER_LOG_LEVEL")]
    pub(crate) log_level: String,
    /// How a log line looks.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        env = "TMC_SYNCER_LOG_FORMAT"
    )]
    pub(crate) log_format: LogFormat,
    /// Where traces go: the address of an OTLP collector (gRPC), such as `http://127.0.0.1:4317`.
    #[arg(long, global = true, env = "TMC_SYNCER_OTLP_ENDPOINT")]
    pub(crate) otlp_endpoint: Option<String>,
    /// How many of the edits are traced, from 0 (none) to 1 (all), where there is an `--otlp-endpoint`.
    #[arg(
        long,
        global = true,
        value_name = "RATIO",
        default_value = "1",
        env = "TMC_SYNCER_TRACE_SAMPLE"
    )]
    pub(crate) trace_sample: Ratio,
}

/// A share of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio(pub(crate) f64);

// === impl Ratio ===

impl FromStr for Ratio {
    type Err = String;

    fn from_str(ratio: &str) -> Result<Self, String> {
        match ratio.parse() {
            Ok(ratio @ 0.0..=1.0) => Ok(Self(ratio)),
            _ => Err(format!("{ratio:?} is no number from 0 to 1")),
        }
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
