//! When a leaf was written, as far as that can be known.

use std::collections::BTreeMap;

use super::{
    base::Agreed,
    leaf::{LeafHash, LeafId},
    sheet::FirstShown,
};

/// A moment, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

/// How far a server's clock is from ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideClock {
    /// The server's clock minus ours, in milliseconds.
    pub offset: i64,
    /// The true offset differs by no more than this, in milliseconds.
    pub uncertainty: i64,
}

/// When a leaf was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteTime {
    /// The moment, on the clock of the server that took the write.
    pub at: Moment,
    /// How it is known.
    pub certainty: Certainty,
}

/// How a time is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The write was seen when it came, or its time was recorded.
    Watched,
    /// It is the latest that it can have been: its manager may have written other fields since.
    Estimated,
}

/// Whether the versions of an object are seen one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// They are watched.
    #[default]
    Watched,
    /// This is the first look after a restart or an outage, which ended at that moment on the server's clock.
    AfterGap(Moment),
}

/// What is remembered of the leaves of one side that differ from the base: at most [`MOST_TIMES`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeafTimes {
    leaves: BTreeMap<LeafId, Remembered>,
    /// What a watch showed meanwhile, version by version.
    first_shown: BTreeMap<LeafId, FirstShown>,
    /// Whether what comes now was watched.
    pub sight: Sight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Remembered {
    /// The value that it has; `None` while it is missing.
    value: Option<LeafHash>,
    time: WriteTime,
    /// On what both sides had agreed when it was seen to differ.
    agreed: Option<Agreed>,
}

/// The most leaves of one side of an object whose times are remembered; what is beyond has its manager's.
pub const MOST_TIMES: usize = 64;

/// Times that are nearer to each other than this, in milliseconds, are a tie: servers write whole seconds.
pub const LEAST_UNCERTAINTY: i64 = 1000;

// === impl SideClock ===

impl SideClock {
    /// A moment of the server's clock on ours.
    pub fn to_ours(self, at: Moment) -> Moment {
        Moment(at.0.saturating_sub(self.offset))
    }

    /// A moment of our clock on the server's.
    pub fn to_theirs(self, at: Moment) -> Moment {
        Moment(at.0.saturating_add(self.offset))
    }
}

// === impl Moment ===

impl Moment {
    /// Reads a time as API servers write it (RFC 3339).
    pub fn parse(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        Some(Self(time.as_millisecond()))
    }
}

/// RFC 3339.
impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

// === impl LeafTimes ===

impl LeafTimes {
    /// The leaf `id` differs from what was `agreed` and has `value` now (`None`: it is missing). Its owner's entry says `entry`; the
    /// server's clock shows `now`. Says when it was written.
    pub fn observe(
        &mut self,
        id: LeafId,
        value: Option<LeafHash>,
        agreed: Option<Agreed>,
        (entry, now): (Option<Moment>, Moment),
    ) -> WriteTime {
        let first_shown = self.first_shown.get(&id).filter(|shown| shown.value == value);
        let watched = first_shown.map(|shown| WriteTime {
            at: shown.at,
            certainty: Certainty::Watched,
        });
        if let Some(known) = self.leaves.get_mut(&id).filter(|known| known.value == value) {
            known.agreed = agreed;
            if known.time.certainty == Certainty::Estimated {
                known.time = watched.unwrap_or(known.time);
            }
            return known.time;
        }
        let certainty = match (self.sight, entry) {
            // What is missing, and a write through `scale`, has no entry: the first sight of it is the time.
            (Sight::Watched, _) => Certainty::Watched,
            (Sight::AfterGap(since), Some(entry)) if entry >= since => Certainty::Watched,
            (Sight::AfterGap(_), _) => Certainty::Estimated,
        };
        let time = watched.unwrap_or(WriteTime {
            at: entry.unwrap_or(now),
            certainty,
        });
        if self.leaves.len() >= MOST_TIMES && !self.leaves.contains_key(&id) {
            return WriteTime {
                certainty: Certainty::Estimated,
                ..time
            };
        }
        self.leaves.insert(id, Remembered { value, time, agreed });
        time
    }

    /// A watch showed this meanwhile.
    pub fn watched(&mut self, first_shown: &BTreeMap<LeafId, FirstShown>) {
        self.first_shown.clone_from(first_shown);
    }

    /// The leaf `id` is taken out for the other side, which removed it at `time`.
    pub(super) fn taken_out(&mut self, id: LeafId, time: WriteTime) {
        if let Some(known) = self.leaves.get_mut(&id) {
            known.value = None;
            known.time = time;
        }
    }

