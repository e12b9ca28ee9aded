//! What a target keeps under `MergeChanges`, edited again and again: the entry of who edits it stays as it is.

use serde_json::{Value, json};
use syncer_harness::wait_for;

use super::site::{Site, stage_of_strategies};
use crate::{
    conflict::{cells::kind::Kind, stage::Side},
    objects::SOON,
};

/// The verdicts on `path` of the object `name`: the target's value and how often it was decided.
fn verdict(site: &Site<'_>, name: &str, path: &str) -> Option<(Value, Value)> {
    let page = site
        .stage
        .page(&format!("/debug/verdicts?object={}/{name}", site.namespace));
    let page: Value = serde_json::from_str(&page).ok()?;
    let all = page.as_array().or_else(|| page["verdicts"].as_array())?;
    let found = all.iter().find(|verdict| verdict["path"] == path)?;
    Some((found["downstream"]["value"].clone(), found["times"].clone()))
}

#[test]
fn each_edit_that_a_target_keeps_has_a_verdict_of_its_own_and_rest_is_quiet() {
    let stage = stage_of_strategies("kept", &json!({}));
    let [_, _, merge] = Site::of_strategies(&stage);
    merge.make(Kind::ConfigMap, "web", &json!({"data": {"a": "0", "b": "0"}}));
    merge.make(Kind::Service, "web", &Kind::Service.body("web"));
    let kept = |verdict: &str| {
        stage.counter(
            "tmc_syncer_conflicts_total",
            &["strategy=\"merge_changes\"", &format!("verdict=\"{verdict}\"")],
        )
    };
    let drift = || {
        stage.counter(
            "tmc_syncer_drift_total",
            &["action=\"kept\"", &stage.target(Side::East)],
        )
    };
    // The third brings back what the first set.
    for (count, value) in [(1, "1"), (2, "2"), (3, "1")] {
        merge.patch(Side::East, Kind::ConfigMap, "web", &json!({"data": {"a": value}}));
        let wanted = Some((json!(format!("\"{value}\"")), json!(count)));
        wait_for(&format!("verdict {count}"), SOON, || {
            let seen = verdict(&merge, "web", "data.a");
            if seen == wanted {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
        wait_for("the counters", SOON, || {
            let counted = (kept("downstream"), drift());
            if counted == (count, count) {
                Ok(())
            } else {
                Err(format!("{counted:?}"))
            }
        });
    }
    // What only the target has.
    for (count, value) in [(1, "1"), (2, "2")] {
        merge.patch(Side::East, Kind::ConfigMap, "web", &json!({"data": {"z": value}}));
        let wanted = Some((json!(format!("\"{value}\"")), json!(count)));
        wait_for(&format!("verdict {count} of a foreign key"), SOON, || {
            let seen = verdict(&merge, "web", "data.z");
            if seen == wanted {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
        wait_for("the counters", SOON, || {
            let counted = (kept("downstream"), kept("foreign_kept"));
            if counted == (3, count) {
                Ok(())
            } else {
                Err(format!("{counted:?}"))
            }
        });
    }
    stage.stays_quiet("with what a target keeps");
    assert_eq!((kept("downstream"), kept("foreign_kept"), drift()), (3, 2, 5));
    let values = |pointer: &str| merge.sees(Kind::ConfigMap, "web", pointer);
    assert_eq!(values("/data/a"), [json!("0"), json!("1"), json!("0")]);
    assert_eq!(values("/data/z"), [Value::Null, json!("2"), Value::Null]);
}
