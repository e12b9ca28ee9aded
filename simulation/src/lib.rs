//! The whole syncer on one thread, under simulated time and chance, with every invariant checked at every step.
//!
//! # How it works
//!
//! A [`Schedule`] is drawn from a seed: a fleet of API servers in memory, a [script](syncer_sandbox::scenario) of what people and
//! networks do to it, and how often the syncer is killed. [`simulate`] carries it out:
//!
//! - The actors run as in production (`Supervisor`, the same settings), on one thread, under tokio's paused clock: time passes only when
//!   nobody has anything to do, so that minutes cost milliseconds.
//! - Every request goes through a *wire* (`wire.rs`) between the client and the sandbox's API server. The wire gives it a latency that is a
//!   hash of the seed and the request, and shows the checks what it was, what the object was the moment before it was carried out, and
//!   what it was the moment after. The product has no part in this, so it cannot be wrong about itself.
//! - After the script all faults end; everything has to come to rest, stay quiet, and stay quiet over a restart.
//!
//! # What is checked
//!
//! | | when | how |
//! |---|---|---|
//! | S1 | at each write downstream | the object as it was before carried our marker, or was not there |
//! | S2 | at each DELETE downstream | its body has a UID precondition |
//! | S3 | at each DELETE downstream | the upstream's own store does not have the object |
//! | S4 | at each write upstream | the difference of the object before and after is ours to write |
//! | S5 | at rest, and after a restart | no write at all for minutes, Leases and Events excepted |
//! | S6 | at each write | no other write to this object of this server is under way |
//! | S7 | after the script | every target holds what the upstream says within 30 s |
//! | S8 | at each log line and span, and at the end on all servers | the values of Secrets, which are known, are not in it |
//! | S9 | when a dead target returns, if nothing else is wrong | what was changed 10 s ago or earlier is on all others |
//! | S10 | after each step | mailboxes and Reconcilers are within their bounds, queues hold no more than one entry per object; after the end nothing lives |
//!
//! S11 has no part of its own: an object that cannot go down is one that S7 finds standing at its last good state.
//!
//! # The same seed, the same run
//!
//! Time, chance, latency and the order in which servers see requests (`dock.rs`) are functions of the seed; [`Outcome::trace`] is a hash over all
//! requests with their times and answers, and a test runs seeds twice. A run that breaks an invariant says at which step, and how to see it again.
//!
//! # Deletions
//!
//! A schedule's rules never change. [`simulate_gone`] draws worlds in which they do: policies that name other targets or are taken away, targets
//! that are drained, refuse, die, leave the list or return, namespaces and objects that go while the syncer runs or is down. Each DELETE is
//! held against the upstream's own store and the rules at the moment it is sent (`checks/docket.rs`; within moments of a change either way is
//! right, and those are counted apart); nothing may be made before its upstream object carries the finalizer that it has to carry, nor go
//! upstream before it has left every target that can be reached. In the end all is well, a person confirms what the mass-deletion guard holds, and
//! nothing is left that should be gone. [`simulate_killed`] kills the syncer at one request of a deletion with a dead target.
//!
//! # Does it see anything?
//!
//! A check that cannot fail proves nothing. A [`Plant`] breaks something on the wire on purpose, and tests show that each is caught.

mod checks;
mod dock;
mod gone;
mod kernel;
mod killed;
mod laws;
mod logs;
mod observation;
mod outcome;
mod plant;
mod request;
mod schedule;
mod stream;
mod syncer;
mod wire;

pub use self::{
    gone::{Gone, simulate_gone},
    kernel::simulate,
    killed::{Killed, simulate_killed},
    outcome::{Broken, Invariant, Outcome},
    plant::Plant,
    schedule::{Schedule, Telling},
};
