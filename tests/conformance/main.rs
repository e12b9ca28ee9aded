//! One behaviour a row: each row is tried on the sandbox, and on a real kube-apiserver or kcp, and the answers are compared.
//!
//! What is not a row here is not relied on in tests with the sandbox. `docs/conformance.md` says how to read and to add rows.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "steps of a test outside of its function: their panic is the test's failure"
)]
#![expect(
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    reason = "rows are a table, and their values are made where they are given"
)]

mod compare;
mod normal;
mod row;
mod rows;
mod run;
mod sandbox;
mod server;
mod workspaces;

#[cfg(feature = "testbed")]
mod real;

use std::collections::BTreeSet;

use row::{Kind, Row};

/// The page that lists the known differences.
const PAGE: &str = include_str!("../../docs/conformance.md");

#[test]
fn names_of_rows_are_unique() {
    let rows = rows::all();
    let mut names = BTreeSet::new();
    for row in &rows {
        assert!(names.insert(row.name), "two rows are called: {}", row.name);
    }
}

#[test]
fn the_page_lists_the_known_differences() {
    let rows = rows::all();
    let known: Vec<&Row> = rows.iter().filter(|row| row.known.is_some()).collect();
    for row in &known {
        let reason = row.known.unwrap_or_default();
        let line = format!("| {} | {reason} |", row.name);
        assert!(PAGE.contains(&line), "docs/conformance.md lacks the line: {line}");
    }
    let count = format!("**{} known differences**", known.len());
    assert!(PAGE.contains(&count), "docs/conformance.md lacks: {count}");
}

#[test]
fn the_sandbox_does_as_the_rows_say_for_kube_apiserver() {
    sandbox::answers(Kind::Plain).assert_expected();
}

#[test]
fn the_sandbox_does_as_the_rows_say_for_kcp() {
    sandbox::answers(Kind::Kcp).assert_expected();
}
