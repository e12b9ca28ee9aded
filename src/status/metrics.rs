//! What the metrics of a running syncer say about targets, conflicts and lag.

use std::collections::BTreeMap;

use super::report::{Conflicts, Lag, Report};

/// A line of `OpenMetrics` text.
#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, String>,
    value: f64,
}

/// Puts what the text `metrics` says into `report`, and returns how many of its lines were understood.
pub(super) fn add(report: &mut Report, metrics: &str) -> usize {
    let mut waits: BTreeMap<(String, String), Buckets> = BTreeMap::new();
    let mut understood = 0;
    for sample in metrics.lines().filter_map(Sample::parse) {
        understood += 1;
        let of = |label: &str| sample.labels.get(label).cloned().unwrap_or_default();
        match sample.name {
            "tmc_syncer_objects" => {
                let target = report.target(&of("target"));
                target.objects.insert(of("state"), sample.count());
            }
            "tmc_syncer_drift_total" => {
                let target = report.target(&of("target"));
                target.drift.insert(of("action"), sample.count());
            }
            "tmc_syncer_target_reachable" => report.target(&of("target")).reachable = Some(sample.value > 0.0),
            "tmc_syncer_conflicts_total" if sample.count() > 0 => report.conflicts.push(Conflicts {
                strategy: of("strategy"),
                verdict: of("verdict"),
                count: sample.count(),
            }),
            "tmc_syncer_actors" => {
                if let Some(syncer) = &mut report.syncer {
                    syncer.actors.insert(of("kind"), sample.count());
                }
            }
            "tmc_syncer_actor_restarts_total" => {
                if let Some(syncer) = &mut report.syncer {
                    syncer.restarts += sample.count();
                }
            }
            "tmc_syncer_propagation_duration_seconds_bucket" => {
                waits
                    .entry((of("direction"), of("stage")))
                    .or_default()
                    .add(&of("le"), sample.count());
            }
            "tmc_syncer_status_lag_seconds_bucket" => {
                let way = ("status".to_owned(), String::new());
                waits.entry(way).or_default().add(&of("le"), sample.count());
            }
            _ => {}
        }
    }
    let lags = waits.into_iter().filter_map(|((way, stage), buckets)| {
        let count = buckets.total();
        (count > 0).then(|| Lag {
            way,
            stage,
            count,
            p50_seconds: buckets.quantile(0.5),
            p99_seconds: buckets.quantile(0.99),
        })
    });
    report.lag.extend(lags);
    report
        .conflicts
        .sort_by(|one, other| (&one.strategy, &one.verdict).cmp(&(&other.strategy, &other.verdict)));
    understood
}

/// The buckets of a histogram: upper bound in seconds, and how many were at most that.
#[derive(Debug, Default)]
struct Buckets(Vec<(f64, u64)>);

// === impl Buckets ===

impl Buckets {
    fn add(&mut self, bound: &str, count: u64) {
        if let Ok(bound) = bound.parse::<f64>()
            && !bound.is_nan()
        {
            self.0.push((bound, count));
        }
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| *count).max().unwrap_or(0)
    }

    /// The bound of the first bucket that holds the share `part` of all; none where only the last, endless one does.
    fn quantile(&self, part: f64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a share of a count")]
        let rank = self.total() as f64 * part;
        let mut bounds = self.0.clone();
        bounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        #[expect(clippy::cast_precision_loss, reason = "a share of a count")]
        let reached = bounds.into_iter().find(|(_, count)| *count as f64 >= rank);
        reached.map(|(bound, _)| bound).filter(|bound| bound.is_finite())
    }
}

// === impl Sample ===

impl<'a> Sample<'a> {
    /// None for comments, and for what is no sample.
    fn parse(line: &'a str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (head, value) = match line.find('}') {
            Some(_) => {
                let end = end_of_labels(line)?;
                (line.get(..=end)?, line.get(end + 1..)?)
            }
            None => line.split_once(' ')?,
        };
        let value = value.split_whitespace().next()?.parse().ok()?;
        let (name, labels) = match head.split_once('{') {
            Some((name, labels)) => (name, parse_labels(labels.strip_suffix('}')?)?),
            None => (head, BTreeMap::new()),
        };
        Some(Self { name, labels, value })
    }

    /// A count: never negative, and no fraction.
    fn count(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast saturates, and nan becomes zero"
        )]
        let count = self.value as u64;
        count
    }
}

/// Where the brace is that ends the labels: one within quotes does not.
fn end_of_labels(line: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, sign) in line.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn parse_labels(mut text: &str) -> Option<BTreeMap<&str, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut signs = rest.char_indices();
        let end = loop {
            match signs.next()? {
                (at, '"') => break at,
                (_, '\\') => match signs.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, sign) => value.push(sign),
            }
        };
        labels.insert(name.trim(), value);
        text = rest.get(end + 1..)?.trim_start_matches(',');
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_and_nonsense_is_passed_over() {
        let cases = [
            ("a 1", Some(("a", vec![], 1.0))),
            ("a{} 2.5 1700000000", Some(("a", vec![], 2.5))),
            (
                r#"a{b="c",d="e}\"f"} 3"#,
                Some(("a", vec![("b", "c"), ("d", "e}\"f")], 3.0)),
            ),
            ("# HELP a b", None),
            ("a", None),
            ("a one", None),
            (r#"a{b="c 1"#, None),
            ("a{b} 1", None),
            ("}{ 1", None),
            ("", None),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|(name, labels, value)| Sample {
                name,
                labels: labels
                    .into_iter()
                    .map(|(name, value): (&str, &str)| (name, value.to_owned()))
                    .collect(),
                value,
            });
            assert_eq!(Sample::parse(line), expected, "{line}");
        }
    }

    #[test]
    fn targets_conflicts_and_lag_are_shown() {
        let text = r#"
# TYPE tmc_syncer_objects gauge
tmc_syncer_objects{target="east",state="synced"} 7
tmc_syncer_objects{target="east",state="held"} -3
tmc_syncer_target_reachable{target="west"} 0
tmc_syncer_drift_total{target="east",action="reverted"} 2
tmc_syncer_conflicts_total{strategy="upstream_wins",verdict="upstream"} 4
tmc_syncer_conflicts_total{strategy="upstream_wins",verdict="tie"} 0
tmc_syncer_propagation_duration_seconds_bucket{direction="down",stage="applied",le="0.1"} 50
tmc_syncer_propagation_duration_seconds_bucket{direction="down",stage="applied",le="1.0"} 99
tmc_syncer_propagation_duration_seconds_bucket{direction="down",stage="applied",le="+Inf"} 100
tmc_syncer_status_lag_seconds_bucket{le="0.5"} 0
tmc_syncer_status_lag_seconds_bucket{le="+Inf"} 1
# EOF"#;
        let mut report = Report::default();
        assert_eq!(add(&mut report, text), 11);
        let east = report.target("east");
        assert_eq!((east.objects["synced"], east.objects["held"]), (7, 0));
        assert_eq!(east.drift["reverted"], 2);
        assert_eq!(report.target("west").reachable, Some(false));
        assert_eq!(report.conflicts.len(), 1);
        let lag: Vec<_> = report
            .lag
            .iter()
            .map(|lag| (lag.way.as_str(), lag.count, lag.p50_seconds, lag.p99_seconds))
            .collect();
        assert_eq!(lag, [("down", 100, Some(0.1), Some(1.0)), ("status", 1, None, None)]);
    }
}
