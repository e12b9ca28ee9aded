//! The full round: it repairs what nobody rang for, and asks nothing where nothing is to be repaired.

use std::time::Duration;

use serde_json::json;
use syncer_harness::{Patch, RequestCounts, stays};

use super::field::{ENDS_WITHIN, Field, condition};

/// What of the synced resources was asked upstream, watches apart.
fn asked(field: &Field) -> RequestCounts {
    let counts = field.upstream.request_counts();
    counts.only(|request| ["deployments", "services"].contains(&request.resource.as_str()) && request.verb != "WATCH")
}

fn wipe(field: &Field, path: &str) {
    // A merge patch would leave what it does not name.
    let status = json!([{"op": "replace", "path": "/status", "value": {}}]);
    field
        .upstream
        .client()
        .patch(&format!("{path}/status"), Patch::Json(&status));
    assert_eq!(field.status(path).get("replicas"), None);
}

#[test]
fn at_rest_the_full_round_asks_the_upstream_nothing() {
    let field = Field::get();
    let _report = field.report();
    let mut syncer = field.run("5m");
    let path = field.deploy("round-rest", 600);
    field.wait_ten(&path);
    // The last word of the targets comes within an interval.
    let quiet = |field: &Field| {
        let before = asked(field);
        std::thread::sleep(Duration::from_secs(3));
        asked(field).since(&before).total() == 0
    };
    syncer_harness::wait_for("rest", Duration::from_mins(3), || quiet(&field));
    let before = asked(&field);
    // Six rounds of two seconds.
    stays("asked nothing", Duration::from_secs(12), || {
        let since = asked(&field).since(&before);
        if since.total() == 0 {
            Ok(())
        } else {
            Err(format!("{since:?}"))
        }
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn a_status_that_was_wiped_upstream_comes_back_whoever_looked_when_it_was() {
    let mut field = Field::get();
    let path = {
        let _report = field.report();
        let mut syncer = field.run("5m");
        let path = field.deploy("wiped", 600);
        let full = field.wait_ten(&path);

        // While the syncer looks.
        wipe(&field, &path);
        let again = field.wait_ten(&path);
        assert_eq!(again["replicas"], full["replicas"]);
        assert_eq!(condition(&again, "workload.kcp.io/Synced")[0], "True");

        // While it hangs.
        syncer.pause();
        wipe(&field, &path);
        syncer.resume();
        field.wait_ten(&path);

        // While it is away.
        assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
        wipe(&field, &path);
        path
    };
    let mut syncer = field.run("5m");
    {
        let _report = field.report();
        field.wait_ten(&path);
        syncer.pause();
        wipe(&field, &path);
    }
    // While the upstream restarts: the watches are cut.
    field.upstream.kill();
    field.upstream.start_again();
    syncer.resume();
    let _report = field.report();
    field.wait_ten(&path);
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}
