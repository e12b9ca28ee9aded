//! A report as tables.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use jiff::Timestamp;

use super::{
    report::{Report, Syncer, Target},
    wording::{age, cell, seconds},
};
use crate::printing::table;

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

/// A heading and rows of the same length.
struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// Prints all tables that have something to show.
pub(super) fn print(report: &Report, now: Timestamp, out: &mut impl Write) -> io::Result<()> {
    for Table { heading, rows } in [targets(report, now), policies(report), conflicts(report), lag(report)] {
        if !rows.is_empty() {
            table(&heading, &rows, out)?;
            writeln!(out)?;
        }
    }
    if report.targets.is_empty() {
        writeln!(out, "no targets\n")?;
    }
    match &report.syncer {
        Some(running) => syncer(running, out),
        None => Ok(()),
    }
}

fn syncer(syncer: &Syncer, out: &mut impl Write) -> io::Result<()> {
    let standing = if syncer.ready { "ready" } else { "not ready" };
    writeln!(out, "syncer at {}: {standing}", cell(&syncer.address))?;
    for waited in &syncer.waiting_for {
        writeln!(out, "  waits for {}", cell(waited))?;
    }
    let alive = syncer.actors.iter().filter(|(_, count)| **count > 0);
    let actors: Vec<_> = alive.map(|(kind, count)| format!("{} {count}", cell(kind))).collect();
    writeln!(out, "  actors: {}; restarts: {}", actors.join(", "), syncer.restarts)
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
            cell(&target.name),
            target.ready.as_deref().map_or_else(dash, cell),
            target
                .reachable
                .map_or_else(dash, |is| if is { "yes".into() } else { "no".into() }),
            target.heartbeat.map_or_else(dash, |at| age(now.duration_since(at))),
        ];
        row.extend(STATES.map(|state| count(&target.objects, state)));
        row.push(target.drift.values().sum::<u64>().to_string());
        row.push(target.abandoned.to_string());
        row.push(cell(&target.kubernetes_version));
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
        (Some(ready), _) if !ready.message.is_empty() => cell(&ready.message),
        (Some(ready), _) => cell(&ready.reason),
        (None, Some(state)) => cell(state),
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
            Some(ready) => cell(&ready.message),
            None => String::new(),
        };
        let mut row = vec![cell(&policy.name), cell(&policy.ready), cell(&policy.strategy)];
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
            cell(&conflicts.strategy),
            cell(&conflicts.verdict),
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
        let stage = if lag.stage.is_empty() { dash() } else { cell(&lag.stage) };
        vec![
            cell(&lag.way),
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
