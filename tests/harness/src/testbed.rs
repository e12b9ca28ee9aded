//! Where the programs of the test bed are.

mod module;

use std::{
    env,
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

pub use module::{Module, Program};

/// Names a folder with ready-made programs to use instead of the cache.
const READY_MADE: &str = "TMC_TESTBED_BIN";

/// Names the folder of the cache.
const CACHE: &str = "TMC_TESTBED_CACHE";

/// The programs of the test bed: ready-made ones, or those that `cargo xtask testbed` has built into the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Testbed {
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// One folder holds them all; nothing is built.
    ReadyMade(PathBuf),
    /// A folder per module and checksum.
    Cache(PathBuf),
}

/// Programs that are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    programs: Vec<Program>,
    source: Source,
}

// === impl Testbed ===

impl Testbed {
    /// The test bed that the environment names: `TMC_TESTBED_BIN`, or else the cache in `TMC_TESTBED_CACHE`, or else the
    /// one among the user's cached files.
    pub fn locate() -> Self {
        Self::from(|name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
    }

    fn from(variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        if let Some(folder) = variable(READY_MADE) {
            return Self {
                source: Source::ReadyMade(folder),
            };
        }
        let users = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
        let cache =
            variable(CACHE).unwrap_or_else(|| users().unwrap_or_else(env::temp_dir).join("tmc-syncer").join("testbed"));
        Self {
            source: Source::Cache(cache),
        }
    }

    /// The folder of the cache, to build into; none where ready-made programs are used.
    pub fn cache(&self) -> Option<&Path> {
        match &self.source {
            Source::ReadyMade(_) => None,
            Source::Cache(folder) => Some(folder),
        }
    }

    /// Where `program` is or will be.
    pub fn path(&self, program: Program) -> PathBuf {
        match &self.source {
            Source::ReadyMade(folder) => folder.join(program.file_name()),
            Source::Cache(cache) => cache.join(program.module().cache_name()).join(program.file_name()),
        }
    }

    /// Where `program` is.
    pub fn find(&self, program: Program) -> Result<PathBuf, Missing> {
        self.require(&[program])?;
        Ok(self.path(program))
    }

    /// Whether all of `programs` are there.
    pub fn require(&self, programs: &[Program]) -> Result<(), Missing> {
        let programs: Vec<Program> = programs
            .iter()
            .copied()
            .filter(|program| !self.path(*program).is_file())
            .collect();
        if programs.is_empty() {
            return Ok(());
        }
        Err(Missing {
            programs,
            source: self.source.clone(),
        })
    }
}

// === impl Missing ===

impl Missing {
    /// What is missing.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = String::new();
        for program in &self.programs {
            let separator = if names.is_empty() { "" } else { ", " };
            write!(names, "{separator}{}", program.file_name())?;
        }
        match &self.source {
            Source::ReadyMade(folder) => write!(
                f,
                "test bed: {names} not in {}, which {READY_MADE} names: put them there, or unset it and run `cargo xtask testbed` (needs Go)",
                folder.display()
            ),
            Source::Cache(cache) => write!(
                f,
                "test bed: {names} not in the cache {}: run `cargo xtask testbed` (needs Go), or set {READY_MADE} to a folder that holds them",
                cache.display()
            ),
        }
    }
}

impl std::error::Error for Missing {}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Testbed {
        Testbed::from(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| PathBuf::from(value))
        })
    }

    #[test]
    fn the_environment_says_where_the_programs_are() {
        let cases = [
            (vec![("TMC_TESTBED_BIN", "/b"), ("TMC_TESTBED_CACHE", "/c")], None),
            (vec![("TMC_TESTBED_CACHE", "/c"), ("HOME", "/h")], Some("/c")),
            (
                vec![("XDG_CACHE_HOME", "/x"), ("HOME", "/h")],
                Some("/x/tmc-syncer/testbed"),
            ),
            (vec![("HOME", "/h")], Some("/h/.cache/tmc-syncer/testbed")),
        ];
        for (pairs, cache) in cases {
            assert_eq!(with(&pairs).cache(), cache.map(Path::new), "{pairs:?}");
        }
    }

    #[test]
    fn ready_made_programs_lie_side_by_side_and_built_ones_by_checksum() {
        let ready_made = with(&[("TMC_TESTBED_BIN", "/b")]);
        assert_eq!(ready_made.path(Program::Kcp), Path::new("/b/kcp"));
        let built = with(&[("TMC_TESTBED_CACHE", "/c")]);
        let folder = format!("/c/kubernetes-{}", Module::Kubernetes.checksum());
        assert_eq!(built.path(Program::Etcd), Path::new(&folder).join("etcd"));
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let missing = with(&[("TMC_TESTBED_CACHE", "/nowhere")])
            .require(&[Program::Etcd, Program::Kwok])
            .unwrap_err();
        assert_eq!(
            missing.to_string(),
            "test bed: etcd, kwok not in the cache /nowhere: run `cargo xtask testbed` (needs Go), or set TMC_TESTBED_BIN to a folder that holds them"
        );
    }
}
