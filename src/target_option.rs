//! `--target NAME=FILE[#CONTEXT]`: a target without a SyncTarget object.

use std::{collections::BTreeSet, path::PathBuf, str::FromStr};

/// The longest name of a target: that of any Kubernetes object.
const LONGEST_NAME: usize = 253;

/// One target of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetOption {
    /// Its name, unique among all targets.
    pub(crate) name: String,
    /// Its kubeconfig.
    pub(crate) kubeconfig: PathBuf,
    /// The context in it; `None` for the current one.
    pub(crate) context: Option<String>,
}

/// Why a target option cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetOptionError {
    #[error("expected NAME=FILE or NAME=FILE#CONTEXT")]
    Form,
    #[error("{0:?} is no target name: use lower-case letters, digits, '-' and '.', at most {LONGEST_NAME} of them")]
    Name(String),
    #[error("target {0:?} is given twice: name each target once")]
    Twice(String),
}

// === impl TargetOption ===

impl FromStr for TargetOption {
    type Err = TargetOptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, source) = text.split_once('=').ok_or(TargetOptionError::Form)?;
        // The last '#' starts the context: a file may have one in its name if a context follows.
        let (file, context) = match source.rsplit_once('#') {
            Some((file, context)) => (file, Some(context)),
            None => (source, None),
        };
        if file.is_empty() || context.is_some_and(str::is_empty) {
            return Err(TargetOptionError::Form);
        }
        if !is_target_name(name) {
            return Err(TargetOptionError::Name(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            kubeconfig: file.into(),
            context: context.map(str::to_owned),
        })
    }
}

/// Refuses a list that names a target twice.
pub(crate) fn each_once(targets: &[TargetOption]) -> Result<(), TargetOptionError> {
    let mut names = BTreeSet::new();
    match targets.iter().find(|target| !names.insert(&target.name)) {
        Some(twice) => Err(TargetOptionError::Twice(twice.name.clone())),
        None => Ok(()),
    }
}

/// Whether `name` may be that of a SyncTarget: a DNS subdomain.
pub(crate) fn is_target_name(name: &str) -> bool {
    let of_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(of_part) && !part.starts_with('-') && !part.ends_with('-');
    name.len() <= LONGEST_NAME && name.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_name_a_file_and_perhaps_a_context() {
        let cases = [
            ("east=e.kubeconfig", ("east", "e.kubeconfig", None)),
            ("east=/a/b=c#ctx", ("east", "/a/b=c", Some("ctx"))),
            ("e-1.eu=a#b#kind-west", ("e-1.eu", "a#b", Some("kind-west"))),
        ];
        for (text, (name, file, context)) in cases {
            let target: TargetOption = text.parse().unwrap();
            assert_eq!(
                (target.name.as_str(), target.context.as_deref()),
                (name, context),
                "{text}"
            );
            assert_eq!(target.kubeconfig, PathBuf::from(file));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("{}=file", "a".repeat(254));
        let cases = [
            "",
            "east",
            "=file",
            "east=",
            "east=#ctx",
            "east=file#",
            "East=f",
            "-e=f",
            "e-=f",
            "a..b=f",
            &long,
        ];
        for text in cases {
            assert!(text.parse::<TargetOption>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_target_is_named_once() {
        let parse = |text: &str| text.parse::<TargetOption>().unwrap();
        assert_eq!(each_once(&[parse("a=f"), parse("b=f")]), Ok(()));
        assert_eq!(
            each_once(&[parse("a=f"), parse("b=f"), parse("a=g")]),
            Err(TargetOptionError::Twice("a".into()))
        );
    }
}
