//! The forms that a text may have.

use crate::config::ConfigDuration;

/// The form of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text, as long as it likes.
    Unbounded,
    /// Any text.
    Free,
    /// Any text but the empty one.
    NotEmpty,
    /// The name of an object: a DNS subdomain.
    Name,
    /// The name of a namespace: a DNS label.
    Label,
    /// The key of a label, or of an annotation that we are told to set.
    QualifiedName,
    /// The key of an annotation as API servers take it: they look at it in lower case.
    AnnotationKey,
    /// The key of a label or annotation that a policy may set: none of kcp's, whose markers are ours to write.
    SettableKey,
    /// The value of a label.
    LabelValue,
    /// An API group; empty for the core group.
    Group,
    /// The plural, lower-case name of a resource.
    Resource,
    /// A resource as kubectl takes it: `secrets`, `deployments.apps`.
    GroupResource,
    /// A duration, such as `100ms` or `1h30m`.
    Duration,
    /// A duration above zero.
    PositiveDuration,
    /// A time by RFC 3339.
    Time,
    /// A workspace path of kcp, such as `root:org:team`.
    WorkspacePath,
    /// The key of an entry of a Secret.
    SecretKey,
    /// A JSON Pointer (RFC 6901); empty for the whole document.
    Pointer,
    /// A path into an object, such as `spec.template.spec.containers[name=web].image`.
    FieldPath,
    /// A CEL expression.
    Cel,
    /// An image registry, perhaps with a path.
    Registry,
}

// === impl Form ===

impl Form {
    /// Whether `text` has this form.
    pub fn fits(self, text: &str) -> bool {
        text.chars().count() <= self.longest() && self.is_well_formed(text)
    }

