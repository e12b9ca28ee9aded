//! `FILE[#CONTEXT]`: a kubeconfig on the command line.

use std::{path::PathBuf, str::FromStr};

/// A kubeconfig, and perhaps a context in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KubeconfigOption {
    /// The file.
    pub(crate) file: PathBuf,
    /// The context in it; `None` for the current one.
    pub(crate) context: Option<String>,
}

/// A text that names no file, or no context behind its `#`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected FILE or FILE#CONTEXT")]
pub(crate) struct NoKubeconfig;

impl FromStr for KubeconfigOption {
    type Err = NoKubeconfig;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The last '#' starts the context: a file may have one in its name if a context follows.
        let (file, context) = match text.rsplit_once('#') {
            Some((file, context)) => (file, Some(context)),
            None => (text, None),
        };
        if file.is_empty() || context.is_some_and(str::is_empty) {
            return Err(NoKubeconfig);
        }
        Ok(Self {
            file: file.into(),
            context: context.map(str::to_owned),
        })
    }
}
