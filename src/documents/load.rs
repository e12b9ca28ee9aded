//! Files into memory, each at most so large.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::Source;

/// The largest file that is taken. A document is a few kilobytes; an API server takes 1.5 MiB as a whole.
const LARGEST: u64 = 1 << 20;

/// What standard input is called.
const STDIN: &str = "<stdin>";

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Loaded {
    /// Its name, as it was given.
    pub(super) name: Arc<str>,
    /// The folder that the paths in it start from.
    pub(super) base: PathBuf,
    /// What it holds, or why that cannot be read.
    pub(super) text: Result<Arc<str>, String>,
    /// Whether it can be read again.
    pub(super) nature: Nature,
}

/// Whether something can be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Nature {
    /// A file: it may change.
    Lasting,
    /// Standard input or a pipe: what was read is gone from it.
    Once,
}

/// Reads `sources` in order. Blocks.
pub(super) fn load(sources: &[Source]) -> Vec<Loaded> {
    sources.iter().flat_map(load_source).collect()
}

/// Reads one source: a folder gives as many as it has files.
pub(super) fn load_source(source: &Source) -> Vec<Loaded> {
    match source {
        Source::Stdin => vec![Loaded {
            name: STDIN.into(),
            base: PathBuf::new(),
            text: text(io::stdin().lock()),
            nature: Nature::Once,
        }],
        Source::Path(path) if path.is_dir() => match files_in(path) {
            Ok(files) => files.iter().map(|file| load_file(file)).collect(),
            Err(error) => vec![unreadable(path, &error)],
        },
        Source::Path(path) => vec![load_file(path)],
    }
}

fn load_file(path: &Path) -> Loaded {
    match fs::File::open(path).and_then(|file| Ok((file.metadata()?.is_file(), file))) {
        Ok((is_file, file)) => Loaded {
            name: path.display().to_string().into(),
            base: path.parent().unwrap_or(Path::new("")).to_owned(),
            text: text(file),
            nature: if is_file { Nature::Lasting } else { Nature::Once },
        },
        Err(error) => unreadable(path, &error),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Loaded {
    Loaded {
        name: path.display().to_string().into(),
        base: PathBuf::new(),
        text: Err(format!("cannot be read: {error}")),
        nature: Nature::Lasting,
    }
}

/// The documents in a folder, by name; not those in folders below it. Hidden files are skipped: a mounted ConfigMap has some.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_document = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let hidden = path
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        !hidden && matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file()
    };
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<_> = entries.iter().map(fs::DirEntry::path).filter(is_document).collect();
    files.sort();
    if files.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no .yaml, .yml or .json file in this folder",
        ));
    }
    Ok(files)
}

fn text(from: impl Read) -> Result<Arc<str>, String> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("larger than {} KiB: split it", LARGEST >> 10));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error
            .as_bytes()
            .iter()
            .take(error.utf8_error().valid_up_to())
            .filter(|byte| **byte == b'\n');
        format!("not UTF-8 text, from line {} on: save it as UTF-8", line.count() + 1)
    })?;
    Ok(text.into())
}

// === impl Loaded ===

impl Loaded {
    /// Whether `source` is the file itself.
    pub(super) fn is_of(&self, source: &Source) -> bool {
        match source {
            Source::Stdin => *self.name == *STDIN,
            Source::Path(path) => *self.name == *path.display().to_string(),
        }
    }
}