    /// What a text of this form is, to say where one is not.
    pub fn expectation(self) -> &'static str {
        match self {
            Self::Unbounded => "a text",
            Self::Free => "a text of at most 4096 characters",
            Self::NotEmpty => "a text that is not empty",
            Self::Name => "a name of lower-case letters, digits, '-' and '.', at most 253",
            Self::Label => "a name of lower-case letters, digits and '-', at most 63",
            Self::QualifiedName | Self::AnnotationKey => "a key such as app or example.org/app",
            Self::SettableKey => {
                "a key such as app or example.org/app, outside kcp.io and not kubernetes.io/metadata.name"
            }
            Self::LabelValue => "a label value: letters, digits, '-', '_' and '.', at most 63",
            Self::Group => "an API group such as apps, or \"\" for the core group",
            Self::Resource => "a plural, lower-case resource name such as deployments",
            Self::GroupResource => "a resource such as secrets or deployments.apps",
            Self::Duration => "a duration such as 100ms, 5m or 1h30m",
            Self::PositiveDuration => "a duration above zero, such as 100ms, 5m or 1h30m",
            Self::Time => "a time such as 2026-01-31T18:00:00Z",
            Self::WorkspacePath => "a workspace path such as root:org:team",
            Self::SecretKey => "a key of letters, digits, '-', '_' and '.'",
            Self::Pointer => "a JSON Pointer such as /metadata/labels/app",
            Self::FieldPath => "a path such as spec.replicas",
            Self::Cel => "a CEL expression of at most 4096 characters",
            Self::Registry => "a registry such as docker.io or mirror.example.org/hub, without a scheme",
        }
    }

    /// How many characters it has at most.
    pub fn longest(self) -> usize {
        match self {
            Self::Name | Self::Group | Self::SecretKey | Self::Registry => 253,
            Self::Label | Self::LabelValue | Self::Resource => 63,
            // A DNS subdomain, a slash or point, and 63 characters.
            Self::QualifiedName | Self::AnnotationKey | Self::SettableKey | Self::GroupResource => 317,
            Self::Duration | Self::PositiveDuration | Self::Time => 64,
            Self::WorkspacePath | Self::Pointer | Self::FieldPath => 1024,
            Self::Free | Self::NotEmpty | Self::Cel => 4096,
            Self::Unbounded => usize::MAX,
        }
    }

    /// The form as a regular expression, for API servers; `None` where length or `format` say all.
    pub fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Unbounded | Self::Free | Self::NotEmpty | Self::Time | Self::FieldPath | Self::Cel => None,
            Self::Name => Some(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
            Self::Label => Some(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
            Self::QualifiedName | Self::SettableKey => Some(
                r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$",
            ),
            Self::AnnotationKey => Some(
                r"^([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$",
            ),
            Self::LabelValue => Some(r"^([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?$"),
            Self::Group => Some(r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$"),
            Self::Resource => Some(r"^[a-z]([-a-z0-9]*[a-z0-9])?$"),
            Self::GroupResource => Some(r"^[a-z]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
            Self::Duration => Some(r"^(0|([0-9]{1,19}(ns|us|ms|s|m|h))+)$"),
            Self::PositiveDuration => Some(
                r"^([0-9]{1,19}(ns|us|ms|s|m|h))*0*[1-9][0-9]{0,18}(ns|us|ms|s|m|h)([0-9]{1,19}(ns|us|ms|s|m|h))*$",
            ),
            Self::WorkspacePath => Some(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(:[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
            Self::SecretKey => Some(r"^[-._A-Za-z0-9]+$"),
            Self::Pointer => Some(r"^(/([^/~]|~[01])*)*$"),
            Self::Registry => Some(r"^[A-Za-z0-9][-._A-Za-z0-9]*(:[0-9]+)?(/[a-z0-9][-._a-z0-9]*)*$"),
        }
    }

    /// How many characters it has at least.
    pub fn shortest(self) -> usize {
        usize::from(matches!(self, Self::NotEmpty | Self::FieldPath | Self::Cel))
    }

    fn is_well_formed(self, text: &str) -> bool {
        match self {
            Self::Unbounded | Self::Free => true,
            // What a path or an expression says is looked at where it is compiled.
            Self::NotEmpty | Self::FieldPath | Self::Cel => !text.is_empty(),
            Self::Name => is_subdomain(text),
            Self::Label => is_label(text),
            Self::QualifiedName => is_qualified_name(text),
            Self::AnnotationKey => is_qualified_name(&text.to_ascii_lowercase()),
            Self::SettableKey => is_qualified_name(text) && !is_reserved(text),
            Self::LabelValue => text.is_empty() || is_name_part(text),
            Self::Group => text.is_empty() || is_subdomain(text),
            Self::Resource => is_resource(text),
            Self::GroupResource => match text.split_once('.') {
                Some((resource, group)) => is_resource(resource) && is_subdomain(group),
                None => is_resource(text),
            },
            Self::Duration => text.parse::<ConfigDuration>().is_ok(),
            Self::PositiveDuration => text
                .parse::<ConfigDuration>()
                .is_ok_and(|duration| !duration.0.is_zero()),
            Self::Time => text.parse::<jiff::Timestamp>().is_ok(),
            Self::WorkspacePath => text.split(':').all(is_label),
            Self::SecretKey => !text.is_empty() && text.bytes().all(is_name_byte),
            Self::Pointer => is_pointer(text),
            Self::Registry => is_registry(text),
        }
    }
}

/// A DNS label: 1 to 63 lower-case letters, digits and inner hyphens.
fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_resource(text: &str) -> bool {
    is_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// The name part of a key, or a value that is not empty.
fn is_name_part(text: &str) -> bool {
    let at_end = |end: Option<u8>| end.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(is_name_byte)
        && at_end(text.bytes().next())
        && at_end(text.bytes().next_back())
}

fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((domain, name)) => is_subdomain(domain) && is_name_part(name),
        None => is_name_part(text),
    }
}

/// Whether a key is kcp's or the cluster's own.
fn is_reserved(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    domain == "kcp.io" || domain.ends_with(".kcp.io") || key == "kubernetes.io/metadata.name"
}

fn is_pointer(text: &str) -> bool {
    let is_escape = |part: &str| part.starts_with(['0', '1']);
    (text.is_empty() || text.starts_with('/')) && text.split('~').skip(1).all(is_escape)
}

fn is_registry(text: &str) -> bool {
    let mut parts = text.split('/');
    let host = parts.next().unwrap_or_default();
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_host = host.starts_with(|first: char| first.is_ascii_alphanumeric()) && host.bytes().all(is_name_byte);
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_folder = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && part
                .bytes()
                .all(|byte| is_name_byte(byte) && !byte.is_ascii_uppercase())
    };
    is_host && is_port && parts.all(is_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_takes_what_it_means_and_nothing_else() {
        let long = "a".repeat(64);
        let cases: [(Form, &[&str], &[&str]); 17] = [
            (
                Form::Name,
                &["east", "e-1.eu", "1"],
                &["", "East", "-e", "e-", "a..b", "a_b", "a b", &long],
            ),
            (Form::Label, &["web", "0a"], &["", "a.b", "A", "-a", &long]),
            (
                Form::QualifiedName,
                &["app", "example.org/app", "a_B.c"],
                &["", "/app", "a/", "a/b/c", "-a", "a b", "A/b"],
            ),
            (
                Form::AnnotationKey,
                &["app", "Acme.org/Owner", "A/b"],
                &["", "/app", "Acme_1/a", "a b"],
            ),
            (
                Form::SettableKey,
                &["app", "pod-security.kubernetes.io/enforce", "notkcp.io/a"],
                &["kcp.io/a", "workload.kcp.io/a", "kubernetes.io/metadata.name"],
            ),
            (Form::LabelValue, &["", "v1.0_x"], &["-", "a b", ".a", &long]),
            (Form::Group, &["", "apps", "networking.k8s.io"], &[".", "Apps", "v1/x"]),
            (
                Form::Resource,
                &["deployments"],
                &["", "Deployments", "deployments.apps", "1a"],
            ),
            (
                Form::GroupResource,
                &["secrets", "deployments.apps"],
                &["", "secrets.", "Secret", "apps/deployments"],
            ),
            (Form::Duration, &["0", "0s", "1h30m"], &["", "10", "-1s", "1.5h"]),
            (Form::PositiveDuration, &["1ns", "0h1s"], &["0", "0s", "0h0m", "x"]),
            (
                Form::Time,
                &["2026-01-31T18:00:00Z", "2026-01-31T18:00:00+01:00"],
                &["", "tomorrow", "2026-01-31", "2026-02-31T18:00:00Z"],
            ),
            (
                Form::WorkspacePath,
                &["root", "root:org:team"],
                &["", ":root", "root:", "root/org", "Root"],
            ),
            (Form::SecretKey, &["kubeconfig", "a.b_c"], &["", "a/b"]),
            (Form::Pointer, &["", "/", "/a/b~1c", "/a~0"], &["a", "/a~2", "/a~"]),
            (
                Form::Registry,
                &["docker.io", "localhost:5000", "mirror.example.org/hub"],
                &["", "https://a", "a/", "a:b", "a/B", "/a"],
            ),
            (Form::Cel, &["1 + 1"], &[""]),
        ];
        for (form, fitting, others) in cases {
            for text in fitting {
                assert!(form.fits(text), "{form:?} takes {text:?}");
            }
            for text in others {
                assert!(!form.fits(text), "{form:?} refuses {text:?}");
            }
        }
    }
}
