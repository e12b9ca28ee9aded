//! What traces cost the process that is traced, in processor time.

use std::{fs, time::Duration};

use serde_json::json;
use syncer_harness::{Syncer, wait_for};

use super::collector::Collector;
use crate::{
    http::get,
    stage::{DEADLINE, Stage, ready},
};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// The objects that are made, each on two targets.
const OBJECTS: usize = 400;

/// By when all of them are there: seconds on a machine of one's own.
const LONG: Duration = Duration::from_mins(3);

/// The ticks of a second in `/proc`, which Linux has fixed for programs.
const TICKS: f64 = 100.0;

/// The processor time that a process has used, in seconds.
fn used(syncer: &Syncer) -> f64 {
    let line = fs::read_to_string(format!("/proc/{}/stat", syncer.process().id())).unwrap();
    // After the name, which may have spaces and ends with the last parenthesis: the 12th and 13th are user and system time.
    let (_, rest) = line.rsplit_once(')').unwrap();
    let ticks = rest.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// The spans that became of it what `result` says.
fn spans(syncer: &Syncer, result: &str) -> u64 {
    let page = get(syncer.admin_address(), "/metrics").unwrap().body;
    let start = format!("tmc_syncer_trace_spans_total{{result=\"{result}\"}} ");
    let line = page.lines().find_map(|line| line.strip_prefix(start.as_str()));
    line.map_or(0, |count| count.parse().unwrap())
}

/// The cheaper of two runs: what other work of the machine adds is not ours.
fn cheaper(more: &[&str]) -> (f64, u64, u64) {
    let (one, other) = (cost(more), cost(more));
    if one.0 <= other.0 { one } else { other }
}

/// What a run costs with `more` arguments in milliseconds of processor time per object, and the spans that were sent and dropped.
fn cost(more: &[&str]) -> (f64, u64, u64) {
    let stage = Stage::new(2);
    let syncer = stage.run(more);
    ready(&syncer);
    let before = used(&syncer);
    for number in 0..OBJECTS {
        let object = json!({"metadata": {"name": format!("c{number}")}, "data": {"k": "v"}});
        stage.upstream().create(CONFIG_MAPS, &object).unwrap();
    }
    wait_for("all objects on both targets", LONG, || {
        let missing = ["east", "west"].map(|name| {
            let held = stage.target(name).list(CONFIG_MAPS);
            OBJECTS
                - held
                    .iter()
                    .filter(|object| object["data"]["k"] == "v")
                    .count()
                    .min(OBJECTS)
        });
        if missing == [0, 0] {
            Ok(())
        } else {
            Err(format!("{missing:?} are missing"))
        }
    });
    // What is still to be sent is part of the cost.
    if more.iter().any(|argument| argument.starts_with("http")) {
        wait_for("the spans to be sent", DEADLINE, || {
            let (sent, failed) = (spans(&syncer, "sent"), spans(&syncer, "failed"));
            if sent + failed > 0 { Ok(()) } else { Err("none yet") }
        });
    }
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    let each = (used(&syncer) - before) * 1000.0 / OBJECTS as f64;
    (each, spans(&syncer, "sent"), spans(&syncer, "dropped"))
}

#[test]
fn traces_cost_little_where_few_are_taken_and_never_the_sync() {
    let stage = Stage::new(1);
    let collector = Collector::start(&stage.pool);
    let (there, away) = (
        collector.endpoint(),
        format!("http://127.0.0.1:{}", syncer_harness::free_port()),
    );
    let (without, ..) = cheaper(&[]);
    let (few, few_sent, _) = cheaper(&["--otlp-endpoint", &there, "--trace-sample", "0.05"]);
    let (all, all_sent, dropped) = cheaper(&["--otlp-endpoint", &there]);
    let (lost, ..) = cheaper(&["--otlp-endpoint", &away]);
    println!(
        "figure: processor time per object on two targets: {without:.2} ms without traces, {few:.2} ms with 5 of 100 traced, {all:.2} ms \
         with all ({all_sent} spans sent, {dropped} dropped), {lost:.2} ms with all and no collector"
    );
    assert!(few_sent < all_sent, "{few_sent} of a sample, {all_sent} of all");
    // Far above what is measured: this is about a cost that grows with something, not about percents.
    for (what, cost) in [("a sample", few), ("all", all), ("a collector that is away", lost)] {
        assert!(
            cost < without * 4.0 + 5.0,
            "{what}: {cost} ms, {without} ms without traces"
        );
    }
}
