//! Medians, percentiles and lines of the report.

use std::{fmt::Display, time::Duration};

/// One line of the report.
pub(crate) fn tell(what: &str, value: impl Display) {
    println!("{what:<76} {value}");
}

/// The middle of several runs.
pub(crate) fn median(runs: &[f64]) -> f64 {
    let mut runs = runs.to_vec();
    runs.sort_by(f64::total_cmp);
    runs.get(runs.len() / 2).copied().unwrap_or_default()
}

/// The middle of several runs, and all of them.
pub(crate) fn median_of(runs: &[f64], decimals: usize) -> String {
    let all: Vec<_> = runs.iter().map(|run| format!("{run:.decimals$}")).collect();
    format!("{:.decimals$} of {}", median(runs), all.join(", "))
}

/// Median, 99th percentile and the longest, in milliseconds.
pub(crate) fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |hundredths: usize| {
        let index = (times.len() * hundredths / 100).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    };
    let count = times.len();
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms of {count}",
        at(50),
        at(99),
        at(100)
    )
}

/// A count as a number to divide.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) fn number(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}
