//! Where to send: an address, and the two ways in.

use std::{fmt, sync::Arc};

use super::{
    Message,
    mailbox::{Envelope, Gate, Permit},
};

/// The address of an actor that takes `M`. Cheap to clone; keeps no actor alive.
pub struct Address<M: Message>(pub(crate) Arc<Gate<M>>);

/// A place in a mailbox, held for a message that will come. Dropped, the place is free again.
#[must_use = "a place that is held and not used keeps others out"]
pub struct Slot<M: Message> {
    gate: Arc<Gate<M>>,
    permit: Permit,
}

/// The actor has ended, or takes nothing new because it drains. The message comes back.
#[derive(thiserror::Error)]
#[error("the actor takes no more messages")]
pub struct Closed<M>(pub M);

/// Why a message was not taken. It comes back.
#[derive(thiserror::Error)]
pub enum Refused<M> {
    /// The mailbox is full: keep what the message says, and offer it again.
    #[error("the mailbox is full")]
    Full(M),
    /// The actor has ended or drains.
    #[error("the actor takes no more messages")]
    Closed(M),
}

// === impl Address ===

impl<M: Message> Address<M> {
    /// Sends `message` once there is a place for it. For tasks only, and never against the direction of supervision.
    pub async fn offer(&self, message: M) -> Result<(), Closed<M>> {
        match self.slot().await {
            Some(slot) => slot.send(message),
            None => Err(Closed(message)),
        }
    }

    /// Sends `message` if there is a place for it.
    pub fn try_offer(&self, message: M) -> Result<(), Refused<M>> {
        match self.0.admit() {
            Ok(permit) => {
                self.0.deliver(Envelope::new(message, permit));
                Ok(())
            }
            Err(Denied::Full) => Err(Refused::Full(message)),
            Err(Denied::Closed) => Err(Refused::Closed(message)),
        }
    }

    /// Holds a place for an answer, if there is one.
    pub fn reserve(&self) -> Option<Slot<M>> {
        let permit = self.0.admit().ok()?;
        Some(Slot {
            gate: Arc::clone(&self.0),
            permit,
        })
    }

    /// Waits for a place and holds it; `None` once the actor takes nothing more. For tasks only, like [`Address::offer`].
    pub async fn slot(&self) -> Option<Slot<M>> {
        let permit = self.0.admitted().await?;
        Some(Slot {
            gate: Arc::clone(&self.0),
            permit,
        })
    }

    /// How many places are taken: messages queued, in their handler, or expected.
    pub fn depth(&self) -> usize {
        self.0.node.depth()
    }

    /// How many places there are.
    pub fn capacity(&self) -> usize {
        self.0.node.capacity()
    }

    /// Whether the actor takes nothing more.
    pub fn is_closed(&self) -> bool {
        self.0.node.is_closed()
    }
}

impl<M: Message> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Message> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.node.kind(), self.0.node.key)
    }
}

// === impl Slot ===

impl<M: Message> Slot<M> {
    /// Sends `message` on the place held for it. An actor that drains still takes it; one that has ended does not.
    pub fn send(self, message: M) -> Result<(), Closed<M>> {
        if self.gate.node.is_over() {
            return Err(Closed(message));
        }
        self.gate.deliver(Envelope::new(message, self.permit));
        Ok(())
    }
}

impl<M: Message> fmt::Debug for Slot<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a place at {} {}", self.gate.node.kind(), self.gate.node.key)
    }
}

// === impl Closed ===

impl<M> fmt::Debug for Closed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed")
    }
}

// === impl Refused ===

impl<M> fmt::Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full",
            Self::Closed(_) => "Closed",
        })
    }
}

/// Why there is no place.
pub(crate) enum Denied {
    /// All are taken.
    Full,
    /// There are none any more.
    Closed,
}
