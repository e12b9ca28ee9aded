//! Brings what a client sent into the form of its kind.

use serde_json::{Map, Value};

use crate::{
    error::{Cause, Refusal},
    registry::{Nature, Resource, StatusPart},
    request::options::{FieldValidation, WriteOptions},
    schema::decode::{Misfit, decode},
};

/// How an object came in: it decides how a misfit is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// As a whole.
    Whole,
    /// As a patch.
    Patch,
}

/// Brings `object` into its form and returns warnings.
///
/// # Errors
/// It does not fit its kind, or it has unknown fields and the client is strict.
pub(crate) fn bring(
    resource: &Resource,
    object: &mut Value,
    options: &WriteOptions,
    arrival: Arrival,
) -> Result<Vec<String>, Refusal> {
    let name = object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let unknown = decode(&resource.shape, object).map_err(|misfit| refuse(resource, &name, &misfit, arrival))?;
    if unknown.is_empty() || options.validation == FieldValidation::Ignore {
        return Ok(Vec::new());
    }
    let unknown: Vec<String> = unknown
        .into_iter()
        .map(|path| format!("unknown field {path:?}"))
        .collect();
    if options.validation == FieldValidation::Warn {
        return Ok(unknown);
    }
    let message = format!("strict decoding error: {}", unknown.join(", "));
    if arrival == Arrival::Patch {
        return Err(Refusal::invalid_patch(&message));
    }
    let (kind, version) = (resource.kind(), resource.gvr.version());
    Err(Refusal::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: {message}"
    )))
}

/// The refusal of a value of the wrong type. The value itself is not repeated (S8).
fn refuse(resource: &Resource, name: &str, misfit: &Misfit, arrival: Arrival) -> Refusal {
    let (kind, version) = (resource.kind(), resource.gvr.version());
    if resource.is_custom() {
        let why = format!(
            "{} in body must be of type {}: {:?}",
            misfit.path, misfit.expected, misfit.found
        );
        let cause = Cause::invalid(misfit.path.clone(), &misfit.found.into(), &why);
        return Refusal::invalid(
            resource,
            name,
            vec![Cause {
                reason: "FieldValueTypeInvalid",
                ..cause
            }],
        );
    }
    let message = if misfit.expected == "base64" {
        "illegal base64 data at input byte 0".to_owned()
    } else if misfit.expected == "quantity" && misfit.found == "string" {
        r"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".to_owned()
    } else {
        let path: Vec<&str> = misfit
            .path
            .split('.')
            .map(|part| part.split('[').next().unwrap_or(part))
            .collect();
        let expected = match misfit.expected {
            "boolean" => "bool",
            "integer" => "int32",
            other => other,
        };
        let found = if misfit.found == "boolean" {
            "bool"
        } else {
            misfit.found
        };
        format!(
            "json: cannot unmarshal {found} into Go struct field {}.{} of type {expected}",
            misfit.within,
            path.join(".")
        )
    };
    match arrival {
        Arrival::Whole => Refusal::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {kind}: {message}"
        )),
        Arrival::Patch => Refusal::invalid_patch(&message),
    }
}

/// What the API server shows even where nothing is set.
pub(crate) fn complete(resource: &Resource, object: &mut Value) {
    let Some(object) = object.as_object_mut() else { return };
    if resource.status == StatusPart::Subresource
        && let Some(zero) = resource.zero.get("status")
    {
        let status = object.entry("status").or_insert_with(|| zero.clone());
        if let (Value::Object(status), Value::Object(zero)) = (status, zero) {
            for (name, value) in zero {
                status.entry(name).or_insert_with(|| value.clone());
            }
        }
    }
    if resource.nature == Nature::Deployment {
        // The API server's own type writes these times even where they are not set.
        let conditions = object
            .get_mut("status")
            .and_then(|status| status.get_mut("conditions"))
            .and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
            for field in ["lastUpdateTime", "lastTransitionTime"] {
                condition.entry(field).or_insert(Value::Null);
            }
        }
    }
    if resource.nature == Nature::Namespace {
        object.entry("spec").or_insert_with(|| Value::Object(Map::new()));
    }
    if resource.kind() == "Event" && resource.group().is_empty() {
        for field in ["eventTime", "firstTimestamp", "lastTimestamp"] {
            object.entry(field).or_insert(Value::Null);
        }
        for field in ["reportingComponent", "reportingInstance"] {
            object.entry(field).or_insert_with(|| "".into());
        }
    }
}

/// The metadata of `object`, created if it is not there.
pub(crate) fn metadata(object: &mut Value) -> Option<&mut Map<String, Value>> {
    crate::object::child(object, "metadata")
}
