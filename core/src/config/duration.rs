//! Durations as people write them: `100ms`, `5m`, `1h30m`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration in Go's notation, as Kubernetes documents carry it. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigDuration(pub Duration);

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration: use a form such as 100ms, 5m or 1h30m")]
pub struct DurationError(String);

const UNITS: [(&str, u64); 6] = [
    // Longer names first: "ms" ends in "s".
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Nanoseconds of `text`; `None` if it is no duration, or too long a one.
fn nanoseconds(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits)?;
        let (unit, size) = UNITS
            .iter()
            .filter(|(unit, _)| after.starts_with(unit))
            .max_by_key(|(unit, _)| unit.len())?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        rest = after.strip_prefix(unit)?;
    }
    (!text.is_empty()).then_some(total)
}

impl FromStr for ConfigDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let nanoseconds = nanoseconds(text).ok_or_else(|| DurationError(text.to_owned()))?;
        Ok(Self(Duration::from_nanos(nanoseconds)))
    }
}

impl fmt::Display for ConfigDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_nanos();
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in UNITS.iter().rev() {
            let count = left / u128::from(*size);
            left %= u128::from(*size);
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for ConfigDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for ConfigDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_writes_them() {
        let cases = [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("100ms", Some(100)),
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("2m3s4ms", Some(123_004)),
            ("", None),
            ("5", None),
            ("m", None),
            ("-5m", None),
            ("1.5h", None),
            ("5 m", None),
            ("5mm", None),
            ("99999999999999h", None),
        ];
        for (text, milliseconds) in cases {
            let read = text
                .parse::<ConfigDuration>()
                .ok()
                .map(|duration| duration.0.as_millis());
            assert_eq!(read, milliseconds, "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in ["0s", "100ms", "5m", "1h30m", "1h1m1s1ms1us1ns"] {
            assert_eq!(
                text.parse::<ConfigDuration>().map(|duration| duration.to_string()),
                Ok(text.to_owned())
            );
        }
    }
}
