//! The base: per leaf, on which value both sides last agreed, and when that was. It is kept with the downstream object.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use super::{
    leaf::{LeafHash, LeafId, MASK},
    time::Moment,
};
use crate::identity::Gvr;

/// Hashes of what was agreed on, by leaf. No value can be read from it, and none guessed where the hashes are keyed (S8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base(BTreeMap<LeafId, Agreed>);

/// What was agreed on for one leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The value that was applied.
    pub hash: LeafHash,
    /// When, on our clock, in whole seconds.
    pub at: Moment,
}

/// Why a base cannot be kept: such an object is synced by `UpstreamWins`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its fields take {bytes} bytes to remember, and {limit} are allowed")]
pub struct TooLarge {
    /// What it would take.
    pub bytes: usize,
    /// What may be taken.
    pub limit: usize,
}

/// The form that is written. Raised when the meaning of a hash or id changes: another one says nothing.
const VERSION: u8 = 1;
/// Bytes of an id or a hash.
const WIDTH: usize = 5;
/// Controllers copy the annotations of these into every object that they make, and many of those are kept.
const COPIED_LIMIT: usize = 4 * 1024;
/// All others.
const LIMIT: usize = 32 * 1024;

// === impl Base ===

impl Base {
    /// The most bytes that a base may take with an object of `gvr`.
    pub fn limit(gvr: &Gvr) -> usize {
        let copied = matches!(
            (gvr.group(), gvr.resource()),
            ("apps", "deployments" | "statefulsets" | "daemonsets") | ("batch", "cronjobs" | "jobs")
        );
        if copied { COPIED_LIMIT } else { LIMIT }
    }

    /// What was agreed on for `leaf`; `None` if neither side ever had it, or nothing is known.
    pub fn get(&self, leaf: LeafId) -> Option<Agreed> {
        self.0.get(&leaf).copied()
    }

    /// The leaves that it knows.
    pub(super) fn leaves(&self) -> impl Iterator<Item = LeafId> {
        self.0.keys().copied()
    }

    /// How many leaves it knows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This base without `leaves`; `None` if it knows none of them.
    pub(super) fn without(&self, leaves: &[LeafId]) -> Option<Self> {
        let mut base = self.clone();
        base.0.retain(|leaf, _| !leaves.contains(leaf));
        (base.0.len() < self.0.len()).then_some(base)
    }

    /// This base, where each of `leaves` that it knows is one that the target does not take; `None` if it says so already.
    pub(super) fn with_untaken(&self, leaves: &[LeafId]) -> Option<Self> {
        let mut base = self.clone();
        for leaf in leaves {
            if let Some(agreed) = base.0.get_mut(leaf) {
                agreed.hash = LeafHash::UNTAKEN;
            }
        }
        (base != *self).then_some(base)
    }

    pub(super) fn agree(&mut self, leaf: LeafId, agreed: Agreed) {
        self.0.insert(leaf, agreed);
    }

