//! One request and its answer: admission, deadline, status, and the counting of it all.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use tracing::Instrument as _;

use super::{Cluster, Moment, Shared, failure, probe, traced};
use crate::{
    Cause, Error, Status, Verb,
    breaker::Opened,
    error::Subject,
    observer::Observed,
    status::Words,
    transport::{AnswerBody, Channel},
    url::Path,
};

pub(crate) const JSON: &str = "application/json";
const USER_AGENT: &str = concat!("tmc-syncer/", env!("CARGO_PKG_VERSION"));

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) subject: Subject,
    pub(crate) method: Method,
    pub(crate) path: Path,
    pub(crate) accept: &'static str,
    /// Type and text of the body; none for reads.
    pub(crate) body: Option<(&'static str, Bytes)>,
}

/// An answer that is a success.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) body: Bytes,
    pub(crate) warnings: Vec<Box<str>>,
}

// === impl Call ===

impl Call {
    pub(crate) fn get(subject: Subject, path: Path) -> Self {
        Self {
            subject,
            method: Method::GET,
            path,
            accept: JSON,
            body: None,
        }
    }

    /// Whether the server's words may be shown: those about Secrets could quote them (S8).
    pub(crate) fn words(&self) -> Words {
        self.subject.gvr.as_ref().map_or(Words::Shown, Words::about)
    }
}

// === impl Cluster ===

impl Cluster {
    /// Sends a single request, within the limits.
    pub(crate) async fn call(&self, call: &Call) -> Result<Reply, Error> {
        let shared = self.shared();
        let outcome = async {
            self.findable()?;
            shared.admit()?;
            let _place = shared.places.take(call.subject.verb).await?;
            // The breaker may have opened while this waited for a place.
            shared.admit()?;
            let channel = shared.lanes().request().ok_or(Cause::Busy)?;
            self.exchange(channel, call, shared.limits.request_timeout).await
        };
        outcome.await.map_err(|cause| {
            if cause == Cause::Busy {
                shared.observer.put_off(&shared.host, call.subject.verb);
            }
            self.error(call, cause)
        })
    }

    /// Sends a request over `channel` and reads its whole answer.
    pub(crate) async fn exchange(&self, channel: Channel, call: &Call, deadline: Duration) -> Result<Reply, Cause> {
        self.findable()?;
        let shared = self.shared();
        // After every wait, right before the sending.
        shared.may_send(call.subject.verb)?;
        let sent = shared.now();
        let span = self.traced(call);
        let outcome = tokio::time::timeout(deadline, async {
            let answer = self.send(channel, call).await?;
            if let Some(date) = answer.headers().get(header::DATE) {
                shared.saw_date(date, &sent);
            }
            let (head, body) = answer.into_parts();
            let body = read(body, shared.limits.largest_answer).await?;
            Ok((head, body))
        });
        let outcome = outcome.instrument(span.clone()).await;
        let outcome = outcome.unwrap_or(Err(Cause::Deadline(deadline)));
        let code = outcome.as_ref().ok().map(|(head, _)| head.status);
        traced::answered(&span, code);
        shared.observe(call, code, &sent, outcome.as_ref().err());
        let (head, body) = outcome?;
        if !head.status.is_success() {
            let retry_after = retry_after(&head.headers);
            return Err(Cause::Api(Status::from_answer(
                head.status,
                retry_after,
                &body,
                call.words(),
            )));
        }
        let warnings = warnings(&head.headers);
        if !warnings.is_empty() {
            shared
                .observer
                .warnings(&shared.host, call.subject.verb, warnings.len());
        }
        Ok(Reply {
            body,
            warnings: if call.words() == Words::Shown {
                warnings
            } else {
                Vec::new()
            },
        })
    }

