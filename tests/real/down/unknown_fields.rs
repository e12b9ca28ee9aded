//! Fields that the target does not know.

use serde_json::json;
use syncer_harness::wait_for;

use super::{clusters::Beside, object::Object};
use crate::objects::SOON;

#[test]
fn an_unknown_field_is_reported_by_its_path() {
    let down = Beside::others();
    let _report = down.report();
    down.namespace("unknown-report");
    let known = Object::widget("unknown-report", "known");
    down.sync(&known, &json!({"spec": {"size": "1"}}));

    let object = Object::widget("unknown-report", "web");
    object.create(&down.upstream, &json!({"spec": {"size": "1", "novelty": "x"}}));
    down.wait_event(&object, "SyncFailed", &["east", "spec.novelty", "onUnknownField"]);
    assert_eq!(object.get(&down.east), None);
    // S11: of what was there the last good state stays.
    known.merge(&down.upstream, &json!({"spec": {"size": "2", "novelty": "x"}}));
    down.wait_event(&known, "SyncFailed", &["spec.novelty"]);
    assert_eq!(known.read(&down.east)["spec"], json!({"size": "1"}));

    object.merge(&down.upstream, &json!({"spec": {"novelty": null}}));
    known.merge(&down.upstream, &json!({"spec": {"novelty": null}}));
    down.wait_alike(&object);
    down.wait_alike(&known);
}

#[test]
fn an_unknown_field_is_left_out_where_the_policy_says_so() {
    let down = super::clusters::Alone::here();
    let _report = down.report();
    down.namespace("unknown-drop");
    let object = Object::widget("unknown-drop", "web");
    object.create(&down.upstream, &json!({"spec": {"size": "1", "novelty": "x"}}));
    wait_for("the rest", SOON, || {
        object
            .get(&down.east)
            .is_some_and(|held| held["spec"] == json!({"size": "1"}))
    });
    down.stays_quiet("unknown-drop", "with what was left out");
    object.merge(&down.upstream, &json!({"spec": {"size": "2"}}));
    wait_for("an edit", SOON, || {
        object.read(&down.east)["spec"] == json!({"size": "2"})
    });
    // Drift is put right all the same.
    object.merge(&down.east, &json!({"spec": {"size": "3"}}));
    wait_for("the revert", SOON, || {
        object.read(&down.east)["spec"] == json!({"size": "2"})
    });
    down.stays_quiet("unknown-drop", "after that");
}
