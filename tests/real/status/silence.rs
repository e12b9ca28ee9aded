//! Targets that are down. Played nodes miss a beat on a loaded machine, and their pods are not ready then: what is looked at
//! is how many there are.

use std::time::Duration;

use syncer_harness::stays;

use super::field::{ENDS_WITHIN, Field, condition};
use crate::world::writes;

const REPORTING: &str = "workload.kcp.io/TargetsReporting";

#[test]
fn a_syncer_killed_and_started_while_a_target_is_down_shows_no_partial_sum() {
    let mut field = Field::get();
    let path = {
        let _report = field.report();
        let mut syncer = field.run("5m");
        let path = field.deploy("killed", 600);
        field.wait_made(&path);
        syncer.kill();
        path
    };
    field.west.kill();
    {
        let _report = field.report();
        let mut syncer = field.run("5m");
        let written = writes(&field.upstream).len();
        stays("ten, with west down", Duration::from_secs(12), || {
            let status = field.status(&path);
            if status["replicas"] == 10 {
                Ok(())
            } else {
                Err(status.to_string())
            }
        });
        assert_eq!(writes(&field.upstream).len(), written);
        syncer.kill();
    }
    field.west.start_again();
    let _report = field.report();
    let mut syncer = field.run("5m");
    stays("ten, with west back", Duration::from_secs(8), || {
        let status = field.status(&path);
        if status["replicas"] == 10 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}

#[test]
fn a_target_that_dies_is_marked_then_left_out_and_right_again_when_it_returns() {
    let mut field = Field::get();
    let mut syncer = field.run("25s");
    let path = field.deploy("dies", 600);
    field.wait_made(&path);
    field.west.kill();
    {
        let _report = field.report();
        let marked = field.wait("the mark", &path, |status| condition(status, REPORTING)[0] == "False");
        let [_, reason, message] = condition(&marked, REPORTING);
        assert_eq!(reason, "TargetSilent");
        assert!(message.starts_with("west: silent since 2"), "{message}");
        assert_eq!(marked["replicas"], 10);
        let left_out = field.wait("west left out", &path, |status| status["replicas"] == 5);
        assert_eq!(condition(&left_out, REPORTING)[1], "TargetLeftOut");
    }
    field.west.start_again();
    let _report = field.report();
    field.wait("all of it again", &path, |status| {
        status["replicas"] == 10 && condition(status, REPORTING)[0] == "True"
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}
