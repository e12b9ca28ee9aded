//! Refusals to change what is immutable, and what is done then.

use crate::{config::OnImmutable, identity::Gvr};

/// What is done with an object of which the target refuses a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImmutableAction {
    /// It stays as it is, and that is reported.
    Report,
    /// It is deleted, with its UID as precondition, and made again.
    Recreate,
}

/// The words of the API server and of usual validation rules for a change that is never accepted.
const WORDS: [&str; 8] = [
    "immutable",
    "may not be changed",
    "may not change once set",
    "cannot be changed",
    "can not be changed",
    "cannot change",
    "for fields other than",
    "may not change fields other than",
];

/// What is done in answer to a refusal for an object of `gvr` under a policy that says `on_immutable`.
pub fn action(gvr: &Gvr, on_immutable: OnImmutable) -> ImmutableAction {
    match on_immutable {
        OnImmutable::Report => ImmutableAction::Report,
        OnImmutable::Recreate => ImmutableAction::Recreate,
        OnImmutable::Auto => match (gvr.group(), gvr.resource()) {
            // Nothing runs in them, and their content is all there is to keep.
            ("", "secrets" | "configmaps") => ImmutableAction::Recreate,
            _ => ImmutableAction::Report,
        },
    }
}

/// The path of the field whose change an API server refuses for good, or `None` if `code` and the answer's `causes`
/// (field and message) say something else. Where there are no causes, the `message` of the answer is read.
///
/// Only the path is given out: the answer quotes values (S8). What concerns the metadata is no such refusal: a wrong
/// UID in an apply is called immutable too, and means another object.
pub fn is_immutable_refusal<'a>(
    code: u16,
    causes: impl IntoIterator<Item = (&'a str, &'a str)>,
    message: &'a str,
) -> Option<&'a str> {
    if code != 422 {
        return None;
    }
    let mut causes = causes.into_iter().peekable();
    if causes.peek().is_none() {
        return of_message(message);
    }
    causes.find_map(|(field, message)| refusal(field, message))
}

fn refusal<'a>(field: &'a str, message: &str) -> Option<&'a str> {
    let of_metadata = field == "metadata" || field.starts_with("metadata.");
    // The value that is quoted may hold such words itself; the reason stands behind it.
    let quoted = message
        .strip_prefix("Invalid value: ")
        .and_then(|rest| rest.rsplit_once(": "));
    let reason = quoted.map_or(message, |(_, reason)| reason);
    let final_word = WORDS.iter().any(|words| reason.contains(words));
    (final_word && !of_metadata).then_some(field)
}

/// `Secret "s" is invalid: type: Invalid value: "x": field is immutable`, with several causes in brackets.
fn of_message(message: &str) -> Option<&str> {
    let causes = message.split_once(" is invalid: ")?.1;
    let (field, reason) = causes.trim_start_matches('[').split_once(": ")?;
    refusal(field, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_api_server_are_told_apart() {
        let cases = [
            ("data", "Forbidden: field is immutable when `immutable` is set", true),
            ("type", "Invalid value: \"Opaque\": field is immutable", true),
            (
                "spec.selector",
                "Invalid value: {\"matchLabels\":{\"app\":\"x\"}}: field is immutable",
                true,
            ),
            (
                "spec.clusterIPs[0]",
                "Invalid value: [\"10.0.0.1\"]: may not change once set",
                true,
            ),
            (
                "spec",
                "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals' are forbidden",
                true,
            ),
            (
                "spec",
                "Forbidden: pod updates may not change fields other than `spec.containers[*].image`",
                true,
            ),
            (
                "spec",
                "Forbidden: spec is immutable after creation except resources.requests",
                true,
            ),
            ("roleRef", "Invalid value: rbac.RoleRef{}: cannot change roleRef", true),
            ("spec.size", "Invalid value: \"integer\": Value is immutable", true),
            ("metadata.uid", "Invalid value: \"x\": field is immutable", false),
            (
                "metadata.resourceVersion",
                "Invalid value: 0: must be specified for an update",
                false,
            ),
            (
                "spec.replicas",
                "Invalid value: -1: must be greater than or equal to 0",
                false,
            ),
            (
                "data.k",
                "Invalid value: \"this is immutable\": a valid key is needed",
                false,
            ),
        ];
        for (field, message, expected) in cases {
            let found = is_immutable_refusal(422, [(field, message)], "");
            assert_eq!(found, expected.then_some(field), "{field}: {message}");
            let whole = format!("Thing \"t\" is invalid: {field}: {message}");
            assert_eq!(
                is_immutable_refusal(422, [], &whole),
                expected.then_some(field),
                "{whole}"
            );
        }
    }

    #[test]
    fn any_cause_counts_and_any_other_code_does_not() {
        let causes = [
            ("spec.a", "Required value"),
            ("spec.b", "Forbidden: field is immutable"),
        ];
        assert_eq!(is_immutable_refusal(422, causes, ""), Some("spec.b"));
        assert_eq!(is_immutable_refusal(409, causes, ""), None);
        assert_eq!(is_immutable_refusal(422, [], "the server is immutable"), None);
    }

    #[test]
    fn auto_makes_again_only_what_nothing_runs_in() {
        use ImmutableAction::{Recreate, Report};
        let gvr = |group, resource| Gvr::new(group, "v1", resource);
        let cases = [
            (gvr("", "configmaps"), Recreate),
            (gvr("", "secrets"), Recreate),
            (gvr("", "services"), Report),
            (gvr("apps", "deployments"), Report),
            (gvr("batch", "jobs"), Report),
            (gvr("example.org", "secrets"), Report),
        ];
        for (gvr, auto) in cases {
            assert_eq!(action(&gvr, OnImmutable::Auto), auto, "{gvr}");
            assert_eq!(action(&gvr, OnImmutable::Report), Report, "{gvr}");
            assert_eq!(action(&gvr, OnImmutable::Recreate), Recreate, "{gvr}");
        }
    }
}
