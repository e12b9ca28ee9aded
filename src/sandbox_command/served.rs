//! A fleet behind ports, with its kubeconfigs in files and its workloads alive.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use syncer_sandbox::{ApiServer, Fleet, PROVIDER, Serving, Transport, WorkloadPlan, Workloads};
use tokio::task::JoinHandle;

/// The servers, served. Dropped, they are gone.
#[must_use = "the servers are gone when this is dropped"]
pub(crate) struct Served {
    kubeconfigs: Vec<Kubeconfig>,
    /// Held: a port is closed when its server is dropped.
    serving: Vec<Serving>,
    controllers: Vec<JoinHandle<()>>,
}

/// A kubeconfig that was written.
#[derive(Clone, Debug)]
pub(crate) struct Kubeconfig {
    /// What it leads to: a target, a workspace, or the upstream.
    pub(crate) name: String,
    /// Which side that is on.
    pub(crate) side: Side,
    /// The address.
    pub(crate) url: String,
    /// The file.
    pub(crate) file: PathBuf,
}

/// A side of the syncer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Where people say what they want.
    Upstream,
    /// Where it runs.
    Target,
}

/// A fleet cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot serve {name}: {cause}")]
    Listen {
        name: String,
        #[source]
        cause: io::Error,
    },
    #[error("cannot write {}: {cause}; give another --dir", .file.display())]
    Write {
        file: PathBuf,
        #[source]
        cause: io::Error,
    },
}

/// The name of the upstream, where it is not one workspace of it.
const UPSTREAM: &str = "upstream";

// === impl Served ===

impl Served {
    /// Serves `fleet`, whose upstream has `workspaces`, and writes kubeconfigs into `dir`, which is made if it is missing.
    pub(crate) async fn start(fleet: &Fleet, workspaces: &[String], dir: &Path) -> Result<Self, ServeError> {
        fs::create_dir_all(dir).map_err(|cause| ServeError::Write {
            file: dir.to_owned(),
            cause,
        })?;
        let mut served = Self {
            kubeconfigs: Vec::new(),
            serving: Vec::new(),
            controllers: Vec::new(),
        };
        let upstream = serve(UPSTREAM, &fleet.upstream).await?;
        served.write(dir, UPSTREAM, Side::Upstream, &upstream, "")?;
        if !workspaces.is_empty() {
            for name in workspaces.iter().map(String::as_str).chain([PROVIDER]) {
                let path = format!("/clusters/root:{name}");
                served.write(dir, name, Side::Upstream, &upstream, &path)?;
            }
        }
        served.serving.push(upstream);
        for (name, server) in &fleet.targets {
            let target = serve(name, server).await?;
            served.write(dir, name, Side::Target, &target, "")?;
            served.serving.push(target);
            // Workloads run on targets alone: an upstream holds wishes.
            let workloads = Workloads::new(server, WorkloadPlan::default());
            served.controllers.push(tokio::spawn(workloads.run()));
        }
        Ok(served)
    }

    /// The kubeconfigs: the upstream's first, then the targets' in their order.
    pub(crate) fn kubeconfigs(&self) -> &[Kubeconfig] {
        &self.kubeconfigs
    }

    fn write(&mut self, dir: &Path, name: &str, side: Side, serving: &Serving, path: &str) -> Result<(), ServeError> {
        let prefix = match side {
            Side::Upstream if name != UPSTREAM => "upstream-",
            _ => "",
        };
        let file = dir.join(format!("{prefix}{name}.kubeconfig"));
        write_private(&file, &serving.kubeconfig(name, path)).map_err(|cause| ServeError::Write {
            file: file.clone(),
            cause,
        })?;
        self.kubeconfigs.push(Kubeconfig {
            name: name.to_owned(),
            side,
            url: format!("{}{path}", serving.url()),
            file,
        });
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        for controller in &self.controllers {
            controller.abort();
        }
    }
}

async fn serve(name: &str, server: &ApiServer) -> Result<Serving, ServeError> {
    server
        .serve(Transport::default())
        .await
        .map_err(|cause| ServeError::Listen {
            name: name.to_owned(),
            cause,
        })
}

/// A kubeconfig holds a token: for its owner alone (S8).
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut open = fs::OpenOptions::new();
    open.write(true).create(true).truncate(true).mode(0o600);
    open.open(file)?.write_all(text.as_bytes())
}
