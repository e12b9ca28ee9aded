//! The sources of the product, as text.

use std::{collections::BTreeSet, fs, path::Path};

/// The files of the product by path, without their tests.
pub(super) struct Code(Vec<(String, String)>);

// === impl Code ===

impl Code {
    pub(super) fn read() -> Self {
        let mut sources = Vec::new();
        for folder in ["core/src", "clusters/src", "actors/src", "src"] {
            gather(&super::root().join(folder), &mut sources);
        }
        assert!(sources.len() > 100);
        Self(sources)
    }

    /// The same with `to` in place of `from`, once, in the file `path`.
    pub(super) fn edited(mut self, path: &str, from: &str, to: &str) -> Self {
        let (_, source) = self.0.iter_mut().find(|(name, _)| name == path).unwrap();
        assert!(source.contains(from), "{path}: no {from}");
        *source = source.replacen(from, to, 1);
        self
    }

    /// The same with one more file.
    pub(super) fn with(mut self, path: &str, source: &str) -> Self {
        self.0.push((path.to_owned(), source.to_owned()));
        self
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, source)| (path.as_str(), source.as_str()))
    }

    pub(super) fn file(&self, name: &str) -> &str {
        let found = self.sources().find(|(path, _)| *path == name);
        found.unwrap_or_else(|| panic!("no file {name}")).1
    }

    /// The part of the file `name` that begins at `from`, up to `to`.
    pub(super) fn part(&self, name: &str, from: &str, to: &str) -> &str {
        let rest = self.file(name).split_once(from);
        let (_, rest) = rest.unwrap_or_else(|| panic!("{name}: no {from}"));
        rest.split(to).next().unwrap_or_default()
    }
}

fn gather(folder: &Path, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match () {
            () if name.starts_with("tests") => {}
            () if path.is_dir() => gather(&path, sources),
            () => {
                let text = fs::read_to_string(&path).unwrap();
                let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let path = path.strip_prefix(super::root()).unwrap().display().to_string();
                sources.push((path, product.to_owned()));
            }
        }
    }
}

/// The first string literal in each place that follows `marker`.
pub(super) fn literals<'a>(source: &'a str, marker: &'a str) -> impl Iterator<Item = &'a str> {
    source.split(marker).skip(1).filter_map(|rest| {
        let rest = rest.trim_start();
        rest.strip_prefix('"')?.split('"').next()
    })
}

/// The string literals in `source` that are one word in camel case.
pub(super) fn words(source: &str) -> impl Iterator<Item = &str> {
    source.split('"').skip(1).step_by(2).filter(|text| {
        text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.len() > 2
            && text.chars().all(|letter| letter.is_ascii_alphabetic())
    })
}

/// The same, without the statuses of conditions.
pub(super) fn said(source: &str) -> BTreeSet<String> {
    let words = words(source).filter(|word| !["True", "False", "Unknown"].contains(word));
    words.map(str::to_owned).collect()
}
