//! What single options do, from outside.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::wait_for;
use syncer_sandbox::{Effect, Fault, FaultPlan, Hand, Verb, Which};

use super::{output, text};
use crate::{
    http::get,
    stage::{DEADLINE, Stage, ready, start},
};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

fn secret(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"a": "hunter2"}})
}

/// Waits until `target` has what is at `path`.
fn arrived(target: &Hand, path: &str) -> Value {
    wait_for(path, DEADLINE, || target.get(path).ok_or("it is not there"))
}

fn metric(address: &str, name: &str) -> f64 {
    let page = get(address, "/metrics").unwrap().body;
    let lines = page.lines().filter(|line| line.starts_with(name));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[test]
fn a_log_has_the_level_and_the_form_that_were_asked_for() {
    let stage = Stage::new(1);
    let run = |more: &[&str]| {
        let mut syncer = stage.run(more);
        ready(&syncer);
        syncer.terminate(DEADLINE);
        syncer.log()
    };
    assert!(run(&[]).contains(" INFO "));
    assert!(!run(&["--log-level", "error"]).contains("INFO"));
    let lines = run(&["--log-format", "json"]);
    assert!(
        lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{lines}"
    );
}

#[test]
fn the_upstream_is_the_one_of_the_context() {
    let stage = Stage::new(1);
    let read =
        |name: &str| -> Value { serde_json::from_str(&std::fs::read_to_string(stage.file(name)).unwrap()).unwrap() };
    let (up, east) = (read("upstream"), read("east"));
    let both = |field: &str| json!([up[field][0], east[field][0]]);
    let merged = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "east",
        "clusters": both("clusters"), "users": both("users"), "contexts": both("contexts"),
    });
    let file = stage.scratch.write("both.kubeconfig", &merged.to_string());
    let file = file.display();
    stage.upstream().create(CONFIG_MAPS, &config_map("web")).unwrap();
    let (kubeconfig, target) = (file.to_string(), format!("east={file}#east"));
    let arguments = [
        "run",
        "--upstream-kubeconfig",
        &kubeconfig,
        "--upstream-context",
        "upstream",
        "--target",
        &target,
    ];
    let _syncer = start(arguments);
    arrived(&stage.target("east"), &format!("{CONFIG_MAPS}/web"));
    let unknown = output(&[
        "run",
        "--upstream-kubeconfig",
        &kubeconfig,
        "--upstream-context",
        "nowhere",
        "--target",
        &target,
    ]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("nowhere"), "{}", text(&unknown.stderr));
}

#[test]
fn documents_come_from_a_file() {
    let stage = Stage::new(2);
    let east = stage.file("east").display().to_string();
    let documents = format!(
        "{}\n---\n{}\n",
        json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": "only"}, "spec": {"kubeconfigFile": east}}),
        json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": "p"}, "spec": {"resources": [{"resource": "configmaps"}]}}),
    );
    let file = stage.scratch.write("documents.yaml", &documents).display().to_string();
    stage.upstream().create(CONFIG_MAPS, &config_map("web")).unwrap();
    let upstream = stage.file("upstream").display().to_string();
    let _syncer = start(["run", "--upstream-kubeconfig", &upstream, "--file", &file]);
    arrived(&stage.target("east"), &format!("{CONFIG_MAPS}/web"));
    assert!(stage.target("west").get(&format!("{CONFIG_MAPS}/web")).is_none());
}

#[test]
fn documents_are_checked_and_the_findings_printed() {
    let stage = Stage::new(1);
    let file = stage
        .scratch
        .write("wrong.yaml", "kind: SyncTarget\n")
        .display()
        .to_string();
    let said = output(&["validate", "--file", &file]);
    assert_eq!(said.status.code(), Some(2));
    assert!(text(&said.stdout).contains("wrong.yaml") || text(&said.stderr).contains("wrong.yaml"));
    let said = output(&["validate", "--file", &file, "--output", "json"]);
    let found: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(found["valid"], false);
}

