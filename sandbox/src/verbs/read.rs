//! `get`, `list` and `watch` over HTTP.

use std::sync::Arc;

use futures::stream;
use http::{Response, StatusCode, header};

use crate::{
    answer::{self, Body, body, encode::Encoder},
    error::Refusal,
    request::{options::Query, representation::Representation},
    server::Shared,
    state::{Now, Subject},
    verbs::{list::Scope, scale, watch},
    write::Part,
};

/// Lists up to this many objects are sent in one piece.
const ONE_PIECE: usize = 500;

/// Answers a `get`.
///
/// # Errors
/// There is no such object.
pub(crate) fn get(
    shared: &Shared,
    subject: &Subject,
    part: Part,
    form: Representation,
    now: Now,
) -> Result<Response<Body>, Refusal> {
    let stored = shared.state.lock().get(subject);
    let stored = stored.ok_or_else(|| Refusal::not_found(&subject.resource, &subject.name))?;
    if part == Part::Scale {
        return Ok(answer::value(StatusCode::OK, &scale::view(&subject.resource, &stored)?));
    }
    Ok(answer::object(
        StatusCode::OK,
        &Encoder::new(&subject.resource, form, now),
        &stored,
    ))
}

/// Answers a `list`.
///
/// # Errors
/// Options that make no sense, or a version that is no longer remembered.
pub(crate) fn list(
    shared: &Shared,
    scope: &Scope,
    query: &Query,
    form: Representation,
    now: Now,
) -> Result<Response<Body>, Refusal> {
    let (head, objects) = shared.state.lock().list(scope, query)?;
    let whole = objects.len() <= ONE_PIECE;
    let pieces = Encoder::new(&scope.resource, form, now).list(&head, objects);
    if whole {
        let text: Vec<u8> = pieces.flat_map(Vec::from).collect();
        return Ok(answer::json(StatusCode::OK, text));
    }
    Ok(streamed(body::pieces(stream::iter(pieces.map(Ok)))))
}

/// Answers a `watch`.
///
/// # Errors
/// Options that make no sense, or a version that is no longer remembered.
pub(crate) fn open_watch(
    shared: &Arc<Shared>,
    scope: Scope,
    query: &Query,
    form: Representation,
    now: Now,
) -> Result<Response<Body>, Refusal> {
    let encoder = Encoder::new(&scope.resource, form, now);
    Ok(streamed(body::pieces(watch::open(shared, scope, encoder, query)?)))
}

fn streamed(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-cache, private"),
    );
    response
}
