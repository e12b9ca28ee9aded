//! `tmc-syncer diff`: what each target would get against what it holds. The actors of `run` find it out: they rehearse, until nothing
//! moves any more.

mod options;
mod report;
mod text;
mod waiting;

#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use syncer_actors::{
    Metrics, Preview, Readiness, Supervisor, Writes,
    runtime::{self, Runtime, Signals, Spec},
};
use tracing::warn;

pub(crate) use self::options::{DiffOptions, EXAMPLES};
use self::{
    options::DiffOutput,
    report::Report,
    waiting::{Ending, Waiting, until_found},
};
use crate::{
    printing::{json, read_enough, yaml},
    rest_client::RestClient,
    run::{Purpose, StartError, settings},
};

/// The exit code where something differs.
const DIFFERENT: u8 = 1;

/// The exit code where something could not be found out.
const INCOMPLETE: u8 = 3;

/// How long the upstream may take to say what it serves.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// How long what is in flight may take once everything is found.
const DRAIN: Duration = Duration::from_secs(2);

/// Shows what each target would get, and returns the code to exit with.
pub(crate) fn run(options: &DiffOptions, pool: &Arc<tokio::runtime::Runtime>) -> Result<ExitCode, StartError> {
    let preview = Preview::new();
    let purpose = Purpose {
        writes: Writes::Rehearsed,
        confirm_mass_deletion: None,
        preview: Some(preview.clone()),
        fence: None,
        standing_by: None,
    };
    let settings = settings(&options.sync, purpose, &RestClient::new(), pool)?;
    // While the upstream does not answer nobody knows the rules, and nothing else would say why.
    let asked = pool.block_on(tokio::time::timeout(
        ANSWER_WITHIN,
        settings.upstream.cluster.discover(),
    ));
    let unread = match asked {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("upstream: no answer within {ANSWER_WITHIN:?}")),
    };
    if let Some(cause) = unread {
        let report = Report::of(
            &preview,
            &settings.rulebooks.borrow(),
            Vec::new(),
            &Ending::Short(vec![cause]),
        );
        return Ok(shown(&report, options.output));
    }
    let rulebooks = settings.rulebooks.clone();
    let readiness = Readiness::of(rulebooks.borrow().targets.keys().cloned());
    let signals = Signals::new();
    let injected = runtime::Settings {
        signals: signals.clone(),
        ..runtime::Settings::default()
    };
    let mut actors = Runtime::threaded(injected, options.sync.threads.get(), pool).map_err(StartError::Threads)?;
    let root = Spec::new("tmc-syncer").mailbox(settings.bounds.mailbox);
    let (_, ended) = actors.start(
        root,
        Supervisor::factory(settings, readiness, signals, Metrics::default()),
    );
    let report = pool.block_on(async {
        let waiting = Waiting {
            preview: &preview,
            rulebooks: rulebooks.clone(),
            timeout: options.timeout.0,
        };
        let ending = until_found(waiting, ended).await;
        let findings = preview.findings().await;
        // Nothing was written, and nothing has to be finished.
        let _ = actors.drain(DRAIN).await;
        Report::of(&preview, &rulebooks.borrow(), findings, &ending)
    });
    Ok(shown(&report, options.output))
}

/// Prints `report`: differences on stdout, what went wrong on stderr.
fn shown(report: &Report, output: DiffOutput) -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    match read_enough(print(report, output, &mut out, &mut err)) {
        Ok(()) => ExitCode::from(report.code()),
        Err(error) => {
            warn!("cannot print: {error}");
            ExitCode::from(INCOMPLETE)
        }
    }
}

fn print(report: &Report, output: DiffOutput, out: &mut impl Write, err: &mut impl Write) -> io::Result<()> {
    match output {
        DiffOutput::Text => text::print(report, out)?,
        DiffOutput::Json => json(report, out)?,
        DiffOutput::Yaml => yaml(report, out)?,
    }
    out.flush()?;
    report.complain(err)
}
