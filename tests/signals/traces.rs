//! One edit is one trace, from the watch event to the status that comes back; and a collector is never waited for.

mod collector;
mod cost;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use syncer_harness::wait_for;

use self::collector::{Collector, Span};
use crate::{
    http::get,
    stage::{DEADLINE, Stage, ready},
};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment(name: &str) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "example.org/web:1"}]},
            },
        },
    })
}

/// Waits until the status upstream says that all replicas of two targets are there.
fn reported(stage: &Stage, name: &str) {
    wait_for("the status to be back", DEADLINE, || {
        let object = stage.upstream().get(&format!("{DEPLOYMENTS}/{name}"));
        let status = object.map_or(Value::Null, |object| object["status"].clone());
        if status["readyReplicas"] == 4 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
}

/// The spans from `span` up to the root, by what they are.
fn path(spans: &BTreeMap<String, Span>, span: &Span) -> Vec<String> {
    let mut at = Some(span);
    let mut path = Vec::new();
    while let Some(span) = at {
        path.push(span.name.clone());
        assert!(path.len() < 100, "a ring of spans: {path:?}");
        at = spans.get(&span.parent);
    }
    path
}

#[test]
fn an_edit_is_one_trace_from_the_watch_event_to_the_status_that_is_back() {
    let stage = Stage::new(2);
    let collector = Collector::start(&stage.pool);
    let syncer = stage.run(&["--otlp-endpoint", &collector.endpoint(), "--log-format", "json"]);
    ready(&syncer);
    stage.upstream().create(DEPLOYMENTS, &deployment("web")).unwrap();
    reported(&stage, "web");

    // All that was made of the edit: status writes of both targets' last reports included.
    let spans = wait_for("the whole trace", DEADLINE, || {
        let spans = collector.spans();
        let about: Vec<_> = spans
            .iter()
            .filter(|span| span.is_about("default/web"))
            .cloned()
            .collect();
        let traces: BTreeSet<_> = about.iter().map(|span| span.trace.clone()).collect();
        let whole: Vec<_> = spans.into_iter().filter(|span| traces.contains(&span.trace)).collect();
        let names: BTreeSet<_> = whole.iter().map(|span| span.name.clone()).collect();
        let back = whole
            .iter()
            .any(|span| span.name == "patch" && span.attributes["cluster"] == "upstream");
        let open = whole
            .iter()
            .any(|span| !span.parent.is_empty() && !whole.iter().any(|of| of.id == span.parent));
        let expected = [
            "Watcher",
            "Upstream",
            "Target",
            "Reconciler",
            "StatusPropagator",
            "apply",
            "patch",
        ];
        if expected.iter().all(|name| names.contains(*name)) && back && !open {
            Ok(whole)
        } else {
            Err(format!("{names:?}, status back: {back}, parents missing: {open}"))
        }
    });
    let traces: BTreeSet<_> = spans.iter().map(|span| span.trace.clone()).collect();
    assert_eq!(traces.len(), 1, "one edit, one trace: {spans:#?}");
    let spans: BTreeMap<_, _> = spans.into_iter().map(|span| (span.id.clone(), span)).collect();
    let roots: Vec<_> = spans.values().filter(|span| span.parent.is_empty()).collect();
    assert_eq!(roots.len(), 1, "{roots:#?}");
    assert_eq!(
        (roots[0].name.as_str(), roots[0].attributes["key"].as_str()),
        ("Watcher", "deployments.apps upstream")
    );

    let request = |verb: &str, cluster: &str| {
        let found = spans.values().find(|span| {
            let of = |name: &str| span.attributes.get(name).map_or("", String::as_str);
            span.name == verb && of("cluster") == cluster && of("resource") == "deployments.apps"
        });
        found.unwrap_or_else(|| panic!("no {verb} at {cluster}: {spans:#?}"))
    };
    for target in ["east", "west"] {
        let applied = request("apply", &format!("target {target}"));
        assert_eq!(
            path(&spans, applied),
            ["apply", "Reconciler", "Target", "Upstream", "Watcher"]
        );
        assert!(applied.attributes["code"].starts_with("20"), "{applied:?}");
    }
    let way = [
        "patch",
        "StatusPropagator",
        "StatusPropagator",
        "Watcher",
        "Reconciler",
        "Target",
        "Upstream",
        "Watcher",
    ];
    assert_eq!(
        path(&spans, request("patch", "upstream")),
        way,
        "the status comes back by the target's watch"
    );
    for span in spans.values().filter(|span| !span.attributes.contains_key("method")) {
        assert_eq!(span.attributes["kind"], span.name);
        for attribute in ["key", "queue_us", "work_us"] {
            assert!(span.attributes.contains_key(attribute), "no {attribute}: {span:?}");
        }
    }

    // The line that says what was done names the trace that it belongs to.
    let trace = traces.first().unwrap();
    let log = syncer.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<_> = lines.filter(|line| line["trace_id"] == trace.as_str()).collect();
    assert!(
        lines
            .iter()
            .any(|line| line["name"] == "web" && line["target"] == "east" && line["span_id"].is_string()),
        "{lines:#?}"
    );
}

#[test]
fn what_is_not_of_the_sample_is_not_traced() {
    let stage = Stage::new(2);
    let collector = Collector::start(&stage.pool);
    let mut syncer = stage.run(&["--otlp-endpoint", &collector.endpoint(), "--trace-sample", "0"]);
    ready(&syncer);
    stage.upstream().create(DEPLOYMENTS, &deployment("web")).unwrap();
    reported(&stage, "web");
    assert_eq!(syncer.terminate(DEADLINE).code, Some(0), "{}", syncer.log());
    assert_eq!(collector.spans().len(), 0, "{:#?}", collector.spans());
}

#[test]
fn a_collector_that_is_away_or_silent_harms_nothing_and_is_counted() {
    let stage = Stage::new(2);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = syncer_harness::free_port();
    for port in [silent.local_addr().unwrap().port(), closed] {
        let mut syncer = stage.run(&["--otlp-endpoint", &format!("http://127.0.0.1:{port}")]);
        ready(&syncer);
        let name = format!("web-{port}");
        stage.upstream().create(DEPLOYMENTS, &deployment(&name)).unwrap();
        reported(&stage, &name);
        wait_for("spans to be counted as lost", DEADLINE, || {
            let metrics = get(syncer.admin_address(), "/metrics")?.body;
            let lost = metrics
                .lines()
                .any(|line| line.starts_with("tmc_syncer_trace_spans_total{result=\"failed\"}"));
            if lost { Ok(()) } else { Err("none".to_owned()) }
        });
        assert_eq!(syncer.terminate(DEADLINE).code, Some(0), "{}", syncer.log());
    }
}
