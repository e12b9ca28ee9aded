//! An upstream that comes back as it was some time ago.

use serde_json::json;
use syncer_harness::{Patch, wait_for};

use super::field::{ENDS_WITHIN, Field, SOON};

#[test]
fn an_upstream_that_was_restored_from_a_backup_shows_what_its_targets_report() {
    let mut field = Field::get();
    let mut syncer = field.run("5m");
    let path = field.deploy("restored", 600);
    field.wait_ten(&path);
    let backup = field.upstream.back_up();
    let scale = |replicas: u32| json!({"spec": {"replicas": replicas}});
    {
        let _report = field.report();
        field.upstream.client().patch(&path, Patch::Merge(&scale(3)));
        field.wait("the six of three", &path, |status| {
            status["readyReplicas"] == 6 && status["observedGeneration"] == 2
        });
        // Its versions are well ahead of those of the backup.
        for number in 0..50 {
            let change = json!({"metadata": {"labels": {"edit": number.to_string()}}});
            field.upstream.client().patch(&path, Patch::Merge(&change));
        }
    }
    field.upstream.restore(&backup);
    let _report = field.report();
    let seen = field.upstream.client().read(&path);
    assert_eq!(
        (&seen["spec"]["replicas"], &seen["status"]["replicas"]),
        (&json!(5), &json!(10))
    );
    for target in [&field.east, &field.west] {
        wait_for("the five of the backup", SOON, || {
            let there = target.client().read(&path);
            if there["spec"]["replicas"] == 5 && there["metadata"]["labels"]["edit"].is_null() {
                Ok(())
            } else {
                Err(there.to_string())
            }
        });
    }
    field.wait_ten(&path);
    // And it goes on from there.
    field.upstream.client().patch(&path, Patch::Merge(&scale(4)));
    field.wait("the eight of four", &path, |status| {
        status["readyReplicas"] == 8 && status["replicas"] == 8 && status["observedGeneration"] == 2
    });
    assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
}
