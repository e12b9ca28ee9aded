//! What an actor and its messages are.

use std::{borrow::Cow, error::Error, fmt};

use super::{Context, Exit, Outcome};

/// A state machine with a mailbox. Its callbacks are short and synchronous; I/O goes through [`Context::request`].
pub trait Actor: Sized + Unpin + 'static {
    /// The kind, as metrics, logs and the tree name it; in `CamelCase`.
    const KIND: &'static str;

    /// What it takes.
    type Message: Message;

    /// Runs before the first message, and again after each restart, when the state is fresh from the factory.
    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let _ = ctx;
        Ok(())
    }

    /// Handles one message. By reference, so that a message outlives a panic and can be tried once more.
    fn handle(&mut self, message: &Self::Message, ctx: &mut Context<Self>) -> Result<(), Failure>;

    /// A child ended, restarts, was quarantined for a key, or gave up. An error escalates: this actor fails too.
    /// Unless overridden, a child that gave up escalates and everything else is ignored.
    fn child_exited(&mut self, exit: &Exit, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let _ = ctx;
        match exit.outcome {
            Outcome::GaveUp { .. } => Err(Failure::new(exit.to_string())),
            Outcome::Ended | Outcome::Restarting { .. } | Outcome::Quarantined { .. } => Ok(()),
        }
    }

    /// A drain was asked for: begin nothing new. The kit drains the children and then stops the actor, see [`Actor::drained`].
    fn drain(&mut self, ctx: &mut Context<Self>) {
        let _ = ctx;
    }

    /// Whether a draining actor is done. Asked when its children have ended, its mailbox is empty and no request is in flight, and
    /// again after each further message or timer.
    fn drained(&self) -> bool {
        true
    }

    /// The quarantine of `key` is over, and messages about it may have been dropped: look at that object again, by level.
    fn released(&mut self, key: &str, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let _ = (key, ctx);
        Ok(())
    }

    /// A short word for `/debug/actors`, such as `listing`.
    fn state(&self) -> &'static str {
        "running"
    }
}

/// What an actor takes.
pub trait Message: Send + 'static {
    /// The object that it is about: named by its span, and quarantined when it makes its handler fail twice.
    fn key(&self) -> Option<Cow<'_, str>> {
        None
    }
}

/// Why a callback failed: an error exit. Made from any error by `?`.
pub struct Failure {
    message: String,
}

// === impl Failure ===

impl Failure {
    /// A failure described by `message`: lower case, no trailing point, no value of a Secret (S8).
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl<E: Error> From<E> for Failure {
    /// The error and its sources, joined by colons.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self { message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
