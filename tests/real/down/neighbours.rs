//! Two syncers with an upstream each on one target.

use serde_json::json;
use syncer_harness::{ApiServerOptions, Syncer, stays, wait_for};

use super::{
    clusters::{Beside, arguments_between},
    object::Object,
};
use crate::{
    objects::{ENDS_WITHIN, SOON, create_namespace, text, uid, version},
    printed::{self, Side},
    world::{BINARY, syncer},
};

const ORIGIN: &str = "/metadata/annotations/workload.kcp.io~1origin";

#[test]
fn two_syncers_leave_each_others_objects_alone() {
    let down = Beside::others();
    let other = ApiServerOptions::default().named("other").user(&syncer()).start();
    let other = printed::grant(other, Side::Upstream);
    let mut neighbour = Syncer::start(BINARY, arguments_between(&other, &[("east", &down.east)]));
    let _report = down.report();

    down.namespace("both");
    let contested = Object::config_map("both", "contested");
    let first = down.sync(&contested, &json!({"data": {"of": "first"}}));
    let own = Object::config_map("both", "first");
    down.sync(&own, &json!({"data": {"of": "first"}}));

    create_namespace(&other, "both");
    let theirs = Object::config_map("both", "second");
    theirs.create(&other, &json!({"data": {"of": "second"}}));
    wait_for("the second one's object", SOON, || theirs.get(&down.east));
    contested.create(&other, &json!({"data": {"of": "second"}}));
    wait_for("the refusal", SOON, || {
        let events = other.client().items("/api/v1/namespaces/both/events");
        let refused = events.iter().any(|event| {
            text(event, "/reason") == "AdoptionRefused" && text(event, "/involvedObject/name") == "contested"
        });
        if refused { Ok(()) } else { Err(format!("{events:?}")) }
    });
    assert_eq!(version(&contested.read(&down.east)), version(&first));

    // Each goes on with its own.
    theirs.merge(&other, &json!({"data": {"of": "second, edited"}}));
    wait_for("the edit", SOON, || {
        theirs.read(&down.east)["data"]["of"] == "second, edited"
    });
    own.merge(&down.upstream, &json!({"data": {"of": "first, edited"}}));
    down.wait_alike(&own);

    // The end of one's objects is not the end of the other's.
    contested.delete(&other);
    theirs.delete(&other);
    wait_for("the end of the second one's object", SOON, || {
        theirs.get(&down.east).is_none()
    });
    assert_eq!(version(&contested.read(&down.east)), version(&first));
    own.delete(&down.upstream);
    wait_for("the end of the first one's object", SOON, || {
        own.get(&down.east).is_none()
    });

    // What the first gives up, the second may have.
    contested.create(&other, &json!({"data": {"of": "second"}}));
    contested.delete(&down.upstream);
    wait_for("the end of the contested one", SOON, || {
        contested.get(&down.east).is_none_or(|held| uid(&held) != uid(&first))
    });
    contested.merge(&other, &json!({"data": {"of": "second, again"}}));
    wait_for("the heir", SOON, || {
        let held = contested.get(&down.east).ok_or("nothing")?;
        let heir = text(&held, ORIGIN).contains(&other.id()) && held["data"]["of"] == "second, again";
        if heir { Ok(()) } else { Err("another's") }
    });

    // A restart of one changes nothing of the other's.
    let heir = contested.read(&down.east);
    let exit = neighbour.terminate(ENDS_WITHIN);
    assert_eq!(exit.code, Some(0), "{}", neighbour.log());
    let _again = Syncer::start(BINARY, arguments_between(&other, &[("east", &down.east)]));
    stays("the heir", std::time::Duration::from_secs(2), || {
        contested
            .get(&down.east)
            .is_some_and(|held| version(&held) == version(&heir))
    });
}
