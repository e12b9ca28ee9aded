//! The dashboard and the alerts name what a running syncer exports, and nothing else.

mod expression;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::wait_for;

use self::expression::{Expression, Selector};
use crate::{
    http::get,
    stage::{DEADLINE, Stage, ready},
};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn read(file: &str) -> String {
    fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The expressions of the rules, by alert.
fn rules() -> Vec<(String, String)> {
    let rules: Value = serde_saphyr::from_str(&read("deploy/prometheus/rules.yaml")).unwrap();
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap().clone());
    rules
        .map(|rule| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let name = text(&rule["alert"]);
            for about in ["summary", "description"] {
                assert!(!text(&rule["annotations"][about]).is_empty(), "{name}: no {about}");
            }
            assert!(
                ["warning", "critical"].contains(&text(&rule["labels"]["severity"]).as_str()),
                "{name}"
            );
            (name, text(&rule["expr"]))
        })
        .collect()
}

/// The expressions of the board, by panel.
fn board() -> Vec<(String, String)> {
    let board: Value = serde_json::from_str(&read("deploy/grafana/tmc-syncer.json")).unwrap();
    let mut expressions = Vec::new();
    let mut ids = BTreeSet::new();
    for panel in board["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels have one id");
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions.push((title.to_owned(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    expressions
}

/// What a page of metrics has: each name with the labels of its series.
fn exported(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut exported: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let labels = line
            .split_once('{')
            .and_then(|(_, rest)| rest.rsplit_once('}'))
            .map_or("", |(labels, _)| labels);
        let names = labels
            .split("\",")
            .filter_map(|label| label.split_once('='))
            .map(|(label, _)| label.to_owned());
        exported.entry(name.to_owned()).or_default().extend(names);
    }
    exported
}

/// What a run exports, however it came to be registered, and the page does not explain.
fn unexplained(exported: &BTreeMap<String, BTreeSet<String>>, page: &str) -> Vec<String> {
    let families = exported.keys().map(|name| {
        let ends = ["_total", "_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
    });
    let families: BTreeSet<_> = families.collect();
    let lacking = families
        .into_iter()
        .filter(|name| !page.contains(&format!("| `{name}` |")));
    lacking.map(str::to_owned).collect()
}

/// Has a syncer meet drift, a failure and a cut watch, so that it has something to say of each.
fn eventful(stage: &Stage, address: &str) -> String {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"a": "1"}});
    stage.upstream().create(CONFIG_MAPS, &object).unwrap();
    let (path, east) = (format!("{CONFIG_MAPS}/web"), stage.target("east"));
    wait_for("the object", DEADLINE, || east.get(&path).ok_or("it is not there"));
    east.merge(&path, &json!({"data": {"a": "2"}})).unwrap();
    stage.server("west").faults().cut_streams();
    let expected = [
        "tmc_syncer_drift_total{",
        "tmc_syncer_conflicts_total{",
        "tmc_syncer_watch_restarts_total{",
        "tmc_syncer_events_total{",
    ];
    wait_for("all of it to be counted", DEADLINE, || {
        let page = get(address, "/metrics")?.body;
        let missing: Vec<_> = expected.iter().filter(|name| !page.contains(**name)).collect();
        if missing.is_empty() {
            Ok(page)
        } else {
            Err(format!("{missing:?}"))
        }
    })
}

#[test]
fn every_metric_and_label_of_the_board_and_the_alerts_is_exported_by_a_run() {
    let stage = Stage::new(2);
    let lease = [
        "--leader-elect",
        "--lease-namespace",
        "default",
        "--lease-duration",
        "15s",
    ];
    let syncer = stage.run(&lease);
    wait_for("the Lease to be ours", DEADLINE, || {
        let page = get(syncer.admin_address(), "/metrics")?.body;
        let leads = page
            .lines()
            .any(|line| line.starts_with("leader_election_master_status{") && line.ends_with(" 1"));
        if leads { Ok(()) } else { Err("not yet".to_owned()) }
    });
    ready(&syncer);
    let exported = exported(&eventful(&stage, syncer.admin_address()));
    let unexplained = unexplained(&exported, &read("docs/operate.md"));
    assert!(unexplained.is_empty(), "docs/operate.md lacks {unexplained:?}");
    let planted = BTreeMap::from([("tmc_syncer_planted_total".to_owned(), BTreeSet::new())]);
    assert_eq!(
        self::unexplained(&planted, &read("docs/operate.md")),
        ["tmc_syncer_planted"]
    );
    let expressions: Vec<_> = rules().into_iter().chain(board()).collect();
    assert!(expressions.len() > 35, "{}", expressions.len());
    for (place, text) in expressions {
        let expression = Expression::parse(&text).unwrap_or_else(|wrong| panic!("{place}: {text}: {wrong}"));
        assert!(!expression.selectors.is_empty(), "{place}: {text} names no metric");
        let mut known = BTreeSet::from(["le".to_owned()]);
        for Selector { metric, labels } in &expression.selectors {
            let of = exported
                .get(metric)
                .unwrap_or_else(|| panic!("{place}: no run exports {metric}"));
            for label in labels {
                assert!(of.contains(label), "{place}: {metric} has no label {label}, but {of:?}");
            }
            known.extend(of.iter().cloned());
        }
        for label in &expression.grouped {
            assert!(
                known.contains(label),
                "{place}: {text} groups by {label}, which no metric in it has"
            );
        }
    }
}

#[test]
fn an_expression_that_is_none_is_noticed() {
    for wrong in [
        "sum(a",
        "sum by (x (a)",
        "a{b=}",
        "a{b=\"c}",
        "rate(a[5q])",
        "sum(a))",
        "a{b}",
        "unknown_function(a)",
    ] {
        assert!(Expression::parse(wrong).is_err(), "{wrong}");
    }
    let found = Expression::parse("sum by (x, le) (rate(a_b{c=~\"d|e\",f!=\"g\"}[$__rate_interval])) > 0.5").unwrap();
    assert_eq!(found.selectors[0].metric, "a_b");
    assert_eq!((found.selectors[0].labels.len(), found.grouped.len()), (2, 2));
}

#[test]
fn two_replicas_elect_a_leader_as_the_options_say() {
    let stage = Stage::new(1);
    let upstream = stage.file("upstream").display().to_string();
    let options = [
        "--leader-elect",
        "--lease-name",
        "given",
        "--lease-namespace",
        "default",
        "--lease-kubeconfig",
        &upstream,
        "--lease-duration",
        "4s",
        "--lease-renew-deadline",
        "3s",
        "--lease-retry-period",
        "500ms",
    ];
    let mut first = stage.run(&options);
    let leads = |address: &str| {
        let page = get(address, "/metrics")?.body;
        let line = page
            .lines()
            .find(|line| line.starts_with("leader_election_master_status{name="));
        match line {
            Some(line) if line.contains("given") && line.ends_with(" 1") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    wait_for("the first to lead", DEADLINE, || leads(first.admin_address()));
    let lease = stage
        .upstream()
        .get("/apis/coordination.k8s.io/v1/namespaces/default/leases/given")
        .unwrap();
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 4, "{lease}");
    let second = stage.run(&options);
    wait_for("the second to stand by", DEADLINE, || {
        get(second.admin_address(), "/metrics").map(drop)
    });
    assert!(leads(second.admin_address()).is_err());
    first.kill();
    wait_for("the second to lead", DEADLINE + Duration::from_secs(4), || {
        leads(second.admin_address())
    });
}
