//! Whether a target is heard, and how long it counts when it is not.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Report;

/// Whether a target is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// It was listed, and answers.
    Fresh,
    /// It was listed, and does not answer.
    Silent {
        /// When it was heard last.
        since: Timestamp,
    },
    /// It was not listed since the start of this process.
    NeverHeard {
        /// Its last known sign of life: a stored heartbeat, or the start of this process.
        since: Timestamp,
    },
}

/// How long the part of a silent target counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleAfter(pub Duration);

/// What is waited for before a status is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Waiting {
    /// No target is known that is to hold the object.
    #[error("no target is known for it")]
    NoTarget,
    /// A target was not listed since the start: a sum without it would be a partial one.
    #[error("target {target} was not listed since the start; it is waited for until {until}")]
    NeverHeard {
        /// Its name.
        target: Box<str>,
        /// Until when.
        until: Timestamp,
    },
}

/// How a target stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is heard.
    Heard,
    /// It is silent, and its part still counts.
    Kept { since: Timestamp, until: Timestamp },
    /// It has been silent for too long, and does not count.
    LeftOut { since: Timestamp },
}

// === impl StaleAfter ===

impl StaleAfter {
    /// When the part of a target that was heard last at `since` stops counting.
    pub fn deadline(self, since: Timestamp) -> Timestamp {
        let after = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        since.checked_add(after).unwrap_or(Timestamp::MAX)
    }
}

// === impl Standing ===

impl Standing {
    pub(super) fn counts(self) -> bool {
        !matches!(self, Self::LeftOut { .. })
    }
}

/// How each of `reports`, sorted by target, stands at `now`.
pub(super) fn judge(reports: &[Report<'_>], stale_after: StaleAfter, now: Timestamp) -> Result<Vec<Standing>, Waiting> {
    if reports.is_empty() {
        return Err(Waiting::NoTarget);
    }
    reports
        .iter()
        .map(|report| match report.voice {
            Voice::Fresh => Ok(Standing::Heard),
            Voice::Silent { since } | Voice::NeverHeard { since } if now >= stale_after.deadline(since) => {
                Ok(Standing::LeftOut { since })
            }
            Voice::Silent { since } => Ok(Standing::Kept {
                since,
                until: stale_after.deadline(since),
            }),
            Voice::NeverHeard { since } => Err(Waiting::NeverHeard {
                target: report.target.into(),
                until: stale_after.deadline(since),
            }),
        })
        .collect()
}
