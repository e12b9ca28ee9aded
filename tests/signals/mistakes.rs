//! What an operator gets wrong: kubeconfigs, numbers, variables, the same cluster twice. From outside, with the program as it is.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::wait_for;

use crate::stage::{DEADLINE, Stage, ready, start};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// What `tmc-syncer` promises, with some time for a loaded machine.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

/// The kubeconfig of `server` with another user; relative paths in it start in its folder.
fn kubeconfig_with(stage: &Stage, server: &str, name: &str, user: &Value) -> PathBuf {
    let text = std::fs::read_to_string(stage.file(server)).unwrap();
    let mut kubeconfig: Value = serde_json::from_str(&text).unwrap();
    kubeconfig["users"][0]["user"] = user.clone();
    stage.scratch.write(name, &kubeconfig.to_string())
}

fn target(name: &str, file: &Path) -> String {
    format!("{name}={}", file.display())
}

/// What the program says with these arguments, and with these variables in its environment.
fn said(arguments: &[String], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tmc-syncer"))
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_target_that_is_the_upstream_itself_gets_nothing_and_says_why() {
    let stage = Stage::new(1);
    let itself = target("itself", stage.file("upstream"));
    let mut syncer = stage.run(&["--target", &itself, "--namespace-mapping", "hashed"]);
    stage.upstream().create(CONFIG_MAPS, &config_map("web")).unwrap();
    wait_for("the config map on the other target", DEADLINE, || {
        let maps = stage.target("east").list("/api/v1/configmaps");
        let found = maps.iter().any(|map| map["metadata"]["name"] == "web");
        if found { Ok(()) } else { Err(json!(maps)) }
    });
    wait_for("the reason", DEADLINE, || {
        let log = syncer.log();
        let reason = "itself: it is the upstream itself; give the kubeconfig, or the context, of another cluster";
        if log.contains(reason) { Ok(()) } else { Err(log) }
    });
    let namespaces = stage.upstream().list("/api/v1/namespaces");
    let made: Vec<_> = namespaces
        .iter()
        .filter_map(|namespace| namespace["metadata"]["name"].as_str())
        .filter(|name| name.starts_with("kcp-"))
        .collect();
    assert!(made.is_empty(), "{made:?}");
    syncer.terminate(ENDS_WITHIN);
}

#[test]
fn a_token_in_a_file_may_end_with_a_new_line() {
    let stage = Stage::new(1);
    stage.scratch.write("token", "abc\n");
    let other = kubeconfig_with(&stage, "east", "token.kubeconfig", &json!({"tokenFile": "token"}));
    let upstream = stage.file("upstream").display().to_string();
    let mut syncer = start([
        "run",
        "--upstream-kubeconfig",
        &upstream,
        "--target",
        &target("east", &other),
    ]);
    ready(&syncer);
    stage.upstream().create(CONFIG_MAPS, &config_map("web")).unwrap();
    wait_for("the config map", DEADLINE, || {
        stage
            .target("east")
            .get(&format!("{CONFIG_MAPS}/web"))
            .ok_or("not there")
    });
    syncer.terminate(ENDS_WITHIN);
}

#[test]
fn a_plugin_that_hangs_holds_up_no_other_target_and_not_the_end() {
    let stage = Stage::new(1);
    let hangs = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["60"], "interactiveMode": "Never",
    }});
    let other = kubeconfig_with(&stage, "east", "hangs.kubeconfig", &hangs);
    let mut syncer = stage.run(&["--target", &target("west", &other)]);
    stage.upstream().create(CONFIG_MAPS, &config_map("web")).unwrap();
    wait_for("the config map on the other target", DEADLINE, || {
        stage
            .target("east")
            .get(&format!("{CONFIG_MAPS}/web"))
            .ok_or("not there")
    });
    syncer.terminate(ENDS_WITHIN);
}

#[test]
fn numbers_out_of_bounds_are_wrong_usage() {
    let most = u64::MAX.to_string();
    for (option, bound) in [
        ("--threads", "256"),
        ("--writes-in-flight", "4096"),
        ("--reconcilers", "65536"),
        ("--mailbox", "65536"),
    ] {
        for number in ["0", &most] {
            let output = said(&["run".to_owned(), option.to_owned(), number.to_owned()], &[]);
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{option} {number}: {text}");
            assert!(
                text.contains(&format!("is no whole number from 1 to {bound}")),
                "{text}"
            );
        }
    }
    let output = said(&["run", "--status-interval", "0s"].map(str::to_owned), &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn an_empty_variable_says_nothing_and_a_switch_may_be_a_one() {
    let stage = Stage::new(1);
    let file = stage.scratch.write(
        "policies.yaml",
        "apiVersion: workload.kcp.io/v1alpha1\nkind: SyncPolicy\nmetadata: {name: all}\nspec: {resources: [{resource: configmaps}]}\n",
    );
    let validate = ["validate".to_owned()];
    let named = file.display().to_string();
    let well = said(
        &validate,
        &[
            ("TMC_SYNCER_FILE", &named),
            ("TMC_SYNCER_OUTPUT", ""),
            ("TMC_SYNCER_OTLP_ENDPOINT", ""),
        ],
    );
    assert_eq!(well.status.code(), Some(0), "{well:?}");
    let nothing = said(&validate, &[("TMC_SYNCER_FILE", "")]);
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
    assert!(
        String::from_utf8_lossy(&nothing.stderr).contains("--file"),
        "{nothing:?}"
    );

    // A target of nothing is refused after the variables were understood.
    let absent = stage.scratch.path().join("absent").display().to_string();
    let run = ["run", "--upstream-kubeconfig", &absent, "--target", "east=absent"].map(str::to_owned);
    let cases = [
        ("TMC_SYNCER_ENDPOINT_SLICE", ""),
        ("TMC_SYNCER_HEALTH_ADDRESS", ""),
        ("TMC_SYNCER_UPSTREAM_CONTEXT", ""),
        ("TMC_SYNCER_PREVIOUS_UPSTREAM", ""),
        ("TMC_SYNCER_HASH_KEY_FILE", ""),
        ("TMC_SYNCER_DRY_RUN", ""),
        ("TMC_SYNCER_DRY_RUN", "1"),
        ("TMC_SYNCER_DRY_RUN", "yes"),
        ("TMC_SYNCER_SYNC_SECRETS", "false"),
    ];
    for variable in cases {
        let output = said(&run, &[variable]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("the upstream cannot be used"), "{variable:?}: {text}");
    }
    let wrong = said(&run, &[("TMC_SYNCER_DRY_RUN", "perhaps")]);
    assert!(
        !String::from_utf8_lossy(&wrong.stderr).contains("the upstream cannot be used"),
        "{wrong:?}"
    );
}
