//! The syncer at work: this very program as `tmc-syncer run`, in a process of its own, so that it can be killed.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::Value;
use syncer_sandbox::scenario::shows_a_secret;
use tokio::{sync::watch, time::timeout};

use super::{DemoError, narrator::Narrator, options::KINDS};
use crate::sandbox_command::{Kubeconfig, Side};

/// The running syncer. Dropped, it is killed.
pub(super) struct SyncerProcess {
    arguments: Vec<OsString>,
    child: Child,
    heard: Heard,
    admin: SocketAddr,
    narrator: Narrator,
}

/// What is heard of the syncer's log. Cheap to clone.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    last: String,
    told: usize,
    leaked: bool,
}

/// How long it may take to say where its admin pages are.
const STARTS: Duration = Duration::from_secs(15);
/// How long it may take to end after SIGTERM: what it promises, and a little for a busy machine.
const ENDS: Duration = Duration::from_secs(12);
/// How many of its warnings are told; the rest is in its own words only.
const WARNINGS: usize = 30;

// === impl SyncerProcess ===

impl SyncerProcess {
    /// Starts it between the servers that `kubeconfigs` lead to.
    pub(super) async fn start(
        kubeconfigs: &[Kubeconfig],
        admin: SocketAddr,
        narrator: &Narrator,
    ) -> Result<Self, DemoError> {
        let mut arguments: Vec<OsString> = vec!["run".into(), "--log-format".into(), "json".into()];
        for Kubeconfig { name, side, file, .. } in kubeconfigs {
            match side {
                Side::Upstream => arguments.extend(["--upstream-kubeconfig".into(), file.into()]),
                Side::Target => arguments.extend(["--target".into(), format!("{name}={}", file.display()).into()]),
            }
        }
        if KINDS.contains(&syncer_sandbox::scenario::Kind::Secret) {
            arguments.push("--sync-secrets".into());
        }
        let heard = Heard::default();
        let (child, admin) = launch(&arguments, admin, &heard, narrator).await?;
        narrator.tell(&format!("tmc-syncer runs; watch it: http://{admin}/"));
        Ok(Self {
            arguments,
            child,
            heard,
            admin,
            narrator: narrator.clone(),
        })
    }

    /// Kills it (SIGKILL) and starts it again.
    pub(super) async fn kill_and_restart(&mut self) -> Result<(), DemoError> {
        self.child.kill().map_err(DemoError::Process)?;
        self.child.wait().map_err(DemoError::Process)?;
        (self.child, self.admin) = launch(&self.arguments, self.admin, &self.heard, &self.narrator).await?;
        Ok(())
    }

    /// Where its admin pages are.
    pub(super) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// How it ended, if it did though nobody told it to.
    pub(super) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        Some(format!(
            "tmc-syncer ended by itself: {status}; its last line: {}",
            self.heard.0.lock().last
        ))
    }

    /// Whether its log showed the value of a Secret (S8).
    pub(super) fn leaked(&self) -> bool {
        self.heard.0.lock().leaked
    }

    /// Tells it to end (SIGTERM), and says what was wrong with how it did.
    pub(super) async fn end(&mut self) -> Option<String> {
        terminate(&self.child);
        let waited = async {
            loop {
                match self.child.try_wait() {
                    Ok(Some(status)) if status.success() => return None,
                    Ok(Some(status)) => return Some(format!("tmc-syncer ended with {status} after SIGTERM")),
                    Ok(None) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Err(error) => return Some(format!("tmc-syncer cannot be waited for: {error}")),
                }
            }
        };
        let late = || Some(format!("tmc-syncer did not end within {ENDS:?} of SIGTERM"));
        timeout(ENDS, waited).await.unwrap_or_else(|_| late())
    }
}

impl Drop for SyncerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn terminate(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

async fn launch(
    arguments: &[OsString],
    admin: SocketAddr,
    heard: &Heard,
    narrator: &Narrator,
) -> Result<(Child, SocketAddr), DemoError> {
    let program = std::env::current_exe().map_err(DemoError::Process)?;
    let mut command = Command::new(program);
    // Options of this command must not become those of the other one.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TMC_SYNCER_") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .arg("--admin-address")
        .arg(admin.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(DemoError::Process)?;
    let (found, mut serving) = watch::channel(None);
    if let Some(log) = child.stderr.take() {
        let (heard, narrator) = (heard.clone(), narrator.clone());
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                // Ends with the process. A line that is no text is no reason to stop reading: the process would wait for ever.
                for line in BufReader::new(log).split(b'\n').map_while(io::Result::ok) {
                    let line = String::from_utf8_lossy(&line);
                    if let Some(address) = heard.line(&line, &narrator) {
                        let _ = found.send(Some(address));
                    }
                }
            })
            .map_err(DemoError::Process)?;
    }
    let address = timeout(STARTS, serving.wait_for(Option::is_some)).await;
    let address = address.ok().and_then(|found| found.ok().and_then(|found| *found));
    if let Some(address) = address {
        return Ok((child, address));
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(DemoError::NotStarted(heard.0.lock().last.clone()))
}

// === impl Heard ===

impl Heard {
    /// Takes note of a line; returns the admin address if it names that.
    fn line(&self, line: &str, narrator: &Narrator) -> Option<SocketAddr> {
        if line.trim().is_empty() {
            return None;
        }
        let mut lines = self.0.lock();
        if shows_a_secret(line) {
            lines.leaked = true;
            return None;
        }
        line.clone_into(&mut lines.last);
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        if matches!(text("level"), "WARN" | "ERROR") && lines.told < WARNINGS {
            lines.told += 1;
            let of = ["kind", "namespace", "name"].map(text);
            let of: Vec<&str> = of.into_iter().filter(|word| !word.is_empty()).collect();
            let about = if of.is_empty() {
                String::new()
            } else {
                format!(" ({})", of.join(" "))
            };
            narrator.tell(&format!("    tmc-syncer: {}{about}", text("message")));
        }
        text("admin").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_for_the_admin_address_and_for_secrets() {
        let (heard, narrator) = (Heard::default(), Narrator::to(io::sink()));
        let said = heard.line(
            r#"{"level":"INFO","message":"serving","admin":"127.0.0.1:4711"}"#,
            &narrator,
        );
        assert_eq!(said, "127.0.0.1:4711".parse().ok());
        assert_eq!(heard.line("not json", &narrator), None);
        assert!(!heard.0.lock().leaked);
        heard.line(r#"{"message":"hush-0011"}"#, &narrator);
        assert!(heard.0.lock().leaked);
        assert_eq!(heard.0.lock().last, "not json", "what leaked is not kept");
    }
}
