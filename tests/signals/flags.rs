//! Every option of `--help` has a test that shows what it does, and says what is wrong with a value that it cannot take.

mod effects;
mod table;

use std::{
    collections::BTreeSet,
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

/// What the table says of `option` of `command`: what is said of all commands counts too.
fn shown(command: &str, option: &str) -> Option<&'static str> {
    let found = SHOWN
        .iter()
        .find(|(of, name, _)| (*of == command || *of == "*") && *name == option);
    found.map(|(_, _, by)| *by)
}

#[test]
fn every_option_has_a_test_that_shows_what_it_does() {
    let mut used = BTreeSet::new();
    let mut missing = Vec::new();
    for command in commands() {
        for (option, _) in options(&command) {
            match shown(&command, &option) {
                Some(by) => {
                    assert!(is_a_test(by), "{command} --{option}: there is no test {by}");
                    used.insert((option, by));
                }
                None => missing.push(format!("{command} --{option}")),
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no row in tests/signals/flags/table.rs: {missing:?}"
    );
    let outdated: Vec<_> = SHOWN
        .iter()
        .filter(|(_, name, by)| !used.contains(&((*name).to_owned(), *by)))
        .collect();
    assert!(outdated.is_empty(), "no such option: {outdated:?}");
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
