//! How an object stands on a target, and how many stand how.

use std::fmt;

/// How an object stands on a target; each one is in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectState {
    /// The target holds what is wanted.
    Synced,
    /// A write or a delete is due, in flight, or waits for its turn.
    Pending,
    /// The last try failed; it is tried again.
    Failed,
    /// Both sides changed it and no strategy settles that, or somebody else's object is in the way.
    Conflicted,
    /// Whether it is wanted cannot be told; what the target holds stays.
    Unknown,
    /// Its deletion waits for a person to confirm it (S3).
    Held,
    /// A person asked for nothing to be written to it.
    Paused,
}

/// How many objects of a target are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectCounts([u64; ObjectState::ALL.len()]);

// === impl ObjectState ===

impl ObjectState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Synced,
        Self::Pending,
        Self::Failed,
        Self::Conflicted,
        Self::Unknown,
        Self::Held,
        Self::Paused,
    ];

    /// The word in metrics and in `status.objects`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Conflicted => "conflicted",
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::Paused => "paused",
        }
    }

    /// Whether the upstream wants an object in this state on the target.
    pub fn is_desired(self) -> bool {
        match self {
            Self::Synced | Self::Pending | Self::Failed | Self::Conflicted | Self::Paused => true,
            Self::Unknown | Self::Held => false,
        }
    }
}

impl fmt::Display for ObjectState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl ObjectCounts ===

impl ObjectCounts {
    /// An object moved from one state to another; `None` where it entered or left.
    pub fn moved(&mut self, from: Option<ObjectState>, to: Option<ObjectState>) {
        if let Some(count) = from.and_then(|state| self.0.get_mut(state as usize)) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = to.and_then(|state| self.0.get_mut(state as usize)) {
            *count += 1;
        }
    }

    /// Adds those of `other`.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    /// How many are in `state`.
    pub fn of(&self, state: ObjectState) -> u64 {
        self.0.get(state as usize).copied().unwrap_or_default()
    }

    /// How many the upstream wants on the target.
    pub fn desired(&self) -> u64 {
        let desired = ObjectState::ALL.into_iter().filter(|state| state.is_desired());
        desired.map(|state| self.of(state)).sum()
    }
}

/// Counts objects by their states.
impl FromIterator<ObjectState> for ObjectCounts {
    fn from_iter<I: IntoIterator<Item = ObjectState>>(states: I) -> Self {
        let mut counts = Self::default();
        for state in states {
            counts.moved(None, Some(state));
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_desired_is_the_sum_of_what_is_wanted_there() {
        let counts = ObjectCounts::from_iter(ObjectState::ALL);
        assert_eq!(counts.desired(), 5);
        for state in ObjectState::ALL {
            assert_eq!(counts.of(state), 1, "{state}");
        }
    }

    #[test]
    fn counts_do_not_wrap_below_nothing() {
        let mut counts = ObjectCounts::default();
        counts.moved(Some(ObjectState::Failed), None);
        assert_eq!(counts, ObjectCounts::default());
    }

    proptest! {
        /// However objects move, the counts are those of the states that they are in.
        #[test]
        fn counts_follow_the_objects(moves in prop::collection::vec((0_usize..9, 0_usize..8), 0..100)) {
            let mut objects = [None; 9];
            let mut counts = ObjectCounts::default();
            for (object, to) in moves {
                let to = ObjectState::ALL.get(to).copied();
                counts.moved(objects[object], to);
                objects[object] = to;
            }
            prop_assert_eq!(counts, objects.into_iter().flatten().collect());
        }
    }
}
