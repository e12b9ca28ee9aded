//! Differences as text: a line that says what it is, and the unified difference. Whatever reads patches skips the first.

use std::io::{self, Write};

use super::report::{Difference, Report};
use crate::printing::plain;

pub(super) fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for difference in &report.differences {
        writeln!(out, "# {}", plain(&headline(difference)))?;
        for line in difference.diff.lines() {
            // Tabs belong to what is compared.
            let cells: Vec<_> = line.split('\t').map(plain).collect();
            writeln!(out, "{}", cells.join("\t"))?;
        }
    }
    Ok(())
}

/// Such as `east: change deployments.apps default/web (policy web)`.
fn headline(difference: &Difference) -> String {
    let whole = |namespace: &str, name: &str| {
        if namespace.is_empty() {
            name.to_owned()
        } else {
            format!("{namespace}/{name}")
        }
    };
    let here = whole(&difference.namespace, &difference.name);
    let upstream = &difference.upstream;
    let there = whole(&upstream.namespace, &upstream.name);
    let cluster = if upstream.cluster.is_empty() {
        String::new()
    } else {
        format!("{}:", upstream.cluster)
    };
    let mut parts = vec![format!(
        "{}: {} {} {here}",
        difference.target.as_deref().unwrap_or("upstream"),
        difference.reason.unwrap_or(difference.verdict),
        difference.resource
    )];
    if here != there || !upstream.cluster.is_empty() {
        parts.push(format!(" of {cluster}{there}"));
    }
    if !difference.policy.is_empty() {
        parts.push(format!(" (policy {})", difference.policy));
    }
    if difference.written && difference.diff.is_empty() && difference.note.is_empty() {
        parts.push(": only our markers, and whose the fields are".to_owned());
    }
    if difference.source == "computed" {
        parts.push(": as it is applied, without what the API server adds".to_owned());
    }
    if !difference.note.is_empty() {
        parts.push(format!(": {}", difference.note));
    }
    parts.concat()
}
