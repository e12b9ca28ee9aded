//! What an API server calls invalid is never the last word.

use serde_json::json;
use syncer_core::config::Strategy;

use super::world::{Kind, World};

#[test]
fn a_merge_that_is_refused_falls_back_to_the_upstream() {
    let mut world = World::new(Kind::ConfigMap, Strategy::MergeChanges, 1, &json!({"data": {"a": "1"}}));
    // Each is fine alone; together a key stands in both maps.
    world.edit_below(0, "bob", &json!({"binaryData": {"x": "AAAA"}}));
    world.edit_above("alice", &json!({"data": {"x": "up"}}));
    world.settle();
    let below = world.below(0);
    assert_eq!(below["data"], json!({"a": "1", "x": "up"}));
    assert_eq!(below["binaryData"]["x"], json!(null));
    world.assert_quiet();
}
