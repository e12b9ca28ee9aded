//! Server-side apply.

use http::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::{
    answer::Body,
    apply::{
        managers::Managers,
        typed,
        update::{self, Author, Conflicts, Force},
    },
    error::{Cause, Details, Refusal},
    kcp::{view::Execution, with_cluster},
    request::options::{FieldValidation, WriteOptions},
    server::Shared,
    verbs::write::{WriteRequest, parse_any},
    write::{Claim, Part, update::Replacement},
};

/// Answers an apply.
///
/// # Errors
/// It is refused.
pub(crate) fn apply(
    shared: &Shared,
    request: &WriteRequest<'_>,
    options: &WriteOptions,
    body: &[u8],
) -> Result<Response<Body>, Refusal> {
    if !options.manager_is_given {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(Refusal::invalid_options("PatchOptions", vec![cause]));
    }
    if request.part == Part::Scale {
        return Err(Refusal::no_such_method());
    }
    let (subject, resource) = (&request.subject, &request.subject.resource);
    let (applied, metadata) = read(request, body)?;
    let in_object = |name: &str| text(&metadata, name);
    let author = request.part.author(subject, options, request.now);
    let force = if options.force == Some(true) {
        Force::Take
    } else {
        Force::Refuse
    };
    let options = WriteOptions {
        validation: FieldValidation::Ignore,
        ..options.clone()
    };

    let mut state = shared.state.lock();
    let Some(old) = state.get(subject) else {
        if request.part != Part::Object {
            return Err(Refusal::not_found(resource, &subject.name));
        }
        let uid = in_object("uid");
        if !uid.is_empty() {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(Refusal::conflict(resource, &subject.name, &why));
        }
        let name = in_object("name");
        if name.is_empty() {
            let what = format!(
                "the name of the object ({} based on URL) was undeterminable: name must be provided",
                subject.name
            );
            return Err(Refusal::bad_request(what));
        }
        if name != subject.name {
            let what = format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                subject.name
            );
            return Err(Refusal::bad_request(what));
        }
        let merged = merged(
            request,
            &Value::Object(Map::new()),
            &applied,
            &Managers::default(),
            &author,
            force,
        )?;
        let written = state.create(
            subject,
            merged.object,
            claim(request, merged.managers),
            &options,
            request.now,
        )?;
        return Ok(request.answer(&written));
    };
    let live = old.value();
    let mut managers = Managers::of(&live);
    if managers.0.is_empty() {
        managers = update::before_first_apply(&resource.shape, &resource.zero, &live, &author);
    }
    let name = in_object("name");
    if !name.is_empty() && name != subject.name {
        let what = format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            subject.name
        );
        return Err(Refusal::bad_request(what));
    }
    let mut merged = merged(request, &live, &applied, &managers, &author, force)?;
    with_cluster(&subject.cluster, &mut merged.object);
    let replacement = Replacement {
        subject,
        part: request.part,
        old: &old,
        new: merged.object,
        claim: claim(request, merged.managers),
        arrival: request.patch_arrival(),
    };
    let written = state.replace(replacement, &options, request.now)?;
    Ok(request.answer(&written))
}

/// The applied object without its kind, and its metadata.
fn read(request: &WriteRequest<'_>, body: &[u8]) -> Result<(Value, Value), Refusal> {
    let resource = &request.subject.resource;
    let mut applied = parse_any(body).map_err(|what| Refusal::bad_request(format!("error decoding YAML: {what}")))?;
    let (kind, version) = (text(&applied, "kind"), text(&applied, "apiVersion"));
    if kind != resource.kind() || version != resource.gvr.api_version() {
        return Err(Refusal::bad_request(format!(
            "invalid object type: {}",
            described(&version, &kind)
        )));
    }
    let metadata = applied.get("metadata").cloned().unwrap_or_default();
    if metadata.get("managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    if let Some(applied) = applied.as_object_mut() {
        applied.remove("kind");
        applied.remove("apiVersion");
    }
    let in_object = |name: &str| text(&metadata, name);
    // Unknown fields are refused whatever the client says of validation: the merge would not know who owns them.
    typed::check(&resource.shape, &applied).map_err(|what| {
        let head = format!(
            "{}/{}; {}",
            in_object("namespace"),
            in_object("name"),
            described(&version, &kind)
        );
        Refusal::internal(format!("failed to create typed patch object ({head}): {what}"))
    })?;
    Ok((applied, metadata))
}

fn text(object: &Value, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Who owns what an apply writes. One that is forwarded has been merged, but is written as an update: its author's `Apply` entry never
/// comes to be, and what it leaves out is not removed.
fn claim(request: &WriteRequest<'_>, managers: Managers) -> Claim {
    match request.execution {
        Execution::Direct => Claim::Applied(managers),
        Execution::Forwarded => Claim::Update,
    }
}

/// A kind as messages name it.
fn described(api_version: &str, kind: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    format!("{group}/{version}, Kind={kind}")
}

fn merged(
    request: &WriteRequest<'_>,
    live: &Value,
    applied: &Value,
    managers: &Managers,
    author: &Author,
    force: Force,
) -> Result<update::Applied, Refusal> {
    let resource = &request.subject.resource;
    // What this part may not change is not owned either.
    let mut applied = applied.clone();
    if let Some(map) = applied.as_object_mut() {
        match request.part {
            Part::Object if resource.status == crate::registry::StatusPart::Subresource => {
                map.remove("status");
            }
            Part::Status => map.retain(|name, _| name == "status" || name == "metadata"),
            _ => {}
        }
    }
    let applied = update::apply(&resource.shape, &resource.zero, live, &applied, managers, author, force);
    let mut applied = applied.map_err(|conflicts| refuse(&conflicts))?;
    if let Some(head) = crate::object::child(&mut applied.object, "metadata") {
        // A body need not repeat the name that its path has.
        head.insert("name".to_owned(), request.subject.name.as_str().into());
    }
    Ok(applied)
}

fn refuse(conflicts: &Conflicts) -> Refusal {
    let causes = conflicts.0.iter().flat_map(|(manager, paths)| {
        paths.iter().map(move |path| Cause {
            reason: "FieldManagerConflict",
            message: format!("conflict with {manager}"),
            field: path.clone(),
        })
    });
    let details = Details {
        causes: causes.collect(),
        ..Details::default()
    };
    Refusal::new(StatusCode::CONFLICT, "Conflict", conflicts.message()).with(details)
}
