//! Where documents are read from.

use std::{convert::Infallible, path::PathBuf, str::FromStr};

/// Where documents are read from: what `-f` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file, or a folder whose `.yaml`, `.yml` and `.json` files are meant.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

// === impl Source ===

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "-" => Self::Stdin,
            path => Self::Path(path.into()),
        })
    }
}
