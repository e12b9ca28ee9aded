//! How objects change: one way in for all verbs.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod form;
pub(crate) mod namespace;
pub(crate) mod update;

use std::sync::Arc;

use crate::{
    apply::{managers::Managers, update::Author},
    request::options::WriteOptions,
    state::{Now, Subject},
    store::stored::Stored,
};

/// The part of an object that a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but the status.
    Object,
    /// The status.
    Status,
    /// The number of replicas.
    Scale,
    /// The finalizers of a namespace.
    Finalize,
}

/// Who owns what is written.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    /// The author owns what it changes.
    Update,
    /// An apply has settled it.
    Applied(Managers),
}

/// What came of a write.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The object, as it is answered.
    pub(crate) object: Arc<Stored>,
    /// What happened to it.
    pub(crate) effect: Effect,
    /// What the client should be told.
    pub(crate) warnings: Vec<String>,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It is new.
    Created,
    /// It changed.
    Changed,
    /// Nothing; its resourceVersion stays.
    Unchanged,
    /// Its last finalizer went, and with it the object.
    Gone,
}

// === impl Part ===

impl Part {
    /// The name in `managedFields`.
    pub(crate) fn subresource(self) -> &'static str {
        match self {
            Self::Object => "",
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Finalize => "finalize",
        }
    }

    /// The author of a write to this part.
    pub(crate) fn author(self, subject: &Subject, options: &WriteOptions, now: Now) -> Author {
        Author {
            manager: options.manager.clone(),
            version: subject.resource.gvr.api_version(),
            subresource: self.subresource().to_owned(),
            // As on the API server, a write through `scale` leaves no time.
            time: (self != Self::Scale).then(|| now.seconds()),
        }
    }
}
