//! `tmc-syncer status`, from objects and from a running syncer.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, ApiServerOptions, FailureReport, Patch, Scratch, Syncer, wait_for};

use crate::{
    objects::{ConfigMap, SOON, create_namespace},
    printed::{self, Side},
    world::{BINARY, arguments, syncer},
};

const TARGETS: &str = "/apis/workload.kcp.io/v1alpha1/synctargets";
const POLICIES: &str = "/apis/workload.kcp.io/v1alpha1/syncpolicies";

fn status(arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .arg("status")
        .args(arguments)
        .env_remove("KUBECONFIG")
        .output()
        .unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Makes the types known to `server`.
fn define(server: &ApiServer) {
    let printed = Command::new(BINARY).args(["manifests", "crds"]).output().unwrap();
    let scratch = Scratch::new("crds");
    let file = scratch.write("crds.yaml", &String::from_utf8(printed.stdout).unwrap());
    server.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    for collection in [TARGETS, POLICIES] {
        wait_for(&format!("{collection} to be served"), SOON, || {
            server.client().call("GET", collection, None).status == 200
        });
    }
}

#[test]
fn a_running_syncer_says_how_targets_of_files_stand() {
    let start = |name, side| printed::grant(ApiServerOptions::default().named(name).user(&syncer()).start(), side);
    let (upstream, east) = (start("upstream", Side::Upstream), start("east", Side::Target));
    let file = |server: &ApiServer| server.write(&server.kubeconfig_of(&syncer()));
    let files = (file(&upstream), file(&east));
    let nowhere = upstream.write(&syncer_harness::Kubeconfig {
        server: "https://127.0.0.1:1".to_owned(),
        ..upstream.kubeconfig().clone()
    });
    let syncer = Syncer::start(BINARY, arguments(&files.0, &[("east", &files.1), ("west", &nowhere)]));
    let _report = FailureReport::on([upstream.process(), east.process(), syncer.process()]);
    create_namespace(&upstream, "web");
    let object = ConfigMap::new("web", "a");
    object.create(&upstream, &json!({"a": "0"}));
    object.wait_data(&east, &json!({"a": "0"}));
    // What the first lists show is older than the syncer, so an edit shows how long one takes.
    let edited = json!({"data": {"a": "1"}});
    upstream.client().patch(&object.path(), Patch::Merge(&edited));
    object.wait_data(&east, &json!({"a": "1"}));
    // Somebody changes it there.
    let changed = json!({"data": {"a": "2"}});
    east.client().patch(&object.path(), Patch::Merge(&changed));
    object.wait_data(&east, &json!({"a": "1"}));

    let admin = format!("http://{}", syncer.admin_address());
    let report = wait_for("the drift to be counted", SOON, || {
        let output = status(&["--admin", &admin, "-o", "json"]);
        assert!(output.status.success(), "{:?}", said(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let seen = &report["targets"];
        // The namespace is an object too.
        let is_there = seen[0]["objects"]["synced"] == 2
            && seen[0]["drift"]["reverted"] == 1
            && seen[1]["reachable"] == json!(false);
        if is_there { Ok(report) } else { Err(report.to_string()) }
    });
    assert_eq!(
        (&report["targets"][0]["name"], &report["targets"][1]["name"]),
        (&json!("east"), &json!("west"))
    );
    assert_eq!(report["syncer"]["ready"], json!(true));
    assert_eq!(report["syncer"]["actors"]["Target"], 2);
    assert_eq!(report["warnings"], json!([]));
    let lag = report["lag"].as_array().unwrap();
    assert!(
        lag.iter().any(|lag| lag["way"] == "down" && lag["stage"] == "applied"),
        "{report}"
    );

    let (table, warnings) = said(&status(&["--admin", &admin]));
    assert!(
        table.starts_with("TARGET") && table.contains("\neast ") && warnings.is_empty(),
        "{table}{warnings}"
    );
    let yaml: Value = serde_saphyr::from_str(&said(&status(&["--admin", &admin, "-o", "yaml"])).0).unwrap();
    assert_eq!(yaml["targets"][0]["name"], "east");

    // The upstream has no SyncTargets, which is no fault where the syncer answers, and one where nobody else does.
    let up = files.0.to_str().unwrap();
    assert!(
        status(&["--admin", &admin, "--upstream-kubeconfig", up])
            .status
            .success()
    );
    let alone = status(&["--upstream-kubeconfig", up]);
    assert_eq!(alone.status.code(), Some(1));
    let said = said(&alone).1;
    assert!(
        said.contains("does not serve synctargets") && said.contains("--admin"),
        "{said}"
    );
}

/// Under a strategy by which targets win: what was written back is counted as that, and is no conflict and no failure in the end.
#[test]
fn what_a_target_wrote_back_is_counted_and_the_policy_says_how_it_decides() {
    let start = |name, side| printed::grant(ApiServerOptions::default().named(name).user(&syncer()).start(), side);
    let upstream = start("upstream", Side::Upstream);
    let (east, west) = (start("east", Side::Target), start("west", Side::Target));
    let file = |server: &ApiServer| server.write(&server.kubeconfig_of(&syncer()));
    define(&upstream);
    let spec = json!({
        "resources": [{"group": "", "resource": "configmaps"}], "namespaces": {"names": ["web"]},
        "conflict": {"strategy": "LastWriteWins"},
    });
    let policy = json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": "web"}, "spec": spec});
    upstream.client().create(POLICIES, &policy);
    let (up, east_file, west_file) = (file(&upstream), file(&east), file(&west));
    let syncer = Syncer::start(BINARY, arguments(&up, &[("east", &east_file), ("west", &west_file)]));
    let _report = FailureReport::on([upstream.process(), east.process(), west.process(), syncer.process()]);
    create_namespace(&upstream, "web");
    let object = ConfigMap::new("web", "a");
    object.create(&upstream, &json!({"a": "0"}));
    for target in [&east, &west] {
        object.wait_data(target, &json!({"a": "0"}));
    }
    let edited = json!({"data": {"a": "1"}});
    east.client().patch(&object.path(), Patch::Merge(&edited));
    for server in [&upstream, &west] {
        object.wait_data(server, &json!({"a": "1"}));
    }

    let admin = format!("http://{}", syncer.admin_address());
    let both = ["--admin", &admin, "--upstream-kubeconfig", up.to_str().unwrap()];
    let report = wait_for("the write-back to be counted, and all to be at rest", SOON, || {
        let output = status(&[&both[..], &["-o", "json"]].concat());
        assert!(output.status.success(), "{:?}", said(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let written_back = report["conflicts"].as_array().unwrap().iter().any(|conflicts| {
            conflicts["strategy"] == "last_write_wins"
                && conflicts["verdict"] == "written_back"
                && conflicts["count"].as_u64() >= Some(1)
        });
        let counts = &report["policies"][0]["objects"];
        // The policy's status is written now and then; it counts per target, the namespace too.
        let is_told = counts["selected"] == 4 && counts["synced"] == 4;
        let at_rest = (0..2).all(|number| {
            let objects = &report["targets"][number]["objects"];
            objects["desired"] == 2 && objects["synced"] == 2
        });
        if written_back && is_told && at_rest {
            Ok(report)
        } else {
            Err(report.to_string())
        }
    });
    let policy = &report["policies"][0];
    assert_eq!(
        (&policy["name"], &policy["strategy"], &policy["ready"]),
        (&json!("web"), &json!("LastWriteWins"), &json!("True"))
    );
    let bad =
        |target: &Value| ["failed", "conflicted"].map(|state| target["objects"][state].as_u64().unwrap_or_default());
    for target in report["targets"].as_array().unwrap() {
        assert_eq!(bad(target), [0, 0], "{report}");
    }
    let (table, warnings) = said(&status(&both));
    assert!(
        table.contains("LastWriteWins") && table.contains("written_back") && warnings.is_empty(),
        "{table}{warnings}"
    );
}

#[test]
fn objects_alone_say_what_was_reported_and_that_nobody_reports() {
    let upstream = ApiServer::start();
    define(&upstream);
    let spec = json!({"kubeconfigSecretRef": {"namespace": "tmc-system", "name": "east"}});
    let target = json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": "east"}, "spec": spec});
    upstream.client().create(TARGETS, &target);
    let ready = json!({
        "type": "Ready", "status": "False", "severity": "Error", "reason": "Unreachable",
        "message": "no route", "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let reported = json!({"status": {
        "conditions": [ready], "lastSyncerHeartbeatTime": "2026-01-01T00:00:00Z", "kubernetesVersion": "v1.37.2",
        "objects": {"desired": 5, "synced": 3, "unknown": 2}, "abandoned": {"count": 4},
    }});
    upstream
        .client()
        .patch(&format!("{TARGETS}/east/status"), Patch::Merge(&reported));

    let kubeconfig = upstream.write(upstream.kubeconfig());
    let kubeconfig = kubeconfig.to_str().unwrap();
    let output = status(&["--upstream-kubeconfig", kubeconfig]);
    let (table, warnings) = said(&output);
    assert!(output.status.success(), "{table}{warnings}");
    let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..3], ["east", "False", "-"]);
    assert_eq!(row[4..12], ["5", "3", "-", "-", "-", "2", "-", "-"]);
    assert!(table.contains("v1.37.2   no route"), "{table}");
    assert!(
        warnings.contains("target east: no heartbeat since 2026-01-01T00:00:00Z"),
        "{warnings}"
    );

    // Again and again, until told to end.
    let mut watching = Command::new(BINARY)
        .args(["status", "--upstream-kubeconfig", kubeconfig, "-o", "json", "--watch"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line = lines.next().unwrap().unwrap();
        let report: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(report["targets"][0]["objects"]["unknown"], 2);
    }
    // Who reads no further has read enough.
    drop(lines);
    assert!(watching.wait().unwrap().success());
}

#[test]
fn wrong_usage_is_told_from_what_cannot_be_read() {
    for (arguments, code, part) in [
        (["--admin", "https://x"], 2, "plain HTTP"),
        (["--upstream-kubeconfig", "/nowhere"], 2, "/nowhere"),
        (["--admin", "127.0.0.1:1"], 1, "http://127.0.0.1:1"),
    ] {
        let output = status(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let said = said(&output).1;
        assert!(said.contains(part), "{said}");
    }
}
