//! What the code can tell is on the page that says what it means and what to do, and nothing else is.

mod checks;
mod code;
mod operate;
mod planted;

use std::{
    fs,
    path::{Path, PathBuf},
};

use self::{checks::Check, code::Code, operate::Page};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[track_caller]
fn holds(check: Check) {
    let complaints = check(&Code::read(), &Page::read());
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn every_metric_is_on_the_page() {
    holds(checks::metrics);
}

#[test]
fn every_event_is_on_the_page() {
    holds(checks::events);
}

#[test]
fn every_condition_of_our_types_is_on_the_page_with_each_of_its_reasons() {
    holds(checks::conditions_of_our_types);
}

#[test]
fn every_condition_of_synced_objects_is_on_the_page_with_each_of_its_reasons() {
    holds(checks::conditions_of_synced_objects);
}

#[test]
fn every_reason_for_a_watch_to_start_again_is_on_the_page() {
    holds(checks::watches);
}

#[test]
fn every_cause_of_an_error_is_on_the_page() {
    holds(checks::errors);
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
