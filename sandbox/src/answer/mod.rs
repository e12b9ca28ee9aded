//! What a request is answered with.

pub(crate) mod body;
pub(crate) mod encode;
pub(crate) mod table;

pub use body::Body;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::Value;

use self::encode::Encoder;
use crate::{error::Refusal, store::stored::Stored};

/// An answer with a JSON text.
pub(crate) fn json(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    typed(status, "application/json", text)
}

/// An answer with a text of this media type.
pub(crate) fn typed(status: StatusCode, media_type: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-cache, private"),
    );
    response
}

/// An answer with a JSON value.
pub(crate) fn value(status: StatusCode, value: &Value) -> Response<Body> {
    json(status, value.to_string())
}

/// An answer with an object.
pub(crate) fn object(status: StatusCode, encoder: &Encoder, object: &Stored) -> Response<Body> {
    let mut text = Vec::new();
    encoder.object(object, &mut text);
    json(status, text)
}

/// Adds warnings to an answer.
pub(crate) fn warn(response: &mut Response<Body>, warnings: &[String]) {
    for warning in warnings {
        let text = format!("299 - {}", Value::from(warning.as_str()));
        if let Ok(value) = header::HeaderValue::from_str(&text) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
}

impl From<Refusal> for Response<Body> {
    fn from(refusal: Refusal) -> Self {
        if refusal.is_bare() {
            return typed(
                refusal.code(),
                "text/plain; charset=utf-8",
                refusal.message().to_owned(),
            );
        }
        let mut response = json(refusal.code(), refusal.to_json());
        if let Some(seconds) = refusal.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
