//! SyncTargets and SyncPolicies that are objects of an API server: seen, read, and followed as they change.

mod collection;
mod follow;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use syncer_core::config::{SecretKeyRef, check::Document};

pub(crate) use self::follow::follow;

/// What an API server has of both kinds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Objects {
    /// The SyncTargets.
    pub(crate) targets: Collection,
    /// The SyncPolicies.
    pub(crate) policies: Collection,
}

/// What an API server has of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Collection {
    /// How far it is known.
    pub(crate) knowledge: Knowledge,
    /// Its objects by name.
    pub(crate) objects: BTreeMap<Arc<str>, Seen>,
}

/// How far a collection is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// Nobody has answered yet.
    #[default]
    Pending,
    /// The API server does not have the kind: there are no objects.
    Unserved,
    /// It has the kind and does not let us read it: there may be objects.
    Withheld,
    /// It was listed; what happens since is followed.
    Listed,
}

/// One object as it was seen last.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// Its UID.
    pub(crate) uid: Arc<str>,
    /// Its generation.
    pub(crate) generation: i64,
    /// What it says, or what is wrong with it.
    pub(crate) document: Result<Document, String>,
    /// The Secret that it names, even where it cannot be read otherwise: that is never synced.
    pub(crate) secret: Option<SecretKeyRef>,
    /// Its status; null where it has none.
    pub(crate) status: Arc<Value>,
}

// === impl Objects ===

impl Objects {
    /// Whether it is known of both kinds what there is.
    pub(crate) fn are_known(&self) -> bool {
        [&self.targets, &self.policies]
            .iter()
            .all(|collection| collection.knowledge != Knowledge::Pending)
    }
}
