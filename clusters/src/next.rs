//! What a caller does after an error: the one place where answers and failures are read.

use std::time::Duration;

use crate::{Cause, Error, Status, Verb};

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// What was decided on is outdated (409, a precondition or test that failed): look at the newest state and decide again.
    LookAgain,
    /// Try again after this time: the server, or the circuit breaker, named it.
    Wait(Duration),
    /// Try again with growing delays.
    Backoff,
    /// The credentials are not accepted or not there: load them anew, and try again with growing delays.
    Reauthenticate,
    /// Not allowed: report it, and look again now and then.
    Forbidden,
    /// The server does not serve this resource, version or verb: report it, and look again when that may have changed.
    Unserved,
    /// The object is not there.
    NotFound,
    /// The namespace of the object is not there.
    NamespaceMissing,
    /// The object's namespace is being deleted: wait for its end, then try again.
    Terminating,
    /// The server will never take this body as it is: report it, and try again only when something changed.
    Invalid,
    /// The version or the continue token is too old: list anew.
    Expired,
}

/// Where a server says "too many requests" without saying how long.
const POLITE_WAIT: Duration = Duration::from_secs(1);

/// What the caller does after `error`.
pub(crate) fn classify(error: &Error) -> Next {
    match error.cause() {
        Cause::Api(status) => classify_status(error, status),
        Cause::Open { probe_in, .. } => Next::Wait(*probe_in),
        Cause::Busy => Next::Wait(POLITE_WAIT),
        Cause::Credentials(_) => Next::Reauthenticate,
        Cause::NoResourceVersion => Next::Unserved,
        Cause::Request(_) => Next::Invalid,
        Cause::Connect(_)
        | Cause::Broken(_)
        | Cause::Deadline(_)
        | Cause::Decode(_)
        | Cause::TooLarge(_)
        | Cause::Stalled(_)
        | Cause::NoRoute(_)
        | Cause::Fenced
        | Cause::Unvouched(_) => Next::Backoff,
    }
}

fn classify_status(error: &Error, status: &Status) -> Next {
    match status.code() {
        401 => Next::Reauthenticate,
        403 if status.has_cause("NamespaceTerminating") => Next::Terminating,
        403 => Next::Forbidden,
        404 => classify_absence(error, status),
        405 | 501 => Next::Unserved,
        409 | 412 => Next::LookAgain,
        410 => Next::Expired,
        422 if is_failed_precondition(error, status) => Next::LookAgain,
        400 | 402 | 406 | 411 | 413..=417 | 421..=424 | 426 | 431 => Next::Invalid,
        429 => Next::Wait(status.retry_after().unwrap_or(POLITE_WAIT)),
        _ => status.retry_after().map_or(Next::Backoff, Next::Wait),
    }
}

/// A 404 says "not there" only about the very object; a path that is not served answers 404 as well.
fn classify_absence(error: &Error, status: &Status) -> Next {
    if status.reason() != "NotFound" || status.name().is_empty() {
        return Next::Unserved;
    }
    let resource = error
        .gvr()
        .map(syncer_core::identity::Gvr::resource)
        .unwrap_or_default();
    if status.kind() == resource && (status.name() == error.name() || error.name().is_empty()) {
        return Next::NotFound;
    }
    if status.kind() == "namespaces" && status.name() == error.namespace() {
        return Next::NamespaceMissing;
    }
    Next::Unserved
}

