//! I/O on the worker pool, whose answers come back as messages.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use futures::{FutureExt, future::BoxFuture};
use slab::Slab;
use tokio::task::AbortHandle;
use tracing::Instrument;

use super::{
    Message, Origin, Place,
    exit::Cause,
    mailbox::{Cause as MessageCause, Envelope, Gate, Permit, Ticket},
    node::Notice,
    origin::{At, Chain},
    system::System,
};

/// A request that starts when its callback has succeeded.
pub(crate) struct Staged<M> {
    /// The place of its answer. `None`: it waits for one first.
    pub(crate) permit: Option<Permit>,
    pub(crate) io: BoxFuture<'static, M>,
    pub(crate) origin: Origin,
}

/// The requests of an incarnation that have not been answered yet.
#[derive(Default)]
pub(crate) struct Requests {
    incarnation: u32,
    tasks: Slab<Running>,
}

struct Running {
    task: AbortHandle,
    /// What the message that made the request was about.
    key: Option<Box<str>>,
}

/// What a ticket stood for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// A request of an incarnation that is gone.
    Stale,
    /// A request that no object is to blame for.
    Plain,
    /// A request made by a message about this object.
    About(Box<str>),
}

/// Counts a future for as long as it lives.
struct InFlight(Arc<System>);

// === impl Requests ===

impl Requests {
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(crate) fn start<M: Message>(&mut self, gate: &Arc<Gate<M>>, staged: Staged<M>, key: Option<&str>) {
        let entry = self.tasks.vacant_entry();
        let ticket = Ticket {
            incarnation: self.incarnation,
            request: entry.key(),
        };
        let system = &gate.node.system;
        let task = system
            .pool
            .spawn(run(Arc::clone(gate), staged, ticket, InFlight::new(system)));
        entry.insert(Running {
            task: task.abort_handle(),
            key: key.map(Into::into),
        });
    }

    /// Takes what `ticket` stands for off the list.
    pub(crate) fn finish(&mut self, ticket: Ticket) -> Finished {
        if ticket.incarnation != self.incarnation {
            return Finished::Stale;
        }
        match self.tasks.try_remove(ticket.request) {
            Some(Running { key: Some(key), .. }) => Finished::About(key),
            Some(Running { key: None, .. }) => Finished::Plain,
            None => Finished::Stale,
        }
    }

    /// Aborts all; their answers will not be known any more.
    pub(crate) fn abort(&mut self) {
        self.incarnation = self.incarnation.wrapping_add(1);
        for running in self.tasks.drain() {
            running.task.abort();
        }
    }
}

async fn run<M: Message>(gate: Arc<Gate<M>>, staged: Staged<M>, ticket: Ticket, in_flight: InFlight) {
    let Staged { permit, io, origin } = staged;
    let chain = Chain {
        hops: origin.hops,
        mark: origin.trail.as_ref().map(|trail| trail.mark),
    };
    let io = At { chain, io }.instrument(origin.span.clone());
    let permit = match permit {
        Some(permit) => permit,
        None => match Permit::wait(&gate.node).await {
            Some(permit) => permit,
            None => return gate.node.notify(Notice::RequestLost(ticket)),
        },
    };
    let outcome = AssertUnwindSafe(io).catch_unwind().await;
    drop(in_flight);
    match outcome {
        Ok(body) => {
            let cause = MessageCause::Child(origin.sent_now());
            gate.deliver(Envelope {
                body,
                permit: Some(permit),
                cause,
                ticket: Some(ticket),
            });
        }
        Err(panic) => {
            drop(permit);
            gate.node
                .notify(Notice::RequestFailed(ticket, Cause::panic(Place::Request, &*panic)));
        }
    }
}

// === impl InFlight ===

impl InFlight {
    fn new(system: &Arc<System>) -> Self {
        system.requests.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(system))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
