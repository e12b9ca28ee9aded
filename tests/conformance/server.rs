//! A server under test, as the steps of rows meet it.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt as _;
use http::Request;
use http_body_util::BodyExt as _;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

use crate::row::Call;

/// The longest wait for one answer or one event.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server under test.
#[derive(Clone)]
pub(crate) struct Server {
    client: Client,
    /// What rows may name: logical clusters, paths.
    pub(crate) names: BTreeMap<String, String>,
    /// Does away with the history; none where the server does so by itself.
    pub(crate) sandbox: Option<syncer_sandbox::ApiServer>,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

// === impl Server ===

impl Server {
    /// Talks to the server that `kubeconfig` (its text) names.
    pub(crate) async fn new(kubeconfig: &str) -> Self {
        let parsed = Kubeconfig::from_yaml(kubeconfig).expect("a kubeconfig");
        let mut config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default())
            .await
            .expect("a configuration");
        // An answer is an answer, also a 503.
        config.default_retry = false;
        config.proxy_url = None;
        Self {
            client: Client::try_from(config).expect("a client"),
            names: BTreeMap::new(),
            sandbox: None,
        }
    }

    /// The answer to `call`.
    pub(crate) async fn call(&self, call: &Call) -> Answer {
        let answer = async {
            let (status, mut body) = self.open(call).await;
            let mut text = Vec::new();
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame.expect("a whole answer").into_data() {
                    text.extend_from_slice(&data);
                }
            }
            (status, text)
        };
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let (status, text) = answer.unwrap_or_else(|_| panic!("{} {}: no answer", call.method, call.path));
        Answer {
            status,
            body: parsed(&text),
        }
    }

    /// The first `count` events of a watch, or all until it ends; the refusal where it does not begin.
    pub(crate) async fn watch(&self, call: &Call, count: usize) -> Answer {
        let (status, body) = self.open(call).await;
        let mut chunks = body.into_data_stream();
        let (mut text, mut events) = (Vec::new(), Vec::new());
        loop {
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                events.push(parsed(&line));
            }
            if status == 200 && events.len() >= count {
                events.truncate(count);
                break;
            }
            match tokio::time::timeout(PATIENCE, chunks.next()).await {
                Ok(Some(Ok(chunk))) => text.extend_from_slice(&chunk),
                Ok(None) => break,
                Ok(Some(Err(error))) => {
                    events.push(json!({"broken": error.to_string()}));
                    break;
                }
                Err(_) => {
                    events.push(json!("nothing more came in time"));
                    break;
                }
            }
        }
        let body = if status == 200 {
            Value::Array(events)
        } else {
            events.pop().unwrap_or_else(|| parsed(&text))
        };
        Answer { status, body }
    }

    async fn open(&self, call: &Call) -> (u16, Body) {
        let mut request = Request::builder()
            .method(call.method)
            .uri(&call.path)
            .header("user-agent", "tester/1")
            .header("accept", call.accept);
        if call.body.is_some() {
            request = request.header("content-type", call.content_type);
        }
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        let request = request.body(Body::from(body.into_bytes())).expect("a request");
        let answer = self.client.send(request).await;
        let answer = answer.unwrap_or_else(|error| panic!("{} {}: {error}", call.method, call.path));
        let (head, body) = answer.into_parts();
        (head.status.as_u16(), body)
    }
}

/// A body as JSON, or as the text that it is.
fn parsed(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(text).into_owned()))
}
