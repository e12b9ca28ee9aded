//! The demonstration, as a person starts it.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    reason = "steps of a test outside of its function: their panic is the test's failure"
)]

use std::{
    io::{BufRead as _, BufReader},
    net::TcpStream,
    process::{Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

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

#[test]
fn told_to_end_it_takes_the_syncer_with_it() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tmc-syncer"));
    let mut demo = command
        .args(["demo", "--for", "5m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let address = lines.map_while(Result::ok).find_map(|line| {
        let (_, address) = line.split_once("watch it: http://")?;
        Some(address.trim_end_matches('/').to_owned())
    });
    let address = address.unwrap();
    TcpStream::connect(&address).unwrap();
    kill_process(Pid::from_child(&demo), Signal::TERM).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(1));
    assert!(TcpStream::connect(&address).is_err(), "the syncer is still there");
}
