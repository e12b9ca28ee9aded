//! How far a server's clock is from ours, measured in passing from the `Date` of its answers.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

/// The server's clock minus ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// To be added to our time to get the server's.
    pub offset: SignedDuration,
    /// The true offset differs from `offset` by no more than this.
    pub uncertainty: Duration,
}

/// Narrows the offset down: each answer bounds it from both sides, and the bounds of many intersect.
#[derive(Debug, Default)]
pub(crate) struct OffsetMeter {
    bounds: Option<Bounds>,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    low: SignedDuration,
    high: SignedDuration,
    at: SystemTime,
}

/// Clocks drift: old bounds widen by this much per second.
const DRIFT: f64 = 1e-4;

// === impl OffsetMeter ===

impl OffsetMeter {
    /// An answer carried `date`, in whole seconds; the request was sent at `sent` and the answer arrived at `arrived`.
    pub(crate) fn observe(&mut self, date: Timestamp, sent: SystemTime, arrived: SystemTime) {
        let (Ok(sent_at), Ok(arrived_at)) = (Timestamp::try_from(sent), Timestamp::try_from(arrived)) else {
            return;
        };
        // The server read its clock between the two, and cut off what is below a second.
        let new = Bounds {
            low: date.duration_since(arrived_at),
            high: date.duration_since(sent_at) + SignedDuration::from_secs(1),
            at: arrived,
        };
        if new.low > new.high {
            return; // our clock went backwards meanwhile
        }
        let old = self.bounds.map(|old| old.widened(arrived));
        let both = old.map_or(new, |old| Bounds {
            low: old.low.max(new.low),
            high: old.high.min(new.high),
            at: arrived,
        });
        // Without a common point one of the clocks has jumped, and what was known is void.
        self.bounds = Some(if both.low <= both.high { both } else { new });
    }

    pub(crate) fn offset(&self, now: SystemTime) -> Option<ClockOffset> {
        let bounds = self.bounds?.widened(now);
        let half = (bounds.high - bounds.low) / 2;
        Some(ClockOffset {
            offset: bounds.low + half,
            uncertainty: half.unsigned_abs(),
        })
    }
}

// === impl Bounds ===

impl Bounds {
    fn widened(self, now: SystemTime) -> Self {
        let age = now.duration_since(self.at).unwrap_or_default();
        let by = SignedDuration::try_from(age.mul_f64(DRIFT)).unwrap_or(SignedDuration::MAX);
        Self {
            low: self.low.saturating_sub(by),
            high: self.high.saturating_add(by),
            at: self.at.max(now),
        }
    }
}

/// The `Date` of an answer, such as `Mon, 23 Nov 2026 09:00:00 GMT`.
pub(crate) fn parse_date(header: &http::HeaderValue) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(header.to_str().ok()?)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> SystemTime {
        SystemTime::from(Timestamp::from_millisecond(1_795_000_000_000 + millis).unwrap())
    }

    fn seen(millis: i64) -> Timestamp {
        Timestamp::from_second((1_795_000_000_000 + millis).div_euclid(1000)).unwrap()
    }

    #[test]
    fn the_offset_is_within_its_uncertainty_and_narrows_with_more_answers() {
        for true_offset in [-90_000_i64, -400, 0, 250, 3_700] {
            let mut meter = OffsetMeter::default();
            let mut last = Duration::MAX;
            for n in 0..50 {
                let sent = n * 137;
                meter.observe(seen(sent + 10 + true_offset), at(sent), at(sent + 20));
                let found = meter.offset(at(sent + 20)).unwrap();
                let error = (found.offset - SignedDuration::from_millis(true_offset)).unsigned_abs();
                assert!(error <= found.uncertainty, "{true_offset}: {found:?}");
                last = found.uncertainty;
            }
            assert!(last < Duration::from_millis(60), "{true_offset}: {last:?}");
        }
    }

    #[test]
    fn a_clock_that_jumps_is_followed() {
        let mut meter = OffsetMeter::default();
        meter.observe(seen(0), at(0), at(20));
        meter.observe(seen(3_600_000), at(1_000), at(1_020));
        let found = meter.offset(at(1_020)).unwrap();
        assert!((found.offset.as_secs() - 3_599).abs() <= 1, "{found:?}");
    }

    #[test]
    fn an_old_measurement_is_less_certain() {
        let mut meter = OffsetMeter::default();
        meter.observe(seen(0), at(0), at(20));
        let fresh = meter.offset(at(20)).unwrap().uncertainty;
        assert!(meter.offset(at(3_600_000)).unwrap().uncertainty > fresh + Duration::from_millis(300));
    }

    #[test]
    fn dates_are_read_as_servers_write_them() {
        let date = parse_date(&http::HeaderValue::from_static("Mon, 23 Nov 2026 09:00:00 GMT")).unwrap();
        assert_eq!(date.to_string(), "2026-11-23T09:00:00Z");
        assert_eq!(parse_date(&http::HeaderValue::from_static("yesterday")), None);
    }
}
