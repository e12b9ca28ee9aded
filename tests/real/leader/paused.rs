//! The leader is paused (SIGSTOP) in the middle of its work, another one takes over, and the first one goes on.

use std::time::Instant;

use serde_json::json;
use syncer_harness::{Patch, wait_for};

use crate::{
    leader::stage::{Stage, name},
    objects::{ConfigMap, SOON},
};

/// It has what it was about to write in its buffers, and believes that it leads.
#[test]
fn a_leader_that_was_paused_and_wakes_up_late_does_no_harm_and_ends() {
    const COUNT: usize = 400;
    let stage = Stage::new("pause");
    let (mut one, two) = stage.both(&[]);
    let load = stage.load(0..COUNT);
    stage.wait_some(40);
    one.syncer.pause();
    let paused = Instant::now();
    two.wait_leads();
    println!(
        "figure: take-over after SIGSTOP of the leader under load: the other leads after {:.1?}",
        paused.elapsed()
    );
    load.join().unwrap();
    stage.wait_arrived(COUNT);
    // What the first one knows is outdated in every way: edited, and gone.
    for number in 0..COUNT {
        let one = ConfigMap::new(stage.name, &name(number));
        if number % 10 == 0 {
            one.delete(stage.upstream);
        } else {
            let change = json!({"data": {"number": "another"}});
            stage.upstream.client().patch(&one.path(), Patch::Merge(&change));
        }
    }
    let settled = |server| {
        wait_for("what was edited last", SOON * 2, || {
            let path = format!("/api/v1/namespaces/{}/configmaps", stage.name);
            let items = syncer_harness::ApiServer::client(server).items(&path);
            let old = items.iter().filter(|item| item["data"]["number"] != "another").count();
            if (items.len(), old) == (COUNT - COUNT / 10, 0) {
                Ok(())
            } else {
                Err(format!("{} there, {old} of them old", items.len()))
            }
        });
    };
    settled(stage.east);
    settled(stage.west);
    let versions =
        || [stage.upstream, stage.east, stage.west].map(|server| crate::objects::versions(server, stage.name));
    let before = versions();

    one.syncer.resume();
    assert_eq!(one.syncer.wait_ended(SOON), Some(1), "{}", one.syncer.log());
    assert!(
        one.syncer
            .log()
            .contains("this process leads no more, and writes nothing from here on"),
        "{}",
        one.syncer.log()
    );
    assert_eq!(versions(), before, "nothing was written");
    stage.assert_handed_over("one", "two");

    // What starts in its place stands by.
    stage.start("one", &[]).wait_stands_by();
    stage.assert_handed_over("one", "two");
}
