//! An API server that answers by script: the seam under the tests of this crate.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, future, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use syncer_core::identity::ResourceType;
use tokio::time::Instant;
use tower::{BoxError, Service};

use crate::{Cluster, ClusterBuilder, WatchEvent};

/// One answer of the script.
pub(crate) enum Answer {
    /// A status, headers, and a body at once.
    Whole(u16, Vec<(&'static str, String)>, String),
    /// 200, and a body in pieces.
    Stream(Vec<Piece>),
    /// No connection.
    Refused,
    /// Nothing, ever.
    Silence,
}

/// A piece of a body.
pub(crate) enum Piece {
    Text(String),
    After(Duration),
    Broken,
    /// Open and silent for ever.
    Silence,
}

/// A script, and what was asked of it.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: VecDeque<Answer>,
    /// What is answered when the script is at its end; silence without one.
    afterwards: Option<fn() -> Answer>,
    asked: Vec<Asked>,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) line: String,
    pub(crate) body: String,
}

// === impl Answer ===

impl Answer {
    pub(crate) fn json(body: impl Into<String>) -> Self {
        Self::Whole(200, Vec::new(), body.into())
    }

    pub(crate) fn status(code: u16, reason: &str) -> Self {
        Self::Whole(code, Vec::new(), status(code, reason))
    }

    pub(crate) fn lines(lines: &[&str]) -> Self {
        let mut pieces: Vec<_> = lines.iter().map(|line| Piece::Text(format!("{line}\n"))).collect();
        pieces.push(Piece::Silence);
        Self::Stream(pieces)
    }
}

// === impl Script ===

impl Script {
    pub(crate) fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
        let state = State {
            answers: answers.into_iter().collect(),
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn then_always(self, answer: fn() -> Answer) -> Self {
        self.0.lock().unwrap().afterwards = Some(answer);
        self
    }

    pub(crate) fn cluster(&self) -> Cluster {
        self.cluster_with(|builder| builder)
    }

    pub(crate) fn cluster_with(&self, set: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Cluster {
        set(Cluster::builder("east").seed(7))
            .service("http://east.test", self.clone())
            .unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap().asked.clone()
    }

    /// The requests without probes, as `METHOD path?query`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked()
            .into_iter()
            .map(|asked| asked.line)
            .filter(|line| !line.contains("readyz"))
            .collect()
    }

    pub(crate) fn push(&self, answer: Answer) {
        self.0.lock().unwrap().answers.push_back(answer);
    }
}

impl Service<Request<Bytes>> for Script {
    type Response = Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let line = format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
        let body = String::from_utf8(request.into_body().to_vec()).unwrap();
        let mut state = self.0.lock().unwrap();
        state.asked.push(Asked {
            at: Instant::now(),
            line,
            body,
        });
        let answer = state
            .answers
            .pop_front()
            .or_else(|| state.afterwards.map(|answer| answer()))
            .unwrap_or(Answer::Silence);
        Box::pin(async move {
            match answer {
                Answer::Whole(code, headers, body) => {
                    let mut response = Response::builder().status(code);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    Ok(response.body(
                        http_body_util::Full::from(body)
                            .map_err(|never| match never {})
                            .boxed_unsync(),
                    )?)
                }
                Answer::Stream(pieces) => Ok(Response::new(StreamBody::new(play(pieces)).boxed_unsync())),
                Answer::Refused => Err("connection refused".into()),
                Answer::Silence => future::pending().await,
            }
        })
    }
}

fn play(pieces: Vec<Piece>) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send {
    stream::iter(pieces).filter_map(|piece| async move {
        match piece {
            Piece::Text(text) => Some(Ok(Frame::data(Bytes::from(text)))),
            Piece::After(delay) => {
                tokio::time::sleep(delay).await;
                None
            }
            Piece::Broken => Some(Err("connection reset".into())),
            Piece::Silence => future::pending().await,
        }
    })
}

// --- the objects of the tests ---

pub(crate) fn config_maps() -> ResourceType {
    ResourceType::namespaced("", "v1", "configmaps", "ConfigMap")
}

pub(crate) fn object(name: &str, version: u32) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"default","uid":"uid-{name}","resourceVersion":"{version}"}},"data":{{"a":"b"}}}}"#
    )
}

pub(crate) fn page(version: &str, next: &str, items: &[String]) -> String {
    format!(
        r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{"resourceVersion":"{version}","continue":"{next}"}},"items":[{}]}}"#,
        items.join(",")
    )
}

pub(crate) fn event(kind: &str, object: &str) -> String {
    format!(r#"{{"type":"{kind}","object":{object}}}"#)
}

pub(crate) fn bookmark(version: u32) -> String {
    event(
        "BOOKMARK",
        &format!(r#"{{"kind":"ConfigMap","metadata":{{"resourceVersion":"{version}","creationTimestamp":null}}}}"#),
    )
}

pub(crate) fn status(code: u16, reason: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"said the server","reason":"{reason}","code":{code}}}"#
    )
}

/// An event of a watch as a short text.
pub(crate) fn told(event: &WatchEvent) -> String {
    match event {
        WatchEvent::ListStarted => "list".to_owned(),
        WatchEvent::Applied(object) => format!("+{}@{}", short(object), object.resource_version()),
        WatchEvent::Deleted(object) => format!("-{}@{}", short(object), object.resource_version()),
        WatchEvent::Listed(list) => format!("listed {}@{}", list.count(), list.resource_version()),
        WatchEvent::Interrupted(error) => format!("interrupted {}", error.cause()),
        WatchEvent::Recovered => "recovered".to_owned(),
    }
}

fn short(object: &crate::Object) -> String {
    match object.cluster().as_str() {
        "" => object.key().name.to_string(),
        cluster => format!("{cluster}|{}", object.key().name),
    }
}

/// The next `count` events, each as a short text; fewer if a virtual day passes without one.
pub(crate) async fn take(watch: &mut (impl Stream<Item = WatchEvent> + Unpin), count: usize) -> Vec<String> {
    let mut found = Vec::new();
    while found.len() < count {
        match tokio::time::timeout(Duration::from_hours(24), watch.next()).await {
            Ok(Some(event)) => found.push(told(&event)),
            Ok(None) | Err(_) => break,
        }
    }
    found
}

/// The events of the next `span` of virtual time.
pub(crate) async fn take_for(watch: &mut (impl Stream<Item = WatchEvent> + Unpin), span: Duration) -> Vec<String> {
    let until = Instant::now() + span;
    let mut found = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout_at(until, watch.next()).await {
        found.push(told(&event));
    }
    found
}

/// What was logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

// === impl Log ===

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
