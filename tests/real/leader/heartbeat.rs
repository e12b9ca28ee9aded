//! What a standby says of SyncTargets that nobody reports on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::{ApiServerOptions, FailureReport, Patch, Scratch, Syncer, User, stays, wait_for};

use crate::{
    leader::stage::{Replica, apply_manifests},
    objects::{SOON, text},
    world::BINARY,
};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const TARGETS: &str = "/apis/workload.kcp.io/v1alpha1/synctargets";

fn condition<'a>(target: &'a Value, kind: &str) -> &'a Value {
    let conditions = target["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == kind).unwrap()
}

/// The leader renews its Lease and does nothing else: as one that cannot reach the upstream, where the Lease is elsewhere.
#[test]
fn a_standby_says_unknown_of_a_target_whose_heartbeat_stands_still() {
    let standby = User::new("standby");
    let server = ApiServerOptions::default().named("heartbeat").user(&standby).start();
    let _report = FailureReport::on([server.process()]);
    let files = Scratch::new("heartbeat");
    apply_manifests(&server, "all", &files);
    server.kubectl(&[
        "create",
        "clusterrolebinding",
        "up",
        "--clusterrole=tmc-syncer-upstream",
        "--user=standby",
    ]);
    let lead = "--clusterrole=tmc-syncer-leader-election";
    server.kubectl(&["-n", "default", "create", "rolebinding", "lead", lead, "--user=standby"]);
    wait_for("SyncTargets to be served", SOON, || {
        match server.client().call("GET", TARGETS, None).status {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    });
    let client = server.client();
    let make = |name: &str, ready: &str| {
        let secret = json!({"namespace": "default", "name": "none"});
        let target = json!({
            "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": name},
            "spec": {"kubeconfigSecretRef": secret},
        });
        client.create(TARGETS, &target);
        let condition = |kind: &str, status: &str| {
            json!({
                "type": kind, "status": status, "reason": "Some", "lastTransitionTime": "2026-01-01T00:00:00Z",
            })
        };
        let status = json!({"status": {
            "lastSyncerHeartbeatTime": "2026-01-01T00:00:00Z",
            "conditions": [condition("Ready", ready), condition("Synced", "True")],
        }});
        client.patch(&format!("{TARGETS}/{name}/status"), Patch::Merge(&status));
    };
    make("silent", "True");
    make("unready", "False");
    make("alive", "True");
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "tmc-syncer", "namespace": "default"},
        "spec": {"holderIdentity": "hanging", "leaseDurationSeconds": 15},
    });
    client.create(LEASES, &lease);
    let over = Arc::new(AtomicBool::new(false));
    let renewing = {
        let (client, over) = (client.clone(), over.clone());
        thread::spawn(move || {
            for beat in 0.. {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let time = format!("2026-01-01T00:00:00.{beat:06}Z");
                let change = json!({"spec": {"renewTime": time}});
                client.patch(&format!("{LEASES}/tmc-syncer"), Patch::Merge(&change));
                // The heartbeat of one goes on.
                let change = json!({"status": {"lastSyncerHeartbeatTime": format!("2026-01-01T00:{:02}:{:02}Z", beat / 60 % 60, beat % 60)}});
                client.patch(&format!("{TARGETS}/alive/status"), Patch::Merge(&change));
                thread::sleep(Duration::from_secs(2));
            }
        })
    };
    let kubeconfig = server.write(&server.kubeconfig_of(&standby));
    let replica = Replica::of(Syncer::start(
        BINARY,
        [
            "run",
            "--leader-elect",
            "--upstream-kubeconfig",
            kubeconfig.to_str().unwrap(),
        ],
    ));
    replica.wait_stands_by();
    let target = |name: &str| client.read(&format!("{TARGETS}/{name}"));
    // A minute by its own clock.
    stays("Ready", Duration::from_secs(50), || {
        condition(&target("silent"), "Ready")["status"] == "True"
    });
    wait_for("Ready to be Unknown", SOON, || {
        let silent = target("silent");
        let ready = condition(&silent, "Ready");
        if ready["status"] == "Unknown" && ready["reason"] == "HeartbeatLost" {
            Ok(())
        } else {
            Err(ready.to_string())
        }
    });
    let silent = target("silent");
    assert_eq!(condition(&silent, "Synced")["status"], "True", "the rest stays");
    assert!(
        text(condition(&silent, "Ready"), "/message").contains("no syncer has reported since 2026-01-01T00:00:00Z")
    );
    assert_eq!(condition(&target("unready"), "Ready")["status"], "False");
    assert_eq!(condition(&target("alive"), "Ready")["status"], "True");
    let written = server.writes_of(&standby);
    assert_eq!(written.len(), 1, "that is all that a standby writes: {written:?}");
    over.store(true, Ordering::SeqCst);
    renewing.join().unwrap();
}
