//! An upstream and two targets, with the syncer between them.

use std::{ffi::OsString, path::Path, thread};

use syncer_harness::{ApiServer, ApiServerOptions, AuditEvent, FailureReport, Syncer, User};

use crate::{
    objects::ConfigMap,
    printed::{self, Side},
};

/// The program under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tmc-syncer");

/// The clusters of a module's tests.
pub(crate) struct World {
    pub(crate) upstream: ApiServer,
    pub(crate) east: ApiServer,
    pub(crate) west: ApiServer,
}

// === impl World ===

impl World {
    /// Starts all three side by side. `limited` is a user that west knows and allows nothing.
    pub(crate) fn start() -> Self {
        let start = |name, side| {
            let options = ApiServerOptions::default().named(name).user(&syncer());
            printed::grant(options.user(&limited()).start(), side)
        };
        thread::scope(|scope| {
            let east = scope.spawn(|| start("east", Side::Target));
            let west = scope.spawn(|| start("west", Side::Target));
            Self {
                upstream: start("upstream", Side::Upstream),
                east: east.join().unwrap(),
                west: west.join().unwrap(),
            }
        })
    }

    /// Runs the syncer between them.
    pub(crate) fn run(&self) -> Syncer {
        self.run_with_west(&self.west.write(&self.west.kubeconfig_of(&syncer())))
    }

    /// Runs the syncer with another kubeconfig for west.
    pub(crate) fn run_with_west(&self, west: &Path) -> Syncer {
        let upstream = self.upstream.write(&self.upstream.kubeconfig_of(&syncer()));
        let east = self.east.write(&self.east.kubeconfig_of(&syncer()));
        Syncer::start(
            env!("CARGO_BIN_EXE_tmc-syncer"),
            arguments(&upstream, &[("east", &east), ("west", west)]),
        )
    }

    /// The targets with their names.
    pub(crate) fn targets(&self) -> [(&'static str, &ApiServer); 2] {
        [("east", &self.east), ("west", &self.west)]
    }

    /// Waits until both targets hold `object` with exactly `data`.
    #[track_caller]
    pub(crate) fn wait_data(&self, object: &ConfigMap, data: &serde_json::Value) {
        for (_, target) in self.targets() {
            object.wait_data(target, data);
        }
    }

    /// Shows the logs of all servers if the test fails, for servers that outlive it.
    pub(crate) fn report(&self) -> FailureReport<'_> {
        FailureReport::on([self.upstream.process(), self.east.process(), self.west.process()])
    }
}

/// The arguments of `tmc-syncer run`.
pub(crate) fn arguments(upstream: &Path, targets: &[(&str, &Path)]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["run".into(), "--upstream-kubeconfig".into(), upstream.into()];
    for (name, file) in targets {
        arguments.extend(["--target".into(), format!("{name}={}", file.display()).into()]);
    }
    arguments
}

/// The user that the syncer acts as, on every cluster, with the printed rights.
pub(crate) fn syncer() -> User {
    printed::user("syncer")
}

/// A user that may do nothing until a test allows it.
pub(crate) fn limited() -> User {
    User::new("limited")
}

/// What the syncer has changed or tried to change on `server`, oldest first. Events are reports, not changes.
pub(crate) fn writes(server: &ApiServer) -> Vec<AuditEvent> {
    server
        .writes_of(&syncer())
        .into_iter()
        .filter(|event| event.resource != "events")
        .collect()
}
