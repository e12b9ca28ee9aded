//! Following the bindings of an endpoint, its export, and the slice that names the endpoints.

use std::sync::{Arc, atomic::Ordering};

use syncer_clusters::{Cluster, Error, WatchEvent};
use syncer_core::{LogicalCluster, kcp::slice};
use tokio::time::Instant;

use super::{
    UpstreamBase,
    endpoints::EndpointId,
    workspaces::{Turn, Workspaces},
};
use crate::{
    runtime::Outbox,
    watcher::{Reading, hand_over},
};

/// What a notice is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NoticeKey {
    /// The endpoint slice.
    Slice,
    /// The export.
    Export,
    /// A workspace.
    Workspace(LogicalCluster),
    /// All bindings of an endpoint.
    Bindings(EndpointId),
    /// The schemas that bindings are bound to.
    Schemas,
    /// How a stream of one of these fares, at an endpoint or at home.
    Stream(&'static str, Option<EndpointId>),
}

/// The newest word on what a [`NoticeKey`] names.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// The slice has these endpoints.
    Endpoints(Arc<[String]>),
    /// There is no such slice.
    NoSlice,
    /// The export has this version now.
    Export {
        /// Its generation: its status is of no concern.
        generation: i64,
    },
    /// The bindings of a workspace turned.
    Turned(Turn),
    /// All bindings of an endpoint are known.
    Bound,
    /// A workspace is bound to another schema of a resource.
    Rebound,
    /// The stream broke; it goes on by itself.
    Interrupted(Error),
    /// The stream goes on.
    Recovered,
}

/// The way of notices to the Upstream.
pub(crate) type Notices = Outbox<NoticeKey, Notice>;

/// What is concluded of a workspace may not be lost behind a lesser word: the table has the state, this says what to do about it.
pub(crate) fn weightiest(older: &mut Notice, newer: Notice) {
    match (&older, &newer) {
        (Notice::Turned(was), Notice::Turned(is)) if weight(*is) < weight(*was) => {}
        _ => *older = newer,
    }
}

fn weight(turn: Turn) -> u8 {
    match turn {
        Turn::None => 0,
        Turn::Changed => 1,
        Turn::Found => 2,
        Turn::Leaves | Turn::Left | Turn::Lost => 3,
    }
}

/// Turns the events of an endpoint's bindings into notices.
pub(super) struct BindingReading {
    endpoint: EndpointId,
    at: Cluster,
    workspaces: Workspaces,
    notices: Notices,
    base: UpstreamBase,
    list: u64,
}

// === impl BindingReading ===

impl BindingReading {
    pub(super) fn new(endpoint: EndpointId, at: Cluster, base: UpstreamBase, notices: Notices) -> Self {
        Self {
            endpoint,
            at,
            workspaces: base.workspaces.clone(),
            notices,
            list: base.lists.load(Ordering::Relaxed),
            base,
        }
    }

    fn tell(&self, cluster: &LogicalCluster, turn: Turn) {
        if turn != Turn::None {
            let key = NoticeKey::Workspace(cluster.clone());
            hand_over(&self.notices, key, Notice::Turned(turn));
        }
    }
}

impl Reading for BindingReading {
    fn read(&mut self, event: WatchEvent) {
        let stream = NoticeKey::Stream("apibindings.apis.kcp.io", Some(self.endpoint));
        match event {
            WatchEvent::ListStarted => self.list = self.base.lists.fetch_add(1, Ordering::Relaxed) + 1,
            WatchEvent::Applied(object) => {
                let place = (self.endpoint, &self.at);
                let rebound = self.workspaces.is_rebound(&object);
                let turn = self.workspaces.bound(place, self.list, &object, Instant::now());
                self.tell(object.cluster(), turn);
                if rebound {
                    hand_over(&self.notices, NoticeKey::Schemas, Notice::Rebound);
                }
            }
            WatchEvent::Deleted(object) => {
                let turn = self.workspaces.unbound(self.endpoint, &object);
                self.tell(object.cluster(), turn);
            }
            WatchEvent::Listed(_) => {
                for (cluster, turn) in self.workspaces.listed(self.endpoint, self.list) {
                    self.tell(&cluster, turn);
                }
                hand_over(&self.notices, NoticeKey::Bindings(self.endpoint), Notice::Bound);
            }
            WatchEvent::Interrupted(error) => hand_over(&self.notices, stream, Notice::Interrupted(error)),
            WatchEvent::Recovered => hand_over(&self.notices, stream, Notice::Recovered),
        }
    }
}

