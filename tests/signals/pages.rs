//! What the code can tell is on the page that says what it means and what to do, and nothing else is.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use syncer_core::event_reason::EventReason;

/// The tables of docs/operate.md, each by its heading, as rows of cells.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(root().join("docs/operate.md")).unwrap();
    let start = format!("\n## {heading}\n");
    let section = page
        .split(&start)
        .nth(1)
        .unwrap_or_else(|| panic!("no section {heading}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    })
    .collect()
}

/// The first `cells` cells of each row, put together.
fn told(heading: &str, cells: usize) -> BTreeSet<String> {
    let rows = table(heading);
    for row in &rows {
        assert!(
            row.iter().all(|cell| !cell.is_empty()),
            "{heading}: an empty cell in {row:?}"
        );
    }
    let told: BTreeSet<_> = rows.iter().map(|row| row[..cells].join(" ")).collect();
    assert_eq!(told.len(), rows.len(), "{heading}: a row is there twice");
    told
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the product, without their tests.
fn sources() -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for folder in ["core/src", "clusters/src", "actors/src", "src"] {
        gather(&root().join(folder), &mut sources);
    }
    assert!(sources.len() > 100);
    sources
}

fn gather(folder: &Path, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match () {
            () if name.starts_with("tests") => {}
            () if path.is_dir() => gather(&path, sources),
            () => {
                let text = fs::read_to_string(&path).unwrap();
                let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let path = path.strip_prefix(root()).unwrap().display().to_string();
                sources.push((path, product.to_owned()));
            }
        }
    }
}

/// The first string literal in each place that follows `marker`.
fn literals<'a>(source: &'a str, marker: &'a str) -> impl Iterator<Item = &'a str> {
    source.split(marker).skip(1).filter_map(|rest| {
        let rest = rest.trim_start();
        rest.strip_prefix('"')?.split('"').next()
    })
}

/// The string literals in `source` that are one word in camel case.
fn words(source: &str) -> impl Iterator<Item = &str> {
    source.split('"').skip(1).step_by(2).filter(|text| {
        text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.len() > 2
            && text.chars().all(|letter| letter.is_ascii_alphabetic())
    })
}

fn file(name: &str) -> String {
    let sources = sources();
    let found = sources.into_iter().find(|(path, _)| path == name);
    found.unwrap_or_else(|| panic!("no file {name}")).1
}

#[track_caller]
fn the_same(what: &str, in_code: &BTreeSet<String>, on_page: &BTreeSet<String>) {
    let missing: Vec<_> = in_code.difference(on_page).collect();
    let invented: Vec<_> = on_page.difference(in_code).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{what}: docs/operate.md lacks {missing:?}, and has what is not there: {invented:?}"
    );
}

#[test]
fn every_metric_is_on_the_page() {
    let mut registered = BTreeSet::new();
    for (_, source) in sources() {
        for marker in [".register(", "encode_descriptor("] {
            registered.extend(literals(&source, marker).map(str::to_owned));
        }
    }
    assert!(registered.len() > 30, "{registered:?}");
    the_same("metrics", &registered, &told("Metrics", 1));
    // The page with their labels has each too.
    let labels = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let missing: Vec<_> = registered
        .iter()
        .filter(|name| !labels.contains(name.as_str()))
        .collect();
    assert!(missing.is_empty(), "docs/metrics.md lacks {missing:?}");
}

#[test]
fn every_event_is_on_the_page() {
    let reasons = EventReason::ALL
        .iter()
        .map(|reason| reason.as_str().to_owned())
        .collect();
    the_same("Events", &reasons, &told("Events", 1));
}

#[test]
fn every_condition_of_our_types_is_on_the_page_with_each_of_its_reasons() {
    // Where a condition is made, its type and its reason stand side by side.
    let made = |path: &str| {
        let source = file(path);
        let mut made = BTreeSet::new();
        for call in source.split("Condition::").skip(1).filter(|call| {
            ["good(", "bad(", "unknown("]
                .iter()
                .any(|maker| call.starts_with(maker))
        }) {
            let arguments: String = call
                .split_inclusive(';')
                .next()
                .unwrap_or_default()
                .chars()
                .take(200)
                .collect();
            let mut words = words(&arguments);
            if let (Some(kind), Some(reason)) = (words.next(), words.next())
                && !call.contains("Severity::Error, reason")
            {
                made.insert(format!("{kind} {reason}"));
            }
        }
        made
    };
    // What becomes of an object, in words of other places.
    let standing: BTreeSet<String> = ["src/documents/merge.rs", "src/documents/secrets.rs"]
        .iter()
        .flat_map(|path| {
            let source = file(path);
            let reasons: Vec<_> = literals(&source, "reason: ")
                .chain(literals(&source, "Err(message) => ("))
                .map(str::to_owned)
                .collect();
            reasons
        })
        .collect();
    let mut of_target = made("core/src/target_status/conditions.rs");
    of_target.extend(standing.iter().map(|reason| format!("Ready {reason}")));
    the_same(
        "conditions of a SyncTarget",
        &of_target,
        &told("Conditions of a SyncTarget", 2),
    );
    let mut of_policy = made("core/src/policy_status.rs");
    let of_secrets = ["Secret", "Kubeconfig"];
    of_policy.extend(
        standing
            .iter()
            .filter(|reason| !of_secrets.iter().any(|begin| reason.starts_with(begin)))
            .map(|reason| format!("Ready {reason}")),
    );
    the_same(
        "conditions of a SyncPolicy",
        &of_policy,
        &told("Conditions of a SyncPolicy", 2),
    );
    // Nobody else makes any.
    for (path, source) in sources() {
        let makes = source.contains("Condition::good(") || source.contains("Condition::bad(");
        let known = ["core/src/target_status/conditions.rs", "core/src/policy_status.rs"];
        assert!(
            !makes || known.contains(&path.as_str()),
            "{path} makes conditions that this test does not look at"
        );
    }
}

