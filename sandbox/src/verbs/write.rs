//! `create`, `update` and what they have in common with the patches.

use http::{Method, Response, StatusCode, request::Parts};
use serde_json::Value;

use crate::{
    answer::{self, Body, encode::Encoder},
    error::Refusal,
    kcp::{view::Execution, with_cluster},
    registry::Resource,
    request::{
        options::{Query, WriteOptions},
        representation::Representation,
    },
    server::Shared,
    state::{Now, Subject},
    verbs::scale,
    write::{Claim, Effect, Part, Written, form::Arrival, update::Replacement},
};

/// What a write needs beyond its body.
#[derive(Clone, Debug)]
pub(crate) struct WriteRequest<'a> {
    /// The object.
    pub(crate) subject: Subject,
    /// The part that is written.
    pub(crate) part: Part,
    /// The head of the request.
    pub(crate) parts: &'a Parts,
    /// Its query.
    pub(crate) query: &'a Query,
    /// The form of the answer.
    pub(crate) form: Representation,
    /// When.
    pub(crate) now: Now,
    /// How it is carried out.
    pub(crate) execution: Execution,
}

/// The object in a body.
///
/// # Errors
/// 400: it is no object, or of another kind.
pub(crate) fn parse(resource: &Resource, body: &[u8]) -> Result<Value, Refusal> {
    let mut object: Value = parse_any(body).map_err(|what| {
        let kind = resource.kind();
        Refusal::bad_request(format!("the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {what}"))
    })?;
    check_kind(resource, &object)?;
    let Some(map) = object.as_object_mut() else {
        return Err(Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {})",
            resource.kind()
        )));
    };
    map.remove("kind");
    map.remove("apiVersion");
    Ok(object)
}

/// A value, as JSON or as YAML.
///
/// # Errors
/// What could not be read; never the text itself (S8).
pub(crate) fn parse_any(body: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(body) {
        Ok(value) => Ok(value),
        Err(error) if body.first() == Some(&b'{') => Err(error.to_string()),
        Err(error) => {
            let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
            serde_saphyr::from_str(text).map_err(|_| error.to_string())
        }
    }
}

fn check_kind(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, api_version) = (text("kind"), text("apiVersion"));
    let expected = resource.gvr.api_version();
    if kind.is_empty() && resource.is_custom() {
        let own = resource.kind();
        return Err(Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {own}): Object 'Kind' is missing"
        )));
    }
    if !kind.is_empty() && kind != resource.kind() {
        let version = api_version.rsplit('/').next().unwrap_or_default();
        let own = resource.kind();
        return Err(Refusal::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {own}: converting (v1.{kind}) to (core.{own}): unknown conversion"
        )));
    }
    if !api_version.is_empty() && api_version != expected {
        let version = api_version.rsplit('/').next().unwrap_or_default();
        let own = resource.kind();
        return Err(Refusal::bad_request(format!(
            "{own} in version {version:?} cannot be handled as a {own}: no kind {own:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
        )));
    }
    Ok(())
}

/// Answers a `create`.
///
/// # Errors
/// It is refused.
pub(crate) fn create(shared: &Shared, request: &WriteRequest<'_>, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let options = request.options("CreateOptions")?;
    let object = parse(&request.subject.resource, body)?;
    let written = shared
        .state
        .lock()
        .create(&request.subject, object, Claim::Update, &options, request.now)?;
    Ok(request.answer(&written))
}

/// Answers an `update`.
///
/// # Errors
/// It is refused.
pub(crate) fn update(shared: &Shared, request: &WriteRequest<'_>, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let options = request.options("UpdateOptions")?;
    let subject = &request.subject;
    if request.part == Part::Scale {
        let scale = parse_any(body).map_err(Refusal::bad_request)?;
        let mut state = shared.state.lock();
        let old = state
            .get(subject)
            .ok_or_else(|| Refusal::not_found(&subject.resource, &subject.name))?;
        let mut new = scale::scaled(&subject.resource, &old, &scale)?;
        with_cluster(&subject.cluster, &mut new);
        let replacement = Replacement {
            subject,
            part: Part::Scale,
            old: &old,
            new,
            claim: Claim::Update,
            arrival: Arrival::Whole,
        };
        let written = state.replace(replacement, &options, request.now)?;
        return request.scale_answer(&written);
    }
    let new = parse(&subject.resource, body)?;
    let mut state = shared.state.lock();
    let Some(old) = state.get(subject) else {
        return Err(Refusal::not_found(&subject.resource, &subject.name));
    };
    let replacement = Replacement {
        subject,
        part: request.part,
        old: &old,
        new,
        claim: Claim::Update,
        arrival: Arrival::Whole,
    };
    let written = state.replace(replacement, &options, request.now)?;
    Ok(request.answer(&written))
}

// === impl WriteRequest ===

impl WriteRequest<'_> {
    /// The options of this write.
    ///
    /// # Errors
    /// Options that make no sense.
    pub(crate) fn options(&self, kind: &str) -> Result<WriteOptions, Refusal> {
        let mut options = WriteOptions::parse(self.parts, self.query, kind)?;
        // What a virtual workspace forwards is its own request: without a manager in the query it is kcp that writes.
        if self.execution == Execution::Forwarded && !options.manager_is_given {
            "kcp".clone_into(&mut options.manager);
        }
        Ok(options)
    }

    /// How the object of a patch comes in.
    pub(crate) fn patch_arrival(&self) -> Arrival {
        match self.execution {
            Execution::Direct => Arrival::Patch,
            Execution::Forwarded => Arrival::Whole,
        }
    }

    /// The answer to a write.
    pub(crate) fn answer(&self, written: &Written) -> Response<Body> {
        // What a virtual workspace forwards is not told apart there.
        let is_forwarded_patch = self.execution == Execution::Forwarded && self.parts.method == Method::PATCH;
        let status = if written.effect == Effect::Created && !is_forwarded_patch {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        let encoder = Encoder::new(&self.subject.resource, self.form, self.now);
        let mut response = answer::object(status, &encoder, &written.object);
        answer::warn(&mut response, &written.warnings);
        response
    }

    /// The answer to a write of `scale`.
    pub(crate) fn scale_answer(&self, written: &Written) -> Result<Response<Body>, Refusal> {
        Ok(answer::value(
            StatusCode::OK,
            &scale::view(&self.subject.resource, &written.object)?,
        ))
    }
}
