//! What an API server says when it refuses: the `Status` of the Kubernetes API.

use std::{fmt, time::Duration};

use http::StatusCode;
use serde::Deserialize;
use syncer_core::identity::Gvr;

/// An answer of an API server that is no success. It never holds a body, and for Secrets no text that could quote one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    code: u16,
    reason: Box<str>,
    message: Box<str>,
    causes: Box<[StatusCause]>,
    retry_after: Option<Duration>,
    kind: Box<str>,
    name: Box<str>,
}

/// One cause within a [`Status`]: a field that is wrong, or a manager that a field conflicts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCause {
    /// The kind of cause, such as `FieldValueInvalid` or `FieldManagerConflict`.
    pub reason: Box<str>,
    /// The path of the field, such as `spec.replicas` or `.data.a`; empty where the cause concerns none.
    pub field: Box<str>,
    /// The server's words; empty where they are withheld.
    pub message: Box<str>,
}

/// Whether the words of an answer may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// They are shown.
    Shown,
    /// They could quote a value of a Secret (S8), so reason and fields have to do.
    Withheld,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStatus<'a> {
    #[serde(borrow, default)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    code: u16,
    reason: Option<Box<str>>,
    message: Option<Box<str>>,
    details: Option<RawDetails>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDetails {
    name: Option<Box<str>>,
    kind: Option<Box<str>>,
    causes: Option<Vec<RawCause>>,
    retry_after_seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCause {
    reason: Option<Box<str>>,
    message: Option<Box<str>>,
    field: Option<Box<str>>,
}

/// A `Retry-After` longer than this is a server's mistake, and would be taken for a hang.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);

// === impl Words ===

impl Words {
    /// Whether the words of answers about `gvr` may be shown.
    pub(crate) fn about(gvr: &Gvr) -> Self {
        if gvr.group().is_empty() && gvr.resource() == "secrets" {
            Self::Withheld
        } else {
            Self::Shown
        }
    }
}

// === impl Status ===

impl Status {
    /// The status in `body`, the answer with `code`; where the body is none (a proxy's page, say) only the code counts.
    pub(crate) fn from_answer(code: StatusCode, retry_after: Option<Duration>, body: &[u8], words: Words) -> Self {
        let raw = serde_json::from_slice::<RawStatus<'_>>(body)
            .ok()
            .filter(|raw| raw.kind == "Status");
        let mut status = raw.map_or_else(|| Self::bare(code.as_u16()), |raw| Self::from_raw(raw, words));
        // The line of the answer is what every proxy on the way saw; the body may say 0.
        status.code = code.as_u16();
        status.retry_after = status
            .retry_after
            .or(retry_after)
            .map(|after| after.min(LONGEST_RETRY_AFTER));
        status
    }

    /// The status in the `object` of a watch event of type ERROR.
    pub(crate) fn from_event(object: &str, words: Words) -> Option<Self> {
        let raw = serde_json::from_str::<RawStatus<'_>>(object).ok()?;
        Some(Self::from_raw(raw, words))
    }

    /// A status of which only the code is known.
    pub(crate) fn bare(code: u16) -> Self {
        Self {
            code,
            reason: Box::default(),
            message: Box::default(),
            causes: Box::default(),
            retry_after: None,
            kind: Box::default(),
            name: Box::default(),
        }
    }

    fn from_raw(raw: RawStatus<'_>, words: Words) -> Self {
        let details = raw.details.unwrap_or_default();
        let shown = |text: Option<Box<str>>| match words {
            Words::Shown => text.unwrap_or_default(),
            Words::Withheld => Box::default(),
        };
        let causes = details.causes.unwrap_or_default().into_iter().map(|cause| StatusCause {
            reason: cause.reason.unwrap_or_default(),
            field: cause.field.unwrap_or_default(),
            message: match words {
                Words::Shown => cause.message.unwrap_or_default(),
                Words::Withheld => cause.message.map(|message| fixed_words(&message)).unwrap_or_default(),
            },
        });
        Self {
            code: raw.code,
            reason: raw.reason.unwrap_or_default(),
            causes: causes.collect(),
            message: shown(raw.message),
            retry_after: details
                .retry_after_seconds
                .filter(|seconds| *seconds > 0)
                .map(|seconds| Duration::from_secs(seconds.into())),
            kind: details.kind.unwrap_or_default(),
            name: details.name.unwrap_or_default(),
        }
    }

    /// The HTTP status code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The machine-readable reason, such as `Conflict`; empty where the server gave none.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The server's words; empty where it had none, and for Secrets, of which they could quote a value (S8).
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The causes, with the paths of the fields.
    pub fn causes(&self) -> &[StatusCause] {
        &self.causes
    }

    /// How long the server asks to wait, at most five minutes.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The resource that the answer is about, such as `configmaps`; empty where it names none.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name of the object that the answer is about; empty where it names none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a cause of this kind is among the causes.
    pub(crate) fn has_cause(&self, reason: &str) -> bool {
        self.causes.iter().any(|cause| &*cause.reason == reason)
    }
}

/// Of words that are withheld what the API server always says in the same way, and nothing of a value (S8): what is done about a change of
/// what never changes hangs on it.
fn fixed_words(message: &str) -> Box<str> {
    const IMMUTABLE: [&str; 2] = [": field is immutable", ": field is immutable when `immutable` is set"];
    if IMMUTABLE.iter().any(|words| message.ends_with(words)) {
        return "field is immutable".into();
    }
    Box::default()
}

/// `409 Conflict: …`, with the fields where the words do not name them.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        let reason = match (&*self.reason, StatusCode::from_u16(self.code)) {
            ("", Ok(code)) => code.canonical_reason().unwrap_or_default(),
            (reason, _) => reason,
        };
        if !reason.is_empty() {
            write!(f, " {reason}")?;
        }
        if !self.message.is_empty() {
            return write!(f, ": {}", self.message.trim_end_matches('.'));
        }
        for (n, cause) in self.causes.iter().filter(|cause| !cause.field.is_empty()).enumerate() {
            write!(f, "{} {} {}", if n == 0 { ":" } else { "," }, cause.field, cause.reason)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFLICT: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Apply failed with 1 conflict: conflict with \"kubectl\": .data.a","reason":"Conflict","details":{"name":"web","kind":"configmaps","causes":[{"reason":"FieldManagerConflict","message":"conflict with \"kubectl\" using v1","field":".data.a"}]},"code":409}"#;

    #[test]
    fn a_status_keeps_reason_fields_and_words() {
        let status = Status::from_answer(StatusCode::CONFLICT, None, CONFLICT.as_bytes(), Words::Shown);
        assert_eq!(
            (status.code(), status.reason(), status.name(), status.kind()),
            (409, "Conflict", "web", "configmaps")
        );
        assert_eq!(&*status.causes()[0].field, ".data.a");
        assert_eq!(
            status.to_string(),
            "409 Conflict: Apply failed with 1 conflict: conflict with \"kubectl\": .data.a"
        );
    }

    #[test]
    fn words_about_a_secret_are_withheld_and_fields_are_not() {
        let status = Status::from_answer(StatusCode::CONFLICT, None, CONFLICT.as_bytes(), Words::Withheld);
        assert_eq!(status.to_string(), "409 Conflict: .data.a FieldManagerConflict");
        assert!(!format!("{status:?}").contains("kubectl"));
    }

    #[test]
    fn that_a_field_of_a_secret_is_immutable_is_known_and_its_value_is_not() {
        let cases = [
            (
                "Forbidden: field is immutable when `immutable` is set",
                "field is immutable",
            ),
            (
                r#"Invalid value: \"hunter2\": field is immutable"#,
                "field is immutable",
            ),
            (r#"Invalid value: \": field is immutable\": hunter2"#, ""),
            ("Too long: hunter2", ""),
        ];
        for (message, known) in cases {
            let body = format!(
                r#"{{"kind":"Status","details":{{"causes":[{{"field":"data","reason":"x","message":"{message}"}}]}},"code":422}}"#
            );
            let status = Status::from_answer(StatusCode::UNPROCESSABLE_ENTITY, None, body.as_bytes(), Words::Withheld);
            assert_eq!(&*status.causes()[0].message, known, "{message}");
        }
    }

    #[test]
    fn a_body_that_is_no_status_is_never_shown() {
        for body in [
            "<html>hunter2</html>",
            r#"{"kind":"Secret","message":"hunter2"}"#,
            "hunter2",
            "",
        ] {
            let status = Status::from_answer(StatusCode::BAD_GATEWAY, None, body.as_bytes(), Words::Shown);
            assert_eq!(status.to_string(), "502 Bad Gateway");
        }
    }

    #[test]
    fn retry_after_comes_from_body_or_header_and_is_bounded() {
        let body = r#"{"kind":"Status","details":{"retryAfterSeconds":2},"code":429}"#;
        let cases = [
            (body, None, Some(2)),
            (body, Some(7), Some(2)),
            ("", Some(7), Some(7)),
            ("", Some(86_400), Some(300)),
            (
                r#"{"kind":"Status","details":{"retryAfterSeconds":0},"code":429}"#,
                None,
                None,
            ),
        ];
        for (body, header, expected) in cases {
            let header = header.map(Duration::from_secs);
            let status = Status::from_answer(StatusCode::TOO_MANY_REQUESTS, header, body.as_bytes(), Words::Shown);
            assert_eq!(
                status.retry_after(),
                expected.map(Duration::from_secs),
                "{body} {header:?}"
            );
        }
    }
}