#[test]
fn the_strategy_decides_what_becomes_of_an_edit_on_a_target() {
    for (strategy, upstream, downstream) in [("upstream-wins", "1", "1"), ("last-write-wins", "2", "2")] {
        let stage = Stage::new(1);
        stage.upstream().create(CONFIG_MAPS, &config_map("web")).unwrap();
        let _syncer = stage.run(&["--strategy", strategy]);
        let (path, east) = (format!("{CONFIG_MAPS}/web"), stage.target("east"));
        arrived(&east, &path);
        // Times of fields are whole seconds: the later one has to be in a later second.
        std::thread::sleep(Duration::from_millis(1_100));
        east.merge(&path, &json!({"data": {"a": "2"}})).unwrap();
        wait_for(strategy, DEADLINE, || {
            let of = |hand: &Hand| {
                hand.get(&path)
                    .map_or(Value::Null, |object| object["data"]["a"].clone())
            };
            let both = (of(&stage.upstream()), of(&east));
            if both == (upstream.into(), downstream.into()) {
                Ok(())
            } else {
                Err(format!("{both:?}"))
            }
        });
    }
}

#[test]
fn namespaces_are_mapped_as_asked_for() {
    let stage = Stage::new(1);
    stage.upstream().create(CONFIG_MAPS, &config_map("web")).unwrap();
    let _syncer = stage.run(&["--namespace-mapping", "hashed"]);
    let found = wait_for("the namespace with a name from a hash", DEADLINE, || {
        let all = stage.target("east").list("/api/v1/configmaps");
        all.into_iter()
            .find(|object| object["metadata"]["name"] == "web")
            .ok_or("nothing")
    });
    let namespace = found["metadata"]["namespace"].as_str().unwrap().to_owned();
    assert!(namespace.starts_with("kcp-"), "{namespace}");
}

#[test]
fn secrets_go_only_when_asked_for() {
    let stage = Stage::new(1);
    stage.upstream().create(SECRETS, &secret("web")).unwrap();
    stage.upstream().create(CONFIG_MAPS, &config_map("web")).unwrap();
    let mut without = stage.run(&[]);
    let east = stage.target("east");
    arrived(&east, &format!("{CONFIG_MAPS}/web"));
    ready(&without);
    assert!(east.get(&format!("{SECRETS}/web")).is_none());
    without.terminate(DEADLINE);
    let _with = stage.run(&["--sync-secrets"]);
    arrived(&east, &format!("{SECRETS}/web"));
}

