//! What went upstream, or out of every policy, while the syncer was away.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, stays, wait_for};

use super::site::{OBJECTS, Site};
use crate::objects::SOON;

const SERVICES: &str = "/api/v1/namespaces/sweep/services";

fn services(site: &Site) -> Value {
    let mut policy = site.policy(&["services"]);
    policy["metadata"]["name"] = json!("services");
    policy
}

fn service(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}})
}

fn wait_services(server: &ApiServer, count: usize) {
    wait_for(&format!("{count} services"), SOON, || {
        let seen = server.client().items(SERVICES).len();
        if seen == count { Ok(()) } else { Err(seen) }
    });
}

#[test]
fn what_went_while_the_syncer_was_away_goes_also_of_kinds_that_no_policy_names_any_more() {
    let mut site = Site::new("sweep");
    for number in 0..12 {
        site.upstream
            .client()
            .create(SERVICES, &service(&format!("web-{number}")));
    }
    let both = [
        site.target("east"),
        site.target("west"),
        site.policy(&["configmaps"]),
        services(&site),
    ];
    site.write(&both);
    site.run(&[]);
    for server in site.targets() {
        wait_services(server, 12);
    }
    for cluster in ["east", "west"] {
        site.wait_objects(cluster, "synced", OBJECTS + 1 + 12);
    }
    site.end();
    // One that a controller or a person made, with our label copied: it carries no origin, or that of another.
    let label = site.east.client().read(&format!("{SERVICES}/web-0"))["metadata"]["labels"].clone();
    let mut copied = service("copied");
    copied["metadata"]["labels"] = label;
    site.east.client().create(SERVICES, &copied);

    // Three objects are deleted while nobody looks, and no policy names Services any more.
    for number in 0..3 {
        site.map(number).delete(&site.upstream);
    }
    site.write(both.get(..3).unwrap());
    site.run(&[]);
    for server in site.targets() {
        for number in 0..3 {
            site.map(number).wait_gone(server);
        }
    }
    // Twelve of twelve are many.
    site.wait_held(12);
    stays("held", std::time::Duration::from_secs(3), || {
        site.west.client().items(SERVICES).len() == 12
    });
    site.write(&[
        site.confirmed("east", "12"),
        site.confirmed("west", "12"),
        site.policy(&["configmaps"]),
    ]);
    wait_services(site.west, 0);
    wait_services(site.east, 1);
    assert_eq!(site.deletes(site.west).len(), 3 + 12);
    assert_eq!(site.upstream.client().items(SERVICES).len(), 12);
    site.end();
}
