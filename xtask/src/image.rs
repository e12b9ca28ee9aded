//! The program as the image has it, and the test of what the image holds.

use std::{fs, process::Command};

use crate::{cargo, failure::Failure};

/// What the test of the image reads: where the program is.
const PROGRAM: &str = "TMC_SYNCER_IMAGE_PROGRAM";

/// Builds the program by the script of the image, and tests it in a root folder that the image's other script lays out.
pub(crate) fn run() -> Result<(), Failure> {
    let root = cargo::root();
    let folder = cargo::target().join("image");
    fs::create_dir_all(&folder).map_err(Failure::io(format!("create {}", folder.display())))?;
    let program = folder.join("tmc-syncer");
    let arch = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let mut build = Command::new(root.join("deploy/image/build.sh"));
    build.current_dir(&root).arg(arch).arg(&program);
    cargo::succeed("build the program of the image", &mut build)?;
    let mut test = cargo::command();
    test.args(["test", "--features", "image", "--test", "image", "--", "--nocapture"])
        .env(PROGRAM, &program);
    cargo::succeed("test the image", &mut test)
}
