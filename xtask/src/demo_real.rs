//! The syncer at work between real control planes.

mod exhibits;
mod stage;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use exhibits::{EXHIBITS, Exhibit, NAMESPACE};
use serde_json::{Value, json};
use stage::Stage;
use syncer_harness::{ApiServer, Module, Patch, Syncer, Testbed, poll};

use crate::{cargo, failure::Failure, testbed};

/// How long anything may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// How long the syncer may take to end: what it promises.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// How to run it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run this tmc-syncer instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let start = Instant::now();
    testbed::ensure(&Testbed::locate(), &[Module::Kubernetes, Module::Kwok])?;
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => build()?,
    };
    let stage = Stage::start();
    let mut syncer = stage.run(&binary);
    let shown = show(&stage, &syncer).and_then(|()| end(&mut syncer));
    if shown.is_err() {
        eprintln!("--- the end of the syncer's log\n{}---", syncer.process().log_tail());
    }
    shown?;
    drop(stage);
    println!(
        "all of it was seen on the targets; everything is stopped; {:.1} s in all",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn build() -> Result<PathBuf, Failure> {
    println!("building tmc-syncer");
    let mut build = cargo::command();
    cargo::succeed(
        "build tmc-syncer",
        build.args(["build", "--release", "--package", "tmc-syncer"]),
    )?;
    Ok(cargo::target().join("release").join("tmc-syncer"))
}

/// Shows every exhibit made, changed and deleted upstream.
fn show(stage: &Stage, syncer: &Syncer) -> Result<(), Failure> {
    let upstream = stage.upstream.client();
    upstream.create("/api/v1/namespaces", &json!({"metadata": {"name": NAMESPACE}}));
    for exhibit in EXHIBITS {
        let Exhibit { kind, name, .. } = exhibit;
        println!("{kind} {NAMESPACE}/{name}");
        let object = parsed(exhibit.body)?;
        seen_on_all(stage, syncer, exhibit, "created", || {
            upstream.create(&exhibit.collection(), &object);
        })?;
        let change = parsed(exhibit.change)?;
        seen_on_all(stage, syncer, exhibit, "changed", || {
            upstream.patch(&exhibit.path(), Patch::Merge(&change));
        })?;
    }
    for exhibit in EXHIBITS.iter().rev() {
        println!("{} {NAMESPACE}/{}", exhibit.kind, exhibit.name);
        seen_on_all(stage, syncer, exhibit, "deleted", || {
            upstream.delete(&exhibit.path());
        })?;
    }
    Ok(())
}

fn parsed(json: &str) -> Result<Value, Failure> {
    serde_json::from_str(json).map_err(|error| Failure::new(format!("an exhibit is no JSON: {error}")))
}

/// Does `act` upstream and waits until every target shows what the upstream then holds.
fn seen_on_all(
    stage: &Stage,
    syncer: &Syncer,
    exhibit: &Exhibit,
    done: &str,
    act: impl FnOnce(),
) -> Result<(), Failure> {
    let start = Instant::now();
    act();
    let wanted = exhibit.shown(stage.upstream.client());
    for (name, target) in &stage.targets {
        let seen = poll(ARRIVES_WITHIN, || same(target, exhibit, wanted.as_ref()));
        seen.map_err(|state| {
            Failure::new(format!(
                "{} {NAMESPACE}/{} {done} upstream was not seen on {name} within {ARRIVES_WITHIN:?}; {name} has: {state}; tmc-syncer {}",
                exhibit.kind,
                exhibit.name,
                syncer.admin_address()
            ))
        })?;
        println!(
            "  {done}: on {name} after {:.0} ms",
            start.elapsed().as_secs_f64() * 1e3
        );
    }
    Ok(())
}

fn same(target: &ApiServer, exhibit: &Exhibit, wanted: Option<&Value>) -> Result<(), String> {
    let seen = exhibit.shown(target.client());
    if seen.as_ref() == wanted {
        return Ok(());
    }
    Err(seen.map_or_else(|| "nothing".to_owned(), |seen| seen.to_string()))
}

fn end(syncer: &mut Syncer) -> Result<(), Failure> {
    let Some(exit) = syncer.try_terminate(ENDS_WITHIN) else {
        return Err(Failure::new(format!(
            "tmc-syncer did not end within {ENDS_WITHIN:?} of SIGTERM"
        )));
    };
    println!("tmc-syncer ended {:.0} ms after SIGTERM", exit.took.as_secs_f64() * 1e3);
    if exit.code == Some(0) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "tmc-syncer ended with code {:?} instead of 0",
        exit.code
    )))
}
