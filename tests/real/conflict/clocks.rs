//! Servers whose clocks are wrong: a go-between answers as they would.

use std::{thread, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use syncer_harness::{ApiServer, GoBetween, Kubeconfig, stays, wait_for};

use super::{
    thing::{KINDS, Leaf, Thing},
    trio::{SOON, Trio, change, policy},
};

/// Between two writes of which one is the later: servers write whole seconds, and clocks are known to a second.
const APART: Duration = Duration::from_secs(5);
/// By how much a clock is wrong, in seconds.
const MINUTES: i64 = 300;

/// How the first and the second write of an object go.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// The target first, and then the upstream, which wins.
    UpstreamLater,
    /// The upstream first, and then the target, which wins.
    TargetLater,
}

/// An object that the upstream and one target write.
struct Race<'a> {
    thing: Thing,
    order: Order,
    target: &'a ApiServer,
}

// === impl Race ===

impl Race<'_> {
    const EARLIER: u32 = 7;
    const LATER: u32 = 8;

    fn earlier(&self, upstream: &ApiServer) {
        let server = match self.order {
            Order::UpstreamLater => self.target,
            Order::TargetLater => upstream,
        };
        change(
            server,
            &self.thing,
            "hand",
            &self.thing.patch(Leaf::Shared, Some(Self::EARLIER)),
        );
    }

    fn later(&self, upstream: &ApiServer) {
        let server = match self.order {
            Order::UpstreamLater => upstream,
            Order::TargetLater => self.target,
        };
        change(
            server,
            &self.thing,
            "hand",
            &self.thing.patch(Leaf::Shared, Some(Self::LATER)),
        );
    }
}

/// Leads to the server of `way`, whose clock is ahead by so many seconds. It lives until the process ends.
fn skewed(way: &mut Kubeconfig, ahead: i64) {
    if ahead != 0 {
        let between = GoBetween::before(way);
        between.skew(ahead);
        *way = between.kubeconfig();
    }
}

/// Waits until all three servers have `value` in the shared leaf of `thing`, and sees that it stays.
#[track_caller]
fn wait_everywhere(trio: &Trio, thing: &Thing, value: u32) {
    let seen = || {
        trio.servers()
            .map(|server| thing.value(&server.client().read(&thing.path()), Leaf::Shared))
    };
    wait_for(&format!("{value} in {thing:?}"), SOON, || {
        let seen = seen();
        if seen == [Some(value); 3] {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });
}

/// The upstream's clock, east's and west's are ahead by so many seconds.
fn clocks(name: &'static str, [upstream, east, west]: [i64; 3]) {
    let rules = json!({"strategy": "LastWriteWins"});
    let trio = Trio::start_by(name, &[policy(name, &[name], &rules)], |ways| {
        skewed(&mut ways.upstream, upstream);
        skewed(&mut ways.east, east);
        skewed(&mut ways.west, west);
    });
    let report = trio.report();
    let mut races = Vec::new();
    for (at, target) in [("east", trio.east()), ("west", trio.west())] {
        for (order, text) in [(Order::UpstreamLater, "upstream"), (Order::TargetLater, "target")] {
            races.extend(KINDS.map(|kind| Race {
                thing: Thing::new(kind, name, &format!("{at}-{text}-later")),
                order,
                target,
            }));
        }
    }
    let things: Vec<_> = races.iter().map(|race| race.thing.clone()).collect();
    trio.make(name, &things);
    trio.wait_rest();

    trio.meanwhile(|| {
        for race in &races {
            race.earlier(trio.upstream());
        }
        // Writes that are nearer to each other are a tie, which is the upstream's.
        thread::sleep(APART);
        for race in &races {
            race.later(trio.upstream());
        }
    });
    for race in &races {
        wait_everywhere(&trio, &race.thing, Race::LATER);
    }
    trio.wait_rest();

    // While all is watched: what a target wrote is not younger than what the upstream says after that.
    for race in &races {
        change(
            race.target,
            &race.thing,
            "hand",
            &race.thing.patch(Leaf::Shared, Some(20)),
        );
    }
    for race in &races {
        wait_everywhere(&trio, &race.thing, 20);
        let object = trio.upstream().client().read(&race.thing.path());
        assert_recent(&object);
    }
    for race in &races {
        change(
            trio.upstream(),
            &race.thing,
            "hand",
            &race.thing.patch(Leaf::Shared, Some(21)),
        );
    }
    for race in &races {
        wait_everywhere(&trio, &race.thing, 21);
    }
    stays("as the upstream said last", Duration::from_secs(3), || {
        races.iter().all(|race| {
            let object = trio.upstream().client().read(&race.thing.path());
            race.thing.value(&object, Leaf::Shared) == Some(21)
        })
    });

    assert_offsets(
        &trio,
        &[
            ("", upstream),
            (&format!("{name}-east"), east),
            (&format!("{name}-west"), west),
        ],
    );
    drop(report);
    trio.end();
}

/// What was written back says when that was on a clock that is right.
#[track_caller]
fn assert_recent(object: &Value) {
    let written = object["metadata"]["annotations"]["workload.kcp.io/written-back"].as_str();
    let written: Value = serde_json::from_str(written.unwrap()).unwrap();
    for (path, write) in written.as_object().unwrap() {
        let time: Timestamp = write["time"].as_str().unwrap().parse().unwrap();
        let age = Timestamp::now().duration_since(time);
        assert!((-3..240).contains(&age.as_secs()), "{path}: {write}");
    }
}

/// The metrics tell how far the clocks are from ours.
#[track_caller]
fn assert_offsets(trio: &Trio, expected: &[(&str, i64)]) {
    let samples = trio.samples("tmc_syncer_clock_offset_seconds");
    for (cluster, ahead) in expected {
        let label = format!("target=\"{cluster}\"");
        let found = samples.iter().find(|(labels, _)| labels.contains(&label));
        let found: f64 = found.map_or(f64::NAN, |(_, value)| value.parse().unwrap());
        #[expect(clippy::cast_precision_loss, reason = "some minutes")]
        let ahead = *ahead as f64;
        assert!(
            (found - ahead).abs() < 1.5,
            "{cluster}: {found} in place of {ahead}: {samples:?}"
        );
    }
}

#[test]
fn targets_whose_clocks_are_five_minutes_wrong_neither_win_nor_lose_by_it() {
    clocks("clocks-targets", [0, MINUTES, -MINUTES]);
}

#[test]
fn an_upstream_whose_clock_is_five_minutes_ahead_neither_wins_nor_loses_by_it() {
    clocks("clocks-upstream", [MINUTES, 0, 0]);
}
