//! Which object a request is about.

use syncer_core::identity::ResourceType;

use crate::{Verb, error::Subject, url::Path};

/// The object that a request is about.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) resource: &'a ResourceType,
    /// Empty for an object without one.
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

// === impl Spot ===

impl<'a> Spot<'a> {
    pub(super) fn of(resource: &'a ResourceType, namespace: &'a str, name: &'a str) -> Self {
        Self {
            resource,
            namespace,
            name,
        }
    }

    /// What an error names.
    pub(super) fn subject(self, verb: Verb) -> Subject {
        Subject::object(verb, &self.resource.gvr, self.namespace, self.name)
    }

    /// Where it is.
    pub(super) fn path(self) -> Path {
        Path::object(self.resource, self.namespace, self.name)
    }
}