#[test]
fn hashes_over_secrets_are_made_with_the_key_of_the_file() {
    let applied = |key: &str| {
        let stage = Stage::new(1);
        let file = stage.scratch.write("key", key).display().to_string();
        stage.upstream().create(SECRETS, &secret("web")).unwrap();
        let _syncer = stage.run(&["--sync-secrets", "--hash-key-file", &file]);
        let object = arrived(&stage.target("east"), &format!("{SECRETS}/web"));
        object["metadata"]["annotations"]["workload.kcp.io/applied"].clone()
    };
    let one = applied("a key of thirty-two bytes or so..");
    assert_eq!(one, applied("a key of thirty-two bytes or so.."));
    assert_ne!(one, applied("another key of thirty-two bytes.."));
    let stage = Stage::new(1);
    let file = stage.scratch.write("key", "short").display().to_string();
    let arguments = stage.arguments(&["--hash-key-file", &file]);
    let said = output(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(said.status.code(), Some(2));
    assert!(text(&said.stderr).contains(&file), "{}", text(&said.stderr));
}

#[test]
fn probes_are_served_where_asked_for_and_pages_only_on_the_admin_address() {
    let stage = Stage::new(1);
    let health = format!("127.0.0.1:{}", syncer_harness::free_port());
    let admin = format!("127.0.0.1:{}", syncer_harness::free_port());
    let syncer = stage.run(&["--health-address", &health, "--admin-address", &admin]);
    let status = |address: &str, path: &str| get(address, path).map(|answer| answer.status);
    wait_for("the pages", DEADLINE, || status(&admin, "/livez"));
    for path in ["/livez", "/healthz", "/metrics"] {
        assert_eq!(
            (status(&admin, path), status(&health, path)),
            (Ok(200), Ok(200)),
            "{path}"
        );
    }
    for path in ["/", "/debug/actors", "/debug/recent"] {
        assert_eq!(
            (status(&admin, path), status(&health, path)),
            (Ok(200), Ok(404)),
            "{path}"
        );
    }
    assert!(
        get(syncer.admin_address(), "/livez").is_err(),
        "the option counts, not the variable"
    );
    // By default on loopback alone.
    assert!(text(&output(&["run", "--help"]).stdout).contains("[default: 127.0.0.1:8085]"));
}

#[test]
fn bodies_that_are_not_kept_are_read_again() {
    for (size, read_again) in [("64MiB", false), ("0", true)] {
        let stage = Stage::new(1);
        for number in 0..10 {
            stage
                .upstream()
                .create(CONFIG_MAPS, &config_map(&format!("web-{number}")))
                .unwrap();
        }
        let syncer = stage.run(&["--body-cache", size]);
        for number in 0..10 {
            arrived(&stage.target("east"), &format!("{CONFIG_MAPS}/web-{number}"));
        }
        let reads = metric(syncer.admin_address(), "tmc_syncer_body_reads_total");
        assert_eq!(reads > 0.0, read_again, "--body-cache={size}: {reads} reads");
    }
}

/// A target that takes its time for each write.
fn slow(stage: &Stage, target: &str, time: Duration) {
    let fault = Fault {
        which: Which {
            verbs: vec![Verb::Apply],
            resources: vec!["configmaps".to_owned()],
        },
        effect: Effect::Delay {
            least: time,
            most: time,
        },
        odds: 1.0,
        times: None,
    };
    stage.server(target).faults().set(FaultPlan { faults: vec![fault] });
}

#[test]
fn threads_mailboxes_and_reconcilers_are_as_many_as_asked_for() {
    let stage = Stage::new(1);
    for number in 0..30 {
        stage
            .upstream()
            .create(CONFIG_MAPS, &config_map(&format!("web-{number}")))
            .unwrap();
    }
    slow(&stage, "east", Duration::from_millis(100));
    let syncer = stage.run(&["--threads", "3", "--mailbox", "17", "--reconcilers", "5"]);
    let most = wait_for("all objects", DEADLINE, {
        let mut most = 0.0_f64;
        let east = stage.target("east");
        move || {
            let page = get(syncer.admin_address(), "/metrics")
                .map(|answer| answer.body)
                .unwrap_or_default();
            let alive = page
                .lines()
                .find_map(|line| line.strip_prefix("tmc_syncer_actors{kind=\"Reconciler\"} "));
            most = most.max(alive.and_then(|alive| alive.parse().ok()).unwrap_or(0.0));
            if let Ok(answer) = get(syncer.admin_address(), "/livez?verbose") {
                assert_eq!(answer.body.matches("actor-thread-").count(), 3, "{}", answer.body);
            }
            if let Ok(answer) = get(syncer.admin_address(), "/debug/actors") {
                let tree: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
                assert!(
                    tree.is_null() || tree["mailbox_capacity"] == 17 || tree["mailboxCapacity"] == 17,
                    "{tree}"
                );
            }
            let held = east
                .list(CONFIG_MAPS)
                .iter()
                .filter(|object| object["metadata"]["name"] != "kube-root-ca.crt")
                .count();
            if held == 30 {
                Ok(most)
            } else {
                Err(format!("{held} of 30"))
            }
        }
    });
    assert!(most > 1.0 && most <= 5.0, "{most} at once");
}

#[test]
fn no_more_writes_are_under_way_than_asked_for() {
    // Ten writes of at least 200 ms, two at a time: a second at the least; all at once: a fifth of that.
    let took = |writes: &str| {
        let stage = Stage::new(1);
        for number in 0..10 {
            stage
                .upstream()
                .create(CONFIG_MAPS, &config_map(&format!("web-{number}")))
                .unwrap();
        }
        slow(&stage, "east", Duration::from_millis(200));
        let _syncer = stage.run(&["--writes-in-flight", writes]);
        let east = stage.target("east");
        let held = || {
            east.list(CONFIG_MAPS)
                .iter()
                .filter(|object| object["metadata"]["name"] != "kube-root-ca.crt")
                .count()
        };
        wait_for("the first object", DEADLINE, || {
            if held() > 0 { Ok(()) } else { Err("none") }
        });
        let first = std::time::Instant::now();
        wait_for("all objects", DEADLINE, || {
            if held() == 10 { Ok(()) } else { Err("not all") }
        });
        first.elapsed()
    };
    // From the first pair on four more follow one after the other.
    let two = took("2");
    assert!(two >= Duration::from_millis(600), "{two:?}");
}

#[test]
fn diff_takes_what_run_takes() {
    let stage = Stage::new(1);
    stage.upstream().create(CONFIG_MAPS, &config_map("web")).unwrap();
    let east = stage.file("east").display().to_string();
    let upstream = stage.file("upstream").display().to_string();
    let target = format!("east={east}");
    let said = output(&["diff", "--upstream-kubeconfig", &upstream, "--target", &target]);
    assert_eq!(said.status.code(), Some(1), "{}", text(&said.stderr));
    assert!(text(&said.stdout).contains("web"), "{}", text(&said.stdout));
    let policy = json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": "p"}, "spec": {"resources": [{"resource": "services"}]}});
    let file = stage
        .scratch
        .write("policy.yaml", &policy.to_string())
        .display()
        .to_string();
    let said = output(&[
        "diff",
        "--upstream-kubeconfig",
        &upstream,
        "--target",
        &target,
        "--file",
        &file,
    ]);
    assert!(
        !text(&said.stdout).contains("web"),
        "the policy selects no ConfigMaps: {}",
        text(&said.stdout)
    );
    assert!(stage.target("east").get(&format!("{CONFIG_MAPS}/web")).is_none());
    // A target that never answers is not waited for without end.
    stage.server("east").faults().set_reach(syncer_sandbox::Reach::Silent);
    let said = output(&[
        "diff",
        "--upstream-kubeconfig",
        &upstream,
        "--target",
        &target,
        "--timeout",
        "2s",
    ]);
    assert!(said.status.code() > Some(1), "{}", text(&said.stderr));
}

#[test]
fn manifests_have_the_names_that_were_given() {
    let printed = output(&[
        "manifests",
        "kcp",
        "--workspace",
        "root:here",
        "--export",
        "given-export",
        "--namespace",
        "given-namespace",
        "--service-account",
        "given-account",
        "--kubeconfig-secret",
        "given-secret",
    ]);
    let printed = text(&printed.stdout);
    for given in [
        "root:here",
        "given-export",
        "given-namespace",
        "given-account",
        "given-secret",
    ] {
        assert!(printed.contains(given), "{given}");
    }
    let printed = text(&output(&["manifests", "rbac", "--resource", "ingresses.networking.k8s.io"]).stdout);
    assert!(printed.contains("networking.k8s.io") && printed.contains("ingresses"));
}

#[test]
fn a_sandbox_has_the_servers_that_were_asked_for() {
    let stage = Stage::new(1);
    let dir = stage.scratch.path().join("clusters");
    let mut sandbox = Command::new(env!("CARGO_BIN_EXE_tmc-syncer"))
        .args([
            "sandbox",
            "--targets",
            "2",
            "--workspaces",
            "red,blue",
            "--seed",
            "7",
            "--dir",
        ])
        .arg(&dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(sandbox.stdout.take().unwrap()).lines();
    let said: Vec<_> = lines
        .by_ref()
        .map_while(Result::ok)
        .take_while(|line| !line.starts_with("Everything"))
        .collect();
    for name in ["upstream-red", "upstream-blue", "upstream-compute", "east", "west"] {
        assert!(dir.join(format!("{name}.kubeconfig")).exists(), "{name}: {said:?}");
    }
    assert!(!dir.join("north.kubeconfig").exists());
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
}