    /// Whether the leaf `id` differed from what was `agreed` when it was last looked at: then a value that is the base's again was written
    /// since. What both sides have agreed on anew makes an end of that.
    pub fn remembers(&self, id: LeafId, agreed: Option<Agreed>) -> bool {
        self.leaves.get(&id).is_some_and(|known| known.agreed == agreed)
    }

    /// Forgets all leaves but those that still differ.
    pub fn retain(&mut self, differs: impl Fn(LeafId) -> bool) {
        self.leaves.retain(|id, _| differs(*id));
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAF: LeafId = LeafId(7);

    #[test]
    fn a_leaf_keeps_the_time_of_the_version_that_first_showed_its_value() {
        let mut times = LeafTimes::default();
        let first = times.observe(LEAF, Some(LeafHash(1)), None, (Some(Moment(5_000)), Moment(5_200)));
        assert_eq!((first.at, first.certainty), (Moment(5_000), Certainty::Watched));
        let later = times.observe(LEAF, Some(LeafHash(1)), None, (Some(Moment(9_000)), Moment(9_100)));
        assert_eq!(later, first, "its manager wrote something else");
        let edited = times.observe(LEAF, Some(LeafHash(2)), None, (Some(Moment(9_000)), Moment(9_100)));
        assert_eq!(edited.at, Moment(9_000));
    }

    #[test]
    fn a_removal_counts_from_when_it_was_first_seen() {
        let mut times = LeafTimes::default();
        assert_eq!(times.observe(LEAF, None, None, (None, Moment(5_200))).at, Moment(5_200));
        assert_eq!(times.observe(LEAF, None, None, (None, Moment(9_000))).at, Moment(5_200));
    }

    #[test]
    fn what_both_sides_agreed_on_since_is_no_write_of_before() {
        let agreed = |hash| {
            let at = Moment(1_000);
            Some(Agreed {
                hash: LeafHash(hash),
                at,
            })
        };
        let mut times = LeafTimes::default();
        times.observe(LEAF, Some(LeafHash(2)), agreed(1), (Some(Moment(5_000)), Moment(5_200)));
        assert!(times.remembers(LEAF, agreed(1)));
        assert!(!times.remembers(LEAF, agreed(2)), "the base has moved");
    }

    #[test]
    fn what_a_watch_showed_counts_before_what_is_found() {
        let mut times = LeafTimes {
            sight: Sight::AfterGap(Moment(8_000)),
            ..LeafTimes::default()
        };
        let found = times.observe(LEAF, Some(LeafHash(1)), None, (Some(Moment(7_000)), Moment(9_000)));
        assert_eq!((found.at, found.certainty), (Moment(7_000), Certainty::Estimated));
        let shown = FirstShown {
            value: Some(LeafHash(1)),
            at: Moment(5_000),
        };
        times.watched(&[(LEAF, shown)].into());
        let found = times.observe(LEAF, Some(LeafHash(1)), None, (Some(Moment(7_000)), Moment(9_000)));
        assert_eq!((found.at, found.certainty), (Moment(5_000), Certainty::Watched));
        let other = times.observe(LEAF, None, None, (None, Moment(9_500)));
        assert_eq!((other.at, other.certainty), (Moment(9_500), Certainty::Estimated));
    }

    #[test]
    fn after_a_gap_times_are_estimates_but_for_what_was_written_since() {
        let mut times = LeafTimes {
            sight: Sight::AfterGap(Moment(5_100)),
            ..LeafTimes::default()
        };
        let found = times.observe(LEAF, Some(LeafHash(1)), None, (Some(Moment(5_000)), Moment(5_200)));
        assert_eq!(found.certainty, Certainty::Estimated);
        let since = times.observe(LEAF, Some(LeafHash(2)), None, (Some(Moment(6_000)), Moment(6_200)));
        assert_eq!(since.certainty, Certainty::Watched);
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let mut times = LeafTimes::default();
        for leaf in 0..200 {
            let time = times.observe(LeafId(leaf), Some(LeafHash(1)), None, (Some(Moment(1)), Moment(2)));
            let beyond = leaf >= MOST_TIMES as u64;
            assert_eq!(time.certainty == Certainty::Estimated, beyond);
        }
        assert_eq!(times.len(), MOST_TIMES);
        times.retain(|leaf| leaf == LeafId(3));
        assert_eq!(times.len(), 1);
    }
}
