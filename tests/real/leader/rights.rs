//! A Lease that may not be used, and the printed role that allows it.

use serde_json::json;
use syncer_harness::{ApiServer, ApiServerOptions, FailureReport, Scratch, Syncer, User};

use crate::{
    leader::stage::{Replica, apply_manifests},
    objects::{ConfigMap, SOON, create_namespace, text},
    world::BINARY,
};

#[test]
fn missing_rights_to_the_lease_are_said_and_the_printed_role_is_enough() {
    let limited = User::new("limited");
    let server = ApiServerOptions::default().named("rights").user(&limited).start();
    let target = ApiServer::start();
    let _report = FailureReport::on([server.process(), target.process()]);
    let files = Scratch::new("rights");
    apply_manifests(&server, "rbac", &files);
    server.kubectl(&[
        "create",
        "clusterrolebinding",
        "up",
        "--clusterrole=tmc-syncer-upstream",
        "--user=limited",
    ]);
    create_namespace(&server, "system");
    create_namespace(&server, "work");
    let object = ConfigMap::new("work", "one");
    object.create(&server, &json!({"a": "b"}));
    let mut kubeconfig = server.kubeconfig_of(&limited).to_yaml();
    assert!(!kubeconfig.contains("namespace:"));
    kubeconfig.push('\n');
    let upstream = files.write("upstream.kubeconfig", &kubeconfig);
    let east = target.write(target.kubeconfig());
    let replica = Replica::of(Syncer::start(
        BINARY,
        [
            "run",
            "--leader-elect",
            "--lease-namespace=system",
            "--upstream-kubeconfig",
            upstream.to_str().unwrap(),
            "--target",
            &format!("east={}", east.display()),
        ],
    ));
    replica.syncer.wait_for_log(
        &[
            "this process cannot lead",
            "allow get, create and patch of leases.coordination.k8s.io in namespace system",
        ],
        SOON,
    );
    let (status, body) = replica.page("/readyz");
    assert!(status == 500 && body.contains("[-]lease failed"), "{body}");
    assert!(
        text(&replica.position(), "/problem").contains("tmc-syncer-leader-election"),
        "{}",
        replica.position()
    );
    assert_eq!(object.get(&target), None);

    server.kubectl(&[
        "-n",
        "system",
        "create",
        "rolebinding",
        "lead",
        "--clusterrole=tmc-syncer-leader-election",
        "--user=limited",
    ]);
    replica.wait_leads();
    object.wait_data(&target, &json!({"a": "b"}));
    let refused: Vec<_> = server
        .audit()
        .into_iter()
        .filter(|event| event.code == 403 && event.is_write())
        .collect();
    assert!(refused.iter().all(|event| event.resource == "leases"), "{refused:?}");
}
