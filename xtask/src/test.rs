//! Running all tests.

mod tally;
mod unsteady;

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use syncer_harness::{Module, Testbed};
use tally::Tally;

use crate::{
    cargo,
    failure::Failure,
    testbed::{self, Unavailable},
};

/// The test targets whose tests need real control planes.
const REAL: [&str; 9] = [
    "--workspace",
    "--features",
    "testbed",
    "--test",
    "real",
    "--test",
    "conformance",
    "--test",
    "kubectl",
];

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only the tests of one tier
    #[arg(long, value_enum)]
    tier: Option<Tier>,
    /// How many tests on real control planes run side by side [default: the number of processors]
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
    /// The bigger loads too
    #[arg(long)]
    full: bool,
    /// Only tests whose name contains this
    #[arg(value_name = "NAME")]
    filter: Option<String>,
}

/// What a test needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tier {
    /// Nothing: units, properties, documentation
    Units,
    /// Real control planes
    Real,
}

/// What came of one tier.
struct Outcome {
    tier: &'static str,
    tally: Tally,
    took: Duration,
}

/// What came of all tiers.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing failed, and nothing was left out that must not be.
    Good,
    /// Something failed, or was left out in continuous integration.
    Bad,
}

/// Tests that were not run.
struct LeftOut {
    tests: usize,
    reason: String,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let mut outcomes = Vec::new();
    let mut left_out = None;
    if options.tier != Some(Tier::Real) {
        outcomes.push(tier(
            "units",
            cargo::command().args(["test", "--workspace", "--no-fail-fast"]),
            options,
            &[],
        )?);
    }
    if options.tier != Some(Tier::Units) {
        match testbed::ensure(&Testbed::locate(), &Module::ALL) {
            Ok(()) => outcomes.push(real(options)?),
            Err(Unavailable::NotHere(reason)) => {
                left_out = Some(LeftOut {
                    tests: count_real()?,
                    reason,
                });
            }
            Err(Unavailable::Failed(failure)) => {
                eprintln!("error: {failure}");
                let tally = Tally::broken();
                outcomes.push(Outcome {
                    tier: "real",
                    tally,
                    took: Duration::ZERO,
                });
            }
        }
    }
    let is_ci = env::var("CI").is_ok_and(|value| value == "true");
    Ok(match report(&outcomes, left_out.as_ref(), is_ci) {
        Verdict::Good => ExitCode::SUCCESS,
        Verdict::Bad => ExitCode::FAILURE,
    })
}

fn real(options: &Options) -> Result<Outcome, Failure> {
    let jobs = options
        .jobs
        .or_else(|| thread::available_parallelism().ok().map(Into::into))
        .unwrap_or(1);
    let threads = format!("--test-threads={jobs}");
    let mut arguments = vec![threads.as_str()];
    if options.full {
        arguments.push("--include-ignored");
    }
    let mut outcome = tier("real", cargo::command().arg("test").args(REAL), options, &arguments)?;
    unsteady::again(&mut outcome.tally)?;
    Ok(outcome)
}

/// Runs the tests of one tier with their output shown and counted.
fn tier(name: &'static str, tests: &mut Command, options: &Options, arguments: &[&str]) -> Result<Outcome, Failure> {
    println!("--- {name}");
    let start = Instant::now();
    tests
        .arg("--")
        .args(arguments)
        .args(&options.filter)
        .stdout(Stdio::piped());
    let mut child = tests.spawn().map_err(Failure::io("run cargo test"))?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(Failure::io("read the output of cargo test"))?;
            println!("{line}");
            tally.read(&line);
        }
    }
    let status = child.wait().map_err(Failure::io("wait for cargo test"))?;
    if !status.success() {
        tally.must_have_failed();
    }
    Ok(Outcome {
        tier: name,
        tally,
        took: start.elapsed(),
    })
}

/// How many tests need real control planes.
fn count_real() -> Result<usize, Failure> {
    let mut list = cargo::command();
    list.arg("test")
        .args(REAL)
        .args(["--", "--list", "--format=terse"])
        .stderr(Stdio::inherit());
    let output = list
        .output()
        .map_err(Failure::io("list the tests on real control planes"))?;
    if !output.status.success() {
        return Err(Failure::new(format!(
            "list the tests on real control planes: {}",
            output.status
        )));
    }
    Ok(tally::listed(&String::from_utf8_lossy(&output.stdout)))
}

/// Prints the summary; its last line are the numbers.
fn report(outcomes: &[Outcome], left_out: Option<&LeftOut>, is_ci: bool) -> Verdict {
    let mut sum = Tally::default();
    println!(
        "\n{:<8}{:>8}{:>8}{:>8}{:>9}",
        "tier", "passed", "failed", "ignored", "time"
    );
    for Outcome { tier, tally, took } in outcomes {
        println!(
            "{tier:<8}{:>8}{:>8}{:>8}{:>7} s",
            tally.passed(),
            tally.failures(),
            tally.ignored(),
            took.as_secs()
        );
        sum.add(tally);
    }
    for name in sum.names() {
        println!("failed: {name}");
    }
    for name in sum.unsteady() {
        println!("unsteady: {name} failed, and passed twice alone: mend it");
    }
    if let Some(LeftOut { tests, reason }) = left_out {
        println!("left out: {tests} tests on real control planes, because of: {reason}");
    }
    let refused = left_out.is_some() && is_ci;
    if refused {
        println!("left-out tests are a failure in continuous integration (CI=true)");
    }
    println!("{} passed, {} failed", sum.passed(), sum.failures());
    if sum.failures() == 0 && !refused {
        Verdict::Good
    } else {
        Verdict::Bad
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(lines: &[&str]) -> Outcome {
        let mut tally = Tally::default();
        for line in lines {
            tally.read(line);
        }
        Outcome {
            tier: "units",
            tally,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn left_out_tests_are_a_failure_in_continuous_integration_only() {
        let good = || outcome(&["test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"]);
        let bad = || outcome(&["test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out"]);
        let left = LeftOut {
            tests: 9,
            reason: "no Go".to_owned(),
        };
        let cases = [
            (good(), None, true, Verdict::Good),
            (good(), Some(&left), false, Verdict::Good),
            (good(), Some(&left), true, Verdict::Bad),
            (bad(), None, false, Verdict::Bad),
            (bad(), Some(&left), false, Verdict::Bad),
        ];
        for (index, (outcome, left_out, is_ci, verdict)) in cases.into_iter().enumerate() {
            assert_eq!(report(&[outcome], left_out, is_ci), verdict, "case {index}");
        }
    }
}
