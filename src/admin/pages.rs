//! The pages: probes as kube-apiserver answers them, metrics, the live tree.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::encoding::text;
use serde_json::json;
use tracing::error;

use super::{Shown, page};

/// How long an actor thread may take to answer. The kubelet waits a second unless told otherwise.
const PROBE_LIMIT: Duration = Duration::from_millis(800);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How many children of each kind the tree shows, unless asked for another number.
const CHILDREN: usize = 100;

const MAX_CHILDREN: usize = 1_000;

/// How many verdicts are shown, unless asked for another number.
const VERDICTS: usize = 200;

const MAX_VERDICTS: usize = 1_024;

/// Everything.
pub(super) fn admin(shown: Shown) -> Router {
    probes()
        .route("/debug/actors", get(actors))
        .route("/debug/leader", get(leader))
        .route("/debug/recent", get(recent))
        .route("/debug/verdicts", get(verdicts))
        .merge(page::routes())
        .with_state(shown)
}

/// What other hosts may see.
pub(super) fn health(shown: Shown) -> Router {
    probes().with_state(shown)
}

fn probes() -> Router<Shown> {
    Router::new()
        .route("/livez", get(live))
        .route("/healthz", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

type Words = Query<BTreeMap<String, String>>;

async fn live(State(shown): State<Shown>, Query(words): Words) -> Response {
    let threads = shown.probe.check(PROBE_LIMIT).await;
    let conditions = threads
        .iter()
        .map(|thread| (format!("actor-thread-{}", thread.thread), thread.alive))
        .collect();
    verdict("livez", &conditions, &words)
}

async fn ready(State(shown): State<Shown>, Query(words): Words) -> Response {
    verdict("readyz", &(shown.ready)(), &words)
}

/// `ok`, or each condition on a line: when one is not met, or when asked with `?verbose`.
fn verdict(name: &str, conditions: &BTreeMap<String, bool>, words: &BTreeMap<String, String>) -> Response {
    let passed = conditions.values().all(|met| *met);
    if passed && !words.contains_key("verbose") {
        return (StatusCode::OK, "ok").into_response();
    }
    let mut body = String::new();
    for (condition, met) in conditions {
        let line = if *met { ("[+]", "ok") } else { ("[-]", "failed") };
        // Writing to a string does not fail.
        let _ = writeln!(body, "{}{condition} {}", line.0, line.1);
    }
    let (status, end) = if passed {
        (StatusCode::OK, "passed")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "failed")
    };
    let _ = writeln!(body, "{name} check {end}");
    (status, body).into_response()
}

async fn metrics(State(shown): State<Shown>) -> Response {
    let mut body = String::new();
    match text::encode(&mut body, &shown.metrics) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], body).into_response(),
        Err(error) => {
            error!(%error, "metrics cannot be written down");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn recent(State(shown): State<Shown>) -> Response {
    Json(shown.recent.view()).into_response()
}

async fn leader(State(shown): State<Shown>) -> Response {
    match &shown.leadership {
        Some(leadership) => Json(leadership.position()).into_response(),
        None => Json(json!({"election": "off"})).into_response(),
    }
}

/// `?object=namespace/name` shows one object alone, `?limit=N` so many.
async fn verdicts(State(shown): State<Shown>, Query(words): Words) -> Response {
    let limit = words.get("limit").and_then(|number| number.parse().ok());
    let object = words.get("object").map(String::as_str);
    let most = limit.unwrap_or(VERDICTS).min(MAX_VERDICTS);
    Json(shown.verdicts.view(object, most)).into_response()
}

async fn actors(State(shown): State<Shown>, Query(words): Words) -> Response {
    let limit = words
        .get("children")
        .and_then(|number| number.parse().ok())
        .unwrap_or(CHILDREN);
    match shown.tree.view(limit.min(MAX_CHILDREN)) {
        Some(tree) => Json(tree).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "no actor runs\n").into_response(),
    }
}
