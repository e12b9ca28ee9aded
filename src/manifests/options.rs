//! The options of `manifests`.

use clap::{Args, ValueEnum};

use super::NamedResource;

/// What is shown after the options.
pub(crate) const EXAMPLES: &str = "Examples:
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
