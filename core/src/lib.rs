//! What the syncer decides: pure functions over plain data, without clock, I/O or any client library.

pub mod identity;

pub use identity::{Gvr, LogicalCluster, ObjectKey, ResourceType, Scope};
