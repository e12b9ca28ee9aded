//! The actor kit: supervised, bounded, traceable actors.
//!
//! actix gives cheap actors; three of its promises are weaker than they read, and the kit closes exactly these gaps. Nothing
//! outside this module uses actix's own sending functions (clippy's `disallowed-methods` sees to it).
//!
//! - **Bounded mailbox.** Every message in a mailbox holds a permit, from before it is sent until its handler is done with it.
//!   [`Address::offer`] waits for one (only tasks do that), [`Address::try_offer`] refuses, [`Address::reserve`] holds one for an answer.
//!   What the kit itself has to say to an actor (stop, drain, a child's exit, a due timer, the end of a quarantine) has a way of its
//!   own, so that a full mailbox delays none of it.
//! - **Supervision.** A panic or an error in the factory, `started`, a handler or a request's future becomes an [`Exit`] that the parent sees.
//!   The actor is built anew by its factory after a [delay](RestartPolicy); its address and the queued messages survive, its
//!   timers, requests and children do not. The message that failed is tried once more; failing again it is dropped and its
//!   [key](Message::key) quarantined, with a growing delay, after which [`Actor::released`] is called: look at that object again, by level.
//!   More failures in a window than the policy allows: the actor gives up, and its parent hears of it; a parent that does not handle
//!   that fails with it, up to the root, whose end ends the process.
//! - **Time and chance are injected**: [`Clock`], [`Chance`]. With one thread and one seed two runs are the same.
//! - **Traces travel**: a message carries the place in the trace of an edit that it was sent from, or else the span that was current; its
//!   handler runs inside a child of that ([`Tracer`], [`Origin`]).
//!
//! What an actor has to know beyond that:
//!
//! - The futures given to [`Context::request`] start when the handler has returned `Ok`. A handler that fails has started no I/O, so
//!   its second try cannot write twice (S6). Sends, children and timers take effect at once.
//! - A restart aborts the requests of the failed incarnation; an answer that was already queued is dropped.
//! - In a message's handler a request without a free permit is refused ([`NoRoom`]). In the other callbacks (`started`, a timer's message, `child_exited`,
//!   `released`, `drain`), where no message's permit can move to the answer, its I/O waits for a place instead, or an actor that
//!   restarts under a full mailbox could never begin.
//! - A timer's message never leaves the actor's own table: it needs no permit and cannot be refused. It is handled before what is queued.
//!   Its span is linked to the one that set the timer, not a child of it: an actor that ticks for ever would hold its first span for ever.
//! - A chain of causes ends after 64 handlers; the next one begins a trace of its own, linked to the last.
//! - A child spawned under a kind and key that still lives: the older one is stopped, the new one starts when it has ended. Its
//!   address can be used at once. No two actors of one kind, key and parent ever run at the same time (S6).
//! - A drained actor goes on taking messages until its children have ended (they report to it), then refuses what is new, handles
//!   what is queued, waits for its requests, and stops once it says it is [`drained`](Actor::drained).

mod actor;
mod address;
mod backoff;
mod backstage;
mod clock;
mod context;
mod exit;
mod family;
mod history;
mod mailbox;
mod node;
mod origin;
mod outbox;
mod policy;
mod quarantine;
mod request;
mod shell;
mod signals;
#[cfg(test)]
pub(crate) mod strike;
mod system;
mod threads;
mod timer;
mod trace;
mod tree;

pub use actor::{Actor, Failure, Message};
pub use address::{Address, Closed, Refused, Slot};
pub use backoff::{Backoff, Exponential};
pub use clock::{Chance, Clock};
pub use context::{Context, NoRoom};
pub use exit::{Cause, Exit, Fault, Outcome, Place};
pub use origin::Origin;
pub(crate) use origin::here;
pub use outbox::{Full, Outbox, Taken, Wake};
pub use policy::{Placement, RestartPolicy, Spec};
pub use signals::Signals;
pub use system::{Census, Drained, Ended, Escalation, Runtime, Settings};
pub use threads::{Probe, ThreadHealth};
pub use timer::Timer;
pub use trace::{Beginning, Mark, Tracer, install_tracer};
pub(crate) use trace::{Trail, begin as begin_trace, is_on as is_traced};
pub use tree::{ActorView, Tree};

#[cfg(test)]
pub(crate) mod tests;