/// A wrong UID in an apply answers 422 about `metadata.uid`, and a JSON patch whose test fails 422 without any field.
fn is_failed_precondition(error: &Error, status: &Status) -> bool {
    let mut fields = status
        .causes()
        .iter()
        .map(|cause| &*cause.field)
        .filter(|field| !field.is_empty())
        .peekable();
    if fields.peek().is_none() {
        // An admission policy that refuses has no field either, but names the object and has its say.
        return error.verb() == Verb::Patch && status.causes().is_empty() && status.name().is_empty();
    }
    fields.all(|field| matches!(field, "metadata.uid" | "metadata.resourceVersion"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::StatusCode;
    use syncer_core::identity::Gvr;

    use super::*;
    use crate::{error::Subject, status::Words};

    fn api(verb: Verb, code: u16, retry_after: Option<u64>, body: &str) -> Next {
        let gvr = Gvr::new("", "v1", "configmaps");
        let retry_after = retry_after.map(Duration::from_secs);
        let status = Status::from_answer(
            StatusCode::from_u16(code).unwrap(),
            retry_after,
            body.as_bytes(),
            Words::Shown,
        );
        Error::new(
            &"east".into(),
            Subject::object(verb, &gvr, "default", "web"),
            Cause::Api(status),
        )
        .next()
    }

    #[test]
    fn every_answer_has_one_next_step() {
        let not_found =
            r#"{"kind":"Status","reason":"NotFound","details":{"name":"web","kind":"configmaps"},"code":404}"#;
        let no_namespace =
            r#"{"kind":"Status","reason":"NotFound","details":{"name":"default","kind":"namespaces"},"code":404}"#;
        let other_name =
            r#"{"kind":"Status","reason":"NotFound","details":{"name":"other","kind":"configmaps"},"code":404}"#;
        let unserved = r#"{"kind":"Status","reason":"NotFound","message":"the server could not find the requested resource","details":{},"code":404}"#;
        let uid = r#"{"kind":"Status","reason":"Invalid","details":{"causes":[{"reason":"FieldValueInvalid","field":"metadata.uid"}]},"code":422}"#;
        let field = r#"{"kind":"Status","reason":"Invalid","details":{"causes":[{"reason":"FieldValueInvalid","field":"spec.replicas"}]},"code":422}"#;
        let test_failed = r#"{"kind":"Status","reason":"Invalid","message":"the server rejected our request due to an error in our request","details":{},"code":422}"#;
        let denied = r#"{"kind":"Status","reason":"Invalid","message":"configmaps \"web\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no","details":{"name":"web","kind":"configmaps","causes":[{"message":"ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no"}]},"code":422}"#;
        let terminating = r#"{"kind":"Status","reason":"Forbidden","details":{"causes":[{"reason":"NamespaceTerminating","field":"metadata.namespace"}]},"code":403}"#;
        let server_timeout =
            r#"{"kind":"Status","reason":"ServerTimeout","details":{"retryAfterSeconds":3},"code":500}"#;
        let cases = [
            (Verb::Apply, 400, None, "", Next::Invalid),
            (Verb::Apply, 401, None, "", Next::Reauthenticate),
            (Verb::Apply, 403, None, "", Next::Forbidden),
            (Verb::Apply, 403, None, terminating, Next::Terminating),
            (Verb::Get, 404, None, not_found, Next::NotFound),
            (Verb::Get, 404, None, other_name, Next::Unserved),
            (Verb::Apply, 404, None, no_namespace, Next::NamespaceMissing),
            (Verb::Get, 404, None, unserved, Next::Unserved),
            (Verb::Get, 404, None, "404 page not found", Next::Unserved),
            (Verb::Apply, 405, None, "", Next::Unserved),
            (Verb::Apply, 409, None, "", Next::LookAgain),
            (Verb::Watch, 410, None, "", Next::Expired),
            (Verb::Patch, 412, None, "", Next::LookAgain),
            (Verb::Apply, 413, None, "", Next::Invalid),
            (Verb::Apply, 415, None, "", Next::Invalid),
            (Verb::Apply, 422, None, uid, Next::LookAgain),
            (Verb::Apply, 422, None, field, Next::Invalid),
            (Verb::Apply, 422, None, test_failed, Next::Invalid),
            (Verb::Patch, 422, None, test_failed, Next::LookAgain),
            (Verb::Patch, 422, None, denied, Next::Invalid),
            (Verb::Patch, 422, None, field, Next::Invalid),
            (Verb::Apply, 429, None, "", Next::Wait(Duration::from_secs(1))),
            (Verb::Apply, 429, Some(5), "", Next::Wait(Duration::from_secs(5))),
            (Verb::Apply, 500, None, "", Next::Backoff),
            (
                Verb::Apply,
                500,
                None,
                server_timeout,
                Next::Wait(Duration::from_secs(3)),
            ),
            (Verb::Apply, 502, None, "<html>", Next::Backoff),
            (Verb::Apply, 503, None, "", Next::Backoff),
            (Verb::Apply, 503, Some(2), "", Next::Wait(Duration::from_secs(2))),
            (Verb::Apply, 504, None, "", Next::Backoff),
        ];
        for (verb, code, retry_after, body, expected) in cases {
            assert_eq!(
                api(verb, code, retry_after, body),
                expected,
                "{verb} {code} {retry_after:?} {body}"
            );
        }
    }

    #[test]
    fn every_failure_without_an_answer_has_one_next_step() {
        let second = Duration::from_secs(1);
        let cases = [
            (Cause::Connect("refused".into()), Next::Backoff, true),
            (Cause::Broken("reset".into()), Next::Backoff, true),
            (Cause::Deadline(second), Next::Backoff, true),
            (Cause::Stalled(second), Next::Backoff, true),
            (
                Cause::Open {
                    cause: "refused".into(),
                    probe_in: second,
                },
                Next::Wait(second),
                true,
            ),
            (Cause::Busy, Next::Wait(second), false),
            (Cause::Decode("list".into()), Next::Backoff, false),
            (Cause::TooLarge(1), Next::Backoff, false),
            (Cause::Credentials("no token".into()), Next::Reauthenticate, false),
            (Cause::NoResourceVersion, Next::Unserved, false),
            (Cause::Request("bad name".into()), Next::Invalid, false),
        ];
        for (cause, expected, unreachable) in cases {
            let error = Error::new(&Arc::from("east"), Subject::server(Verb::Discover), cause);
            assert_eq!(
                (error.next(), error.is_unreachable()),
                (expected, unreachable),
                "{error}"
            );
        }
    }
}
