//! The result: a table for people, JSON for programs.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde_json::{Value, json};
use syncer_sandbox::{
    Fleet,
    scenario::{Script, findings},
};

use super::play::Measured;

/// The result.
pub(super) struct Summary<'a> {
    script: &'a Script,
    fleet: &'a Fleet,
    measured: Measured,
    last: Value,
}

/// The invariants that are looked at from outside.
const LOOKED_AT: &str = "S1, S4, S5, S7, S8";

// === impl Summary ===

impl<'a> Summary<'a> {
    pub(super) fn new(script: &'a Script, fleet: &'a Fleet, measured: Measured) -> Self {
        let mut measured = measured;
        measured.arrived.clear.sort_unstable();
        Self {
            script,
            fleet,
            measured,
            last: findings(script, fleet),
        }
    }

    /// Whether all converged and no invariant broke.
    pub(super) fn is_good(&self) -> bool {
        self.measured.differences.is_empty() && self.measured.broken.is_empty()
    }

    /// How many objects there are upstream, and how many copies of them.
    fn objects(&self) -> (usize, usize) {
        let mut counts = (0, 0);
        for (server, objects) in self.last.as_object().into_iter().flatten() {
            let count = objects.as_object().map_or(0, serde_json::Map::len);
            if server.starts_with("upstream") {
                counts.0 += count;
            } else {
                counts.1 += count;
            }
        }
        counts
    }

    pub(super) fn print_text(&self, out: &mut impl Write) -> io::Result<()> {
        let (measured, (objects, copies)) = (&self.measured, self.objects());
        let arrived = &measured.arrived;
        let (made, reverted) = arrived.drifts;
        let converged = match measured.differences.len() {
            0 => "all converged".to_owned(),
            left => format!("{left} differences"),
        };
        let millis = |share: f64| quantile(&arrived.clear, share).map_or_else(|| "none".to_owned(), shown);
        let conflicts: Vec<String> = arrived
            .verdicts
            .iter()
            .map(|(verdict, count)| format!("{} {count}", verdict.as_str()))
            .collect();
        let conflicts = if conflicts.is_empty() {
            "none".to_owned()
        } else {
            conflicts.join(", ")
        };
        let invariants = if measured.broken.is_empty() {
            format!("none broke ({LOOKED_AT} were looked at)")
        } else {
            format!("{} broke", measured.broken.len())
        };
        writeln!(out, "\nseed {}, {:.1} s", self.script.seed, measured.took.as_secs_f64())?;
        let mut row = |name: &str, value: &str| writeln!(out, "  {name:<16}{value}");
        row(
            "objects",
            &format!("{objects} upstream, {copies} on {} targets", self.fleet.targets.len()),
        )?;
        row("converged", &converged)?;
        row(
            "latency",
            &format!(
                "p50 {}, p99 {} ({} changes while all was well, {} while not)",
                millis(0.5),
                millis(0.99),
                arrived.clear.len(),
                arrived.disturbed
            ),
        )?;
        row("drift", &format!("{reverted} of {made} reverted"))?;
        row("conflicts", &format!("won by: {conflicts}"))?;
        row("invariants", &invariants)?;
        for line in measured.broken.iter().chain(measured.differences.iter().take(10)) {
            writeln!(out, "    {line}")?;
        }
        out.flush()
    }

    pub(super) fn print_json(&self, out: &mut impl Write) -> io::Result<()> {
        let result = self.to_json()?;
        serde_json::to_writer_pretty(&mut *out, &result)?;
        writeln!(out)?;
        out.flush()
    }

    /// `script` and `final` are the same, byte for byte, for the same seed and options; `measured` is not.
    fn to_json(&self) -> io::Result<Value> {
        let measured = &self.measured;
        let arrived = &measured.arrived;
        let (objects, copies) = self.objects();
        let millis = |share: f64| quantile(&arrived.clear, share).map(|took| took.as_secs_f64() * 1e3);
        let verdicts = arrived
            .verdicts
            .iter()
            .map(|(verdict, count)| (verdict.as_str(), count));
        let verdicts: serde_json::Map<String, Value> = verdicts
            .map(|(verdict, count)| (verdict.to_owned(), json!(count)))
            .collect();
        Ok(json!({
            "seed": self.script.seed,
            "script": serde_json::to_value(self.script)?,
            "final": self.last,
            "measured": {
                "good": self.is_good(),
                "seconds": measured.took.as_secs_f64(),
                "adminAddress": measured.admin,
                "objects": {"upstream": objects, "targets": copies},
                "converged": measured.differences.is_empty(),
                "differences": measured.differences,
                "latencyMs": {"p50": millis(0.5), "p99": millis(0.99), "changes": arrived.clear.len(), "disturbed": arrived.disturbed},
                "drift": {"made": arrived.drifts.0, "reverted": arrived.drifts.1},
                "conflicts": verdicts,
                "broken": measured.broken,
            },
        }))
    }
}

/// The smallest value that `share` of `sorted` does not exceed.
fn quantile(sorted: &[Duration], share: f64) -> Option<Duration> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count of durations in memory"
    )]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

fn shown(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let millis = |from: u64, to: u64| (from..=to).map(Duration::from_millis).collect::<Vec<_>>();
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&millis(7, 7), 0.99), Some(Duration::from_millis(7)));
        assert_eq!(quantile(&millis(1, 100), 0.5), Some(Duration::from_millis(50)));
        assert_eq!(quantile(&millis(1, 100), 0.99), Some(Duration::from_millis(99)));
        assert_eq!(quantile(&millis(1, 3), 0.99), Some(Duration::from_millis(3)));
    }
}
