//! The program under test.

use std::{ffi::OsStr, path::Path, process::Command, time::Duration};

use crate::{Exit, Process, Scratch, free_port, wait_for};

/// A running `tmc-syncer`, with its output in a log file.
pub struct Syncer {
    process: Process,
    admin: String,
    _scratch: Scratch,
}

// === impl Syncer ===

impl Syncer {
    /// Starts `binary` (a test passes `env!("CARGO_BIN_EXE_tmc-syncer")`) with `arguments`, and an admin address of its own.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start<A: AsRef<OsStr>>(binary: impl AsRef<Path>, arguments: impl IntoIterator<Item = A>) -> Self {
        let scratch = Scratch::new("tmc-syncer");
        let admin = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(binary.as_ref());
        command
            .args(arguments)
            .env("TMC_SYNCER_ADMIN_ADDRESS", &admin)
            .env_remove("KUBECONFIG")
            .env_remove("RUST_LOG")
            .env("NO_COLOR", "1")
            .env("RUST_BACKTRACE", "1");
        let process = Process::start("tmc-syncer", command, &scratch.path().join("tmc-syncer.log"));
        Self {
            process,
            admin,
            _scratch: scratch,
        }
    }

    /// Its process, for a report on failure.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Asks it to end (SIGTERM) and waits for that; none if it has not ended by `deadline`.
    pub fn try_terminate(&mut self, deadline: Duration) -> Option<Exit> {
        self.process.try_terminate(deadline)
    }

    /// Asks it to end (SIGTERM) and waits for that.
    ///
    /// # Panics
    /// When it has not ended by `deadline`.
    #[track_caller]
    pub fn terminate(&mut self, deadline: Duration) -> Exit {
        self.process.terminate(deadline)
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Lets it hang (SIGSTOP).
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Waits until it has ended by itself; its exit code, none when a signal ended it.
    ///
    /// # Panics
    /// When it has not ended by `deadline`.
    #[track_caller]
    pub fn wait_ended(&mut self, deadline: Duration) -> Option<i32> {
        wait_for("the end of tmc-syncer", deadline, || self.process.ended()).code()
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// Its whole output so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits for a line of its output that contains all of `parts`, and returns it. Only for tests whose subject is the
    /// output itself: what arrived is read from the cluster.
    ///
    /// # Panics
    /// When there is none by `deadline`.
    #[track_caller]
    pub fn wait_for_log(&self, parts: &[&str], deadline: Duration) -> String {
        wait_for(&format!("a line of the log with {parts:?}"), deadline, || {
            let log = self.log();
            let line = log
                .lines()
                .find(|line| parts.iter().all(|part| line.contains(part)))
                .map(str::to_owned);
            line.ok_or_else(|| last_lines(&log))
        })
    }

    /// The admin server's address: host and port.
    pub fn admin_address(&self) -> &str {
        &self.admin
    }
}

/// The end of `log` on one line: reports of failures show no more.
fn last_lines(log: &str) -> String {
    const SHOWN: usize = 12;
    let lines: Vec<_> = log.lines().collect();
    let (_, end) = lines.split_at(lines.len().saturating_sub(SHOWN));
    end.join(" | ")
}
