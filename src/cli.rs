//! The command line. Every option has an environment variable `TMC_SYNCER_<OPTION>`; an empty one counts as unset.

mod environment;

use std::net::SocketAddr;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, parser::ValueSource};

use crate::{
    documents::Source, leader_election::LeaderElectionOptions, manifests::NamedResource, sync_options::SyncOptions,
};

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
    pub(crate) log: LogOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the syncer logs.
#[derive(Debug, Args)]
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

impl std::str::FromStr for Ratio {
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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the syncer until SIGTERM or SIGINT, then finishes what is in flight (10 s at most).
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunOptions>),
    /// Checks configuration offline: every error at once, with file, line and path.
    #[command(after_help = VALIDATE_EXAMPLES)]
    Validate(ValidateOptions),
    /// Prints what to `kubectl apply` before the syncer runs.
    #[command(after_help = MANIFESTS_EXAMPLES)]
    Manifests(ManifestsOptions),
    /// Shows what each target would get against what it holds, like `kubectl diff`. Nothing is written.
    #[command(after_help = crate::diff::EXAMPLES)]
    Diff(Box<crate::diff::DiffOptions>),
    /// Shows how things stand: targets, objects by state, conflicts, drift, lag.
    #[command(after_help = crate::status::EXAMPLES)]
    Status(crate::status::StatusOptions),
    /// Takes our finalizers off everything upstream, and with --markers our markers off everything on the targets, when the syncer,
    /// or a target, is to go.
    #[command(after_help = crate::release::EXAMPLES)]
    Release(crate::release::ReleaseOptions),
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

const RUN_EXAMPLES: &str = "Examples:
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

const VALIDATE_EXAMPLES: &str = "Examples:
  tmc-syncer validate -f targets.yaml -f policies/
  kubectl get synctargets,syncpolicies -o yaml | tmc-syncer validate -f - -o json

Exit codes: 0 all is well; 2 something is wrong.";

const MANIFESTS_EXAMPLES: &str = "Examples:
  tmc-syncer manifests crds | kubectl apply -f -
  tmc-syncer manifests rbac > rbac.yaml
  tmc-syncer manifests rbac --resource jobs.batch --resource widgets.example.org > rbac.yaml    # policies name these too
  tmc-syncer manifests kcp-provider --workspace root:compute | kubectl apply -f -    # in that workspace; docs/kcp.md goes on from there
  tmc-syncer manifests kcp-binding --workspace root:compute | kubectl apply -f -    # in another, which then has workloads";

/// The options of `manifests`.
#[derive(Debug, Args)]
pub(crate) struct ManifestsOptions {
    /// Which.
    #[arg(value_enum)]
    pub(crate) manifests: Manifests,
    /// A resource that policies name beside the four kinds, such as ingresses.networking.k8s.io: `rbac` allows what it takes to sync it.
    /// Repeatable.
    #[arg(
        long = "resource",
        value_name = "RESOURCE[.GROUP]",
        env = "TMC_SYNCER_RESOURCE",
        value_delimiter = ','
    )]
    pub(crate) resources: Vec<NamedResource>,
    #[command(flatten)]
    pub(crate) kcp: KcpNames,
}

/// How things are called in kcp.
#[derive(Debug, Args)]
#[command(next_help_heading = "With kcp")]
pub(crate) struct KcpNames {
    /// The path of the workspace that these are for: the provider's. Bindings name it.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "root:compute",
        env = "TMC_SYNCER_WORKSPACE",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub(crate) workspace: String,
    /// The name of the APIExport, and of its endpoint slice.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "kubernetes",
        env = "TMC_SYNCER_EXPORT",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub(crate) export: String,
    /// The namespace of the ServiceAccount and of the kubeconfig Secrets.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "tmc-system",
        env = "TMC_SYNCER_NAMESPACE",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub(crate) namespace: String,
    /// The name of the ServiceAccount, and of its roles.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "tmc-syncer",
        env = "TMC_SYNCER_SERVICE_ACCOUNT",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub(crate) service_account: String,
    /// The only Secrets with kubeconfigs that the ServiceAccount may read; without it all of the namespace. Repeatable.
    #[arg(
        long = "kubeconfig-secret",
        value_name = "NAME",
        env = "TMC_SYNCER_KUBECONFIG_SECRET",
        value_delimiter = ','
    )]
    pub(crate) kubeconfig_secrets: Vec<String>,
}

/// What `manifests` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Manifests {
    /// The types SyncTarget and SyncPolicy.
    Crds,
    /// Both of the next, to look at and to take apart.
    Kcp,
    /// All for a workspace of kcp that offers workloads to others: the types that kcp lacks, their APIExport with its claims, SyncTarget
    /// and SyncPolicy, and a ServiceAccount with the least permissions.
    KcpProvider,
    /// An example of the APIBinding, for a workspace of kcp that wants workloads.
    KcpBinding,
    /// The least that the syncer has to be allowed, on plain clusters, upstream and in each target.
    Rbac,
    /// CRDs and permissions, for plain clusters.
    All,
}

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
