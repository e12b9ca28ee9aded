//! The kit's promises, each with a test that fails without it.

mod drain;
mod fixture;
mod mailbox;
mod outbox;
mod restart;
pub(crate) mod spans;
mod threads;
mod timers;
