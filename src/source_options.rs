//! Which upstream, and which documents: the options that `run`, `diff` and `release` share, so that the second shows what the first does, and
//! the third finds what it did.

use clap::{Args, ValueEnum};
use syncer_actors::UpstreamSource;
use syncer_core::config::NamespaceMapping;

use crate::{documents::Source, object_name::ObjectName, upstream_options::UpstreamOptions};

/// Which upstream, and which documents.
#[derive(Debug, Args)]
pub(crate) struct SourceOptions {
    #[command(flatten)]
    pub(crate) upstream: UpstreamOptions,
    /// The `APIExportEndpointSlice` in the workspace of kcp that the kubeconfig points at: the upstream is all workspaces that have
    /// bound its export. Without it the upstream is one API server, or one workspace.
    #[arg(long, value_name = "NAME", env = "TMC_SYNCER_ENDPOINT_SLICE")]
    endpoint_slice: Option<ObjectName>,
    /// A file of SyncTarget and SyncPolicy documents (YAML or JSON), a folder of such files, or `-` for standard input. `run` watches
    /// them, and follows without restart. Repeatable.
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE",
        env = "TMC_SYNCER_FILE",
        value_delimiter = ','
    )]
    pub(crate) files: Vec<Source>,
    /// How upstream namespaces are named on targets that do not say it themselves; by default as they are, with `--endpoint-slice` by hash.
    #[arg(long, value_enum, env = "TMC_SYNCER_NAMESPACE_MAPPING")]
    namespace_mapping: Option<MappingOption>,
}

/// A namespace mapping, as the command line takes it: either spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MappingOption {
    /// By the same name.
    #[value(alias = "Identity")]
    Identity,
    /// By a name made from the hash of the namespace's locator.
    #[value(alias = "Hashed")]
    Hashed,
}

// === impl SourceOptions ===

impl SourceOptions {
    /// What the upstream is.
    pub(crate) fn source(&self) -> UpstreamSource {
        match &self.endpoint_slice {
            Some(slice) => UpstreamSource::EndpointSlice(slice.as_str().into()),
            None => UpstreamSource::Plain,
        }
    }

    /// How upstream namespaces are named on targets that do not say it themselves.
    pub(crate) fn default_mapping(&self) -> NamespaceMapping {
        match (self.namespace_mapping, &self.endpoint_slice) {
            (Some(mapping), _) => mapping.into(),
            // The namespaces of many workspaces have the same names.
            (None, Some(_)) => NamespaceMapping::Hashed,
            (None, None) => NamespaceMapping::Identity,
        }
    }
}

// === impl MappingOption ===

impl From<MappingOption> for NamespaceMapping {
    fn from(option: MappingOption) -> Self {
        match option {
            MappingOption::Identity => Self::Identity,
            MappingOption::Hashed => Self::Hashed,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        source: SourceOptions,
    }

    #[test]
    fn namespaces_keep_their_names_unless_they_are_those_of_many_workspaces_or_it_is_said() {
        use NamespaceMapping::{Hashed, Identity};
        let cases: [(&[&str], _); 4] = [
            (&[], Identity),
            (&["--endpoint-slice", "kubernetes"], Hashed),
            (&["--namespace-mapping", "Hashed"], Hashed),
            (&["--endpoint-slice", "a", "--namespace-mapping", "identity"], Identity),
        ];
        for (args, mapping) in cases {
            let line = Line::try_parse_from(["run"].iter().chain(args)).unwrap();
            assert_eq!(line.source.default_mapping(), mapping, "{args:?}");
        }
    }
}