    /// Reads what [`Self::encode`] wrote. Another version, or anything else, is `None`: nothing is known.
    pub fn decode(text: &str) -> Option<Self> {
        // What is longer was never written by us, and is not worth the memory.
        if text.len() > LIMIT {
            return None;
        }
        let bytes = STANDARD_NO_PAD.decode(text).ok()?;
        let (version, mut rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut leaves = BTreeMap::new();
        while !rest.is_empty() {
            let seconds = i64::try_from(take(&mut rest, WIDTH)?).ok()?;
            let at = Moment(seconds.checked_mul(1000)?);
            for _ in 0..take(&mut rest, 2)? {
                let id = LeafId(take(&mut rest, WIDTH)?);
                let hash = LeafHash(take(&mut rest, WIDTH)?);
                leaves.insert(id, Agreed { hash, at });
            }
        }
        Some(Self(leaves))
    }

    /// The text that is kept: leaves grouped by time, in one fixed order, so that an equal base is an equal text.
    pub fn encode(&self, limit: usize) -> Result<String, TooLarge> {
        let mut groups: BTreeMap<i64, Vec<(LeafId, LeafHash)>> = BTreeMap::new();
        for (id, agreed) in &self.0 {
            let seconds = agreed.at.0.div_euclid(1000).max(0);
            groups.entry(seconds).or_default().push((*id, agreed.hash));
        }
        let mut bytes = vec![VERSION];
        for (seconds, leaves) in &groups {
            for part in leaves.chunks(usize::from(u16::MAX)) {
                put(&mut bytes, seconds.unsigned_abs() & MASK, WIDTH);
                put(&mut bytes, part.len() as u64, 2);
                for (id, hash) in part {
                    put(&mut bytes, id.0, WIDTH);
                    put(&mut bytes, hash.0, WIDTH);
                }
            }
        }
        let text = STANDARD_NO_PAD.encode(bytes);
        if text.len() > limit {
            let bytes = text.len();
            return Err(TooLarge { bytes, limit });
        }
        Ok(text)
    }
}

impl FromIterator<(LeafId, Agreed)> for Base {
    fn from_iter<I: IntoIterator<Item = (LeafId, Agreed)>>(leaves: I) -> Self {
        Self(leaves.into_iter().collect())
    }
}

fn put(bytes: &mut Vec<u8>, number: u64, width: usize) {
    bytes.extend(number.to_le_bytes().into_iter().take(width));
}

fn take(bytes: &mut &[u8], width: usize) -> Option<u64> {
    let (number, rest) = bytes.split_at_checked(width)?;
    *bytes = rest;
    Some(
        number
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base(leaves: impl IntoIterator<Item = (u64, u64, i64)>) -> Base {
        let leaf = |(id, hash, seconds): (u64, u64, i64)| {
            let at = Moment(seconds * 1000);
            (
                LeafId(id & MASK),
                Agreed {
                    hash: LeafHash(hash & MASK),
                    at,
                },
            )
        };
        leaves.into_iter().map(leaf).collect()
    }

    #[test]
    fn a_base_above_its_limit_is_refused_with_its_size() {
        let deployments = Gvr::new("apps", "v1", "deployments");
        let fits = base((0..290).map(|leaf| (leaf, leaf, 1)));
        assert!(fits.encode(Base::limit(&deployments)).unwrap().len() <= 4096);
        let error = base((0..400).map(|leaf| (leaf, leaf, 1)))
            .encode(Base::limit(&deployments))
            .unwrap_err();
        assert_eq!((error.limit, error.bytes > 4096), (4096, true));
        let maps = Gvr::new("", "v1", "configmaps");
        assert!(
            base((0..2000).map(|leaf| (leaf, leaf, 1)))
                .encode(Base::limit(&maps))
                .is_ok()
        );
    }

    #[test]
    fn what_is_no_base_says_nothing() {
        for text in ["", "x", "AA", "Ag", "AQAA", "!!!!", &"A".repeat(40_000)] {
            assert_eq!(Base::decode(text), None, "{text}");
        }
    }

    #[test]
    fn the_text_is_the_same_for_ever() {
        let text = base([(1, 2, 1_795_000_000), (3, 4, 1_795_000_000)])
            .encode(100)
            .unwrap();
        assert_eq!(text, "AcCG/WoAAgABAAAAAAIAAAAAAwAAAAAEAAAAAA");
    }

    proptest! {
        #[test]
        fn a_base_survives_its_text(leaves in prop::collection::vec((any::<u64>(), any::<u64>(), 0_i64..4_000_000_000), 0..100)) {
            let base = base(leaves);
            let text = base.encode(usize::MAX).unwrap();
            prop_assert_eq!(Base::decode(&text), Some(base));
        }

        #[test]
        fn whatever_is_read_does_no_harm(text in "[A-Za-z0-9+/]{0,200}") {
            let _ = Base::decode(&format!("AQ{text}"));
        }
    }
}
