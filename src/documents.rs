//! Documents from files: read, checked, held against each other, and followed.

mod follow;
mod load;
mod merge;
mod node;
mod objects;
mod options;
mod parse;
mod place;
mod problem;
mod secrets;
mod source;

#[cfg(test)]
mod tests;

use syncer_core::config::{
    Configuration,
    check::{self, Origin, SetProblem},
};

pub(crate) use self::follow::{Followed, Following, every};
use self::{load::Loaded, parse::parse, place::Place};
pub(crate) use self::{
    merge::{Merge, Merged},
    objects::{Objects, follow as follow_objects},
    options::SyncSecrets,
    secrets::{KubeconfigReference, KubeconfigSecrets},
};
pub(crate) use self::{
    options::Options,
    problem::{FileProblem, report},
    source::Source,
};

/// What the files and the command line say, and what is odd about it.
#[derive(Debug)]
pub(crate) struct Read {
    /// The set that they make.
    pub(crate) configuration: Configuration,
    /// What may be meant so, but should be looked at.
    pub(crate) warnings: Vec<FileProblem>,
}

/// Reads `sources` and adds what `options` say, or finds all that is wrong. Blocks on files.
pub(crate) fn read(sources: &[Source], options: &Options) -> Result<Read, Vec<FileProblem>> {
    check(&load::load(sources), options)
}

/// Checks what was loaded.
fn check(loaded: &[Loaded], options: &Options) -> Result<Read, Vec<FileProblem>> {
    let mut problems = Vec::new();
    let mut documents = Vec::new();
    let mut places = Vec::new();
    for found in loaded.iter().flat_map(parse) {
        let (place, value) = match found {
            Ok(document) => document,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        match check::document(&value, Origin::File) {
            Ok(document) => {
                documents.push(place.resolve(document));
                places.push(place);
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| place.problem(problem))),
        }
    }
    if let (true, true, Some(first)) = (documents.is_empty(), problems.is_empty(), loaded.first()) {
        // Nothing at all is no way to ask for everything to be taken away (S3).
        let message = "there is no SyncTarget and no SyncPolicy in the files given";
        problems.push(FileProblem::of_file(&first.name, message));
    }
    let of_options = options.targets();
    places.extend(of_options.iter().map(|_| Place::CommandLine));
    documents.extend(of_options);

    let in_files = |found: Vec<SetProblem>| {
        let located = |found: SetProblem| Some(places.get(found.document)?.problem(found.problem));
        found.into_iter().filter_map(located).collect::<Vec<_>>()
    };
    let checked = check::set(documents).map_err(in_files);
    match checked {
        Ok(checked) if problems.is_empty() => Ok(Read {
            warnings: in_files(checked.warnings)
                .into_iter()
                .filter(FileProblem::is_in_a_file)
                .collect(),
            configuration: checked.configuration,
        }),
        Ok(_) => Err(problems),
        Err(between) => {
            problems.extend(between);
            Err(problems)
        }
    }
}
