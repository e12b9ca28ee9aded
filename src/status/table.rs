//! A report as tables.

use std::{collections::BTreeMap, fmt::Write};

use jiff::Timestamp;

use super::{
    report::{Report, Target},
    wording::{age, plain, seconds},
};

/// States of objects in the order in which they are shown.
const STATES: [&str; 8] = [
    "desired",
    "synced",
    "pending",
    "failed",
    "conflicted",
    "unknown",
    "held",
    "paused",
];

/// All tables that have something to show.
pub(super) fn of(report: &Report, now: Timestamp) -> String {
    let mut out = String::new();
    let tables = [targets(report, now), policies(report), conflicts(report), lag(report)];
    for table in tables.iter().filter(|table| !table.rows.is_empty()) {
        table.write(&mut out);
        out.push('\n');
    }
    if report.targets.is_empty() {
        out.push_str("no targets\n\n");
    }
    if let Some(syncer) = &report.syncer {
        let address = plain(&syncer.address);
        let standing = if syncer.ready { "ready" } else { "not ready" };
        // Writing to a string does not fail.
        let _ = writeln!(out, "syncer at {address}: {standing}");
        for waited in &syncer.waiting_for {
            let _ = writeln!(out, "  waits for {}", plain(waited));
        }
        let actors: Vec<_> = syncer
            .actors
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(kind, count)| format!("{} {count}", plain(kind)))
            .collect();
        let _ = writeln!(out, "  actors: {}; restarts: {}", actors.join(", "), syncer.restarts);
    }
    out
}

/// A heading and rows of the same length.
struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

// === impl Table ===

impl Table {
    fn write(&self, out: &mut String) {
        let heading: Vec<_> = self.heading.iter().map(|&word| word.to_owned()).collect();
        let lines: Vec<_> = [&heading].into_iter().chain(&self.rows).collect();
        let widths: Vec<_> = (0..heading.len())
            .map(|at| {
                let widths = lines
                    .iter()
                    .filter_map(|line| line.get(at))
                    .map(|cell| cell.chars().count());
                widths.max().unwrap_or(0)
            })
            .collect();
        for line in lines {
            let cells = line.iter().zip(&widths);
            let cells: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
            out.push_str(cells.join("   ").trim_end());
            out.push('\n');
        }
    }
}

fn targets(report: &Report, now: Timestamp) -> Table {
    let heading = [
        "TARGET",
        "READY",
        "REACHABLE",
        "HEARTBEAT",
        "DESIRED",
        "SYNCED",
        "PENDING",
        "FAILED",
        "CONFLICTED",
        "UNKNOWN",
        "HELD",
        "PAUSED",
        "DRIFT",
        "ABANDONED",
        "VERSION",
        "MESSAGE",
    ];
    let row = |target: &Target| {
        let mut row = vec![
            plain(&target.name),
            target.ready.as_deref().map_or_else(dash, plain),
            target
                .reachable
                .map_or_else(dash, |is| if is { "yes".into() } else { "no".into() }),
            target.heartbeat.map_or_else(dash, |at| age(now.duration_since(at))),
        ];
        row.extend(STATES.map(|state| count(&target.objects, state)));
        row.push(target.drift.values().sum::<u64>().to_string());
        row.push(target.abandoned.to_string());
        row.push(plain(&target.kubernetes_version));
        row.push(message(target));
        row
    };
    Table {
        heading: heading.into(),
        rows: report.targets.iter().map(row).collect(),
    }
}

/// What waits for a person; else why it is not ready; else the word of its actor.
fn message(target: &Target) -> String {
    let held = target
        .condition("MassDeletionHeld")
        .filter(|held| held.status == "True");
    let unready = target.condition("Ready").filter(|ready| ready.status != "True");
    match (held.or(unready), &target.state) {
        (Some(ready), _) if !ready.message.is_empty() => plain(&ready.message),
        (Some(ready), _) => plain(&ready.reason),
        (None, Some(state)) => plain(state),
        (None, None) => String::new(),
    }
}

fn policies(report: &Report) -> Table {
    let rows = report.policies.iter().map(|policy| {
        let unready = policy
            .conditions
            .iter()
            .find(|condition| condition.status != "True" && condition.kind == "Ready");
        let message = match unready {
            _ if policy.suspended => "suspended".to_owned(),
            Some(ready) => plain(&ready.message),
            None => String::new(),
        };
        let mut row = vec![plain(&policy.name), plain(&policy.ready), plain(&policy.strategy)];
        row.extend(["selected", "synced", "failed", "conflicted"].map(|state| count(&policy.objects, state)));
        row.push(message);
        row
    });
    Table {
        heading: vec![
            "POLICY",
            "READY",
            "STRATEGY",
            "SELECTED",
            "SYNCED",
            "FAILED",
            "CONFLICTED",
            "MESSAGE",
        ],
        rows: rows.collect(),
    }
}

fn conflicts(report: &Report) -> Table {
    let rows = report.conflicts.iter().map(|conflicts| {
        vec![
            plain(&conflicts.strategy),
            plain(&conflicts.verdict),
            conflicts.count.to_string(),
        ]
    });
    Table {
        heading: vec!["STRATEGY", "VERDICT", "FIELDS"],
        rows: rows.collect(),
    }
}

fn lag(report: &Report) -> Table {
    let rows = report.lag.iter().map(|lag| {
        let quantile = |time: Option<f64>| time.map_or_else(|| "above".to_owned(), seconds);
        let stage = if lag.stage.is_empty() {
            dash()
        } else {
            plain(&lag.stage)
        };
        vec![
            plain(&lag.way),
            stage,
            lag.count.to_string(),
            quantile(lag.p50_seconds),
            quantile(lag.p99_seconds),
        ]
    });
    Table {
        heading: vec!["LAG", "UNTIL", "CHANGES", "P50", "P99"],
        rows: rows.collect(),
    }
}

fn count(counts: &BTreeMap<String, u64>, state: &str) -> String {
    counts.get(state).map_or_else(dash, u64::to_string)
}

fn dash() -> String {
    "-".to_owned()
}
