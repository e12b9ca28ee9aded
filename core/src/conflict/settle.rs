//! The table: which side has a leaf, by strategy and by who changed it.

use super::{
    time::{LEAST_UNCERTAINTY, Moment, WriteTime},
    verdict::{Why, Winner},
};
use crate::config::Strategy;

/// Who changed a leaf since both sides agreed on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Nobody,
    Upstream,
    Downstream,
    /// Both, to one value.
    Alike,
    /// Both, to different values.
    Differently,
}

/// When both sides wrote, each on our clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) upstream: WriteTime,
    pub(super) downstream: WriteTime,
    /// The sum of what both clocks may be wrong by, in milliseconds.
    pub(super) uncertainty: i64,
}

/// What becomes of a leaf: `None` where there is nothing to say, and the upstream's value goes down or is there.
pub(super) fn settle(strategy: Strategy, changed: Changed, times: Option<Times>) -> Option<(Winner, Why)> {
    match (changed, strategy) {
        (Changed::Nobody | Changed::Upstream, _) => None,
        (Changed::Alike, _) => Some((Winner::Same, Why::SameValue)),
        (Changed::Downstream, Strategy::UpstreamWins) => Some((Winner::Upstream, Why::OnlyDownstream)),
        (Changed::Downstream, Strategy::MergeChanges) => Some((Winner::Downstream, Why::OnlyDownstream)),
        (Changed::Downstream, Strategy::LastWriteWins) => Some((Winner::WrittenBack, Why::OnlyDownstream)),
        (Changed::Differently, Strategy::UpstreamWins | Strategy::MergeChanges) => {
            Some((Winner::Upstream, Why::Conflict))
        }
        (Changed::Differently, Strategy::LastWriteWins) => Some(match times {
            Some(times) => times.later(),
            None => (Winner::Upstream, Why::Tie),
        }),
    }
}

// === impl Changed ===

impl Changed {
    pub(super) fn of(upstream: bool, downstream: bool, alike: bool) -> Self {
        match (upstream, downstream) {
            (false, false) => Self::Nobody,
            (true, false) => Self::Upstream,
            (true, true) if alike => Self::Alike,
            // Taken over and set back to what it was: nothing changed.
            (false, true) if alike => Self::Nobody,
            (false, true) => Self::Downstream,
            (true, true) => Self::Differently,
        }
    }
}

// === impl Times ===

impl Times {
    fn later(self) -> (Winner, Why) {
        let Moment(upstream) = self.upstream.at;
        let Moment(downstream) = self.downstream.at;
        let apart = downstream.saturating_sub(upstream);
        if apart.saturating_abs() < self.uncertainty.max(LEAST_UNCERTAINTY) {
            return (Winner::Upstream, Why::Tie);
        }
        let winner = if apart > 0 {
            Winner::WrittenBack
        } else {
            Winner::Upstream
        };
        (winner, Why::Later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conflict::time::Certainty;

    fn times(upstream: i64, downstream: i64, uncertainty: i64) -> Times {
        let time = |at| WriteTime {
            at: Moment(at),
            certainty: Certainty::Watched,
        };
        Times {
            upstream: time(upstream),
            downstream: time(downstream),
            uncertainty,
        }
    }

    #[test]
    fn the_table_of_strategies_and_changes() {
        use Strategy::{LastWriteWins, MergeChanges, UpstreamWins};
        let up = |why| Some((Winner::Upstream, why));
        let cases = [
            (UpstreamWins, Changed::Upstream, None),
            (LastWriteWins, Changed::Upstream, None),
            (MergeChanges, Changed::Upstream, None),
            (UpstreamWins, Changed::Downstream, up(Why::OnlyDownstream)),
            (
                LastWriteWins,
                Changed::Downstream,
                Some((Winner::WrittenBack, Why::OnlyDownstream)),
            ),
            (
                MergeChanges,
                Changed::Downstream,
                Some((Winner::Downstream, Why::OnlyDownstream)),
            ),
            (UpstreamWins, Changed::Alike, Some((Winner::Same, Why::SameValue))),
            (LastWriteWins, Changed::Alike, Some((Winner::Same, Why::SameValue))),
            (MergeChanges, Changed::Alike, Some((Winner::Same, Why::SameValue))),
            (UpstreamWins, Changed::Differently, up(Why::Conflict)),
            (MergeChanges, Changed::Differently, up(Why::Conflict)),
            (LastWriteWins, Changed::Nobody, None),
        ];
        for (strategy, changed, expected) in cases {
            assert_eq!(
                settle(strategy, changed, Some(times(0, 9_000, 0))),
                expected,
                "{strategy:?} {changed:?}"
            );
        }
    }

    #[test]
    fn the_later_write_wins_and_a_tie_is_the_upstreams() {
        let cases = [
            (Some(times(0, 5_000, 0)), (Winner::WrittenBack, Why::Later)),
            (Some(times(5_000, 0, 0)), (Winner::Upstream, Why::Later)),
            (Some(times(0, 999, 0)), (Winner::Upstream, Why::Tie)),
            (Some(times(0, 1_000, 0)), (Winner::WrittenBack, Why::Later)),
            (Some(times(0, 4_000, 5_000)), (Winner::Upstream, Why::Tie)),
            (Some(times(5_000, 0, 6_000)), (Winner::Upstream, Why::Tie)),
            (None, (Winner::Upstream, Why::Tie)),
        ];
        for (times, expected) in cases {
            let found = settle(Strategy::LastWriteWins, Changed::Differently, times);
            assert_eq!(found, Some(expected), "{times:?}");
        }
    }
}
