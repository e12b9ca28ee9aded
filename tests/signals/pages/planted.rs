//! The checks find what they are for: of each kind something is put into the code alone, and something onto the page alone.

use super::{
    checks::{self, Check},
    code::Code,
    operate::Page,
};

/// Asserts that `check` says one thing, with `name` in it.
#[track_caller]
fn finds(check: Check, code: &Code, page: &Page, name: &str) {
    let complaints = check(code, page);
    assert!(
        !complaints.is_empty() && complaints.iter().all(|complaint| complaint.contains(name)),
        "{name}: {complaints:?}"
    );
}

#[test]
fn what_only_the_code_has_is_found_in_whatever_file_it_is() {
    let files: [(Check, &str, &str, &str); 3] = [
        (
            checks::metrics,
            "core/src/planted.rs",
            "registry.register(\n    \"tmc_syncer_planted\", \"\", x);",
            "tmc_syncer_planted",
        ),
        (
            checks::conditions_of_our_types,
            "src/planted.rs",
            "Condition::bad(\"Planted\", \"Odd\");",
            "src/planted.rs",
        ),
        (
            checks::conditions_of_synced_objects,
            "actors/src/planted.rs",
            "Problem { reason: \"Planted\" }",
            "Planted",
        ),
    ];
    for (check, path, source, name) in files {
        finds(check, &Code::read().with(path, source), &Page::read(), name);
    }
}

/// A file, a piece of it, and what is put in its place so that something new is told.
type Plant = (&'static str, &'static str, &'static str);

#[test]
fn what_is_put_beside_what_the_code_tells_is_found() {
    let plants: [(Check, Plant, &str); 6] = [
        (
            checks::events,
            (
                "core/src/event_reason.rs",
                "=> \"Synced\"",
                "=> \"Synced\", Self::Planted => \"Planted\"",
            ),
            "Planted",
        ),
        (
            checks::conditions_of_our_types,
            (
                "core/src/target_status/conditions.rs",
                "Condition::good(",
                "Condition::good(\"Ready\", \"Planted\", x); Condition::good(",
            ),
            "Ready Planted",
        ),
        (
            checks::conditions_of_our_types,
            (
                "core/src/policy_status.rs",
                "Condition::bad(",
                "Condition::bad(\"Planted\", Severity::Info, \"Odd\", x); Condition::bad(",
            ),
            "Planted Odd",
        ),
        (
            checks::conditions_of_synced_objects,
            (
                "core/src/status/own.rs",
                "\"AllReporting\"",
                "\"AllReporting\", \"Planted\"",
            ),
            "Planted",
        ),
        (
            checks::watches,
            (
                "clusters/src/observer.rs",
                "=> \"ended\"",
                "=> \"ended\", Self::Planted => \"planted\"",
            ),
            "planted",
        ),
        (
            checks::errors,
            (
                "clusters/src/error.rs",
                "impl fmt::Display for Cause",
                "impl fmt::Display for Cause \"planted: {cause}\"",
            ),
            "planted",
        ),
    ];
    for (check, (file, from, to), name) in plants {
        finds(check, &Code::read().edited(file, from, to), &Page::read(), name);
    }
}

#[test]
fn what_the_page_lacks_is_found() {
    let rows: [(Check, &str, &str, &str); 8] = [
        (
            checks::metrics,
            "Metrics",
            "| `tmc_syncer_objects`",
            "tmc_syncer_objects",
        ),
        (checks::events, "Events", "| `FightDetected`", "FightDetected"),
        (
            checks::conditions_of_our_types,
            "Conditions of a SyncTarget",
            "| `Reachable` | `Unreachable`",
            "Reachable Unreachable",
        ),
        (
            checks::conditions_of_our_types,
            "Conditions of a SyncPolicy",
            "| `Shadowed` | `Decides`",
            "Shadowed Decides",
        ),
        (
            checks::conditions_of_synced_objects,
            "Conditions of synced objects",
            "| `workload.kcp.io/Synced` | `NameTaken`",
            "NameTaken",
        ),
        (
            checks::conditions_of_synced_objects,
            "Conditions of synced objects",
            "| `workload.kcp.io/EndpointsReady` | `NoReadyEndpoint`",
            "NoReadyEndpoint",
        ),
        (checks::watches, "Watches", "| `stalled`", "stalled"),
        (checks::errors, "Errors", "| `unreachable`", "unreachable"),
    ];
    for (check, heading, row, name) in rows {
        finds(check, &Code::read(), &Page::read().without(heading, row), name);
    }
}

#[test]
fn what_only_the_page_has_is_found() {
    let rows: [(Check, &str, &str); 7] = [
        (checks::metrics, "Metrics", "| `planted` | a | b |"),
        (checks::events, "Events", "| `planted` | a | b |"),
        (
            checks::conditions_of_our_types,
            "Conditions of a SyncTarget",
            "| `Ready` | `planted` | a | b |",
        ),
        (
            checks::conditions_of_our_types,
            "Conditions of a SyncPolicy",
            "| `Ready` | `planted` | a | b |",
        ),
        (
            checks::conditions_of_synced_objects,
            "Conditions of synced objects",
            "| `workload.kcp.io/Synced` | `planted` | a | b |",
        ),
        (checks::watches, "Watches", "| `planted` | a | b |"),
        (checks::errors, "Errors", "| `planted` | a | b |"),
    ];
    for (check, heading, row) in rows {
        finds(check, &Code::read(), &Page::read().with(heading, row), "planted");
    }
}
