//! Child processes that never outlive the test.

use std::{
    fmt, fs,
    fs::OpenOptions,
    io::{Read, Seek, SeekFrom},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Attempt, OrFail, Scratch, poll};

/// Waits for the end of the test process and then ends the process group that it leads.
const GUARD: &str = "read -r _; kill -KILL 0";

/// How much of the end of a log is looked at.
const TAIL_BYTES: u64 = 16_000;

/// How many lines of the end of a log are shown.
const TAIL_LINES: usize = 20;

/// A child process with a log file of its own.
///
/// It ends when this value is dropped, and also when the test process is killed: the child runs in the process group of a
/// small `sh` that reads from a pipe whose other end only the test process holds. At its end the `sh` kills the group. The
/// group has members as long as the `sh` lives, so its number cannot have passed to strangers.
pub struct Process {
    name: String,
    child: Child,
    guard: Child,
    log: PathBuf,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The time from asking it to end to its end.
    pub took: Duration,
}

/// Shows the ends of logs when a test fails whose servers are shared with others, and so do not end with it.
pub struct FailureReport<'a> {
    processes: Vec<&'a Process>,
}

/// Why a process is not ready.
pub enum NotReady {
    /// It ended because a port that it wants is taken: another try with another port may succeed.
    PortTaken,
    /// It ended by itself.
    Ended {
        /// The process.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        tail: String,
    },
    /// It runs, and was not ready in time.
    Late {
        /// The process.
        name: String,
        /// What the last look at it showed.
        state: String,
        /// The end of its log.
        tail: String,
    },
}

// === impl Process ===

impl Process {
    /// Starts `command` as `name`, with both outputs appended to the file `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Self {
        let guard = Command::new("sh")
            .args(["-c", GUARD])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .or_fail("start sh");
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .or_fail("open a log file");
        let errors = output.try_clone().or_fail("open a log file");
        let spawned = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(Pid::from_child(&guard).as_raw_nonzero().get())
            .spawn();
        let program = command.get_program().to_string_lossy().into_owned();
        let child = spawned.or_fail(&format!("start {name} ({program})"));
        Self {
            name: name.to_owned(),
            child,
            guard,
            log: log.to_owned(),
        }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Its whole output so far.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The end of its output.
    pub fn log_tail(&self) -> String {
        tail(&self.log).unwrap_or_default()
    }

    /// Looks with `check` until it succeeds; gives up when the process ends or `deadline` has passed.
    pub fn wait_ready<A: Attempt>(
        &mut self,
        deadline: Duration,
        mut check: impl FnMut() -> A,
    ) -> Result<A::Value, NotReady> {
        let seen = poll(deadline, || match check().outcome() {
            Ok(value) => Ok(Ok(value)),
            Err(state) => self.ended().map(Err).ok_or(state),
        });
        match seen {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(status)) => Err(self.why_ended(status)),
            Err(state) => Err(NotReady::Late {
                name: self.name.clone(),
                state,
                tail: self.log_tail(),
            }),
        }
    }

    fn why_ended(&self, status: ExitStatus) -> NotReady {
        let tail = self.log_tail();
        if tail.contains("address already in use") {
            return NotReady::PortTaken;
        }
        NotReady::Ended {
            name: self.name.clone(),
            status,
            tail,
        }
    }

    /// Asks it to end (SIGTERM) and waits for that; none if it has not ended by `deadline`.
    pub fn try_terminate(&mut self, deadline: Duration) -> Option<Exit> {
        let asked = Instant::now();
        self.signal(Signal::TERM);
        let status = poll(deadline, || self.ended()).ok()?;
        Some(Exit {
            code: status.code(),
            took: asked.elapsed(),
        })
    }

    /// Asks it to end (SIGTERM) and waits for that.
    ///
    /// # Panics
    /// When it has not ended by `deadline`.
    #[track_caller]
    pub fn terminate(&mut self, deadline: Duration) -> Exit {
        match self.try_terminate(deadline) {
            Some(exit) => exit,
            None => panic!("{} did not end within {deadline:?} of SIGTERM", self.name),
        }
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it where it is (SIGSTOP): its connections stay open and nothing answers.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a paused process go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn show_log(&self) {
        eprintln!(
            "--- end of the log of {} ({})\n{}\n---",
            self.name,
            self.log.display(),
            self.log_tail()
        );
    }

    fn signal(&self, signal: Signal) {
        // An error means that it has ended already, which whoever waits for an effect will see.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!(
                "--- end of the log of {} ({})\n{}\n---",
                self.name,
                self.log.display(),
                self.log_tail()
            );
        }
        self.kill();
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

// === impl FailureReport ===

impl<'a> FailureReport<'a> {
    /// A report on `processes`, made when this value goes while the test panics.
    pub fn on(processes: impl IntoIterator<Item = &'a Process>) -> Self {
        Self {
            processes: processes.into_iter().collect(),
        }
    }
}

impl Drop for FailureReport<'_> {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        self.processes.iter().for_each(|process| process.show_log());
        Scratch::keep_all();
    }
}

/// The last lines of the file `log`.
fn tail(log: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let start = text
        .rmatch_indices('\n')
        .nth(TAIL_LINES)
        .map_or(0, |(newline, _)| newline + 1);
    Ok(text.get(start..).unwrap_or_default().to_owned())
}

// === impl NotReady ===

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortTaken => f.write_str("another process took its port"),
            Self::Ended { name, status, tail } => {
                let how = match (status.code(), status.signal()) {
                    (Some(code), _) => format!("exit code {code}"),
                    (None, Some(signal)) => format!("signal {signal}"),
                    (None, None) => "an unknown status".to_owned(),
                };
                write!(f, "{name} ended with {how}; the end of its log:\n{tail}")
            }
            Self::Late { name, state, tail } => {
                write!(
                    f,
                    "{name} is not ready in time, last seen: {state}; the end of its log:\n{tail}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
