//! The API server with the Lease is away for a while; the others are not.

use std::time::Duration;

use serde_json::json;
use syncer_harness::{Fate, GoBetween, stays};

use crate::{
    leader::stage::{Stage, user},
    objects::{ConfigMap, SOON, text},
};

/// Longer than a renewal takes, and much shorter than the renew deadline.
const SHORT: Duration = Duration::from_secs(2);
/// So long after the last leader has ended its Lease is over.
const LONGER_THAN_THE_LEASE: Duration = Duration::from_secs(17);

#[test]
fn a_lease_that_cannot_be_renewed_for_a_moment_is_kept_and_for_longer_nobody_leads_until_it_can() {
    let stage = Stage::new("lease");
    let between = GoBetween::before(&stage.upstream.kubeconfig_of(&user("lease", "one")));
    let way = stage.file("lease.kubeconfig", &between.kubeconfig());
    let quick = [
        "--lease-kubeconfig",
        way.to_str().unwrap(),
        "--lease-duration=15s",
        "--lease-renew-deadline=12s",
        "--lease-retry-period=1s",
    ];
    let (mut one, two) = stage.both(&quick);
    let arrives = |name: &str| {
        let object = ConfigMap::new("lease", name);
        object.create(stage.upstream, &json!({"a": "b"}));
        object.wait_data(stage.east, &json!({"a": "b"}));
    };
    arrives("first");

    for fate in [Fate::Cut, Fate::status(503, "ServiceUnavailable")] {
        between.decide(move |_| fate.clone());
        stays("led by the same one", SHORT, || {
            text(&one.position(), "/election") == "leading"
        });
        between.pass();
        one.syncer
            .wait_for_log(&["the Lease can be read and written again"], SOON);
    }
    arrives("second");
    assert_eq!(stage.lease()["spec"]["leaseTransitions"], 0);

    between.decide(|_| Fate::Cut);
    assert_eq!(one.syncer.wait_ended(SOON), Some(1), "{}", one.syncer.log());
    assert!(
        one.syncer.log().contains("without it this process ends in"),
        "{}",
        one.syncer.log()
    );
    let third = ConfigMap::new("lease", "third");
    third.create(stage.upstream, &json!({"a": "b"}));
    stays("led by nobody", LONGER_THAN_THE_LEASE, || {
        let (status, body) = two.page("/readyz");
        let is_unready = status == 500 && body.contains("[-]lease failed");
        if is_unready && third.get(stage.east).is_none() {
            Ok(())
        } else {
            Err(body)
        }
    });
    between.pass();
    two.wait_leads();
    third.wait_data(stage.east, &json!({"a": "b"}));
    stage.assert_handed_over("one", "two");
}
