//! The story, told as it happens.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use syncer_sandbox::scenario::Script;
use tokio::time::Instant;

use super::options::DemoOptions;
use crate::sandbox_command::Served;

/// Tells what happens. Cheap to clone.
#[derive(Clone)]
pub(super) struct Narrator(Arc<Told>);

struct Told {
    out: Mutex<Box<dyn Write + Send>>,
    start: Instant,
}

// === impl Narrator ===

impl Narrator {
    pub(super) fn on_stdout() -> Self {
        Self::to(io::stdout())
    }

    pub(super) fn on_stderr() -> Self {
        Self::to(io::stderr())
    }

    pub(super) fn to(out: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Told {
            out: Mutex::new(Box::new(out)),
            start: Instant::now(),
        }))
    }

    /// How long it has been told.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.start.elapsed()
    }

    /// Tells one line, with its time.
    pub(super) fn tell(&self, line: &str) {
        self.print(&format!("{:>6.1} s  {line}", self.elapsed().as_secs_f64()));
    }

    /// Tells what stands behind the stage.
    pub(super) fn introduce(&self, options: &DemoOptions, seed: u64, script: &Script, served: &Served) {
        let teams: Vec<&str> = script.teams.iter().map(|team| team.name.as_str()).collect();
        let kinds: Vec<&str> = script.kinds.iter().map(|kind| kind.name()).collect();
        self.print(&format!(
            "seed {seed}: {} objects ({}) of the teams {} go from one upstream to {} targets, {} things happen to them",
            options.objects,
            kinds.join(", "),
            teams.join(" and "),
            options.targets,
            script.steps.len() - options.objects.get().min(script.steps.len()),
        ));
        for kubeconfig in served.kubeconfigs() {
            self.print(&format!(
                "  {:<10} {}  kubectl --kubeconfig {}",
                kubeconfig.name,
                kubeconfig.url,
                kubeconfig.file.display()
            ));
        }
    }

    fn print(&self, line: &str) {
        // A reader that has gone (a pipe to `head`) is no reason to stop: the exit code still tells.
        let _ = writeln!(self.0.out.lock(), "{line}");
    }
}
