//! What of the verdicts is new, and what is told and counted of each.

use syncer_core::{
    conflict::{Verdict, Why, Winner},
    event_reason::EventReason,
};

use crate::metrics;

/// Whether two verdicts say the same of the same values: an estimate that moves on is no news.
pub(crate) fn same_verdict(one: &Verdict, other: &Verdict) -> bool {
    one.leaf == other.leaf
        && one.winner == other.winner
        && one.why == other.why
        && one.upstream.value == other.upstream.value
        && one.downstream.value == other.downstream.value
        && one.downstream.manager == other.downstream.manager
}

/// Whether `target` only goes on from what it wrote back last: with an autoscaler that nobody opposes, nobody fights.
pub(super) fn is_successor(verdict: &Verdict, target: &str) -> bool {
    verdict.winner == Winner::WrittenBack && verdict.upstream.target.as_deref() == Some(target)
}

/// Whether a verdict takes back, or writes upstream, what somebody did at the target.
pub(super) fn is_act(verdict: &Verdict) -> bool {
    matches!(verdict.winner, Winner::Upstream | Winner::WrittenBack)
}

/// Whether a verdict lets the target have what somebody did there.
pub(super) fn is_kept(verdict: &Verdict) -> bool {
    verdict.winner == Winner::Downstream && matches!(verdict.why, Why::OnlyDownstream | Why::Foreign)
}

/// What a verdict counts as, if it does, and the reason of the Event that tells of it, if people are told.
pub(crate) fn told(verdict: &Verdict) -> (Option<metrics::Verdict>, Option<EventReason>) {
    let counted = match (verdict.winner, verdict.why) {
        // Counted when it was noticed.
        (_, Why::Fight) => return (None, None),
        (Winner::Same, _) => metrics::Verdict::Same,
        (_, Why::Tie) => metrics::Verdict::Tie,
        (Winner::Upstream, Why::Foreign) => metrics::Verdict::ForeignRemoved,
        (Winner::Downstream, Why::Foreign) => metrics::Verdict::ForeignKept,
        (Winner::Upstream, _) => metrics::Verdict::Upstream,
        (Winner::Downstream, _) => metrics::Verdict::Downstream,
        (Winner::WrittenBack, _) => metrics::Verdict::WrittenBack,
    };
    let reason = match (verdict.winner, verdict.why) {
        _ if verdict.is_conflict() => Some(EventReason::Conflict),
        (Winner::Upstream, _) => Some(EventReason::DriftReverted),
        _ => None,
    };
    (Some(counted), reason)
}
