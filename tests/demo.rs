//! The demonstration, as a person starts it.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    reason = "steps of a test outside of its function: their panic is the test's failure"
)]

use std::process::{Command, Output};

use serde_json::Value;

fn demo(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tmc-syncer"));
    command.arg("demo").args(arguments).output().unwrap()
}

fn result(arguments: &[&str]) -> Value {
    let output = demo(&[&["-o", "json"], arguments].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{told}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_same_seed_tells_the_same_story_and_leaves_the_same_objects() {
    let arguments = ["--seed", "7", "--for", "6s", "--objects", "12"];
    let (one, other) = (result(&arguments), result(&arguments));
    for part in ["script", "final"] {
        assert_eq!(one[part].to_string(), other[part].to_string(), "{part}");
    }
    let measured = &one["measured"];
    assert_eq!(measured["converged"], true);
    assert_eq!(measured["drift"]["made"], measured["drift"]["reverted"]);
    assert!(measured["latencyMs"]["p50"].as_f64().unwrap() > 0.0);
    assert!(!one["final"]["target east"].as_object().unwrap().is_empty());
}

#[test]
fn it_converges_through_chaos_and_a_kill() {
    let result = result(&["--seed", "3", "--for", "10s", "--chaos"]);
    let acts = result["script"]["steps"].as_array().unwrap().iter();
    let acts: Vec<&str> = acts.map(|step| step["act"].as_str().unwrap()).collect();
    assert!(
        acts.contains(&"restart") && acts.contains(&"trouble-begins"),
        "{acts:?}"
    );
    assert_eq!(result["measured"]["broken"].as_array().unwrap().len(), 0);
}

#[test]
fn the_story_ends_with_a_table() {
    let output = demo(&["--seed", "5", "--for", "5s", "--objects", "6", "--targets", "2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for row in [
        "http://127.0.0.1:",
        "target ",
        "drift: somebody",
        "conflict: ",
        "objects  ",
        "converged       all converged",
        "latency         p50 ",
        "invariants      none broke",
    ] {
        assert!(text.contains(row), "{row} is not in {text}");
    }
}
