//! What is synced where, and how: the options that `run` and `diff` share beside those of the source, so that the second shows what the first
//! does.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, ValueEnum};
use syncer_core::config::{ConfigDuration, Strategy};

use crate::{source_options::SourceOptions, target_option::TargetOption};

/// What is synced where, and how.
#[derive(Debug, Args)]
pub(crate) struct SyncOptions {
    #[command(flatten)]
    pub(crate) source: SourceOptions,
    /// A target: its name, its kubeconfig, and the context in that. Without any policy, Deployments, Services and ConfigMaps of all
    /// namespaces go to all targets, and Secrets with `--sync-secrets`. SyncTargets and SyncPolicies can be objects of the upstream instead (`manifests crds`). Repeatable.
    #[arg(
        long = "target",
        value_name = "NAME=FILE[#CONTEXT]",
        env = "TMC_SYNCER_TARGET",
        value_delimiter = ','
    )]
    pub(crate) targets: Vec<TargetOption>,
    /// What holds of a field that was changed on a target, or on both sides, where no policy is given (docs/conflicts.md). `last-write-wins`
    /// writes upstream what was changed on a target later: it needs the right to patch there.
    #[arg(long, value_enum, default_value = "upstream-wins", env = "TMC_SYNCER_STRATEGY")]
    pub(crate) strategy: StrategyOption,
    /// The time between two full rounds of status, where no policy is given, such as `30s`; `10s` without it.
    #[arg(long, value_name = "DURATION", value_parser = above_zero, env = "TMC_SYNCER_STATUS_INTERVAL")]
    pub(crate) status_interval: Option<ConfigDuration>,
    /// Sync Secrets too, where no policy is given.
    #[arg(long, env = "TMC_SYNCER_SYNC_SECRETS")]
    pub(crate) sync_secrets: bool,
    /// The id of the upstream whose place this one took (the UID of its namespace `kube-system`, or of the provider workspace's LogicalCluster): what that one put on the targets is
    /// taken over where this one has the same object, and the rest goes under the mass-deletion guard.
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new(), env = "TMC_SYNCER_PREVIOUS_UPSTREAM")]
    pub(crate) previous_upstream: Option<String>,
    /// The key of hashes over Secrets, at least 16 bytes. Without it a pod keeps one in Secret `tmc-syncer-hash-key` of its namespace;
    /// elsewhere Secrets are compared by value after a restart.
    #[arg(long, value_name = "FILE", env = "TMC_SYNCER_HASH_KEY_FILE")]
    pub(crate) hash_key_file: Option<PathBuf>,
    /// Bytes of upstream bodies kept in memory, such as `64MiB`; what is not kept is read again when it is needed.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = bytes, env = "TMC_SYNCER_BODY_CACHE")]
    pub(crate) body_cache: u64,
    /// Threads that actors run on, at most 256; targets are spread over them.
    #[arg(long, value_name = "N", default_value = "2", value_parser = one_to::<MOST_THREADS>, env = "TMC_SYNCER_THREADS")]
    pub(crate) threads: NonZeroUsize,
    /// Writes under way at once, per target, at most 4096.
    #[arg(long, value_name = "N", default_value = "32", value_parser = one_to::<MOST_WRITES_IN_FLIGHT>, env = "TMC_SYNCER_WRITES_IN_FLIGHT")]
    pub(crate) writes_in_flight: NonZeroUsize,
    /// Reconcilers alive at once, per target, at most 65536.
    #[arg(long, value_name = "N", default_value = "64", value_parser = one_to::<MOST_RECONCILERS>, env = "TMC_SYNCER_RECONCILERS")]
    pub(crate) reconcilers: NonZeroUsize,
    /// How many messages the mailbox of a long-lived actor holds, at most 65536.
    #[arg(long, value_name = "N", default_value = "64", value_parser = one_to::<MOST_MESSAGES>, env = "TMC_SYNCER_MAILBOX")]
    pub(crate) mailbox: NonZeroUsize,
}

/// Each is a thread of the machine.
const MOST_THREADS: usize = 256;
/// As `limits.writesInFlight` of a SyncTarget.
const MOST_WRITES_IN_FLIGHT: usize = 4096;
/// A bound that is no bound would not be one (S10).
const MOST_RECONCILERS: usize = 1 << 16;
const MOST_MESSAGES: usize = 1 << 16;

/// A strategy, as the command line takes it: either spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StrategyOption {
    /// The upstream, always.
    #[value(alias = "UpstreamWins")]
    UpstreamWins,
    /// The side that wrote the field last.
    #[value(alias = "LastWriteWins")]
    LastWriteWins,
    /// The side that changed the field; the upstream where both did.
    #[value(alias = "MergeChanges")]
    MergeChanges,
}

impl From<StrategyOption> for Strategy {
    fn from(option: StrategyOption) -> Self {
        match option {
            StrategyOption::UpstreamWins => Self::UpstreamWins,
            StrategyOption::LastWriteWins => Self::LastWriteWins,
            StrategyOption::MergeChanges => Self::MergeChanges,
        }
    }
}

/// A whole number from one to `MOST`.
fn one_to<const MOST: usize>(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(number) if usize::from(number) <= MOST => Ok(number),
        _ => Err(format!("{text:?} is no whole number from 1 to {MOST}")),
    }
}

/// A duration that is not nothing.
fn above_zero(text: &str) -> Result<ConfigDuration, String> {
    let duration: ConfigDuration = text
        .parse()
        .map_err(|error: syncer_core::config::DurationError| error.to_string())?;
    if duration.0.is_zero() {
        return Err(format!("{text:?} is no duration above zero"));
    }
    Ok(duration)
}

/// A number of bytes: plain, or with one of the suffixes KiB, MiB, GiB.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let suffixed = units
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
    let (digits, shift) = suffixed.unwrap_or((text, 0));
    let number: u64 = digits
        .trim()
        .parse()
        .map_err(|_| format!("{text:?} is no number of bytes, such as 64MiB"))?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| format!("{text:?} is more bytes than there are"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_a_lower_and_an_upper_bound() {
        assert_eq!(one_to::<256>("256").map(usize::from), Ok(256));
        assert_eq!(one_to::<256>("1").map(usize::from), Ok(1));
        for bad in [
            "0",
            "257",
            "-1",
            "",
            "18446744073709551615",
            "99999999999999999999",
            "1.5",
        ] {
            let error = one_to::<256>(bad).unwrap_err();
            assert_eq!(error, format!("{bad:?} is no whole number from 1 to 256"));
        }
    }

    #[test]
    fn an_interval_is_above_zero() {
        assert!(above_zero("1ms").is_ok());
        for bad in ["0", "0s", "-1s", "5", ""] {
            assert!(above_zero(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bytes_take_binary_suffixes() {
        let cases = [
            ("0", Ok(0)),
            ("12", Ok(12)),
            ("1KiB", Ok(1024)),
            ("64MiB", Ok(64 << 20)),
            ("2 GiB", Ok(2 << 30)),
        ];
        for (text, expected) in cases {
            assert_eq!(bytes(text), expected, "{text}");
        }
        for bad in [
            "",
            "MiB",
            "-1",
            "1MB",
            "1.5GiB",
            "99999999999999999999",
            "17179869184GiB",
        ] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