    /// Sends a request over `channel` and hands its answer over as it comes, once it has begun and is a success.
    pub(crate) async fn open(&self, channel: Channel, call: &Call, deadline: Duration) -> Result<AnswerBody, Cause> {
        self.findable()?;
        let shared = self.shared();
        let sent = shared.now();
        let outcome = tokio::time::timeout(deadline, async {
            let answer = self.send(channel, call).await?;
            let (head, body) = answer.into_parts();
            if head.status.is_success() {
                return Ok((head.status, Ok(body)));
            }
            let retry_after = retry_after(&head.headers);
            let body = read(body, shared.limits.largest_answer).await?;
            Ok((
                head.status,
                Err(Status::from_answer(head.status, retry_after, &body, call.words())),
            ))
        });
        let outcome = outcome.await.unwrap_or(Err(Cause::Deadline(deadline)));
        shared.observe(
            call,
            outcome.as_ref().ok().map(|(code, _)| *code),
            &sent,
            outcome.as_ref().err(),
        );
        outcome?.1.map_err(Cause::Api)
    }

    async fn send(&self, channel: Channel, call: &Call) -> Result<Response<AnswerBody>, Cause> {
        let (content_type, body) = call.body.clone().unzip();
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}{}", self.server(), self.path(), call.path.as_str()))
            .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
            .header(header::ACCEPT, HeaderValue::from_static(call.accept));
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let request = request
            .body(body.unwrap_or_default())
            .map_err(|error| Cause::Request(error.to_string().into()))?;
        channel.oneshot(request).await.map_err(|error| failure::cause(&*error))
    }

    pub(crate) fn error(&self, call: &Call, cause: Cause) -> Error {
        Error::new(&self.shared().name, call.subject.clone(), cause)
    }
}

// === impl Shared ===

impl Shared {
    /// Whether a request may be sent now.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<(), Cause> {
        let now = tokio::time::Instant::now();
        self.breaker.admit(now).inspect_err(|_| {
            if self.breaker.take_over(now) {
                probe::start(self);
            }
        })
    }

    fn observe(self: &Arc<Self>, call: &Call, code: Option<StatusCode>, sent: &Moment, failure: Option<&Cause>) {
        self.observer.request(&Observed {
            cluster: &self.name,
            host: &self.host,
            verb: call.subject.verb,
            method: call.method.as_str(),
            code: code.map(|code| code.as_u16()),
            duration: sent.elapsed(),
        });
        match failure {
            None if call.subject.verb == Verb::Probe => {}
            None => self.breaker.succeeded(),
            Some(cause) => self.failed(cause),
        }
    }

    /// Tells the breaker of a failure, and begins to probe where that opened it.
    pub(crate) fn failed(self: &Arc<Self>, cause: &Cause) {
        if self.breaker.failed(cause, tokio::time::Instant::now()) == Opened::Now {
            probe::start(self);
        }
    }
}

/// The whole body, if it is not larger than `limit` bytes.
async fn read(mut body: AnswerBody, limit: usize) -> Result<Bytes, Cause> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure::cause(&*error))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + rest.len() + data.len() > limit {
            return Err(Cause::TooLarge(limit));
        }
        match (first.is_empty(), rest.is_empty()) {
            (true, true) => first = data,
            (false, true) => {
                rest.reserve(first.len() + data.len());
                rest.extend_from_slice(&first);
                rest.extend_from_slice(&data);
                first = Bytes::new();
            }
            _ => rest.extend_from_slice(&data),
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse::<u32>()
        .ok()?;
    Some(Duration::from_secs(seconds.into()))
}

/// The texts of `299 - "text"` headers.
fn warnings(headers: &HeaderMap) -> Vec<Box<str>> {
    let text = |value: &HeaderValue| {
        let value = value.to_str().ok()?;
        let (_, quoted) = value.split_once('"')?;
        let (text, _) = quoted.rsplit_once('"')?;
        Some(text.replace("\\\"", "\"").replace("\\\\", "\\").into())
    };
    headers.get_all(header::WARNING).iter().filter_map(text).collect()
}
