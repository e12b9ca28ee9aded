//! The servers, the clients that look at them, and the syncer between them.

use std::{path::PathBuf, thread, time::Duration};

use serde_json::json;
use syncer_clusters::{Cluster, ClusterConfig, Limits};
use syncer_harness::{ApiServer, ApiServerOptions, Audit, RequestCounts, Syncer};

use crate::{arrivals::Arrivals, kind::Kind};

/// As many writes are under way at once to one server, in the syncer and in the bare loop.
pub(crate) const IN_FLIGHT: usize = 32;
/// By when anything must have happened.
pub(crate) const SOON: Duration = Duration::from_mins(5);

/// An upstream and two targets, without controllers.
pub(crate) struct Bed {
    upstream: ApiServer,
    targets: [ApiServer; 2],
}

/// The bed as one kind's measurements use it.
pub(crate) struct Bench<'a> {
    pub(crate) kind: Kind,
    pub(crate) upstream: Side<'a>,
    pub(crate) targets: [Side<'a>; 2],
}

/// One server, and our client of it.
pub(crate) struct Side<'a> {
    pub(crate) server: &'a ApiServer,
    pub(crate) cluster: Cluster,
    /// What its watch shows.
    pub(crate) arrivals: Arrivals,
    kubeconfig: PathBuf,
}

// === impl Bed ===

impl Bed {
    pub(crate) fn start() -> Self {
        let start = |name| ApiServerOptions::default().named(name).audit(Audit::Off).start();
        thread::scope(|scope| {
            let east = scope.spawn(|| start("east"));
            let west = scope.spawn(|| start("west"));
            Self {
                upstream: start("upstream"),
                targets: [east.join().expect("east"), west.join().expect("west")],
            }
        })
    }

    pub(crate) async fn bench(&self, kind: Kind) -> Bench<'_> {
        let [east, west] = &self.targets;
        Bench {
            kind,
            upstream: Side::of(&self.upstream, kind).await,
            targets: [Side::of(east, kind).await, Side::of(west, kind).await],
        }
    }
}

// === impl Bench ===

impl Bench<'_> {
    /// Starts the syncer, with further options.
    pub(crate) fn syncer(&self, options: &[&str]) -> Syncer {
        let mut arguments = vec!["run".to_owned(), "--upstream-kubeconfig".to_owned()];
        arguments.push(self.upstream.kubeconfig.display().to_string());
        for (name, target) in ["east", "west"].iter().zip(&self.targets) {
            arguments.push("--target".to_owned());
            arguments.push(format!("{name}={}", target.kubeconfig.display()));
        }
        arguments.push(format!("--writes-in-flight={IN_FLIGHT}"));
        arguments.extend(options.iter().map(|option| (*option).to_owned()));
        Syncer::start(env!("CARGO_BIN_EXE_tmc-syncer"), arguments)
    }

    /// Waits until both targets show `mark` at `namespace`/`name`.
    pub(crate) async fn settled(&self, namespace: &str, name: &str, mark: u64) {
        for target in &self.targets {
            target.arrivals.shown(namespace, name, mark).await;
        }
    }
}

// === impl Side ===

impl<'a> Side<'a> {
    async fn of(server: &'a ApiServer, kind: Kind) -> Self {
        let kubeconfig = server.write(server.kubeconfig());
        let config = ClusterConfig::from_kubeconfig_file(&kubeconfig, None).expect("a config");
        let limits = Limits {
            writes_in_flight: IN_FLIGHT,
            ..Limits::default()
        };
        let cluster = Cluster::connect("bench", config, limits).expect("a cluster");
        Self {
            server,
            arrivals: Arrivals::follow(&cluster, kind).await,
            cluster,
            kubeconfig,
        }
    }

    /// Creates the namespace `name`.
    pub(crate) fn create_namespace(&self, name: &str) {
        let body = json!({"metadata": {"name": name}});
        self.server.client().create("/api/v1/namespaces", &body);
    }

    /// What the server was asked about objects of `kind` so far, watches apart.
    pub(crate) fn requests(&self, kind: Kind) -> RequestCounts {
        let counts = self.server.request_counts();
        counts.only(|request| request.resource == kind.name() && request.verb != "WATCH")
    }
}