/// Turns the events of the endpoint slice into notices.
pub(super) struct SliceReading {
    notices: Notices,
    seen: Seen,
}

/// Whether the list that is being read had the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Yes,
    No,
}

// === impl SliceReading ===

impl SliceReading {
    pub(super) fn new(notices: Notices) -> Self {
        Self {
            notices,
            seen: Seen::No,
        }
    }

    fn tell(&self, notice: Notice) {
        hand_over(&self.notices, NoticeKey::Slice, notice);
    }
}

impl Reading for SliceReading {
    fn read(&mut self, event: WatchEvent) {
        let stream = NoticeKey::Stream("apiexportendpointslices.apis.kcp.io", None);
        match event {
            WatchEvent::ListStarted => self.seen = Seen::No,
            WatchEvent::Applied(object) => {
                self.seen = Seen::Yes;
                let status = object.member("status").map(serde_json::value::RawValue::get);
                self.tell(Notice::Endpoints(slice::endpoints_of(status).into()));
            }
            WatchEvent::Deleted(_) => self.tell(Notice::NoSlice),
            WatchEvent::Listed(_) if self.seen == Seen::No => self.tell(Notice::NoSlice),
            WatchEvent::Listed(_) => {}
            WatchEvent::Interrupted(error) => hand_over(&self.notices, stream, Notice::Interrupted(error)),
            WatchEvent::Recovered => hand_over(&self.notices, stream, Notice::Recovered),
        }
    }
}

/// Turns the events of the export into notices.
pub(super) struct ExportReading {
    notices: Notices,
}

// === impl ExportReading ===

impl ExportReading {
    pub(super) fn new(notices: Notices) -> Self {
        Self { notices }
    }
}

impl Reading for ExportReading {
    fn read(&mut self, event: WatchEvent) {
        let stream = NoticeKey::Stream("apiexports.apis.kcp.io", None);
        match event {
            WatchEvent::Applied(object) => {
                let generation = object.generation();
                hand_over(&self.notices, NoticeKey::Export, Notice::Export { generation });
            }
            // What it provided is not taken away by this: bindings and claims say what is to be had.
            WatchEvent::Deleted(_) | WatchEvent::ListStarted | WatchEvent::Listed(_) => {}
            WatchEvent::Interrupted(error) => hand_over(&self.notices, stream, Notice::Interrupted(error)),
            WatchEvent::Recovered => hand_over(&self.notices, stream, Notice::Recovered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighty_word_on_a_workspace_is_not_lost_behind_a_lesser_one() {
        let cases = [
            (Turn::Changed, Turn::Left, Turn::Left),
            (Turn::Left, Turn::Changed, Turn::Left),
            (Turn::Left, Turn::Found, Turn::Left),
            (Turn::Leaves, Turn::Left, Turn::Left),
            (Turn::Found, Turn::Changed, Turn::Found),
            (Turn::Changed, Turn::Found, Turn::Found),
        ];
        for (older, newer, expected) in cases {
            let mut notice = Notice::Turned(older);
            weightiest(&mut notice, Notice::Turned(newer));
            assert!(
                matches!(notice, Notice::Turned(turn) if turn == expected),
                "{older:?} {newer:?}"
            );
        }
        let mut endpoints = Notice::NoSlice;
        weightiest(&mut endpoints, Notice::Endpoints(Arc::default()));
        assert!(matches!(endpoints, Notice::Endpoints(_)));
    }
}
