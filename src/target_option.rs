//! `--target NAME=FILE[#CONTEXT]`: a target without a SyncTarget object.

use std::{collections::BTreeSet, str::FromStr};

use crate::{
    kubeconfig_option::{KubeconfigOption, NoKubeconfig},
    object_name::{NoObjectName, ObjectName},
};

/// One target of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetOption {
    /// Its name, unique among all targets.
    pub(crate) name: ObjectName,
    /// How it is reached.
    pub(crate) kubeconfig: KubeconfigOption,
}

/// Why a target option cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetOptionError {
    #[error("expected NAME=FILE or NAME=FILE#CONTEXT")]
    Form,
    #[error(transparent)]
    Name(#[from] NoObjectName),
    #[error("target {0:?} is given twice: name each target once")]
    Twice(String),
}

// === impl TargetOption ===

impl FromStr for TargetOption {
    type Err = TargetOptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, kubeconfig) = text.split_once('=').ok_or(TargetOptionError::Form)?;
        let kubeconfig = kubeconfig.parse().map_err(|_: NoKubeconfig| TargetOptionError::Form)?;
        Ok(Self {
            name: name.parse()?,
            kubeconfig,
        })
    }
}

/// Refuses a list that names a target twice.
pub(crate) fn each_once<'a>(names: impl IntoIterator<Item = &'a ObjectName>) -> Result<(), TargetOptionError> {
    let mut seen = BTreeSet::new();
    match names.into_iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(TargetOptionError::Twice(twice.as_str().to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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
            let KubeconfigOption {
                file: found,
                context: in_it,
            } = &target.kubeconfig;
            assert_eq!((target.name.as_str(), in_it.as_deref()), (name, context), "{text}");
            assert_eq!(*found, PathBuf::from(file));
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
        let named = |names: &[&str]| {
            names
                .iter()
                .map(|name| name.parse().unwrap())
                .collect::<Vec<ObjectName>>()
        };
        assert_eq!(each_once(&named(&["a", "b"])), Ok(()));
        assert_eq!(
            each_once(&named(&["a", "b", "a"])),
            Err(TargetOptionError::Twice("a".into()))
        );
    }
}
