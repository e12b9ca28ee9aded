//! `tmc-syncer demo`: the whole product on this machine with nothing installed.
//!
//! An upstream and targets are served from memory; this very program runs between them as `tmc-syncer run` does, in a process of its own; and
//! a script, drawn from a seed, makes, edits and deletes objects, lets targets drift and die, and says how each of these came out. What is
//! said is seen from outside, on the API servers: the syncer is not asked.

mod bystanders;
mod errand;
mod narrator;
mod options;
mod play;
mod pursuit;
mod span;
mod summary;
mod syncer_process;

use std::{fs, io, path::PathBuf, process::ExitCode, sync::Arc};

use syncer_sandbox::{
    Fleet, FleetOptions, Refused,
    scenario::{Chaos, Plan, Team},
};

pub(crate) use self::options::{DemoOptions, EXAMPLES};
use self::{
    narrator::Narrator,
    options::{DemoOutput, KINDS},
    play::Play,
    summary::Summary,
    syncer_process::SyncerProcess,
};
use crate::{
    sandbox_command::{ServeError, Served, seed_of_the_moment},
    told_to_end::told_to_end,
};

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("the servers cannot be set up: {0}")]
    Fleet(#[from] Refused),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("cannot run tmc-syncer: {0}")]
    Process(#[source] io::Error),
    #[error("tmc-syncer ended before it began to serve its admin pages; it said: {0}")]
    NotStarted(String),
    #[error("cannot print: {0}")]
    Print(#[source] io::Error),
    #[error("told to end before the story was over")]
    Interrupted,
}

/// A folder for this run alone, gone with it.
struct Folder(PathBuf);

/// What share of the time the script takes; the rest is for coming to rest.
const SHARE_OF_SCRIPT: u32 = 3;
const SHARES: u32 = 4;

/// Plays, and says in the exit code whether all went well.
pub(crate) fn run(options: &DemoOptions, pool: &Arc<tokio::runtime::Runtime>) -> Result<ExitCode, DemoError> {
    pool.block_on(async {
        // The first to be polled: from its first word on the story can be ended, and takes the syncer's process with it.
        tokio::select! {
            biased;
            () = told_to_end() => Err(DemoError::Interrupted),
            code = demonstrate(options) => code,
        }
    })
}

async fn demonstrate(options: &DemoOptions) -> Result<ExitCode, DemoError> {
    let seed = options.seed.unwrap_or_else(|| seed_of_the_moment() % 100_000);
    let fleet = Fleet::new(&FleetOptions {
        seed,
        targets: options.targets.get(),
        ..FleetOptions::default()
    })?;
    let script = plan(options, seed, &fleet).script();
    script.prepare(&fleet)?;
    let folder = Folder::new(seed);
    let served = Served::start(&fleet, &[], &folder.0).await?;
    let narrator = match options.output {
        DemoOutput::Text => Narrator::on_stdout(),
        // What is said is for people; the result is for programs, and has stdout for itself.
        DemoOutput::Json => Narrator::on_stderr(),
    };
    narrator.introduce(options, seed, &script, &served);
    let syncer = SyncerProcess::start(served.kubeconfigs(), options.admin_address, &narrator).await?;
    let play = Play::new(&script, &fleet, syncer, narrator)?;
    let measured = play.all().await?;
    let summary = Summary::new(&script, &fleet, measured);
    match options.output {
        DemoOutput::Text => summary.print_text(&mut io::stdout().lock()),
        DemoOutput::Json => summary.print_json(&mut io::stdout().lock()),
    }
    .map_err(DemoError::Print)?;
    Ok(if summary.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn plan(options: &DemoOptions, seed: u64, fleet: &Fleet) -> Plan {
    let length = options.length * SHARE_OF_SCRIPT / SHARES;
    let changes = usize::try_from(length.as_secs()).unwrap_or(60) * 3;
    let (chaos, restarts) = if options.chaos {
        (Chaos::Wild, 1)
    } else {
        (Chaos::Calm, 0)
    };
    Plan {
        seed,
        teams: vec![Team::of_namespace("red"), Team::of_namespace("blue")],
        targets: fleet.targets.iter().map(|(name, _)| name.clone()).collect(),
        kinds: KINDS.to_vec(),
        objects: options.objects.get(),
        changes: changes.max(12),
        length,
        chaos,
        restarts,
    }
}

// === impl Folder ===

impl Folder {
    fn new(seed: u64) -> Self {
        let name = format!("tmc-syncer-demo-{}-{seed}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it holds nothing but addresses of servers that are gone.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests;
