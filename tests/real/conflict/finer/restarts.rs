//! The syncer is killed between the edits of both sides and its decision.

use std::time::{Duration, Instant};

use serde_json::json;
use syncer_harness::wait_for;

use super::site::{Site, all, stage_of_strategies};
use crate::conflict::{
    cells::kind::{KINDS, Kind, base64},
    stage::Side,
};

/// Surely more than what two clocks may be wrong by.
const APART: Duration = Duration::from_secs(4);

/// The leaf that both sides change.
fn pointer(kind: Kind) -> &'static str {
    match kind {
        Kind::Deployment => "/spec/template/spec/containers/0/image",
        Kind::Service => "/spec/ports/0/targetPort",
        Kind::ConfigMap | Kind::Secret => "/data/a",
    }
}

fn value(kind: Kind, n: u32) -> serde_json::Value {
    match kind {
        Kind::Deployment => json!(format!("example.org/web:v{n}")),
        Kind::Service => json!(9000 + n),
        Kind::ConfigMap => json!(format!("v{n}")),
        Kind::Secret => json!(base64(&format!("v{n}"))),
    }
}

#[test]
fn killed_before_it_decided_the_same_side_wins_and_the_times_are_estimates() {
    let mut stage = stage_of_strategies("killed", &json!({}));
    {
        let sites = Site::of_strategies(&stage);
        for site in &sites {
            for kind in KINDS {
                for name in ["upstream-later", "downstream-later"] {
                    site.make(kind, name, &kind.body(name));
                }
            }
        }
    }
    stage.kill();
    let change = |site: &Site<'_>, side: Side, kind: Kind, name: &str, n: u32| {
        let operations = json!([{"op": "replace", "path": pointer(kind), "value": value(kind, n)}]);
        site.json_patch(side, kind, name, &operations);
    };
    let each = |do_it: &dyn Fn(&Site<'_>, Kind)| {
        for site in &Site::of_strategies(&stage) {
            for kind in KINDS {
                do_it(site, kind);
            }
        }
    };
    each(&|site, kind| {
        change(site, Side::East, kind, "upstream-later", 2);
        change(site, Side::Upstream, kind, "downstream-later", 1);
    });
    let since = Instant::now();
    wait_for("time to pass", APART * 2, || since.elapsed() > APART);
    each(&|site, kind| {
        change(site, Side::Upstream, kind, "upstream-later", 1);
        change(site, Side::East, kind, "downstream-later", 2);
    });
    stage.run();
    let [upstream, last, merge] = Site::of_strategies(&stage);
    for kind in KINDS {
        for site in [&upstream, &last, &merge] {
            site.wait(kind, "upstream-later", pointer(kind), &all(&value(kind, 1)));
        }
        for site in [&upstream, &merge] {
            site.wait(kind, "downstream-later", pointer(kind), &all(&value(kind, 1)));
        }
        last.wait(kind, "downstream-later", pointer(kind), &all(&value(kind, 2)));
        for name in ["upstream-later", "downstream-later"] {
            last.wait_event(kind, name, "Conflict", &["times estimated", &stage.target(Side::East)]);
            merge.wait_event(kind, name, "Conflict", &[&stage.target(Side::East)]);
        }
    }
    stage.stays_quiet("after what was found at the start");
}
