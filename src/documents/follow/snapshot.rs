//! The files at one moment.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::Path,
    sync::Arc,
};

use syncer_core::config::Configuration;
use xxhash_rust::xxh3::xxh3_64;

use crate::documents::{
    Source,
    load::{Loaded, Nature, load_source},
};

/// How much of a kubeconfig is looked at.
const LARGEST: u64 = 1 << 20;

/// The files at one moment. Two are equal if nothing has changed between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The files with documents.
    pub(super) files: Vec<Loaded>,
    /// The fingerprints of kubeconfig files by target.
    pub(super) kubeconfigs: BTreeMap<Arc<str>, u64>,
}

/// What `file` holds, as a number; `None` if it cannot be read, or is a pipe, which whoever connects has to read.
fn fingerprint(file: &Path) -> Option<u64> {
    let mut content = Vec::new();
    if !fs::metadata(file).ok()?.is_file() {
        return None;
    }
    File::open(file).ok()?.take(LARGEST).read_to_end(&mut content).ok()?;
    Some(xxh3_64(&content))
}

// === impl Snapshot ===

impl Snapshot {
    /// Adds to `files` what the kubeconfigs of `configuration` hold now. One that cannot be read counts as unchanged since
    /// `before`: a file that is replaced is gone for a moment, and connecting anew would find nothing.
    pub(super) fn take(files: Vec<Loaded>, configuration: &Configuration, before: &BTreeMap<Arc<str>, u64>) -> Self {
        let kubeconfigs = configuration.targets.iter().filter_map(|(name, target)| {
            let file = target.spec.kubeconfig_file.as_ref()?;
            let fingerprint = fingerprint(Path::new(file)).or_else(|| before.get(name).copied())?;
            Some((Arc::clone(name), fingerprint))
        });
        Self {
            kubeconfigs: kubeconfigs.collect(),
            files,
        }
    }

    /// The files as they are now; what could be read only once is as it was.
    pub(super) fn load_again(&self, sources: &[Source]) -> Vec<Loaded> {
        sources
            .iter()
            .flat_map(|source| self.load_source_again(source))
            .collect()
    }

    fn load_source_again(&self, source: &Source) -> Vec<Loaded> {
        let once = self
            .files
            .iter()
            .find(|file| file.nature == Nature::Once && file.is_of(source));
        match once {
            Some(file) => vec![file.clone()],
            None => load_source(source),
        }
    }
}
