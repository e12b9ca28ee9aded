//! What a conflict costs in requests, by the API servers' own counts.

use std::{collections::BTreeMap, io::Write as _, thread, time::Duration};

use serde_json::json;
use syncer_harness::{RequestCounts, wait_for};

use super::{
    thing::{Kind, Leaf, Thing},
    trio::{SOON, Trio, change, policy},
};

/// So many conflicts are made at once.
const CONFLICTS: u64 = 20;
/// Between the two writes of a conflict.
const APART: Duration = Duration::from_secs(4);

fn figure(text: &str) {
    let mut out = std::io::stderr().lock();
    writeln!(out, "figure: {text}").unwrap();
}

/// Each verb and resource with how often it was asked per conflict.
fn per_conflict(counts: &RequestCounts) -> String {
    let mut verbs: BTreeMap<String, u64> = BTreeMap::new();
    for (kind, count) in counts.iter() {
        let resource = if kind.resource == "events" { " events" } else { "" };
        *verbs
            .entry(format!("{}{resource} {}", kind.verb, kind.code))
            .or_default() += count;
    }
    let each = |(verb, count): (&String, &u64)| format!("{verb} {}", hundredths(*count));
    verbs.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// So many per conflict.
fn hundredths(count: u64) -> String {
    let hundredths = count * 100 / CONFLICTS;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Makes conflicts under `strategy`, and counts what settling them takes; `winner` is what the upstream and both targets have in the end. At
/// most `most` requests for each but Events.
fn conflicts(name: &'static str, strategy: &str, winner: [u32; 3], most: u64) {
    let rules = json!({"strategy": strategy});
    let trio = Trio::start(name, &[policy(name, &[name], &rules)]);
    let report = trio.report();
    let things: Vec<_> = (0..CONFLICTS)
        .map(|number| Thing::new(Kind::ConfigMap, name, &format!("object-{number}")))
        .collect();
    trio.make(name, &things);
    trio.wait_rest();
    let mut before = trio.asked();
    trio.meanwhile(|| {
        for (server, number) in [(trio.upstream(), 1), (trio.east(), 2)] {
            for thing in &things {
                change(server, thing, "hand", &thing.patch(Leaf::Shared, Some(number)));
            }
            thread::sleep(APART);
        }
        // What people did is not the syncer's.
        before = trio.asked();
    });
    // A look at all objects of a kind is one request a server, and no more than a few looks are needed.
    let mut looks = 0;
    wait_for("the winners", SOON, || {
        thread::sleep(Duration::from_secs(1));
        looks += 1;
        let path = things[0].collection();
        let seen = trio.servers().map(|server| server.client().items(&path));
        seen.iter().zip(winner).all(|(objects, value)| {
            let of_ours = objects.iter().filter(|object| {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                name.starts_with("object-")
            });
            of_ours
                .filter(|object| things[0].value(object, Leaf::Shared) == Some(value))
                .count()
                == things.len()
        })
    });
    trio.wait_rest();
    let mut total = 0;
    for ((place, now), then) in ["upstream", "east", "west"].iter().zip(trio.asked()).zip(&before) {
        let asked = now.since(then).only(|kind| kind.verb != "LIST");
        total += asked.only(|kind| kind.resource != "events").total();
        figure(&format!(
            "{strategy}, a conflict of one field: {place}: {}",
            per_conflict(&asked)
        ));
    }
    figure(&format!(
        "{strategy}, a conflict of one field: {} requests on three servers, Events apart ({looks} looks)",
        hundredths(total)
    ));
    assert!(total <= most * CONFLICTS, "{total} requests for {CONFLICTS} conflicts");
    drop(report);
    trio.end();
}

#[test]
fn requests_for_a_conflict_that_the_upstream_wins() {
    conflicts("figure-up", "UpstreamWins", [1, 1, 1], 8);
}

#[test]
fn requests_for_a_conflict_that_a_later_write_wins() {
    conflicts("figure-last", "LastWriteWins", [2, 2, 2], 24);
}

#[test]
fn requests_for_a_conflict_of_a_merge() {
    conflicts("figure-merge", "MergeChanges", [1, 1, 1], 10);
}
