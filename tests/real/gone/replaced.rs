//! An upstream that comes back as another one, or as an older self.

use serde_json::json;
use syncer_harness::{AuditEvent, Controllers, GoBetween, wait_for};

use super::site::{OBJECTS, Site, change, upstream};
use crate::{
    objects::{ConfigMap, SOON, create_namespace, uid, versions},
    printed::{self, Side},
};

/// Waits until the syncer says on all its ways that the upstream is another one.
fn wait_replaced(site: &Site, was: &str, is: &str) {
    site.syncer()
        .wait_for_log(&["ERROR", was, is, "another upstream answers"], SOON);
    wait_for("the metric", SOON, || {
        site.metric("tmc_syncer_upstream_replaced", &[]) == 1
    });
    wait_for("the probe", SOON, || {
        let ready = site.page("/readyz?verbose");
        if ready.contains("[-]the same upstream") {
            Ok(())
        } else {
            Err(ready)
        }
    });
}

#[test]
fn an_upstream_that_comes_back_with_an_empty_store_is_another_one_and_a_person_lets_go() {
    let mut site = Site::new("emptied");
    let old = site.upstream.id();
    site.run_until_synced();
    let writes = site.targets().map(|server| site.writes(server));
    site.upstream.come_back_empty();
    // Whoever restores a cluster gives its users their rights again.
    printed::grant_again(&site.upstream, Side::Upstream);
    let new = site.upstream.id();
    assert_ne!(old, new);
    wait_replaced(&site, &old, &new);
    site.nothing_goes("another id");
    assert_eq!(site.targets().map(|server| site.writes(server)), writes);

    // A restart makes the old objects foreign.
    site.kill();
    site.run(&[]);
    wait_for("ready", SOON, || site.page("/readyz").trim() == "ok");
    site.nothing_goes("foreign");
    site.kill();

    // They are ours again by a person's word, and then the guard holds them: the objects and their namespace.
    let previous = format!("--previous-upstream={old}");
    site.run(&[&previous]);
    site.wait_held(OBJECTS + 1);
    site.nothing_goes("held");
    site.kill();
    site.run(&[&previous, "--confirm-mass-deletion=41"]);
    site.syncer().wait_for_log(&["said=41", "held=42"], SOON);
    site.nothing_goes("a wrong count");
    site.kill();
    site.run(&[&previous, "--confirm-mass-deletion=42"]);
    for server in site.targets() {
        site.wait_all_gone(server);
        wait_for("each asked for once", SOON, || {
            let deletes = site.deletes(server).len();
            if deletes == OBJECTS + 1 { Ok(()) } else { Err(deletes) }
        });
    }
    site.end();
}

#[test]
fn an_upstream_that_comes_back_older_is_held_until_a_person_confirms_exactly_that_many() {
    let mut site = Site::new("snapshot");
    let snapshot = site.upstream.back_up();
    let id = site.upstream.id();
    let later: Vec<_> = (0..30)
        .map(|number| ConfigMap::new("snapshot", &format!("later-{number}")))
        .collect();
    for map in &later {
        map.create(&site.upstream, &json!({"key": "1"}));
    }
    site.run(&[]);
    for cluster in ["east", "west"] {
        site.wait_objects(cluster, "synced", OBJECTS + 1 + 30);
    }
    site.upstream.restore(&snapshot);
    assert_eq!(site.upstream.id(), id);
    site.wait_held(30);
    site.nothing_goes("an older self");

    let policy = site.policy(&["configmaps"]);
    site.write(&[site.confirmed("east", "30"), site.target("west"), policy]);
    for map in &later {
        map.wait_gone(site.east);
    }
    assert_eq!(site.deletes(site.east).len(), 30);
    assert!(site.deletes(site.west).is_empty());
    assert!(later.iter().all(|map| map.get(site.west).is_some()));
    assert_eq!(versions(site.east, "snapshot").len(), OBJECTS);
    site.end();
}

#[test]
fn another_api_server_under_the_address_changes_nothing_until_the_first_is_back() {
    let mut site = Site::new("stranger");
    let user = printed::user("stranger");
    let stranger = upstream("stranger", Controllers::None);
    create_namespace(&stranger, "stranger");
    for number in 0..5 {
        site.map(number).create(&stranger, &json!({"key": "theirs"}));
    }
    let between = GoBetween::before(&site.upstream.kubeconfig_of(&user));
    site.kubeconfig("upstream", &between.kubeconfig());
    site.run_until_synced();
    let held = site.targets().map(|server| versions(server, "stranger"));

    between.lead(&stranger.kubeconfig_of(&user));
    wait_replaced(&site, &site.upstream.id(), &stranger.id());
    // What the stranger does is nothing to us.
    change(&stranger, &site.map(0).path(), &json!({"data": {"key": "again"}}));
    site.map(9).create(&stranger, &json!({"key": "theirs"}));
    site.nothing_goes("a stranger");
    assert_eq!(site.targets().map(|server| versions(server, "stranger")), held);
    assert!(
        !stranger.writes_of(&user).iter().any(AuditEvent::is_write),
        "the stranger was written to"
    );

    between.lead(&site.upstream.kubeconfig_of(&user));
    wait_for("ready", SOON * 3, || site.page("/readyz").trim() == "ok");
    site.works("after");
    assert_eq!(site.targets().map(|server| versions(server, "stranger")), held);
    site.end();
}

#[test]
fn an_heir_takes_over_what_it_has_too_and_the_rest_is_held() {
    let mut site = Site::new("heir");
    let user = printed::user("heir");
    site.run_until_synced();
    site.end();
    let old = site.upstream.id();
    let heir = upstream("heir", Controllers::None);
    create_namespace(&heir, "heir");
    for number in 0..5 {
        site.map(number).create(&heir, &json!({"key": "2"}));
    }
    site.kubeconfig("upstream", &heir.kubeconfig_of(&user));
    let before = site.map(0).get(site.east).unwrap();
    site.run(&[&format!("--previous-upstream={old}")]);
    for server in site.targets() {
        for number in 0..5 {
            site.map(number).wait_data(server, &json!({"key": "2"}));
        }
    }
    let after = site.map(0).get(site.east).unwrap();
    assert_eq!(uid(&before), uid(&after), "taken over, not made again");
    assert!(
        after["metadata"]["annotations"]["workload.kcp.io/origin"]
            .as_str()
            .unwrap()
            .contains(&heir.id())
    );
    site.wait_held(15);
    site.nothing_goes("the rest");

    let policy = site.policy(&["configmaps"]);
    site.write(&[site.confirmed("east", "15"), site.confirmed("west", "15"), policy]);
    for server in site.targets() {
        for number in 5..OBJECTS {
            site.map(number).wait_gone(server);
        }
        assert_eq!(site.deletes(server).len(), 15);
    }
    site.end();
    // From here on they are the heir's own: the old id is not needed any more.
    site.run(&[]);
    for cluster in ["east", "west"] {
        site.wait_objects(cluster, "synced", 6);
    }
    site.end();
}
