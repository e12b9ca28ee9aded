//! `tmc-syncer`: the process.

mod admin;
mod cli;
mod rest_client;
mod run;
mod target_option;

use std::{process::ExitCode, sync::Arc};

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let pool = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("io")
        .build()
    {
        Ok(pool) => Arc::new(pool),
        Err(error) => return failed(1, &format!("cannot start the worker threads: {error}")),
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(&cli.log.log_level)
        .init();
    match cli.command {
        Command::Run(options) => run::run(&options, &pool).unwrap_or_else(|error| failed(2, &format!("{error}"))),
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
