//! How often others write an object, and when the next of their writes is to be expected: a status that is written over a version just
//! before somebody replaces it comes back as a conflict.
//!
//! An optimistic write is safe for as long as nobody else writes between what we saw and what the API server has. Right after a version was seen
//! that time is longest. So a write that falls into the time at which the next edit is due waits for that edit, or for the end of that time.

use std::time::Duration;

/// Rarer edits than these are no rhythm.
const LONGEST: Duration = Duration::from_secs(2);
/// How far off an edit may be: this part of the time between two, within these bounds.
const PART: u32 = 8;
const MARGIN: (Duration, Duration) = (Duration::from_millis(15), Duration::from_millis(50));
/// After an edit at least this part of the time until the next is free.
const FREE: u32 = 4;

/// When somebody else wrote an object last, and how long after the time before. Times are milliseconds of the board's own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rhythm {
    now: Beat,
    /// What `now` was before, for a version that turns out to be our own.
    before: Beat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Beat {
    last: u32,
    /// Zero: there is no rhythm.
    gap: u16,
}

// === impl Rhythm ===

impl Rhythm {
    /// A version was seen at `at`.
    pub(super) fn seen(&mut self, at: Duration) {
        let at = millis(at);
        self.before = self.now;
        let gap = u16::try_from(at.wrapping_sub(self.now.last)).unwrap_or(0);
        // The first version is no repetition.
        let gap = if self.now.last == 0 { 0 } else { gap };
        self.now = Beat { last: at.max(1), gap };
    }

    /// The version seen last was made by our own write: its answer came after it.
    pub(super) fn was_ours(&mut self) {
        self.now = self.before;
    }

    /// How long a write had better wait at `at`; an edit that comes first ends that.
    pub(super) fn wait(self, at: Duration) -> Option<Duration> {
        let gap = Duration::from_millis(self.now.gap.into());
        if gap.is_zero() || gap > LONGEST {
            return None;
        }
        let since = Duration::from_millis(millis(at).wrapping_sub(self.now.last).into());
        let margin = (gap / PART).clamp(MARGIN.0, MARGIN.1);
        let (from, until) = (gap.saturating_sub(margin).max(gap / FREE), gap + margin);
        (from..until).contains(&since).then(|| until.saturating_sub(since))
    }
}

/// Wraps after seven weeks: only differences count.
fn millis(at: Duration) -> u32 {
    u32::try_from(at.as_millis() & u128::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Edits at these times.
    fn edited(times: &[u64]) -> Rhythm {
        let mut rhythm = Rhythm::default();
        for at in times {
            rhythm.seen(ms(*at));
        }
        rhythm
    }

    #[test]
    fn a_write_keeps_clear_of_the_next_edit() {
        let cases = [
            ("nobody edits it", &[][..], 500, None),
            ("one edit", &[100], 101, None),
            ("right after an edit", &[100, 120], 124, None),
            ("fifty a second, the next is near", &[100, 120], 125, Some(30)),
            ("fifty a second, the next is late", &[100, 120], 150, Some(5)),
            ("fifty a second, and it is over", &[100, 120], 155, None),
            ("two hundred a second", &[100, 105], 107, Some(18)),
            ("two hundred a second, right after", &[100, 105], 106, None),
            ("one a second, long before the next", &[1_000, 2_000], 2_940, None),
            ("one a second, the next is near", &[1_000, 2_000], 2_950, Some(100)),
            ("one in three seconds", &[1_000, 4_000], 7_000, None),
        ];
        for (what, times, at, expected) in cases {
            assert_eq!(edited(times).wait(ms(at)), expected.map(ms), "{what}");
        }
    }

    #[test]
    fn our_own_version_is_no_edit() {
        let mut rhythm = edited(&[1_000, 2_000, 2_500]);
        rhythm.was_ours();
        assert_eq!(
            rhythm,
            Rhythm {
                before: rhythm.before,
                ..edited(&[1_000, 2_000])
            }
        );
        assert_eq!(rhythm.wait(ms(2_990)), Some(ms(60)));
    }

    #[test]
    fn the_count_may_wrap() {
        let seven_weeks = u64::from(u32::MAX) + 1;
        let rhythm = edited(&[seven_weeks - 10, seven_weeks + 10]);
        assert_eq!(rhythm.wait(ms(seven_weeks + 30)), Some(ms(15)));
    }
}
