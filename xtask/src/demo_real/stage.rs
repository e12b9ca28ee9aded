//! The clusters of the demonstration.

use std::{ffi::OsString, path::Path, thread, time::Instant};

use syncer_harness::{ApiServer, ApiServerOptions, Controllers, Syncer};

/// The names of the targets.
const TARGETS: [&str; 2] = ["east", "west"];

/// An upstream and the targets, on which workload runs.
pub(super) struct Stage {
    pub(super) upstream: ApiServer,
    pub(super) targets: Vec<(&'static str, ApiServer)>,
}

// === impl Stage ===

impl Stage {
    /// Starts all clusters side by side.
    pub(super) fn start() -> Self {
        println!("starting an upstream and the targets {}", TARGETS.join(", "));
        thread::scope(|scope| {
            let upstream = scope.spawn(|| started("upstream", Controllers::Namespaces));
            let targets = TARGETS.map(|name| (name, scope.spawn(move || started(name, Controllers::Workload))));
            let targets = targets.map(|(name, target)| (name, joined(target)));
            Self {
                upstream: joined(upstream),
                targets: Vec::from(targets),
            }
        })
    }

    /// Runs `binary` between them.
    pub(super) fn run(&self, binary: &Path) -> Syncer {
        let upstream = self.upstream.write(self.upstream.kubeconfig());
        let mut arguments: Vec<OsString> = vec!["run".into(), "--upstream-kubeconfig".into(), upstream.into()];
        for (name, target) in &self.targets {
            let file = target.write(target.kubeconfig());
            arguments.extend(["--target".into(), format!("{name}={}", file.display()).into()]);
        }
        let shown: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        println!("tmc-syncer {}", shown.join(" "));
        Syncer::start(binary, &arguments)
    }
}

fn started(name: &str, controllers: Controllers) -> ApiServer {
    let start = Instant::now();
    let server = ApiServerOptions::default().named(name).controllers(controllers).start();
    println!(
        "  {name}: {} after {:.1} s",
        server.url(),
        start.elapsed().as_secs_f64()
    );
    server
}

/// What the thread made, or its panic.
fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
