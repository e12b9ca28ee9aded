//! `tmc-syncer sandbox`: an upstream and targets in memory, behind ports, for kubectl and for `run`.

mod options;
mod served;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use syncer_sandbox::{EXPORT, Fleet, FleetOptions, PROVIDER, Refused};

pub(crate) use self::{
    options::{EXAMPLES, SandboxOptions},
    served::{Kubeconfig, ServeError, Served, Side},
};
use crate::told_to_end::told_to_end;

/// Why the servers cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    #[error(
        "cannot make the workspaces of the upstream: {0}; name each once, in lower-case letters and digits, and none {PROVIDER:?}"
    )]
    Workspaces(#[from] Refused),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("cannot print how to use the servers: {0}")]
    Print(#[from] io::Error),
}

/// Serves until the process is told to end.
pub(crate) fn run(options: &SandboxOptions, pool: &Arc<tokio::runtime::Runtime>) -> Result<ExitCode, SandboxError> {
    pool.block_on(async {
        let fleet = Fleet::new(&FleetOptions {
            seed: options.seed.unwrap_or_else(seed_of_the_moment),
            targets: options.targets.get(),
            workspaces: options.workspaces.clone(),
            ..FleetOptions::default()
        })?;
        let served = Served::start(&fleet, &options.workspaces, &options.dir).await?;
        explain(&mut io::stdout().lock(), options, &served)?;
        told_to_end().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Another one at each start: two upstreams that are not the same must not look so.
pub(crate) fn seed_of_the_moment() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() ^ u64::from(since.subsec_nanos()).rotate_left(32)
}

/// Something to begin with.
const GREETING: &str =
    r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeting"}, "data": {"text": "hello"}}"#;

/// Says what is there and how to use it.
fn explain(out: &mut impl Write, options: &SandboxOptions, served: &Served) -> io::Result<()> {
    writeln!(out, "{:<12} {:<28} kubeconfig", "server", "address")?;
    for kubeconfig in served.kubeconfigs() {
        writeln!(
            out,
            "{:<12} {:<28} {}",
            kubeconfig.name,
            kubeconfig.url,
            kubeconfig.file.display()
        )?;
    }
    let file = |wanted: &dyn Fn(&Kubeconfig) -> bool| {
        let found = served.kubeconfigs().iter().find(|kubeconfig| wanted(kubeconfig));
        found
            .map(|kubeconfig| kubeconfig.file.display().to_string())
            .unwrap_or_default()
    };
    let (upstream, slice) = if options.workspaces.is_empty() {
        (file(&|of| of.side == Side::Upstream), String::new())
    } else {
        (
            file(&|of| of.side == Side::Upstream && of.name == PROVIDER),
            format!(" --endpoint-slice {EXPORT}"),
        )
    };
    let people = file(&|of| of.side == Side::Upstream && of.name != PROVIDER);
    let target = file(&|of| of.side == Side::Target);
    writeln!(
        out,
        "\nTry:\n  echo '{GREETING}' | kubectl --kubeconfig {people} apply -f -"
    )?;
    writeln!(out, "  kubectl --kubeconfig {target} get namespaces")?;
    write!(
        out,
        "\nSync them:\n  tmc-syncer run --upstream-kubeconfig {upstream}{slice}"
    )?;
    for kubeconfig in served
        .kubeconfigs()
        .iter()
        .filter(|kubeconfig| kubeconfig.side == Side::Target)
    {
        write!(out, " --target {}={}", kubeconfig.name, kubeconfig.file.display())?;
    }
    writeln!(out, "\n\nEverything is in memory and gone after Ctrl-C or SIGTERM.")?;
    out.flush()
}

#[cfg(test)]
mod tests;
