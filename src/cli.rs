//! The command line. Every option has an environment variable `TMC_SYNCER_<OPTION>`; an empty one counts as unset.

mod environment;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, parser::ValueSource};

use crate::{diff, manifests, release, run, status, telemetry, validate};

/// Keeps Kubernetes objects in step between kcp workspaces (or any API server) and many physical clusters.
#[derive(Debug, Parser)]
#[command(
    name = "tmc-syncer",
    version = crate::version::VERSION,
    propagate_version = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) log: telemetry::LogOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the syncer until SIGTERM or SIGINT, then finishes what is in flight (10 s at most).
    #[command(after_help = run::EXAMPLES)]
    Run(Box<run::RunOptions>),
    /// Checks configuration offline: every error at once, with file, line and path.
    #[command(after_help = validate::EXAMPLES)]
    Validate(validate::ValidateOptions),
    /// Prints what to `kubectl apply` before the syncer runs.
    #[command(after_help = manifests::EXAMPLES)]
    Manifests(manifests::ManifestsOptions),
    /// Shows what each target would get against what it holds, like `kubectl diff`. Nothing is written.
    #[command(after_help = diff::EXAMPLES)]
    Diff(Box<diff::DiffOptions>),
    /// Shows how things stand: targets, objects by state, conflicts, drift, lag.
    #[command(after_help = status::EXAMPLES)]
    Status(status::StatusOptions),
    /// Takes our finalizers off everything upstream, and with --markers our markers off everything on the targets, when the syncer,
    /// or a target, is to go.
    #[command(after_help = release::EXAMPLES)]
    Release(release::ReleaseOptions),
    /// Serves an upstream and targets that are in memory, and writes kubeconfigs for them, until SIGTERM or SIGINT.
    #[cfg(feature = "sandbox")]
    #[command(after_help = crate::sandbox_command::EXAMPLES)]
    Sandbox(crate::sandbox_command::SandboxOptions),
    /// Shows the whole product on this machine with nothing installed, and ends with a summary.
    #[cfg(feature = "sandbox")]
    #[command(after_help = crate::demo::EXAMPLES)]
    Demo(crate::demo::DemoOptions),
}

/// What is logged by a command that says all there is to say itself, unless somebody asks for more.
const QUIET: &str = "off";

// === impl Cli ===

impl Cli {
    /// The command line of this process; wrong usage ends it with 2.
    pub(crate) fn read() -> Self {
        let matches = environment::forgiving(Self::command(), &environment::is_empty).get_matches();
        let asked = matches.value_source("log_level") != Some(ValueSource::DefaultValue);
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if matches!(cli.command, Command::Diff(_)) && !asked {
            QUIET.clone_into(&mut cli.log.log_level);
        }
        cli
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["tmc-syncer"].iter().chain(args))
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_of_run_has_its_environment_variable() {
        let command = Cli::command();
        let run = command.find_subcommand("run").unwrap();
        for option in command.get_arguments().chain(run.get_arguments()) {
            let Some(long) = option.get_long().filter(|long| !matches!(*long, "help" | "version")) else {
                continue;
            };
            let variable = format!("TMC_SYNCER_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(
                option.get_env().and_then(|env| env.to_str()),
                Some(variable.as_str()),
                "--{long}"
            );
        }
    }

    #[test]
    fn every_option_of_the_other_commands_has_its_environment_variable() {
        let command = Cli::command();
        for command in command.get_subcommands() {
            let name = command.get_name();
            let options = command
                .get_arguments()
                .filter_map(|option| option.get_long().zip(Some(option)));
            for (long, option) in options.filter(|(long, _)| !matches!(*long, "help" | "version")) {
                let variable = format!("TMC_SYNCER_{}", long.to_uppercase().replace('-', "_"));
                assert_eq!(
                    option.get_env().and_then(|env| env.to_str()),
                    Some(variable.as_str()),
                    "{name} --{long}"
                );
            }
        }
    }

    #[test]
    fn run_takes_targets_and_has_sound_defaults() {
        let cli = parse(&[
            "run",
            "--upstream-kubeconfig",
            "up",
            "--target",
            "east=e",
            "--target",
            "west=w#c",
        ])
        .unwrap();
        let Command::Run(options) = cli.command else {
            panic!("another command");
        };
        let names: Vec<_> = options.sync.targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["east", "west"]);
        assert_eq!((options.sync.body_cache, options.sync.threads.get()), (64 << 20, 2));
        assert!(options.admin_address.ip().is_loopback());
    }

    #[test]
    fn wrong_usage_exits_with_2() {
        let cases: [&[&str]; 5] = [
            &[],
            &["walk"],
            &["run", "--target", "east"],
            &["run", "--target", "east=e", "--threads", "0"],
            &["run", "--target", "east=e", "--body-cache", "much"],
        ];
        for args in cases {
            assert_eq!(parse(args).unwrap_err().exit_code(), 2, "{args:?}");
        }
    }
}
