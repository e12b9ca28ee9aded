//! The annotation on an upstream object that says which leaves were written back: by which target, and when they were written there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{leaf::LeafHash, time::Moment};

/// Annotation on upstream objects: the [`WrittenBack`].
pub const WRITTEN_BACK_ANNOTATION: &str = "workload.kcp.io/written-back";

/// Which leaves were written back, by their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrittenBack(BTreeMap<String, OriginalWrite>);

/// The write at a target that a leaf comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalWrite {
    /// The target.
    pub target: String,
    /// When it was written there (RFC 3339), on our clock: a write does not get younger by travelling.
    pub time: String,
    /// A hash of the value, keyed for Secrets: what was written back once is not written back again.
    pub hash: String,
}

/// The most leaves of one object that are named; the oldest make room.
const MOST: usize = 64;
/// What is longer was not written by us.
const LONGEST: usize = 64 * 1024;

// === impl WrittenBack ===

impl WrittenBack {
    /// Reads the annotation. Anything else says nothing.
    pub fn parse(annotation: &str) -> Self {
        if annotation.len() > LONGEST {
            return Self::default();
        }
        serde_json::from_str(annotation).unwrap_or_default()
    }

    /// The compact JSON that is stored.
    pub fn to_annotation(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The write that the leaf at `path` comes from.
    pub fn get(&self, path: &str) -> Option<&OriginalWrite> {
        self.0.get(path)
    }

    /// Whether nothing was written back.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The leaf at `path` is written back.
    pub(super) fn record(&mut self, path: String, write: OriginalWrite) {
        self.0.insert(path, write);
        while self.0.len() > MOST {
            let oldest = self.0.iter().min_by(|(_, one), (_, other)| one.time.cmp(&other.time));
            let Some(oldest) = oldest.map(|(path, _)| path.clone()) else {
                return;
            };
            self.0.remove(&oldest);
        }
    }

    /// Forgets the leaves that somebody else has taken.
    pub(super) fn retain(&mut self, stays: impl Fn(&str) -> bool) {
        self.0.retain(|path, _| stays(path));
    }
}

// === impl OriginalWrite ===

impl OriginalWrite {
    pub(super) fn new(target: &str, at: Moment, value: Option<LeafHash>) -> Self {
        Self {
            target: target.to_owned(),
            time: at.to_string(),
            hash: hash_text(value),
        }
    }

    /// When it was written.
    pub fn at(&self) -> Option<Moment> {
        Moment::parse(&self.time)
    }

    /// Whether this is what was written back; `None` for a removal.
    pub(super) fn is_value(&self, value: Option<LeafHash>) -> bool {
        self.hash == hash_text(value)
    }

    pub(super) fn is_of(&self, target: &str, value: Option<LeafHash>) -> bool {
        self.target == target && self.is_value(value)
    }
}

fn hash_text(value: Option<LeafHash>) -> String {
    value.map_or_else(String::new, |hash| format!("{hash:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_back_survives_its_annotation() {
        let mut written = WrittenBack::default();
        let write = OriginalWrite::new("east", Moment(1_795_000_000_500), Some(LeafHash(7)));
        written.record("spec.replicas".to_owned(), write.clone());
        let text = written.to_annotation().unwrap();
        assert_eq!(
            text,
            r#"{"spec.replicas":{"target":"east","time":"2026-11-18T11:06:40.5Z","hash":"0000000007"}}"#
        );
        assert_eq!(WrittenBack::parse(&text), written);
        assert_eq!(write.at(), Some(Moment(1_795_000_000_500)));
    }

    #[test]
    fn garbage_says_nothing_and_there_is_an_end_to_it() {
        for text in ["", "[]", "{\"a\":1}", &"x".repeat(100_000)] {
            assert!(WrittenBack::parse(text).is_empty());
        }
        let mut written = WrittenBack::default();
        for leaf in 0..100 {
            written.record(
                format!("data.k{leaf}"),
                OriginalWrite::new("east", Moment(leaf * 1000), None),
            );
        }
        assert_eq!(written.0.len(), MOST);
        assert!(written.get("data.k0").is_none() && written.get("data.k99").is_some());
    }
}
