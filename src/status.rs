//! `tmc-syncer status`: how targets and policies stand, from their objects, from a running syncer, or from both.

mod admin;
mod gather;
mod metrics;
mod objects;
mod options;
mod report;
mod show;
mod table;
mod wording;

#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tracing::error;

pub(crate) use self::options::{EXAMPLES, StatusOptions};
use self::{
    admin::WrongAddress,
    gather::{Sources, UnusableUpstream},
    show::Show,
};
use crate::{printing::read_enough, told_to_end::told_to_end};

/// The pause between two looks with `--watch`.
const PAUSE: Duration = Duration::from_secs(2);

/// Why nothing can be shown: wrong usage or configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusError {
    #[error(transparent)]
    Admin(#[from] WrongAddress),
    #[error(transparent)]
    Upstream(#[from] UnusableUpstream),
}

/// Shows how things stand, once or until told to end, and returns the code to exit with.
pub(crate) fn run(options: &StatusOptions, pool: &Arc<tokio::runtime::Runtime>) -> Result<ExitCode, StatusError> {
    let sources = Sources::of(options)?;
    let mut show = Show::new(options);
    Ok(pool.block_on(async {
        if options.watch {
            tokio::select! {
                biased;
                () = told_to_end() => ExitCode::SUCCESS,
                code = again_and_again(&sources, &mut show) => code,
            }
        } else {
            once(&sources, &mut show).await
        }
    }))
}

async fn once(sources: &Sources, show: &mut Show) -> ExitCode {
    let gathered = sources.gather(Timestamp::now()).await;
    match read_enough(print(show, &gathered.report)) {
        Ok(()) if gathered.is_complete => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(cause) => unprinted(&cause),
    }
}

/// What cannot be read is said, and read again.
async fn again_and_again(sources: &Sources, show: &mut Show) -> ExitCode {
    loop {
        let gathered = sources.gather(Timestamp::now()).await;
        if let Err(ended) = print(show, &gathered.report) {
            return match read_enough(Err(ended)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(cause) => unprinted(&cause),
            };
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn print(show: &mut Show, report: &report::Report) -> io::Result<()> {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    show.print(report, &mut out, &mut err)?;
    out.flush()
}

fn unprinted(cause: &io::Error) -> ExitCode {
    error!("cannot print: {cause}");
    ExitCode::FAILURE
}
