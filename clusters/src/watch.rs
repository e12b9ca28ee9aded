//! Following a collection: list it, watch from there, go on after whatever happens, and never invent anything.

mod event;
mod lines;
mod machine;
mod step;

use std::{sync::Arc, time::Duration};

use futures::{Stream, stream};
use syncer_core::identity::ResourceType;
use tokio::time::Instant;

use crate::{Cluster, Error, FieldsV1Kept, Object, Witness};

/// What is followed, and how.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// Only objects with such labels; empty for all.
    pub label_selector: String,
    /// Only objects with such fields; empty for all.
    pub field_selector: String,
    /// Only objects of this namespace; empty for all.
    pub namespace: String,
    /// All logical clusters behind the endpoint in one stream; each object then names its own.
    pub wildcard: bool,
    /// What of `managedFields` is decoded.
    pub managed_fields: FieldsV1Kept,
    /// How much of each object is asked for.
    pub content: Content,
    /// How the first state is read.
    pub initial: InitialList,
    /// Objects in one page of a list.
    pub page_size: u32,
    /// The server ends a watch after this time, jittered down by up to a fifth; a stream that is silent for longer is cut.
    pub watch_timeout: Duration,
    /// The collection is listed anew after this time, jittered by a fifth, as repair of what no one thought of.
    pub relist_every: Duration,
    /// Who tells whether the server is still the same; nobody, if it does not matter.
    pub witness: Option<Arc<dyn Witness>>,
}

/// How much of each object is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    #[default]
    Whole,
    /// Its metadata.
    Metadata,
}

/// How the first state is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialList {
    /// In pages of one consistent read: served everywhere.
    #[default]
    Pages,
    /// As the first part of the watch, where the server can: less work for it. In pages where it refuses or keeps silent.
    Streamed,
}

/// What a watch tells.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// A list begins: what follows until [`Listed`](Self::Listed) replaces what was known. Another one discards a half-read list.
    ListStarted,
    /// The object is there, in this state.
    Applied(Object),
    /// The server said that the object is gone from what is watched. A hint, not a proof: it may only be filtered out.
    Deleted(Object),
    /// All pages of one consistent read have arrived: what was not among them was not there.
    Listed(CompleteList),
    /// The watch cannot go on for now; it does by itself, as the error's [`plan`](Error::plan) says. Told once per cause.
    Interrupted(Error),
    /// The watch goes on.
    Recovered,
}

/// The proof that a list was read whole and from one state of the store. Only a watch makes one (S3).
#[derive(Clone, Debug)]
pub struct CompleteList {
    resource: ResourceType,
    resource_version: Box<str>,
    count: usize,
    started: Instant,
    finished: Instant,
}

// === impl WatchOptions ===

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            label_selector: String::new(),
            field_selector: String::new(),
            namespace: String::new(),
            wildcard: false,
            managed_fields: FieldsV1Kept::None,
            content: Content::Whole,
            initial: InitialList::Pages,
            page_size: 500,
            watch_timeout: Duration::from_secs(290),
            relist_every: Duration::from_hours(6),
            witness: None,
        }
    }
}

// === impl CompleteList ===

impl CompleteList {
    /// What was listed.
    pub fn resource(&self) -> &ResourceType {
        &self.resource
    }

    /// The version of the whole list.
    pub fn resource_version(&self) -> &str {
        &self.resource_version
    }

    /// How many objects it had.
    pub fn count(&self) -> usize {
        self.count
    }

    /// When it was asked for: the state it shows is no older.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// When its last page arrived.
    pub fn finished(&self) -> Instant {
        self.finished
    }
}

// === impl Cluster ===

impl Cluster {
    /// Follows a collection for ever. Errors come as events, and the watch goes on by itself. It reads nothing while it is
    /// not polled, holds at most one page of a list, and disturbs no other request however long it is left unread.
    pub fn watch(
        &self,
        resource: ResourceType,
        options: WatchOptions,
    ) -> impl Stream<Item = WatchEvent> + Send + use<> {
        let machine = machine::Machine::new(self, resource, options);
        stream::unfold(machine, |mut machine| async move {
            let event = machine.next().await;
            Some((event, machine))
        })
    }
}

#[cfg(test)]
mod tests;
