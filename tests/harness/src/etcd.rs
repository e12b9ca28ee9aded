//! The store of an API server.

use std::{process::Command, time::Duration};

use crate::{NotReady, OrFail, Process, Program, Scratch, Testbed, free_port, ports};

/// A loaded machine starts slowly.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// An etcd that does not wait for the disk.
pub(crate) struct Etcd {
    _process: Process,
    url: String,
}

// === impl Etcd ===

impl Etcd {
    pub(crate) fn start(testbed: &Testbed, scratch: &Scratch) -> Self {
        let program = testbed.find(Program::Etcd).or_fail("start etcd");
        ports::retried("etcd", || {
            let (client, peer) = (free_port(), free_port());
            let url = format!("http://127.0.0.1:{client}");
            let peer_url = format!("http://127.0.0.1:{peer}");
            let mut command = Command::new(&program);
            command
                .arg("--data-dir")
                .arg(scratch.path().join("etcd"))
                .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
                .args([
                    "--listen-peer-urls",
                    &peer_url,
                    "--initial-advertise-peer-urls",
                    &peer_url,
                ])
                .args(["--initial-cluster", &format!("default={peer_url}")])
                .args(["--unsafe-no-fsync", "--log-level", "warn"]);
            let mut process = Process::start("etcd", command, &scratch.path().join("etcd.log"));
            process.wait_ready(READY_WITHIN, || healthy(&url))?;
            Ok::<_, NotReady>(Self { _process: process, url })
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

fn healthy(url: &str) -> Result<(), String> {
    let answer = ureq::get(format!("{url}/health")).config().proxy(None).build().call();
    answer.map(|_| ()).map_err(|error| error.to_string())
}
