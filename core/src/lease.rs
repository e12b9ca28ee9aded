//! Which of several replicas leads: the one that holds a Lease (`coordination.k8s.io/v1`), and renews it.
//!
//! Whether a Lease is over is judged by when its renewals were *seen*, on the own monotonic clock; the times written in it are for people, so
//! clocks may differ by hours. A holder may write for [`Timing::renew_deadline`] from the *sending* of its last renewal that succeeded;
//! others wait for the Lease's duration, which is longer, from when they *saw* it. The first cannot outlast the second.
//!
//! Times here are durations since any fixed moment of the caller's monotonic clock.

mod candidate;
mod record;
mod timing;

#[cfg(test)]
mod tests;

pub use self::{
    candidate::{Candidate, Claim, Loss, Over, Standing, Step},
    record::Record,
    timing::{Timing, WrongTiming},
};
