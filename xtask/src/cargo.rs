//! Running cargo.

use std::{env, path::PathBuf, process::Command};

use crate::failure::Failure;

/// The cargo that runs us, in the root of the workspace.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map_or_else(|| own.clone(), PathBuf::from)
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Runs `command` to its end with our outputs; `what` names it.
pub(crate) fn succeed(what: &str, command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(Failure::io(what))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("{what}: {status}")))
    }
}
