//! Write-back with two targets.

use std::ffi::OsString;

use serde_json::json;
use syncer_harness::{Scratch, Syncer, wait_for};

use crate::{
    down::{
        clusters::{arguments_between, policy},
        object::Object,
    },
    objects::{SOON, create_namespace},
    world::{BINARY, World},
};

#[test]
fn what_one_target_changes_reaches_the_upstream_and_the_other() {
    let world = World::start();
    let _report = world.report();
    let scratch = Scratch::new("write-back");
    let mut arguments: Vec<OsString> =
        arguments_between(&world.upstream, &[("east", &world.east), ("west", &world.west)]);
    let document = policy("all", 0, &[], &json!({"strategy": "LastWriteWins"}));
    arguments.extend(["-f".into(), scratch.write("policy.yaml", &document.to_string()).into()]);
    let syncer = Syncer::start(BINARY, &arguments);
    let _log = syncer_harness::FailureReport::on([syncer.process()]);
    create_namespace(&world.upstream, "shared");
    let map = Object::config_map("shared", "web");
    map.create(&world.upstream, &json!({"data": {"a": "1", "b": "1"}}));
    let servers = [&world.upstream, &world.east, &world.west];
    let wait = |field: &str, value: &str| {
        for server in servers {
            wait_for(&format!("{field} to be {value} everywhere"), SOON, || {
                let found = map.get(server).map(|map| map["data"][field].clone());
                if found == Some(json!(value)) {
                    Ok(())
                } else {
                    Err(format!("{found:?}"))
                }
            });
        }
    };
    wait("a", "1");
    map.merge(&world.west, &json!({"data": {"a": "west"}}));
    wait("a", "west");
    map.merge(&world.east, &json!({"data": {"b": "east"}}));
    wait("b", "east");
    wait("a", "west");
    // Each leaf names the target that it came from.
    let upstream = map.read(&world.upstream);
    let written = upstream["metadata"]["annotations"]["workload.kcp.io/written-back"].clone();
    let written: serde_json::Value = serde_json::from_str(written.as_str().unwrap()).unwrap();
    assert_eq!(written["data.a"]["target"], "west", "{written}");
    assert_eq!(written["data.b"]["target"], "east", "{written}");
}
