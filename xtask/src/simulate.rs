//! Simulating the syncer: `simulation/`, run with what was asked for.

use std::process::ExitCode;

use crate::{cargo, failure::Failure};

/// How to simulate.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Options of the simulation, such as `--seed 7 --schedules 100`; `--help` shows them all
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTION")]
    arguments: Vec<String>,
}

/// Runs it with our outputs. What it found is its own to say, and is in its exit code.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let mut simulation = cargo::command();
    simulation.args(["run", "--quiet", "--package", "syncer-simulation", "--"]);
    let status = simulation
        .args(&options.arguments)
        .status()
        .map_err(Failure::io("run the simulation"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
