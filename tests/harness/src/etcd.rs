//! The store of an API server.

use std::{ffi::OsString, path::PathBuf, process::Command, time::Duration};

use crate::{NotReady, OrFail, Process, Program, Scratch, Testbed, free_port, ports};

/// A loaded machine starts slowly.
const READY_WITHIN: Duration = Duration::from_mins(3);

/// How long it may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(90);

/// An etcd that does not wait for the disk.
pub(crate) struct Etcd {
    process: Process,
    command: CommandLine,
    url: String,
}

/// What starts the same store again.
struct CommandLine {
    program: PathBuf,
    arguments: Vec<OsString>,
    data: PathBuf,
    log: PathBuf,
}

// === impl Etcd ===

impl Etcd {
    pub(crate) fn start(testbed: &Testbed, scratch: &Scratch) -> Self {
        let program = testbed.find(Program::Etcd).or_fail("start etcd");
        ports::retried("etcd", || {
            let (client, peer) = (free_port(), free_port());
            let url = format!("http://127.0.0.1:{client}");
            let peer_url = format!("http://127.0.0.1:{peer}");
            let data = scratch.path().join("etcd");
            let cluster = format!("default={peer_url}");
            let mut arguments: Vec<OsString> = vec!["--data-dir".into(), data.clone().into()];
            arguments.extend(["--listen-client-urls", &url, "--advertise-client-urls", &url].map(OsString::from));
            arguments.extend(["--listen-peer-urls", &peer_url].map(OsString::from));
            arguments.extend(["--initial-advertise-peer-urls", &peer_url].map(OsString::from));
            arguments.extend(["--initial-cluster", &cluster].map(OsString::from));
            arguments.extend(["--unsafe-no-fsync", "--log-level", "warn"].map(OsString::from));
            let command = CommandLine {
                program: program.clone(),
                arguments,
                data,
                log: scratch.path().join("etcd.log"),
            };
            let mut process = command.start();
            process.wait_ready(READY_WITHIN, || healthy(&url))?;
            Ok::<_, NotReady>(Self { process, command, url })
        })
    }

    /// Ends it in an orderly way: what is in its folder is whole.
    pub(crate) fn stop(&mut self) {
        self.process.terminate(ENDS_WITHIN);
    }

    /// Starts it again, on the same ports.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        self.process = self.command.start();
        let url = self.url.clone();
        self.process
            .wait_ready(READY_WITHIN, || healthy(&url))
            .or_fail("start etcd again");
    }

    /// The folder of what it stores.
    pub(crate) fn data(&self) -> PathBuf {
        self.command.data.clone()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

// === impl CommandLine ===

impl CommandLine {
    fn start(&self) -> Process {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        Process::start("etcd", command, &self.log)
    }
}

fn healthy(url: &str) -> Result<(), String> {
    let answer = ureq::get(format!("{url}/health")).config().proxy(None).build().call();
    answer.map(|_| ()).map_err(|error| error.to_string())
}
