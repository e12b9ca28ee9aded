//! What is compared: each check says, a sentence a piece, what one side has and the other lacks.

use std::{collections::BTreeSet, fs};

use syncer_core::event_reason::EventReason;

use super::{
    code::{Code, literals, said, words},
    operate::Page,
};

/// One comparison of the code with the page.
pub(super) type Check = fn(&Code, &Page) -> Vec<String>;

const OF_TARGET: &str = "core/src/target_status/conditions.rs";
const OF_POLICY: &str = "core/src/policy_status.rs";

fn compare(what: &str, in_code: &BTreeSet<String>, on_page: &BTreeSet<String>) -> Vec<String> {
    let missing = in_code
        .difference(on_page)
        .map(|name| format!("{what}: docs/operate.md lacks {name}"));
    let invented = on_page
        .difference(in_code)
        .map(|name| format!("{what}: docs/operate.md has {name}, which nothing tells"));
    missing.chain(invented).collect()
}

pub(super) fn metrics(code: &Code, page: &Page) -> Vec<String> {
    let mut registered = BTreeSet::new();
    for (_, source) in code.sources() {
        for marker in [".register(", "encode_descriptor("] {
            registered.extend(literals(source, marker).map(str::to_owned));
        }
    }
    assert!(registered.len() > 30, "{registered:?}");
    let mut complaints = compare("metrics", &registered, &page.told("Metrics", 1));
    // The page with their labels has each too.
    let labels = fs::read_to_string(super::root().join("docs/metrics.md")).unwrap();
    let missing = registered.iter().filter(|name| !labels.contains(name.as_str()));
    complaints.extend(missing.map(|name| format!("metrics: docs/metrics.md lacks {name}")));
    complaints
}

pub(super) fn events(code: &Code, page: &Page) -> Vec<String> {
    let reasons: BTreeSet<_> = EventReason::ALL
        .iter()
        .map(|reason| reason.as_str().to_owned())
        .collect();
    // A reason that was forgotten in the list of all is in the code all the same.
    let as_str = code.part("core/src/event_reason.rs", "fn as_str(", "\n    }\n");
    let mut complaints = compare("Events", &said(as_str), &page.told("Events", 1));
    let unlisted = said(as_str).into_iter().filter(|reason| !reasons.contains(reason));
    complaints.extend(unlisted.map(|reason| format!("Events: EventReason::ALL lacks {reason}")));
    complaints
}

/// Type and reason of the conditions that are made in `source`: they stand side by side.
fn made(source: &str) -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    let makers = ["good(", "bad(", "unknown("];
    let calls = source.split("Condition::").skip(1);
    for call in calls.filter(|call| makers.iter().any(|maker| call.starts_with(maker))) {
        let statement = call.split_inclusive(';').next().unwrap_or_default();
        let arguments: String = statement.chars().take(200).collect();
        let mut words = words(&arguments);
        if let (Some(kind), Some(reason)) = (words.next(), words.next())
            && !call.contains("Severity::Error, reason")
        {
            made.insert(format!("{kind} {reason}"));
        }
    }
    made
}

pub(super) fn conditions_of_our_types(code: &Code, page: &Page) -> Vec<String> {
    // What becomes of an object, in words of other places.
    let mut standing = BTreeSet::new();
    for (_, source) in code.sources().filter(|(path, _)| path.starts_with("src/documents/")) {
        let reasons = literals(source, "reason: ").chain(literals(source, "Err(message) => ("));
        standing.extend(reasons.map(|reason| format!("Ready {reason}")));
    }
    let mut of_target = made(code.file(OF_TARGET));
    of_target.extend(standing.iter().cloned());
    let mut complaints = compare(
        "conditions of a SyncTarget",
        &of_target,
        &page.told("Conditions of a SyncTarget", 2),
    );
    let mut of_policy = made(code.file(OF_POLICY));
    let of_secrets = ["Ready Secret", "Ready Kubeconfig"];
    let is_of_secrets = |reason: &String| of_secrets.iter().any(|begin| reason.starts_with(begin));
    of_policy.extend(standing.into_iter().filter(|reason| !is_of_secrets(reason)));
    complaints.extend(compare(
        "conditions of a SyncPolicy",
        &of_policy,
        &page.told("Conditions of a SyncPolicy", 2),
    ));
    // Nobody else makes any.
    for (path, source) in code.sources() {
        let makes = source.contains("Condition::good(") || source.contains("Condition::bad(");
        if makes && ![OF_TARGET, OF_POLICY].contains(&path) {
            complaints.push(format!("{path} makes conditions that are not looked at"));
        }
    }
    complaints
}

