//! The gate: the one place that puts messages into an actix mailbox, and only with a permit (S10).

use std::sync::Arc;

use actix::Recipient;
use tokio::sync::TryAcquireError;
use tracing::Span;

use super::{Message, Origin, address::Denied, node::Node};

/// The way into the mailbox of one actor.
pub(crate) struct Gate<M: Message> {
    pub(crate) node: Arc<Node>,
    to: Recipient<Envelope<M>>,
}

/// A message on its way: what it says, the place it takes, and what caused it.
pub(crate) struct Envelope<M> {
    pub(crate) body: M,
    /// `None` for a timer's message, which never was in the mailbox.
    pub(crate) permit: Option<Permit>,
    pub(crate) cause: Cause,
    /// Set on the answer of a request.
    pub(crate) ticket: Option<Ticket>,
}

/// How the span of a handler hangs together with what sent the message.
pub(crate) enum Cause {
    /// A child of the sender's span.
    Child(Origin),
    /// A trace of its own, linked to the span that set the timer.
    Link(Span),
}

/// Which request of which incarnation an answer belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Ticket {
    pub(crate) incarnation: u32,
    pub(crate) request: usize,
}

/// A place in a mailbox. Dropped, the place is free again, whoever dropped it and why.
pub(crate) struct Permit(Arc<Node>);

// === impl Gate ===

impl<M: Message> Gate<M> {
    pub(crate) fn new(node: Arc<Node>, to: Recipient<Envelope<M>>) -> Self {
        Self { node, to }
    }

    /// A place, if one is free and the actor takes new messages.
    pub(crate) fn admit(&self) -> Result<Permit, Denied> {
        match self.node.permits.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(TryAcquireError::NoPermits) if self.node.is_closed() => return Err(Denied::Closed),
            Err(TryAcquireError::NoPermits) => {
                self.node.meter.refused.inc();
                return Err(Denied::Full);
            }
            Err(TryAcquireError::Closed) => return Err(Denied::Closed),
        }
        let permit = Permit(Arc::clone(&self.node));
        // Checked with the permit in hand: an actor that drains looks at the depth after it has closed itself, so one of the two sees the other.
        if self.node.is_closed() {
            Err(Denied::Closed)
        } else {
            Ok(permit)
        }
    }

    /// Waits for a place; `None` once the actor takes nothing new.
    pub(crate) async fn admitted(&self) -> Option<Permit> {
        let permit = Permit::wait(&self.node).await?;
        if self.node.is_closed() { None } else { Some(permit) }
    }

    /// Puts an envelope into the mailbox. Dropped in silence when the actor has ended meanwhile: nobody is there to hear of it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the gate: every envelope that comes here holds its permit"
    )]
    pub(crate) fn deliver(&self, envelope: Envelope<M>) {
        debug_assert!(envelope.permit.is_some(), "S10: a message without a permit");
        self.to.do_send(envelope);
    }
}

// === impl Envelope ===

impl<M: Message> Envelope<M> {
    /// A message sent now, caused by the current span.
    pub(crate) fn new(body: M, permit: Permit) -> Self {
        Self {
            body,
            permit: Some(permit),
            cause: Cause::Child(Origin::current()),
            ticket: None,
        }
    }
}

impl<M: Message> actix::Message for Envelope<M> {
    type Result = ();
}

// === impl Permit ===

impl Permit {
    /// A free place for the actor itself, whether or not it takes new messages.
    pub(crate) fn try_own(node: &Arc<Node>) -> Option<Self> {
        node.permits.try_acquire().ok()?.forget();
        Some(Self(Arc::clone(node)))
    }

    /// Waits for a place, in turn with everyone else; `None` once the actor stops.
    pub(crate) async fn wait(node: &Arc<Node>) -> Option<Self> {
        node.permits.acquire().await.ok()?.forget();
        Some(Self(Arc::clone(node)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.permits.add_permits(1);
        self.0.place_freed();
    }
}
