//! How a receiver hears that something waits for it.

use std::{fmt, sync::Arc};

use tracing::Span;

use crate::runtime::{
    Message,
    address::Denied,
    mailbox::{Cause, Envelope, Gate},
};

/// Says that something waits in an outbox; a part of the message that does. When the message is dropped, and something was taken and
/// something is left, the outbox sends another.
pub struct Wake(Arc<dyn Bell>, u64);

/// The outbox, as the wake-up message knows it.
pub(super) trait Bell: Send + Sync {
    fn answered(self: Arc<Self>, binding: u64);
}

/// The receiver, as the outbox knows it.
pub(super) trait Receiver: Send + Sync {
    /// Puts a wake-up into the mailbox, or waits for a place in a task. Dropped when the actor takes nothing more.
    fn wake(self: Arc<Self>, wake: Wake);

    /// The mailbox, to tell receivers apart.
    fn mailbox(&self) -> *const ();
}

/// A receiver, and what it is told.
pub(super) struct Bound<M: Message, F> {
    pub(super) gate: Arc<Gate<M>>,
    pub(super) message: F,
}

// === impl Bound ===

impl<M, F> Receiver for Bound<M, F>
where
    M: Message,
    F: Fn(Wake) -> M + Send + Sync + 'static,
{
    fn wake(self: Arc<Self>, wake: Wake) {
        // No span: each value has its own.
        let envelope = |body, permit| Envelope {
            body,
            permit: Some(permit),
            cause: Cause::Link(Span::none()),
            ticket: None,
        };
        match self.gate.admit() {
            Ok(permit) => self.gate.deliver(envelope((self.message)(wake), permit)),
            Err(Denied::Closed) => drop(wake),
            Err(Denied::Full) => {
                let pool = self.gate.node.system.pool.clone();
                pool.spawn(async move {
                    if let Some(permit) = self.gate.admitted().await {
                        self.gate.deliver(envelope((self.message)(wake), permit));
                    }
                });
            }
        }
    }

    fn mailbox(&self) -> *const () {
        Arc::as_ptr(&self.gate.node).cast()
    }
}

// === impl Wake ===

impl Wake {
    /// What `bell` sends to the receiver of this `binding`.
    pub(super) fn of(bell: Arc<dyn Bell>, binding: u64) -> Self {
        Self(bell, binding)
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        Arc::clone(&self.0).answered(self.1);
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wake")
    }
}
