//! What an operator sees of a running syncer, and that looking at it does no harm: traces, metrics, and the admin server under attack.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "steps of a test outside of its function: their panic is the test's failure"
)]

mod attack;
mod boards;
mod flags;
mod http;
mod mistakes;
mod pages;
mod stage;
#[cfg(feature = "otlp")]
mod traces;
