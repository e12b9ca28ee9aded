//! The program as an operator runs it, on a sandbox of its own.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use syncer_harness::{Scratch, Syncer, wait_for};
use syncer_sandbox::{ApiServer, Fleet, FleetOptions, Hand, Serving, Transport, WorkloadPlan, Workloads};
use tokio::runtime::Runtime;

use crate::http::get;

/// How long anything may take on a machine that has other work.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// An upstream and targets, served, with workloads that come alive.
pub(crate) struct Stage {
    /// Held: servers and collectors live on it.
    pub(crate) pool: Arc<Runtime>,
    fleet: Fleet,
    /// Held: a port is closed when its server is dropped.
    serving: Vec<Serving>,
    files: Vec<(String, PathBuf)>,
    pub(crate) scratch: Scratch,
}

// === impl Stage ===

impl Stage {
    pub(crate) fn new(targets: usize) -> Self {
        let pool = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let pool = Arc::new(pool.unwrap());
        let options = FleetOptions {
            targets,
            ..FleetOptions::default()
        };
        let fleet = Fleet::new(&options).unwrap();
        let scratch = Scratch::new("signals");
        let mut stage = Self {
            pool,
            fleet,
            serving: Vec::new(),
            files: Vec::new(),
            scratch,
        };
        let upstream = stage.fleet.upstream.clone();
        stage.serve("upstream", &upstream);
        for (name, server) in stage.fleet.targets.clone() {
            stage.serve(&name, &server);
            stage.pool.spawn(Workloads::new(&server, WorkloadPlan::default()).run());
        }
        stage
    }

    fn serve(&mut self, name: &str, server: &ApiServer) {
        let serving = self.pool.block_on(server.serve(Transport::default())).unwrap();
        let file = self
            .scratch
            .write(&format!("{name}.kubeconfig"), &serving.kubeconfig(name, ""));
        self.files.push((name.to_owned(), file));
        self.serving.push(serving);
    }

    /// The arguments of `run` for all targets, and `more`.
    pub(crate) fn arguments(&self, more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["run".to_owned()];
        for (name, file) in &self.files {
            let file = file.display();
            match name.as_str() {
                "upstream" => arguments.extend(["--upstream-kubeconfig".to_owned(), file.to_string()]),
                target => arguments.extend(["--target".to_owned(), format!("{target}={file}")]),
            }
        }
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    }

    /// A running syncer for all targets.
    pub(crate) fn run(&self, more: &[&str]) -> Syncer {
        start(self.arguments(more))
    }

    /// The kubeconfig of a server.
    pub(crate) fn file(&self, name: &str) -> &Path {
        let (_, file) = self.files.iter().find(|(known, _)| known == name).unwrap();
        file
    }

    pub(crate) fn server(&self, target: &str) -> &ApiServer {
        let (_, server) = self.fleet.targets.iter().find(|(known, _)| known == target).unwrap();
        server
    }

    pub(crate) fn target(&self, name: &str) -> Hand {
        Hand::at(self.server(name), "somebody")
    }

    pub(crate) fn upstream(&self) -> Hand {
        Hand::at(&self.fleet.upstream, "kubectl")
    }
}

/// The program with `arguments`.
pub(crate) fn start(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Syncer {
    Syncer::start(env!("CARGO_BIN_EXE_tmc-syncer"), arguments)
}

/// Waits until all is listed.
pub(crate) fn ready(syncer: &Syncer) {
    wait_for("readiness", DEADLINE, || {
        let answer = get(syncer.admin_address(), "/readyz")?;
        if answer.status == 200 { Ok(()) } else { Err(answer.body) }
    });
}
