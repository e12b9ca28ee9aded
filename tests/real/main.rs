//! End-to-end tests on real control planes. What arrives is read from the clusters, never from our log.
//!
//! Tests of one module share its clusters where that does not weaken them; each works in a namespace of its own.

mod clusters;
mod objects;
mod sync;
mod testbed;
mod world;
