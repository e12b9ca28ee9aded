//! Running Go.

use std::{
    env,
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use syncer_harness::Program;

use crate::failure::Failure;

/// How often a build that goes on says so.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// kcp's modules are not all in the checksum database; `go.sum` pins each of them still.
const NOT_IN_DATABASE: &str = "github.com/kcp-dev/*";

/// Whether there is a Go.
pub(crate) fn is_installed() -> bool {
    let mut version = Command::new("go");
    version.arg("version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Builds `program` into the file `output`, and says every now and then that it goes on.
pub(crate) fn build(program: Program, output: &Path) -> Result<(), Failure> {
    let name = program.file_name();
    let start = Instant::now();
    println!("{name}: building");
    let built = with_heartbeat(name, start, || command(program, output).output());
    let Output { status, stderr, .. } = built.map_err(Failure::io(format!("build {name}: run go")))?;
    if !status.success() {
        let errors = String::from_utf8_lossy(&stderr);
        return Err(Failure::new(format!("build {name}: go build: {status}\n{errors}")));
    }
    println!("{name}: built in {} s", start.elapsed().as_secs());
    Ok(())
}

fn command(program: Program, output: &Path) -> Command {
    let not_in_database = match env::var("GONOSUMDB") {
        Ok(others) if !others.is_empty() => format!("{NOT_IN_DATABASE},{others}"),
        _ => NOT_IN_DATABASE.to_owned(),
    };
    let mut command = Command::new("go");
    command
        .current_dir(program.module().folder())
        .args(["build", "-buildvcs=false", "-mod=readonly"])
        .arg(format!("-ldflags={}", program.linker_flags()))
        .arg("-o")
        .arg(output)
        .arg(program.package())
        .env("CGO_ENABLED", "0")
        .env("GONOSUMDB", not_in_database)
        .stdin(Stdio::null());
    command
}

fn with_heartbeat<T>(name: &str, start: Instant, work: impl FnOnce() -> T) -> T {
    let (done, waits) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = waits.recv_timeout(HEARTBEAT) {
                println!("{name}: still building, {} s", start.elapsed().as_secs());
            }
        });
        let result = work();
        drop(done);
        result
    })
}