pub(super) fn conditions_of_synced_objects(code: &Code, page: &Page) -> Vec<String> {
    const OWN: &str = "core/src/status/own.rs";
    let on_page = page.told("Conditions of synced objects", 2);
    let types = code.file(OWN).split('"');
    let types: BTreeSet<_> = types
        .filter(|text| text.starts_with("workload.kcp.io/"))
        .map(str::to_owned)
        .collect();
    let told: BTreeSet<_> = on_page
        .iter()
        .filter_map(|row| row.split(' ').next())
        .map(str::to_owned)
        .collect();
    let mut complaints = compare("types of conditions", &types, &told);
    let reasons = |of: &str| -> BTreeSet<String> {
        let rows = on_page
            .iter()
            .filter_map(|row| row.strip_prefix(&format!("workload.kcp.io/{of} ")));
        rows.map(str::to_owned).collect()
    };
    let part = |name: &str| said(code.part(OWN, &format!("fn {name}("), "\nfn "));
    for (kind, maker) in [
        ("TargetsReporting", "targets_reporting"),
        ("EndpointsReady", "endpoints_ready"),
    ] {
        complaints.extend(compare(kind, &part(maker), &reasons(kind)));
    }
    // A problem brings its own reason.
    let mut problems = part("synced");
    let (_, turns) = code
        .sources()
        .find(|(path, source)| path.starts_with("actors/") && source.contains("fn synced_reason"))
        .unwrap();
    let of_turn = turns.split("fn synced_reason").nth(1).unwrap().split("\n}").next();
    problems.extend(said(of_turn.unwrap_or_default()));
    for (_, source) in code.sources().filter(|(path, _)| path.starts_with("actors/")) {
        for problem in source.split("Problem {").skip(1) {
            let fields = problem.split('}').next().unwrap_or_default();
            problems.extend(literals(fields, "reason: ").map(str::to_owned));
        }
    }
    complaints.extend(compare("Synced", &problems, &reasons("Synced")));
    complaints
}

pub(super) fn watches(code: &Code, page: &Page) -> Vec<String> {
    let observer = code.file("clusters/src/observer.rs");
    let reasons = literals(observer, "=> ").map(str::to_owned).collect();
    compare("watches", &reasons, &page.told("Watches", 1))
}

pub(super) fn errors(code: &Code, page: &Page) -> Vec<String> {
    let shown = code.file("clusters/src/error.rs");
    let shown = shown.split("impl fmt::Display for Cause").nth(1).unwrap();
    // How each begins, up to what differs.
    let begins = shown.split('"').skip(1).step_by(2);
    let begins = begins.map(|text| text.split(['{', ':', '(']).next().unwrap_or_default().trim().to_owned());
    let begins: BTreeSet<_> = begins.filter(|text| !text.is_empty()).collect();
    let on_page = page.told("Errors", 1);
    let causes: Vec<_> = on_page.iter().filter(|cause| cause.parse::<u16>().is_err()).collect();
    let missing = begins
        .iter()
        .filter(|begin| !causes.iter().any(|cause| begin.starts_with(cause.as_str())))
        .map(|begin| format!("errors: docs/operate.md lacks {begin}"));
    let invented = causes
        .iter()
        .filter(|cause| !begins.iter().any(|begin| begin.starts_with(cause.as_str())))
        .map(|cause| format!("errors: docs/operate.md has {cause}, and no error begins so"));
    missing.chain(invented).collect()
}
