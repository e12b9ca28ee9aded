//! `delete` and `deletecollection`.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::object::put;
use crate::{
    answer::{self, Body, encode::Encoder},
    error::Refusal,
    registry::Nature,
    request::options::{Query, Run},
    server::Shared,
    state::Subject,
    verbs::{
        list::Scope,
        write::{WriteRequest, parse_any},
    },
    write::delete::{Deleted, Deletion},
};

/// Answers a `delete`.
///
/// # Errors
/// There is no such object, or a precondition does not hold.
pub(crate) fn delete(shared: &Shared, request: &WriteRequest<'_>, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let (deletion, run) = options(request.query, body)?;
    let subject = &request.subject;
    let resource = &subject.resource;
    let mut state = shared.state.lock();
    let old = state
        .get(subject)
        .ok_or_else(|| Refusal::not_found(resource, &subject.name))?;
    let deleted = state.delete(subject, &old, &deletion, run, request.now)?;
    drop(state);
    let encoder = Encoder::new(resource, request.form, request.now);
    match deleted {
        Deleted::Marked(object) => Ok(answer::object(StatusCode::OK, &encoder, &object)),
        Deleted::Gone(object) if matches!(resource.nature, Nature::Service | Nature::Namespace | Nature::Pod) => {
            Ok(answer::object(StatusCode::OK, &encoder, &object))
        }
        Deleted::Gone(object) => {
            let mut details = json!({"name": subject.name});
            if !resource.group().is_empty() {
                put(&mut details, "group", resource.group());
            }
            put(&mut details, "kind", resource.plural());
            put(&mut details, "uid", &*object.uid);
            let status =
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
            Ok(answer::value(StatusCode::OK, &status))
        }
    }
}

/// Answers a `deletecollection`: every selected object is deleted, and the answer lists them.
///
/// # Errors
/// Options that make no sense.
pub(crate) fn delete_collection(
    shared: &Shared,
    scope: &Scope,
    request: &WriteRequest<'_>,
    body: &[u8],
) -> Result<Response<Body>, Refusal> {
    let (deletion, run) = options(request.query, body)?;
    let mut state = shared.state.lock();
    let (head, objects) = state.list(scope, request.query)?;
    for object in &objects {
        state.delete(
            &Subject::of(&scope.resource, object),
            object,
            &deletion,
            run,
            request.now,
        )?;
    }
    drop(state);
    let pieces = Encoder::new(&scope.resource, request.form, request.now).list(&head, objects);
    let text: Vec<u8> = pieces.flat_map(Vec::from).collect();
    Ok(answer::json(StatusCode::OK, text))
}

fn options(query: &Query, body: &[u8]) -> Result<(Deletion, Run), Refusal> {
    let body = if body.is_empty() {
        Value::Null
    } else {
        parse_any(body).map_err(Refusal::bad_request)?
    };
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let grace = body.get("gracePeriodSeconds").and_then(Value::as_i64);
    let in_query = query.get("gracePeriodSeconds").and_then(|seconds| seconds.parse().ok());
    let dry = query.get("dryRun") == Some("All") || body.pointer("/dryRun/0").and_then(Value::as_str) == Some("All");
    let deletion = Deletion {
        uid: text("/preconditions/uid"),
        version: text("/preconditions/resourceVersion"),
        grace: grace.or(in_query),
    };
    Ok((deletion, if dry { Run::Dry } else { Run::Real }))
}
