//! What was released.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use serde::Serialize;
use syncer_clusters::Error;
use syncer_core::Gvr;

use super::options::ReleaseOutput;
use crate::printing::{json, plain, table, yaml};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// What is found is let go of.
    Everything,
    /// It is counted only: a dry run.
    Nothing,
}

/// What was let go of on one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// A finalizer upstream.
    Finalizer,
    /// The markers of an object on a target.
    Marked,
    /// It was gone before.
    Nothing,
}

/// What was done, all in all.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Whether it only says what would be done.
    pub(super) dry_run: bool,
    /// The upstream id; empty if nobody knows it.
    pub(super) upstream: String,
    /// What was let go of, by target and resource.
    pub(super) released: Vec<Row>,
    /// What could not be looked at, and need not be.
    pub(super) skipped: Vec<Trouble>,
    /// What could not be released.
    pub(super) failures: Vec<Trouble>,
}

/// What was let go of for one target and resource.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    pub(super) target: String,
    /// As kubectl takes it.
    pub(super) resource: String,
    /// Finalizers that came off upstream objects.
    pub(super) finalizers: usize,
    /// Objects on the target whose markers came off.
    pub(super) markers: usize,
}

/// What went wrong where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Trouble {
    pub(super) cluster: String,
    pub(super) message: String,
}

/// A part of the whole, to be merged.
#[derive(Debug, Default)]
pub(super) struct Part {
    counts: BTreeMap<(Arc<str>, String), (usize, usize)>,
    skipped: Vec<Trouble>,
    failures: Vec<Trouble>,
}

// === impl Part ===

impl Part {
    pub(super) fn count(&mut self, target: &Arc<str>, gvr: &Gvr, count: Count) {
        let (finalizers, markers) = match count {
            Count::Finalizer => (1, 0),
            Count::Marked => (0, 1),
            Count::Nothing => return,
        };
        let counts = self.counts.entry((target.clone(), gvr.to_string())).or_default();
        counts.0 += finalizers;
        counts.1 += markers;
    }

    pub(super) fn failed(&mut self, cluster: &str, message: &str) {
        self.failures.push(trouble(cluster, message));
    }

    /// Whoever runs the syncer may not even list `gvr`, so nothing of ours is there.
    pub(super) fn skipped(&mut self, cluster: &str, gvr: &Gvr, cause: &Error) {
        self.skipped
            .push(trouble(cluster, &format!("{gvr} not looked at: {cause}")));
    }

    pub(super) fn add(&mut self, other: Self) {
        for (key, (finalizers, markers)) in other.counts {
            let counts = self.counts.entry(key).or_default();
            counts.0 += finalizers;
            counts.1 += markers;
        }
        self.skipped.extend(other.skipped);
        self.failures.extend(other.failures);
    }
}

fn trouble(cluster: &str, message: &str) -> Trouble {
    // An error of the client names its cluster itself.
    let message = message.strip_prefix(&format!("{cluster}: ")).unwrap_or(message);
    Trouble {
        cluster: cluster.to_owned(),
        message: message.to_owned(),
    }
}

// === impl Report ===

impl Report {
    pub(super) fn new(written: Written) -> Self {
        Self {
            dry_run: written == Written::Nothing,
            upstream: String::new(),
            released: Vec::new(),
            skipped: Vec::new(),
            failures: Vec::new(),
        }
    }

    pub(super) fn failed(&mut self, cluster: &str, message: &str) {
        self.failures.push(trouble(cluster, message));
    }

    pub(super) fn merge(&mut self, part: Part) {
        for ((target, resource), (finalizers, markers)) in part.counts {
            let known = |row: &&mut Row| *row.target == *target && row.resource == resource;
            match self.released.iter_mut().find(known) {
                Some(row) => {
                    row.finalizers += finalizers;
                    row.markers += markers;
                }
                None => self.released.push(Row {
                    target: target.to_string(),
                    resource,
                    finalizers,
                    markers,
                }),
            }
        }
        self.released
            .sort_by(|one, other| (&one.target, &one.resource).cmp(&(&other.target, &other.resource)));
        self.skipped.extend(part.skipped);
        self.failures.extend(part.failures);
    }

    /// What was done on `out`; as a table, what was not on `err`.
    pub(super) fn print(&self, output: ReleaseOutput, out: &mut impl Write, err: &mut impl Write) -> io::Result<()> {
        match output {
            ReleaseOutput::Json => return json(self, out),
            ReleaseOutput::Yaml => return yaml(self, out),
            ReleaseOutput::Table => {}
        }
        self.rows(out)?;
        for Trouble { cluster, message } in &self.skipped {
            writeln!(err, "{}", plain(&format!("{cluster}: {message}")))?;
        }
        for Trouble { cluster, message } in &self.failures {
            writeln!(err, "not released: {}", plain(&format!("{cluster}: {message}")))?;
        }
        Ok(())
    }

    fn rows(&self, out: &mut impl Write) -> io::Result<()> {
        if self.released.is_empty() {
            return writeln!(out, "nothing to release");
        }
        let row = |row: &Row| {
            vec![
                row.target.clone(),
                row.resource.clone(),
                row.finalizers.to_string(),
                row.markers.to_string(),
            ]
        };
        let rows: Vec<_> = self.released.iter().map(row).collect();
        table(&["TARGET", "RESOURCE", "FINALIZERS", "MARKERS"], &rows, out)?;
        let finalizers: usize = self.released.iter().map(|row| row.finalizers).sum();
        let markers: usize = self.released.iter().map(|row| row.markers).sum();
        let verb = if self.dry_run { "would release" } else { "released" };
        writeln!(
            out,
            "{verb}: {finalizers} finalizers upstream, the markers of {markers} objects on targets"
        )
    }
}
