//! SyncTargets and SyncPolicies that are objects, as the writer of their status has to know them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use syncer_core::target_status::Standing;
use tokio::sync::watch;

/// The objects of both kinds, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnObjects {
    /// The SyncTargets.
    pub targets: BTreeMap<Arc<str>, OwnObject>,
    /// The SyncPolicies.
    pub policies: BTreeMap<Arc<str>, OwnObject>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnObject {
    /// Its UID: a status is written to this very object.
    pub uid: Arc<str>,
    /// Its generation.
    pub generation: i64,
    /// What became of it.
    pub standing: Standing,
    /// Its status, as it was last seen; null where it has none.
    pub status: Arc<Value>,
}

/// The newest word on them.
pub type OwnObjectsReceiver = watch::Receiver<Arc<OwnObjects>>;

/// The receiver where there are none: documents come from files alone.
pub fn no_own_objects() -> OwnObjectsReceiver {
    watch::channel(Arc::default()).1
}
