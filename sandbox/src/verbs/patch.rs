//! `patch`: JSON patch, merge patch and strategic merge patch.

use http::{Response, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;

use crate::object::put;
use crate::{
    answer::Body,
    error::{Cause, Details, Refusal},
    kcp::{view::Execution, with_cluster},
    patch::{PatchType, json, merge, strategic},
    server::Shared,
    store::stored::Stored,
    verbs::{
        apply, scale,
        write::{WriteRequest, parse_any},
    },
    write::{Claim, Part, update::Replacement},
};

/// Answers a `patch`.
///
/// # Errors
/// It is refused.
pub(crate) fn patch(shared: &Shared, request: &WriteRequest<'_>, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let media_type = request
        .parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    // A virtual workspace makes of every patch a whole object, and so takes one that custom resources do not.
    let takes_strategic = !request.subject.resource.is_custom() || request.execution == Execution::Forwarded;
    let form = PatchType::of(media_type).filter(|form| *form != PatchType::Strategic || takes_strategic);
    let Some(form) = form else {
        return Err(if request.subject.resource.is_custom() {
            Refusal::unknown_patch_type()
        } else {
            Refusal::unsupported_media_type()
        });
    };
    let options = request.options("PatchOptions")?;
    if form == PatchType::Apply {
        return apply::apply(shared, request, &options, body);
    }
    if options.force.is_some() {
        let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
        return Err(Refusal::invalid_options("PatchOptions", vec![cause]));
    }
    let subject = &request.subject;
    let mut state = shared.state.lock();
    let old = state
        .get(subject)
        .ok_or_else(|| Refusal::not_found(&subject.resource, &subject.name))?;
    let mut new = match request.part {
        Part::Scale => {
            let scale = patched(request, form, scale::view(&subject.resource, &old)?, body)?;
            scale::scaled(&subject.resource, &old, &scale)?
        }
        _ => patched(request, form, with_kind(request, &old), body)?,
    };
    with_cluster(&subject.cluster, &mut new);
    let replacement = Replacement {
        subject,
        part: request.part,
        old: &old,
        new,
        claim: Claim::Update,
        arrival: request.patch_arrival(),
    };
    let written = state.replace(replacement, &options, request.now)?;
    drop(state);
    if request.part == Part::Scale {
        request.scale_answer(&written)
    } else {
        Ok(request.answer(&written))
    }
}

/// The object with its kind, which a patch may test.
fn with_kind(request: &WriteRequest<'_>, old: &Stored) -> Value {
    let mut object = old.value();
    put(&mut object, "kind", request.subject.resource.kind());
    put(&mut object, "apiVersion", request.subject.resource.gvr.api_version());
    object
}

/// What the patch makes of `target`.
fn patched(request: &WriteRequest<'_>, form: PatchType, mut target: Value, body: &[u8]) -> Result<Value, Refusal> {
    if form == PatchType::Json {
        return json::apply(&target, body).map_err(|error| match error {
            json::JsonPatchError::Malformed(what) => Refusal::bad_request(format!("error decoding patch: {what}")),
            json::JsonPatchError::Failed => {
                let message = "the server rejected our request due to an error in our request";
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with(Details::default())
            }
        });
    }
    let patch = parse_any(body).map_err(|_| Refusal::bad_request("invalid JSON patch"))?;
    if !patch.is_object() {
        return Err(Refusal::bad_request(
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ));
    }
    if form == PatchType::Strategic && request.part != Part::Scale {
        strategic::apply(&request.subject.resource.shape, &mut target, &patch).map_err(Refusal::bad_request)?;
    } else {
        merge::apply(&mut target, &patch);
    }
    Ok(target)
}
