//! An API server in memory, for the demo, for tests, for simulation and for benches.

mod apply;
mod schema;
