//! What becomes of a request: faults before and after it, and the work between them.

use std::{io, sync::Arc};

use bytes::Bytes;
use http::{Response, StatusCode, header, request::Parts};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::{NoAnswer, Shared};
use crate::{
    answer::{Body, body},
    dispatch,
    error::{Details, Refusal},
    faults::{Effect, Reach, Verdict},
    state::Now,
};

// === impl Shared ===

impl Shared {
    /// The present.
    pub(crate) fn now(&self) -> Now {
        Now(self.options.lock().clock.now())
    }

    /// Waits while the server is silent.
    pub(super) async fn reachable(&self) -> Result<(), NoAnswer> {
        let mut line = self.faults.line();
        loop {
            match line.reach() {
                Reach::Up => return Ok(()),
                Reach::Refused => return Err(NoAnswer::refused()),
                Reach::Silent => line.changed().await,
            }
        }
    }

    /// Does what is asked.
    pub(super) fn carry_out(self: &Arc<Self>, parts: &Parts, body: &Bytes) -> Response<Body> {
        let unauthorized = {
            let options = self.options.lock();
            let expected = options.token.as_ref().map(|token| format!("Bearer {}", token.reveal()));
            expected.is_some_and(|expected| {
                parts
                    .headers
                    .get(header::AUTHORIZATION)
                    .is_none_or(|sent| sent.as_bytes() != expected.as_bytes())
            })
        };
        if unauthorized {
            return Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized").into();
        }
        dispatch::dispatch(self, parts, body, self.now()).unwrap_or_else(Into::into)
    }

    /// Does to an answer what a fault does after the work is done.
    pub(super) async fn spoil(&self, response: Response<Body>, verdict: &Verdict) -> Result<Response<Body>, NoAnswer> {
        match &verdict.effect {
            Some(Effect::LateStatus { code }) => Ok(refusal(*code, None).into()),
            Some(Effect::DropAnswer) => Err(NoAnswer::reset()),
            Some(Effect::Truncate) => {
                let (parts, mut body) = response.into_parts();
                // A watch breaks after its first event, anything else in its middle.
                let first = match body.frame().await {
                    Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                    _ => Bytes::new(),
                };
                let half = if body.is_end_stream() {
                    first.slice(..first.len() / 2)
                } else {
                    first
                };
                let broken = futures::stream::iter([Ok(half), Err(io::ErrorKind::UnexpectedEof.into())]);
                let mut response = Response::from_parts(parts, body::pieces(broken));
                response.headers_mut().remove(header::CONTENT_LENGTH);
                Ok(response)
            }
            _ => Ok(response),
        }
    }

    /// Dates an answer by the clock of the server: clients measure its offset.
    pub(super) fn dated(&self, mut response: Response<Body>) -> Response<Body> {
        let date = self.now().0.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = header::HeaderValue::from_str(&date) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    }
}

/// The refusal that a fault answers with.
pub(super) fn refusal(code: u16, retry_after: Option<u32>) -> Refusal {
    let (reason, message) = match code {
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden: planned fault"),
        404 => ("NotFound", "the server could not find the requested resource"),
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
        410 => ("Expired", "The resourceVersion for the provided list is too old."),
        422 => (
            "Invalid",
            "the server rejected our request due to an error in our request",
        ),
        429 => ("TooManyRequests", "too many requests, please try again later"),
        500 => ("InternalError", "Internal error occurred: planned fault"),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request",
        ),
        _ => ("", "planned fault"),
    };
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Refusal::new(status, reason, message).with(Details {
        retry_after_seconds: retry_after,
        ..Details::default()
    })
}
