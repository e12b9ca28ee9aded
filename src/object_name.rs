//! Names as the command line takes them: what an API server could call an object.

use std::str::FromStr;

/// The longest name of an object.
const LONGEST: usize = 253;

/// A name that an object may have: a DNS subdomain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectName(String);

/// Why a text is no name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of an object: use lower-case letters, digits, '-' and '.', at most {LONGEST} of them")]
pub(crate) struct NoObjectName(String);

/// Whether `text` is a part of a name between two dots.
pub(crate) fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

// === impl ObjectName ===

impl ObjectName {
    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectName {
    type Err = NoObjectName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= LONGEST && text.split('.').all(is_label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoObjectName(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_an_api_server_would_take() {
        for name in [
            "a",
            "kubernetes",
            "compute.example.org",
            "k8s-1",
            "e-1.eu",
            &"a".repeat(253),
        ] {
            assert_eq!(name.parse::<ObjectName>().map(|found| found.0), Ok(name.to_owned()));
        }
        for name in [
            "",
            "a,b",
            "a=b",
            "Kubernetes",
            "a/b",
            "-a",
            "a-",
            "a b",
            "a..b",
            ".a",
            "a.",
            &"a".repeat(254),
        ] {
            assert_eq!(name.parse::<ObjectName>(), Err(NoObjectName(name.to_owned())));
        }
    }
}
