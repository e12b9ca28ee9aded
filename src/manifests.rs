//! `tmc-syncer manifests`: what to `kubectl apply` before the syncer runs.

mod crd;
mod kcp;
mod options;
mod rbac;
mod schema;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use serde_json::Value;
use syncer_core::config::schema::{Kind, SYNC_POLICY, SYNC_TARGET};

pub(crate) use self::options::{EXAMPLES, ManifestsOptions};
use self::{options::Manifests, rbac::NamedResource};

/// A document for an API server, and what it is for.
#[derive(Debug)]
struct Manifest {
    about: &'static str,
    document: Value,
}

/// Prints the manifests that were asked for, as YAML documents.
pub(crate) fn print(options: &ManifestsOptions, out: &mut impl Write) -> io::Result<()> {
    let manifests = match options.manifests {
        Manifests::Crds => crds(),
        Manifests::Kcp => {
            let mut both = kcp::provider(&options.kcp)?;
            both.push(kcp::binding(&options.kcp));
            both
        }
        Manifests::KcpProvider => kcp::provider(&options.kcp)?,
        Manifests::KcpBinding => vec![kcp::binding(&options.kcp)],
        Manifests::Rbac => rbac::plain(&options.resources),
        Manifests::All => crds().into_iter().chain(rbac::plain(&options.resources)).collect(),
    };
    for (at, manifest) in manifests.iter().enumerate() {
        if at > 0 {
            writeln!(out, "---")?;
        }
        write!(out, "{}", manifest.yaml()?)?;
    }
    out.flush()
}

fn crds() -> Vec<Manifest> {
    [&SYNC_TARGET, &SYNC_POLICY].map(crd).into()
}

fn crd(kind: &Kind) -> Manifest {
    Manifest {
        about: kind.about,
        document: crd::definition(kind),
    }
}

// === impl Manifest ===

impl Manifest {
    fn yaml(&self) -> io::Result<String> {
        let document = serde_saphyr::to_string(&self.document).map_err(io::Error::other)?;
        Ok(format!("# {}\n{document}", self.about))
    }
}
