//! Where a document is written.

use std::{path::PathBuf, sync::Arc};

use syncer_core::config::check::{Document, Problem};

use super::{
    FileProblem,
    load::Loaded,
    node::{self, Node},
    problem::COMMAND_LINE,
};

/// Where a document is written.
#[derive(Debug)]
pub(super) enum Place {
    /// In a file.
    File {
        /// Its name.
        name: Arc<str>,
        /// The folder that paths in it start from.
        base: PathBuf,
        /// The document, with its lines.
        node: Node,
    },
    /// On the command line.
    CommandLine,
}

// === impl Place ===

impl Place {
    pub(super) fn new(file: &Loaded, node: Node) -> Self {
        Self::File {
            name: Arc::clone(&file.name),
            base: file.base.clone(),
            node,
        }
    }

    /// `problem` with its place.
    pub(super) fn problem(&self, problem: Problem) -> FileProblem {
        let (file, line) = match self {
            Self::File { name, node, .. } => (name.to_string(), Some(node::line(node, &problem.path))),
            Self::CommandLine => (COMMAND_LINE.to_owned(), None),
        };
        FileProblem {
            file,
            line,
            path: problem.path.to_string(),
            message: problem.message,
        }
    }

    /// `document` with the paths in it as this process sees them: a file names others relative to itself.
    pub(super) fn resolve(&self, document: Document) -> Document {
        let (Self::File { base, .. }, Document::SyncTarget(mut target)) = (self, document.clone()) else {
            return document;
        };
        if let Some(file) = &mut Arc::make_mut(&mut target).spec.kubeconfig_file {
            *file = base.join(&*file).display().to_string();
        }
        Document::SyncTarget(target)
    }
}
