//! A span of time on the command line.

use std::time::Duration;

/// The longest: a day.
const LONGEST: u64 = 24 * 60 * 60;

/// Reads `20s`, `2m` or `1h`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time, such as 20s, 2m or 1h");
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let (digits, seconds) = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))
        .ok_or_else(wrong)?;
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let length = number.saturating_mul(seconds);
    if !(4..=LONGEST).contains(&length) {
        return Err(format!("{text:?} is out of bounds: give 4s or more, and a day at most"));
    }
    Ok(Duration::from_secs(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, seconds) in [("4s", 4), ("20s", 20), ("2m", 120), ("1h", 3600), ("24h", 86_400)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in [
            "",
            "s",
            "20",
            "-1s",
            "3s",
            "1.5m",
            "25h",
            "99999999999999999999s",
            "20 s",
        ] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }
}