#[test]
fn every_condition_of_synced_objects_is_on_the_page_with_each_of_its_reasons() {
    let own = file("core/src/status/own.rs");
    let on_page = told("Conditions of synced objects", 2);
    let types: BTreeSet<_> = own
        .split('"')
        .filter(|text| text.starts_with("workload.kcp.io/"))
        .map(str::to_owned)
        .collect();
    let told_types: BTreeSet<_> = on_page
        .iter()
        .map(|row| row.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    the_same("types", &types, &told_types);
    let reasons = |of: &str| -> BTreeSet<String> {
        let rows = on_page
            .iter()
            .filter_map(|row| row.strip_prefix(&format!("workload.kcp.io/{of} ")));
        rows.map(str::to_owned).collect()
    };
    let said = |source: &str| -> BTreeSet<String> {
        let words = words(source).filter(|word| !["True", "False", "Unknown"].contains(word));
        words.map(str::to_owned).collect()
    };
    let part = |name: &str| {
        own.split(&format!("fn {name}("))
            .nth(1)
            .unwrap()
            .split("\nfn ")
            .next()
            .unwrap()
            .to_owned()
    };
    the_same(
        "TargetsReporting",
        &said(&part("targets_reporting")),
        &reasons("TargetsReporting"),
    );
    the_same(
        "EndpointsReady",
        &said(&part("endpoints_ready")),
        &reasons("EndpointsReady"),
    );
    // A problem brings its own reason.
    let mut problems = said(&part("synced"));
    let turns = file("actors/src/target/turns.rs");
    problems.extend(said(
        turns
            .split("fn synced_reason")
            .nth(1)
            .unwrap()
            .split("\n}")
            .next()
            .unwrap(),
    ));
    for (_, source) in sources().iter().filter(|(path, _)| path.starts_with("actors/")) {
        for problem in source.split("Problem {").skip(1) {
            let fields = problem.split('}').next().unwrap_or_default();
            problems.extend(literals(fields, "reason: ").map(str::to_owned));
        }
    }
    the_same("Synced", &problems, &reasons("Synced"));
}

#[test]
fn every_reason_for_a_watch_to_start_again_is_on_the_page() {
    let observer = file("clusters/src/observer.rs");
    let reasons = literals(&observer, "=> ").map(str::to_owned).collect();
    the_same("watches", &reasons, &told("Watches", 1));
}

#[test]
fn every_cause_of_an_error_is_on_the_page() {
    let errors = file("clusters/src/error.rs");
    let shown = errors.split("impl fmt::Display for Cause").nth(1).unwrap();
    // How each begins, up to what differs.
    let begins = shown.split('"').skip(1).step_by(2);
    let begins = begins.map(|text| text.split(['{', ':', '(']).next().unwrap_or_default().trim().to_owned());
    let begins: BTreeSet<_> = begins.filter(|text| !text.is_empty()).collect();
    let on_page: BTreeSet<_> = told("Errors", 1)
        .into_iter()
        .filter(|cause| cause.parse::<u16>().is_err())
        .collect();
    for begin in &begins {
        assert!(
            on_page.iter().any(|cause| begin.starts_with(cause.as_str())),
            "docs/operate.md lacks {begin:?}"
        );
    }
    for cause in &on_page {
        assert!(
            begins.iter().any(|begin| begin.starts_with(cause.as_str())),
            "no error begins with {cause:?}"
        );
    }
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let page = fs::read_to_string(&path).unwrap();
        for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with('<') {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let to = if file.is_empty() {
                path.clone()
            } else {
                path.parent().unwrap().join(file)
            };
            assert!(to.exists(), "{}: no file {link}", path.display());
            if heading.is_empty() || to.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let anchors = fs::read_to_string(&to).unwrap();
            let anchor = |line: &str| -> String {
                let kept = line.trim_start_matches('#').trim().to_lowercase();
                kept.chars()
                    .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
                    .map(|letter| if letter == ' ' { '-' } else { letter })
                    .collect()
            };
            assert!(
                anchors
                    .lines()
                    .any(|line| line.starts_with('#') && anchor(line) == heading),
                "{}: no heading {link}",
                path.display()
            );
        }
    }
}
