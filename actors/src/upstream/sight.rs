//! What the upstream's watchers hand to the Upstream: the newest word on each object.

use std::time::Duration;

use syncer_clusters::Error;
use syncer_core::{Gvr, ObjectKey};
use tokio::time::Instant;

use super::{endpoints::EndpointId, index::Shown};
use crate::{prescription::RenderError, runtime::Outbox};

/// What a sight is about. Objects come before the list that completes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SightKey {
    /// One object.
    Object(ObjectKey),
    /// The complete list of a resource with this number.
    Listed(Gvr, u64),
    /// The objects of a namespace, read again.
    Reread,
    /// How the stream of a resource fares at an endpoint.
    Stream(Gvr, EndpointId),
}

/// The newest word on what a [`SightKey`] names, and under which rules it was read.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) revision: u64,
    /// Who says so.
    pub(crate) endpoint: EndpointId,
    /// When it was read.
    pub(crate) at: Instant,
    /// How long it took to make sense of the event that it came with.
    pub(crate) took: Duration,
    pub(crate) word: Word,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) enum Word {
    /// The object is there. `list` is the number of the last list begun before it was seen.
    Present {
        /// What is wanted of it.
        shown: Shown,
        /// The number of the last list begun.
        list: u64,
    },
    /// The labels of a namespace changed, and with them perhaps what is wanted of its objects.
    Relabelled {
        /// What is wanted of the namespace.
        shown: Shown,
        /// The number of the last list begun.
        list: u64,
    },
    /// It cannot be told yet what is wanted of it: nothing changes (S11).
    Undecided {
        /// The number of the last list begun.
        list: u64,
    },
    /// It was there before the binding of its workspace was known: it is read again when that is.
    PassedOver,
    /// The watch said that it was deleted.
    Deleted,
    /// It cannot go down; what did so last stays (S11).
    Malformed {
        /// What is wanted of it, had it not been for that: it rests.
        shown: Shown,
        /// What is wrong.
        cause: RenderError,
        /// The number of the last list begun.
        list: u64,
    },
    /// Everything seen before that list and not in it is absent.
    Listed {
        /// How many objects it had.
        objects: usize,
    },
    /// What was to be read again was shown.
    Reread,
    /// The stream broke; it goes on by itself.
    Interrupted(Error),
    /// The stream goes on.
    Recovered,
}

/// The way of sights to the Upstream.
pub(crate) type Sights = Outbox<SightKey, Sight>;

/// A word under older rules never replaces one under newer rules; nor does an endpoint take away what another one shows.
pub(crate) fn newest(older: &mut Sight, newer: Sight) {
    let elsewhere = newer.endpoint != older.endpoint && matches!(newer.word, Word::Deleted);
    if newer.revision >= older.revision && !elsewhere {
        *older = newer;
    }
}
