//! A client of a few lines.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{ApiServer, Body, ManualClock, NoAnswer, Options};

pub(super) const APPLY: &str = "application/apply-patch+yaml";
pub(super) const MERGE: &str = "application/merge-patch+json";
pub(super) const JSON_PATCH: &str = "application/json-patch+json";

/// The configmaps of `default`.
pub(super) const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// The deployments of `default`.
pub(super) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The code and the message.
    pub(super) fn refusal(&self) -> (u16, String) {
        (
            self.status.as_u16(),
            self.json()["message"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

/// A server whose clock stands still, at a fixed seed.
pub(super) fn server() -> ApiServer {
    server_with(Options::default())
}

pub(super) fn server_with(options: Options) -> ApiServer {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    ApiServer::new(Options {
        clock: Arc::new(clock),
        seed: 7,
        ..options
    })
}

pub(super) async fn send(
    server: &ApiServer,
    method: Method,
    path: &str,
    content_type: &str,
    body: &str,
) -> Result<http::Response<Body>, NoAnswer> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("user-agent", "tester/1")
        .header("content-type", content_type)
        .body(Full::new(bytes::Bytes::from(body.to_owned())))
        .unwrap();
    server.clone().oneshot(request).await
}

async fn ask(server: &ApiServer, method: Method, path: &str, content_type: &str, body: &str) -> Answer {
    let (parts, body) = send(server, method, path, content_type, body)
        .await
        .unwrap()
        .into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

pub(super) async fn get(server: &ApiServer, path: &str) -> Answer {
    ask(server, Method::GET, path, "", "").await
}

pub(super) async fn post(server: &ApiServer, path: &str, body: &Value) -> Answer {
    ask(server, Method::POST, path, "application/json", &body.to_string()).await
}

pub(super) async fn put(server: &ApiServer, path: &str, body: &Value) -> Answer {
    ask(server, Method::PUT, path, "application/json", &body.to_string()).await
}

pub(super) async fn patch(server: &ApiServer, path: &str, content_type: &str, body: &Value) -> Answer {
    ask(server, Method::PATCH, path, content_type, &body.to_string()).await
}

pub(super) async fn delete(server: &ApiServer, path: &str, body: &Value) -> Answer {
    ask(
        server,
        Method::DELETE,
        path,
        "application/json",
        &if body.is_null() {
            String::new()
        } else {
            body.to_string()
        },
    )
    .await
}

/// An open watch.
pub(super) struct Watch {
    body: Body,
    text: String,
}

impl Watch {
    pub(super) async fn open(server: &ApiServer, path: &str) -> Self {
        let response = send(server, Method::GET, path, "", "").await.unwrap();
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next event as type and object; nothing when the stream is over.
    pub(super) async fn next(&mut self) -> Option<Result<(String, Value), std::io::Error>> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                assert!(line.starts_with("{\"type\":"), "the type comes first: {line}");
                let event: Value = serde_json::from_str(line).unwrap();
                self.text = rest.to_owned();
                return Some(Ok((
                    event["type"].as_str().unwrap().to_owned(),
                    event["object"].clone(),
                )));
            }
            match tokio::time::timeout(Duration::from_hours(2), self.body.frame())
                .await
                .unwrap()?
            {
                Ok(frame) => self
                    .text
                    .push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap()),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The types and names of the next events.
    pub(super) async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            let (kind, object) = self.next().await.unwrap().unwrap();
            names.push(format!("{kind} {}", object["metadata"]["name"].as_str().unwrap_or("-")));
        }
        names
    }
}

/// A Deployment as a user writes it.
pub(super) fn deployment(name: &str) -> Value {
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "web", "image": "nginx", "resources": {"requests": {"cpu": "1000m"}}}]}}},
    })
}

/// A ConfigMap with one value.
pub(super) fn config_map(name: &str, value: &str) -> Value {
    serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": value}})
}
