//! Says to the program which commit it was built from, and when that was made.
//!
//! `TMC_SYNCER_BUILD_COMMIT` and `SOURCE_DATE_EPOCH` win; then git is asked; without either, as in an unpacked archive, both are `unknown`. The time of
//! the build itself is never looked at: the same source makes the same program.

use std::{env, path::Path, process::Command};

use jiff::Timestamp;

/// How many characters of a commit tell it from all others.
const SHORT: usize = 12;

fn main() {
    for variable in ["TMC_SYNCER_BUILD_COMMIT", "SOURCE_DATE_EPOCH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    // What a commit changes.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(file) = git(&["rev-parse", "--git-path", name]).filter(|file| Path::new(file).exists()) {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    let commit = given("TMC_SYNCER_BUILD_COMMIT").or_else(|| git(&["rev-parse", "HEAD"]));
    let seconds = given("SOURCE_DATE_EPOCH").or_else(|| git(&["log", "-1", "--format=%ct"]));
    let date = seconds
        .and_then(|seconds| seconds.parse().ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(|time| time.strftime("%Y-%m-%d").to_string());
    let commit: String = commit.as_deref().unwrap_or("unknown").chars().take(SHORT).collect();
    println!("cargo::rustc-env=BUILT_FROM_COMMIT={commit}");
    println!(
        "cargo::rustc-env=BUILT_FROM_DATE={}",
        date.as_deref().unwrap_or("unknown")
    );
}

fn given(variable: &str) -> Option<String> {
    env::var(variable)
        .ok()
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// What git prints about the checkout that this is, and about none around it: an archive may lie in a folder of another repository.
fn git(arguments: &[&str]) -> Option<String> {
    let folder = env::var("CARGO_MANIFEST_DIR").ok()?;
    if !Path::new(&folder).join(".git").exists() {
        return None;
    }
    let output = Command::new("git").current_dir(folder).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
