//! The subresource `scale`: the number of replicas, apart from everything else.

use serde_json::{Value, json};

use crate::object::{child, put};
use crate::{error::Refusal, registry::Resource, store::stored::Stored};

/// The `Scale` of an object.
///
/// # Errors
/// The resource has none.
pub(crate) fn view(resource: &Resource, stored: &Stored) -> Result<Value, Refusal> {
    let paths = resource.scale.as_ref().ok_or_else(Refusal::no_such_path)?;
    let object = stored.value();
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64).unwrap_or_default();
    let mut status = json!({"replicas": number(&paths.status)});
    if let Some(selector) = paths.selector.as_deref().and_then(|path| object.pointer(path)) {
        put(&mut status, "selector", selector_text(selector));
    }
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.pointer(&format!("/metadata/{field}")) {
            put(&mut metadata, field, value.clone());
        }
    }
    Ok(json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": number(&paths.spec)},
        "status": status,
    }))
}

/// The object with the number of replicas of `scale`.
///
/// # Errors
/// The resource has no scale, or the number is none.
pub(crate) fn scaled(resource: &Resource, stored: &Stored, scale: &Value) -> Result<Value, Refusal> {
    let paths = resource.scale.as_ref().ok_or_else(Refusal::no_such_path)?;
    let replicas = scale.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(0));
    if !replicas.is_i64() && !replicas.is_u64() {
        return Err(Refusal::bad_request(
            "Scale in version \"v1\" cannot be handled as a Scale: spec.replicas must be an integer",
        ));
    }
    let mut object = stored.value();
    for field in ["resourceVersion", "uid"] {
        if let (Some(wanted), Some(metadata)) = (
            scale.pointer(&format!("/metadata/{field}")),
            child(&mut object, "metadata"),
        ) {
            metadata.insert(field.to_owned(), wanted.clone());
        }
    }
    let (parent, field) = paths.spec.rsplit_once('/').unwrap_or(("", &paths.spec));
    if let Some(parent) = object.pointer_mut(parent) {
        put(parent, field, replicas);
    }
    Ok(object)
}

fn selector_text(selector: &Value) -> String {
    if let Some(text) = selector.as_str() {
        return text.to_owned();
    }
    let labels = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    labels
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect::<Vec<_>>()
        .join(",")
}
