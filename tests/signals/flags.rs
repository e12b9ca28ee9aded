//! Every option of `--help` has a test that shows what it does, and says what is wrong with a value that it cannot take.

mod effects;
mod table;

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Output},
};

use self::table::{HOSTILE, SHOWN};

/// Runs the program to its end.
pub(crate) fn output(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tmc-syncer"));
    command
        .args(arguments)
        .env_remove("KUBECONFIG")
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines of the section `heading` of a help page.
fn section(page: &str, heading: &str) -> Vec<String> {
    let lines = page.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The commands of the program.
fn commands() -> Vec<String> {
    let page = text(&output(&["--help"]).stdout);
    let lines = section(&page, "Commands:");
    let names = lines
        .iter()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<_> = names
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    assert!(names.iter().any(|name| name == "run"), "{page}");
    names.into_iter().filter(|name| name != "help").collect()
}

/// The options of `command`, by their long names, and the environment variable that each has.
fn options(command: &str) -> Vec<(String, Option<String>)> {
    let page = text(&output(&[command, "--help"]).stdout);
    let mut options: Vec<(String, Option<String>)> = Vec::new();
    for line in page.lines().map(str::trim) {
        if line.starts_with('-')
            && let Some((_, rest)) = line.split_once("--")
        {
            let name = rest.split([' ', '=', '[']).next().unwrap_or_default();
            options.push((name.to_owned(), None));
        } else if let Some(rest) = line.strip_prefix("[env: ")
            && let Some((_, variable)) = options.last_mut()
        {
            *variable = rest.split('=').next().map(str::to_owned);
        }
    }
    options.retain(|(name, _)| !["help", "version"].contains(&name.as_str()));
    assert!(options.len() > 3, "{page}");
    options
}

/// The options without a row in the table, and the rows without an option.
fn gaps(options: &[(String, String)], table: &[(&str, &str, &str)]) -> (Vec<String>, Vec<String>) {
    let is_of =
        |command: &str, option: &str, row: &(&str, &str, &str)| (row.0 == command || row.0 == "*") && row.1 == option;
    let untested = options.iter().filter(|(command, option)| {
        let tested = table.iter().any(|row| is_of(command, option, row));
        !tested
    });
    let outdated = table.iter().filter(|row| {
        let is_there = options.iter().any(|(command, option)| is_of(command, option, row));
        !is_there
    });
    (
        untested
            .map(|(command, option)| format!("{command} --{option}"))
            .collect(),
        outdated
            .map(|(command, option, _)| format!("{command} --{option}"))
            .collect(),
    )
}

#[test]
fn every_option_has_a_test_that_shows_what_it_does() {
    let mut all = Vec::new();
    for command in commands() {
        all.extend(
            options(&command)
                .into_iter()
                .map(|(option, _)| (command.clone(), option)),
        );
    }
    let (untested, outdated) = gaps(&all, SHOWN);
    assert!(
        untested.is_empty(),
        "no row in tests/signals/flags/table.rs: {untested:?}"
    );
    assert!(outdated.is_empty(), "no such option: {outdated:?}");
    let rowless: Vec<_> = SHOWN.iter().filter(|(_, _, by)| !is_a_test(by)).collect();
    assert!(rowless.is_empty(), "there is no such test: {rowless:?}");

    // It finds what it is for.
    all.push(("run".to_owned(), "planted".to_owned()));
    let rows = [SHOWN, &[("run", "long-gone", "")]].concat();
    assert_eq!(
        gaps(&all, &rows),
        (vec!["run --planted".to_owned()], vec!["run --long-gone".to_owned()])
    );
    let all_but_one = SHOWN.iter().filter(|(_, option, _)| *option != "threads");
    let (untested, _) = gaps(&all, &all_but_one.copied().collect::<Vec<_>>());
    assert!(untested.contains(&"run --threads".to_owned()), "{untested:?}");
    assert!(!is_a_test("tests/signals/flags.rs::nothing_of_the_kind"));
    assert!(!is_a_test("tests/signals/flags.rs::gaps"), "a function that is no test");
}

/// Whether `by`, a file and a function in it, is a test.
fn is_a_test(by: &str) -> bool {
    let (file, function) = by.split_once("::").unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let source = fs::read_to_string(format!("{root}/{file}")).unwrap_or_default();
    let Some((before, _)) = source.split_once(&format!("fn {function}(")) else {
        return false;
    };
    // The attribute stands between the item before and the function.
    let head = before.rsplit("\n\n").next().unwrap_or_default();
    head.contains("#[test]") || head.contains("#[tokio::test")
}

/// The options of `run` that a table of docs/configuration.md has, with their defaults as far as they are literal.
fn documented() -> BTreeMap<String, Option<String>> {
    let page = fs::read_to_string(format!("{}/docs/configuration.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_, section) = page.split_once("\n## Options of `run`\n").unwrap();
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `--"));
    let row = |row: &str| {
        let mut cells = row.split('|').map(str::trim);
        let name = cells.next().unwrap_or_default().trim_matches('`').to_owned();
        let default = cells.next().and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
        let default = default.filter(|cell| !cell.contains('`'));
        (name, default.map(str::to_owned))
    };
    rows.map(row).collect()
}

/// The options of `run` with their defaults, as `--help` has them.
fn told_by_help() -> BTreeMap<String, Option<String>> {
    let page = text(&output(&["run", "--help"]).stdout);
    let mut told: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut last = String::new();
    for line in page.lines().map(str::trim) {
        if line.starts_with('-')
            && let Some((_, rest)) = line.split_once("--")
        {
            rest.split([' ', '=', '['])
                .next()
                .unwrap_or_default()
                .clone_into(&mut last);
            told.insert(last.clone(), None);
        } else if let Some(default) = line.strip_prefix("[default: ").and_then(|rest| rest.strip_suffix(']')) {
            told.insert(last.clone(), Some(default.to_owned()));
        }
    }
    told.retain(|name, _| !["help", "version"].contains(&name.as_str()));
    told
}

#[test]
fn every_option_of_run_is_on_the_page_of_configuration_with_its_default() {
    let (help, page) = (told_by_help(), documented());
    assert!(help.len() > 25, "{help:?}");
    assert_eq!(
        help.keys().collect::<Vec<_>>(),
        page.keys().collect::<Vec<_>>(),
        "help on the left, docs/configuration.md on the right"
    );
    for (name, default) in help {
        // What depends on something is not said by the help.
        if default.is_some() {
            assert_eq!(page[&name], default, "--{name}");
        }
    }
}

#[test]
fn every_option_has_its_environment_variable() {
    for command in commands() {
        for (option, variable) in options(&command) {
            let expected = format!("TMC_SYNCER_{}", option.replace('-', "_").to_uppercase());
            assert_eq!(variable.as_deref(), Some(expected.as_str()), "{command} --{option}");
        }
    }
}

#[test]
fn a_value_that_cannot_be_taken_is_refused_with_the_name_of_its_option() {
    for (command, option, values) in HOSTILE {
        for value in *values {
            let output = output(&[command, &format!("--{option}={value}")]);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command} --{option}={value:?}: {said}");
            assert!(
                said.contains(option),
                "{command} --{option}={value:?} is not named: {said}"
            );
            assert!(!said.contains("panicked"), "{said}");
        }
    }
    // An option that takes a value refuses to have none, and nobody invents an option.
    for command in commands() {
        let output = output(&[command.as_str(), "--no-such-option"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("--no-such-option"), "{command}");
    }
}
