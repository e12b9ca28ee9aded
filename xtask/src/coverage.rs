//! Measuring coverage.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use syncer_harness::{Module, Testbed};

use crate::{cargo, failure::Failure, testbed};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fail below this share of lines, in percent
    #[arg(long, value_name = "PERCENT")]
    at_least: Option<f64>,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    testbed::ensure(&Testbed::locate(), &Module::ALL)?;
    if !is_installed() {
        println!("installing cargo-tarpaulin");
        let mut install = cargo::command();
        cargo::succeed(
            "install cargo-tarpaulin",
            install.args(["install", "cargo-tarpaulin", "--locked"]),
        )?;
    }
    let percent = measure()?;
    println!("{percent:.2} % of lines covered");
    match options.at_least {
        Some(least) if percent < least => Err(Failure::new(format!("the aim is {least} %"))),
        _ => Ok(()),
    }
}

fn is_installed() -> bool {
    let mut version = cargo::command();
    version
        .args(["tarpaulin", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Runs all tests instrumented, the syncers that they start included; the share of covered lines in percent.
fn measure() -> Result<f64, Failure> {
    let mut tarpaulin = cargo::command();
    tarpaulin
        .args([
            "tarpaulin",
            "--engine",
            "llvm",
            "--workspace",
            "--features",
            "testbed",
            "--follow-exec",
        ])
        .args(["--skip-clean", "--timeout", "900", "--out", "Stdout"])
        // The harness and our commands are tools for tests, not the product.
        .args(["--exclude-files", "tests/*", "xtask/*", "benches/*"])
        .arg("--target-dir")
        .arg(cargo::root().join("target/coverage"))
        .stdout(Stdio::piped());
    let mut child = tarpaulin.spawn().map_err(Failure::io("run cargo tarpaulin"))?;
    let mut percent = None;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(Failure::io("read the output of cargo tarpaulin"))?;
            println!("{line}");
            percent = figure(&line).or(percent);
        }
    }
    let status = child.wait().map_err(Failure::io("wait for cargo tarpaulin"))?;
    if !status.success() {
        return Err(Failure::new(format!("cargo tarpaulin: {status}")));
    }
    percent.ok_or_else(|| Failure::new("cargo tarpaulin: it printed no figure"))
}

/// The figure in `85.23% coverage, 123/456 lines covered`.
fn figure(line: &str) -> Option<f64> {
    line.split_once("% coverage")?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_read_from_the_last_line() {
        assert_eq!(figure("85.23% coverage, 123/456 lines covered"), Some(85.23));
        assert_eq!(figure("|| core/src/a.rs: 3/4 +0.00%"), None);
    }
}
