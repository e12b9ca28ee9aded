//! What the pages say is shown by a test is shown by one that exists.

use std::fs;

/// The text of a file of the project.
fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default()
}

/// What stands between backquotes in `text`.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether the real tier has the test `name`, a path of modules; with `*` for its last part, any test that is run there.
fn is_test(name: &str) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else {
        return false;
    };
    let source = read(&format!("tests/real/{}.rs", module.replace("::", "/")));
    if function == "*" {
        return source.contains("#[test]\nfn ");
    }
    let Some((before, _)) = source.split_once(&format!("\nfn {function}()")) else {
        return false;
    };
    before
        .rsplit("\n\n")
        .next()
        .is_some_and(|item| item.contains("#[test]") && !item.contains("#[ignore"))
}

#[test]
fn each_test_that_the_page_of_conflicts_names_exists() {
    let page = read("docs/conflicts.md");
    let (_, section) = page.split_once("\n## Shown by\n").unwrap();
    let tests: Vec<_> = quoted(section).filter(|name| name.starts_with("conflict::")).collect();
    assert!(tests.len() >= 12, "{tests:?}");
    let missing: Vec<_> = tests.iter().filter(|name| !is_test(name)).collect();
    assert!(
        missing.is_empty(),
        "named in docs/conflicts.md, and not there: {missing:?}"
    );
    for unknown in [
        "conflict::cells::nothing_of_the_kind",
        "conflict::nothing_of_the_kind::*",
    ] {
        assert!(!is_test(unknown), "it finds everything");
    }
}

#[test]
fn each_cell_that_the_page_of_conflicts_names_is_played() {
    let page = read("docs/conflicts.md");
    let (_, section) = page.split_once("\n## Shown by\n").unwrap();
    let rows = read("tests/real/conflict/cells/row.rs");
    let ways = read("tests/real/conflict/cells/edit.rs").to_lowercase();
    let cells: Vec<_> = quoted(section)
        .filter(|name| name.contains('-') && !name.contains([' ', ':', '.']))
        .collect();
    assert!(cells.len() >= 20, "{cells:?}");
    for cell in cells {
        // Those of the target alone are called by the way in which it is changed.
        let by_way = cell
            .strip_prefix("only-downstream-")
            .is_some_and(|way| ways.contains(&format!("self::{way}")));
        let is_played = by_way || rows.contains(&format!("\"{cell}\""));
        assert!(is_played, "{cell} is named in docs/conflicts.md, and no test plays it");
    }
}
