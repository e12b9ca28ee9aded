//! Which names, labels and keys are allowed.

use serde_json::Value;

use crate::error::Cause;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end \
with an alphanumeric character (e.g. 'example.com', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an \
alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end \
with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// The rule that a name follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// Parts of letters, digits and dashes with dots between.
    Subdomain,
    /// One such part.
    Label,
}

// === impl NameRule ===

impl NameRule {
    /// What is wrong with `name`, if anything.
    pub(crate) fn complaint(self, name: &str) -> Option<String> {
        let (rule, limit) = match self {
            Self::Subdomain => (SUBDOMAIN, 253),
            Self::Label => (LABEL, 63),
        };
        if name.len() > limit {
            return Some(format!("must be no more than {limit} characters"));
        }
        if self == Self::Label && name.contains('.') {
            return Some("must not contain dots".to_owned());
        }
        let fits = match self {
            Self::Subdomain => name.split('.').all(is_label),
            Self::Label => is_label(name),
        };
        (!fits).then(|| rule.to_owned())
    }
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_word(text: &str) -> bool {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    end(text.chars().next()) && end(text.chars().last()) && text.chars().all(inner)
}

/// What is wrong with a qualified name such as `example.com/name`, if anything.
fn qualified_complaint(name: &str) -> Option<String> {
    let part = match name.split_once('/') {
        Some((prefix, part)) => {
            if let Some(complaint) = NameRule::Subdomain.complaint(prefix) {
                return Some(format!("prefix part {complaint}"));
            }
            part
        }
        None => name,
    };
    if part.len() > 63 {
        return Some("name part must be no more than 63 characters".to_owned());
    }
    (!is_word(part)).then(|| NAME_PART.to_owned())
}

/// What is wrong with the labels and annotations of `metadata`.
pub(crate) fn check_metadata(metadata: &Value, causes: &mut Vec<Cause>) {
    let entries = |name: &str| metadata.get(name).and_then(Value::as_object).into_iter().flatten();
    for (name, value) in entries("labels") {
        if let Some(complaint) = qualified_complaint(name) {
            causes.push(Cause::invalid("metadata.labels", &name.as_str().into(), &complaint));
        }
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(
                "metadata.labels",
                value,
                "must be no more than 63 bytes",
            ));
        } else if !text.is_empty() && !is_word(text) {
            causes.push(Cause::invalid("metadata.labels", value, LABEL_VALUE));
        }
    }
    let mut size = 0;
    for (name, value) in entries("annotations") {
        size += name.len() + value.as_str().unwrap_or_default().len();
        if let Some(complaint) = qualified_complaint(&name.to_lowercase()) {
            causes.push(Cause::invalid(
                "metadata.annotations",
                &name.as_str().into(),
                &complaint,
            ));
        }
    }
    if size > 256 * 1024 {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message: "Too long: may not be more than 262144 bytes".to_owned(),
            field: "metadata.annotations".to_owned(),
        });
    }
    for (at, finalizer) in metadata
        .get("finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let name = finalizer.as_str().unwrap_or_default();
        let field = format!("metadata.finalizers[{at}]");
        if let Some(complaint) = qualified_complaint(name) {
            causes.push(Cause::invalid(field, finalizer, &complaint));
        } else if !name.contains('/') && !["kubernetes", "foregroundDeletion", "orphan"].contains(&name) {
            causes.push(Cause::invalid(
                field,
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rule() {
        let cases = [
            (NameRule::Subdomain, "a.b-c.1", true),
            (NameRule::Subdomain, "Bad_Name", false),
            (NameRule::Subdomain, "a..b", false),
            (NameRule::Label, "a.b", false),
            (NameRule::Label, "1a", true),
        ];
        for (rule, name, allowed) in cases {
            assert_eq!(rule.complaint(name).is_none(), allowed, "{name}");
        }
        assert!(NameRule::Label.complaint(&"a".repeat(64)).is_some());
    }

    #[test]
    fn labels_are_checked() {
        let mut causes = Vec::new();
        check_metadata(
            &serde_json::json!({"labels": {"a b": "c", "ok.io/x": "V_1", "y": "-"}}),
            &mut causes,
        );
        assert_eq!(causes.len(), 2);
    }
}
