//! What the Upstream orders of a Target.

use std::sync::Arc;

use dashmap::DashMap;
use syncer_core::{Gvr, LogicalCluster, ObjectKey, marker::PayloadHash, plan::Newcomer, proof::Absence};

use tokio::time::Instant;

use crate::{prescription::Prescription, runtime::Outbox};

/// What an order is about. Objects come before the word that completes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OrderKey {
    /// One upstream object.
    Object(ObjectKey),
    /// All of a resource.
    Complete(Gvr),
    /// All of a resource, once more: the rules changed, so what was complete is not.
    Incomplete(Gvr),
    /// One upstream object that waits until it has left the target.
    Release(ObjectKey),
    /// The objects in the namespace with this key, which was read with a deletionTimestamp.
    Departing(ObjectKey),
    /// A workspace whose binding turned: what was concluded of its objects is weighed again (kcp).
    Standing(LogicalCluster),
}

/// The newest order about what an [`OrderKey`] names. `incarnation` numbers the Upstream that gives it.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// The object has to be there.
    Wanted {
        /// The UID of the upstream object.
        uid: Box<str>,
        /// The hash of its payload.
        hash: PayloadHash,
        /// How it has to be.
        prescription: Arc<Prescription>,
        /// Whether it may be made there.
        newcomer: Newcomer,
        /// When the news that it stands for was read upstream; `None` where it repeats what is known.
        seen: Option<Instant>,
        /// Who says so.
        incarnation: u64,
    },
    /// The object is believed to be gone, or not to be wanted there any more.
    Gone {
        /// Why.
        absence: Absence,
        /// Who says so.
        incarnation: u64,
    },
    /// Whatever is there stays as it is.
    Kept {
        /// Who says so.
        incarnation: u64,
    },
    /// The Target has to say when nothing of ours is left of the object. An order that wants it there takes that back.
    Release,
    /// Its endpoint is gone, or the binding of its workspace: nothing is known of it.
    Adrift {
        /// Who says so.
        incarnation: u64,
    },
    /// What the binding of the workspace says is to be weighed again.
    Weigh,
    /// Every object of a complete list was named before: what was not named is absent.
    Complete {
        /// Who says so.
        incarnation: u64,
    },
}

/// The way to one Target.
pub(crate) type Orders = Outbox<OrderKey, Order>;

/// The Targets that take orders, by name. They enter themselves; an Upstream that is built anew finds them here.
pub(crate) type Roster = Arc<DashMap<Arc<str>, Orders>>;
