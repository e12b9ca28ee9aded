//! End-to-end tests on real control planes. What arrives is read from the clusters, never from our log.
//!
//! Tests of one module share its clusters where that does not weaken them; each works in a namespace of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "steps of a test outside of its function: their panic is the test's failure"
)]

mod clusters;
mod conflict;
mod diff;
mod down;
mod gone;
mod install;
mod kcp;
mod leader;
mod manifests;
mod objects;
mod objects_as_config;
mod policy;
mod printed;
mod readme;
mod status;
mod status_command;
mod sync;
mod testbed;
mod typed;
mod world;
