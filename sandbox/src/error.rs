//! Refusals, in the words of the API server: a `Status` with code, reason, message and details.

use http::StatusCode;
use serde::Serialize;

use crate::{registry::Resource, request::path::ObjectPath};

/// A refusal of the API server.
#[derive(Clone, Debug)]
pub(crate) struct Refusal(Box<Status>);

/// The body of a refusal.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    kind: &'static str,
    api_version: &'static str,
    metadata: ListHead,
    #[serde(rename = "status")]
    outcome: &'static str,
    message: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    code: u16,
}

#[derive(Clone, Debug, Default, Serialize)]
struct ListHead {
    #[serde(rename = "continue", skip_serializing_if = "String::is_empty")]
    next: String,
}

/// What a refusal is about.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) kind: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) causes: Vec<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_seconds: Option<u32>,
}

/// One thing that is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Cause {
    /// The machine's word for it.
    pub(crate) reason: &'static str,
    /// A person's.
    pub(crate) message: String,
    /// Where.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) field: String,
}

/// The reason of a refusal that is sent as plain text.
const BARE: &str = "PlainNotFound";

// === impl Refusal ===

impl Refusal {
    /// A refusal with this code and reason.
    pub(crate) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Status {
            kind: "Status",
            api_version: "v1",
            metadata: ListHead::default(),
            outcome: "Failure",
            message: message.into(),
            reason,
            details: None,
            code: code.as_u16(),
        }))
    }

    /// What a person reads.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status.
    pub(crate) fn code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The seconds after which to come again.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.0.details.as_ref().and_then(|details| details.retry_after_seconds)
    }

    /// The same, about this.
    #[must_use]
    pub(crate) fn with(mut self, details: Details) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The same, with a token by which an inconsistent list may go on.
    #[must_use]
    pub(crate) fn with_continue(mut self, token: String) -> Self {
        self.0.metadata.next = token;
        self
    }

    /// The body.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&*self.0).unwrap_or_default()
    }

    fn about(code: StatusCode, reason: &'static str, resource: &Resource, name: &str, message: String) -> Self {
        Self::new(code, reason, message).with(Details {
            name: name.to_owned(),
            group: resource.group().to_owned(),
            kind: resource.plural().to_owned(),
            ..Details::default()
        })
    }

    /// There is no such object.
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified());
        Self::about(StatusCode::NOT_FOUND, "NotFound", resource, name, message)
    }

    /// The path leads nowhere.
    pub(crate) fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        )
        .with(Details::default())
    }

    /// The path does not take this method.
    pub(crate) fn no_such_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
        .with(Details::default())
    }

    /// Over all logical clusters there are lists and watches only.
    pub(crate) fn no_such_wildcard() -> Self {
        let cause = Cause {
            reason: "UnexpectedServerResponse",
            message: "404 page not found".to_owned(),
            field: String::new(),
        };
        Self::no_such_path().with(Details {
            causes: vec![cause],
            ..Details::default()
        })
    }

    /// Over all logical clusters no single namespace is listed.
    pub(crate) fn namespaced_wildcard(namespace: &str) -> Self {
        let message = format!(
            "cross-cluster LIST and WATCH are required to be cross-namespace, not scoped to namespace {namespace}"
        );
        Self::new(StatusCode::BAD_REQUEST, "", message)
    }

    /// A virtual workspace does not show this there.
    pub(crate) fn denied(path: &ObjectPath, verb: &str) -> Self {
        let (group, resource) = (path.gvr.group(), path.gvr.resource());
        let name = path.name.as_deref().unwrap_or_default();
        let dot = if group.is_empty() { "" } else { "." };
        let named = if name.is_empty() {
            String::new()
        } else {
            format!(" {name:?}")
        };
        // A namespace is in itself.
        let namespace = path
            .namespace
            .as_deref()
            .or((resource == "namespaces" && !name.is_empty()).then_some(name));
        let place = match namespace {
            Some(namespace) => format!("in the namespace {namespace:?}"),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{resource}{dot}{group}{named} is forbidden: User \"kcp-admin\" cannot {verb} resource {resource:?} in API group {group:?} {place}: access denied"
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).with(Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: resource.to_owned(),
            ..Details::default()
        })
    }

    /// The body has a form that the server does not read.
    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "415: Unsupported Media Type",
        )
        .with(Details::default())
    }

    /// A custom resource does not take this kind of patch.
    pub(crate) fn unknown_patch_type() -> Self {
        let message = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, \
                       application/merge-patch+json, application/apply-patch+yaml";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// The name is taken; the message begins with `how`.
    pub(crate) fn already_exists(resource: &Resource, name: &str, how: &str) -> Self {
        let message = format!("{how}{} {name:?} already exists", resource.qualified());
        Self::about(StatusCode::CONFLICT, "AlreadyExists", resource, name, message)
    }

    /// The write does not fit what is there.
    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            resource.qualified()
        );
        Self::about(StatusCode::CONFLICT, "Conflict", resource, name, message)
    }

    /// The object is newer than the write.
    pub(crate) fn stale(resource: &Resource, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// A precondition of a delete does not hold.
    pub(crate) fn precondition(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            resource.qualified_kind()
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).with(Details {
            name: name.to_owned(),
            group: resource.group().to_owned(),
            kind: resource.kind().to_owned(),
            ..Details::default()
        })
    }

    /// The object is not allowed here.
    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", resource.qualified());
        Self::about(StatusCode::FORBIDDEN, "Forbidden", resource, name, message)
    }

    /// The request makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// The API server could not make sense of something, and says so with a 500.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
    }

    /// The version asked for is no longer remembered.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    /// Fields of the object are wrong.
    pub(crate) fn invalid(resource: &Resource, name: &str, causes: Vec<Cause>) -> Self {
        Self::invalid_kind(
            &resource.qualified_kind(),
            resource.group(),
            resource.kind(),
            name,
            causes,
        )
    }

    /// What `scale` was asked for is wrong.
    pub(crate) fn invalid_scale(name: &str, causes: Vec<Cause>) -> Self {
        Self::invalid_kind("Scale.autoscaling", "autoscaling", "Scale", name, causes)
    }

    /// Options of the request are wrong.
    pub(crate) fn invalid_options(kind: &str, causes: Vec<Cause>) -> Self {
        Self::invalid_kind(&format!("{kind}.meta.k8s.io"), "meta.k8s.io", kind, "", causes)
    }

    /// A custom object is only updated from a known version.
    pub(crate) fn unversioned(resource: &Resource, name: &str) -> Self {
        let cause = Cause::invalid("metadata.resourceVersion", &0.into(), "must be specified for an update");
        Self::invalid_kind(
            &resource.qualified(),
            resource.group(),
            resource.plural(),
            name,
            vec![cause],
        )
    }

    /// What a patch makes of the object does not fit its kind.
    pub(crate) fn invalid_patch(why: &str) -> Self {
        let cause = Cause {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {why}"),
            field: "patch".to_owned(),
        };
        Self::invalid_kind("", "", "", "", vec![cause])
    }

    /// The path leads nowhere, and nobody is there to say so in a `Status`.
    pub(crate) fn is_bare(&self) -> bool {
        self.0.reason == BARE
    }

    /// The refusal of a path that no API server would know.
    pub(crate) fn bare() -> Self {
        Self::new(StatusCode::NOT_FOUND, BARE, "404 page not found\n")
    }

    /// There is no such export: the virtual workspace server says so in plain text.
    pub(crate) fn no_such_export(uri: &str, export: &str) -> Self {
        let message = format!(
            "Internal Server Error: {uri:?}: API export not found: apiexport.apis.kcp.io {export:?} not found\n"
        );
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, BARE, message)
    }

    fn invalid_kind(qualified: &str, group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let list: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let list = match list.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{qualified} {name:?} is invalid: {list}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with(Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            causes,
            retry_after_seconds: None,
        })
    }
}

// === impl Cause ===

impl Cause {
    /// The field must be there.
    pub(crate) fn required(field: impl Into<String>, why: &str) -> Self {
        let message = if why.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {why}")
        };
        Self {
            reason: "FieldValueRequired",
            message,
            field: field.into(),
        }
    }

    /// The field must not have this value.
    pub(crate) fn invalid(field: impl Into<String>, value: &serde_json::Value, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {why}"),
            field: field.into(),
        }
    }

    /// The field must not be there.
    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
            field: field.into(),
        }
    }

    /// The field must have one of these values.
    pub(crate) fn unsupported(field: impl Into<String>, value: &serde_json::Value, supported: &[&str]) -> Self {
        Self::unsupported_text(field, &value.to_string(), supported)
    }

    /// As `unsupported`, with the value as it is shown.
    pub(crate) fn unsupported_text(field: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
        Self {
            reason: "FieldValueNotSupported",
            message,
            field: field.into(),
        }
    }
}
