//! `tmc-syncer`: the process.

mod admin;
mod cli;
mod configurator;
#[cfg(feature = "sandbox")]
mod demo;
mod diff;
mod documents;
mod hash_key;
mod kubeconfig_option;
mod leader_election;
mod listing;
mod manifests;
mod object_name;
mod printing;
mod release;
mod rest_client;
mod rulebooks;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox_command;
mod source_options;
mod status;
mod sync_options;
mod target_cluster;
mod target_option;
mod telemetry;
mod told_to_end;
mod upstream_options;
mod validate;
mod version;

use std::{process::ExitCode, sync::Arc, time::Duration};

use crate::cli::{Cli, Command};

/// The exit code for wrong usage or configuration; clap uses the same.
const WRONG_CONFIGURATION: u8 = 2;

/// How long the last spans may take to their collector.
const FLUSH: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::read();
    let pool = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("io")
        .build()
    {
        Ok(pool) => Arc::new(pool),
        Err(error) => return failed(1, &format!("cannot start the worker threads: {error}")),
    };
    // Clients and exporters spawn tasks of their own, on the pool.
    let on_the_pool = pool.enter();
    let telemetry = match telemetry::install(&cli.log) {
        Ok(telemetry) => telemetry,
        Err(error) => return failed(WRONG_CONFIGURATION, &error.to_string()),
    };
    let code = match cli.command {
        Command::Manifests(options) => printed(manifests::print(&options, &mut std::io::stdout().lock())),
        Command::Validate(options) => {
            validate::validate(&options).unwrap_or_else(|error| failed(1, &format!("cannot print: {error}")))
        }
        Command::Run(options) => {
            run::run(&options, &pool).unwrap_or_else(|error| failed(WRONG_CONFIGURATION, &error.to_string()))
        }
        Command::Diff(options) => {
            diff::run(&options, &pool).unwrap_or_else(|error| failed(WRONG_CONFIGURATION, &error.to_string()))
        }
        Command::Release(options) => {
            release::run(&options, &pool).unwrap_or_else(|error| failed(WRONG_CONFIGURATION, &error.to_string()))
        }
        Command::Status(options) => {
            status::run(&options, &pool).unwrap_or_else(|error| failed(WRONG_CONFIGURATION, &error.to_string()))
        }
        #[cfg(feature = "sandbox")]
        Command::Demo(options) => demo::run(&options, &pool).unwrap_or_else(|error| failed(1, &error.to_string())),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(options) => sandbox_command::run(&options, &pool)
            .unwrap_or_else(|error| failed(WRONG_CONFIGURATION, &error.to_string())),
    };
    pool.block_on(telemetry.flush(FLUSH));
    drop(on_the_pool);
    if let Some(pool) = Arc::into_inner(pool) {
        // A plugin of a kubeconfig may hang, and is not waited for.
        pool.shutdown_background();
    }
    code
}

/// The code to exit with after printing.
fn printed(result: std::io::Result<()>) -> ExitCode {
    match printing::read_enough(result) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(1, &format!("cannot print: {error}")),
    }
}

/// Says why on stderr, where there may be no log yet.
#[expect(
    clippy::print_stderr,
    reason = "the one place where the process speaks beside its log"
)]
fn failed(code: u8, why: &str) -> ExitCode {
    eprintln!("tmc-syncer: {why}");
    ExitCode::from(code)
}
