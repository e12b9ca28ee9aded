//! Building the test bed.

use std::{
    fs::{self, File},
    path::Path,
    process,
};

use syncer_harness::{Module, Program, Testbed};

use crate::{failure::Failure, go};

/// What to build.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Only the programs of this module (repeatable)
    #[arg(long, value_name = "MODULE", value_parser = module)]
    only: Vec<Module>,
}

/// Why the test bed is not there.
pub(crate) enum Unavailable {
    /// It cannot be built here; the reason, for a person.
    NotHere(String),
    /// Its build failed.
    Failed(Failure),
}

// === impl Unavailable ===

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::NotHere(reason) => Self::new(reason),
            Unavailable::Failed(failure) => failure,
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let modules: &[Module] = if options.only.is_empty() {
        &Module::ALL
    } else {
        &options.only
    };
    let testbed = Testbed::locate();
    ensure(&testbed, modules)?;
    for program in modules.iter().flat_map(|module| module.programs()) {
        println!("{}", testbed.path(*program).display());
    }
    Ok(())
}

fn module(name: &str) -> Result<Module, String> {
    let found = Module::ALL.into_iter().find(|module| module.name() == name);
    found.ok_or_else(|| format!("one of {}", Module::ALL.map(Module::name).join(", ")))
}

/// Builds what is missing of `modules`. Another run that builds at the same time is waited for.
pub(crate) fn ensure(testbed: &Testbed, modules: &[Module]) -> Result<(), Unavailable> {
    let programs: Vec<Program> = modules.iter().flat_map(|module| module.programs()).copied().collect();
    let Err(missing) = testbed.require(&programs) else {
        return Ok(());
    };
    let Some(cache) = testbed.cache() else {
        return Err(Unavailable::NotHere(missing.to_string()));
    };
    if !go::is_installed() {
        return Err(Unavailable::NotHere(format!(
            "{missing}; there is no Go here: see https://go.dev/dl"
        )));
    }
    build(testbed, cache, &programs).map_err(Unavailable::Failed)
}

fn build(testbed: &Testbed, cache: &Path, programs: &[Program]) -> Result<(), Failure> {
    fs::create_dir_all(cache).map_err(Failure::io(format!("create {}", cache.display())))?;
    let lock_path = cache.join("lock");
    let lock = File::create(&lock_path).map_err(Failure::io(format!("create {}", lock_path.display())))?;
    if lock.try_lock().is_err() {
        println!("another run builds the test bed, waiting for it");
        lock.lock()
            .map_err(Failure::io(format!("lock {}", lock_path.display())))?;
    }
    // The other run may have built it all.
    let Err(missing) = testbed.require(programs) else {
        return Ok(());
    };
    println!(
        "building {} programs into {}",
        missing.programs().len(),
        cache.display()
    );
    missing
        .programs()
        .iter()
        .try_for_each(|program| build_one(*program, &testbed.path(*program)))
}

/// Builds under another name and renames: what has its name is whole.
fn build_one(program: Program, output: &Path) -> Result<(), Failure> {
    let folder = output.parent().unwrap_or(output);
    fs::create_dir_all(folder).map_err(Failure::io(format!("create {}", folder.display())))?;
    let part = folder.join(format!(".{}.{}.part", program.file_name(), process::id()));
    let built = go::build(program, &part)
        .and_then(|()| fs::rename(&part, output).map_err(Failure::io(format!("create {}", output.display()))));
    if built.is_err() {
        // Nothing to remove if the build failed early.
        let _ = fs::remove_file(&part);
    }
    built
}
