//! The project's own commands: `cargo xtask <command>`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "commands that talk to a person at a terminal"
)]

mod cargo;
mod coverage;
mod demo_real;
mod failure;
mod go;
mod image;
mod schemas;
mod simulate;
mod test;
mod testbed;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the control planes for end-to-end tests into a cache outside the checkout, as far as they are missing
    Testbed(testbed::Options),
    /// Run all tests: units and properties, then those on real control planes
    Test(test::Options),
    /// Run the syncer between real control planes, show what arrives, and stop
    DemoReal(demo_real::Options),
    /// Simulate the whole syncer under seeded edits and faults, and check every invariant at every step
    Simulate(simulate::Options),
    /// Write the schemas of workload types for kcp anew, from the test bed's kube-apiserver
    Schemas,
    /// Build the program as the image has it, and test what the image holds
    Image,
    /// Measure the line coverage of all tests
    Coverage(coverage::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Testbed(options) => testbed::run(&options)?,
        // Its summary ends with its last line, so it says itself why it failed.
        Command::Test(options) => return test::run(&options),
        Command::DemoReal(options) => demo_real::run(&options)?,
        // It has said what it found.
        Command::Simulate(options) => return simulate::run(&options),
        Command::Schemas => schemas::run()?,
        Command::Image => image::run()?,
        Command::Coverage(options) => coverage::run(&options)?,
    }
    Ok(ExitCode::SUCCESS)
}
