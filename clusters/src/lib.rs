//! How the syncer talks to API servers; the only crate that names kube.
//!
//! A [`Cluster`] is one API server, or one logical cluster behind it: single reads and writes, [watches](Cluster::watch) that
//! never lose anything, and [discovery](Cluster::discover). Objects are [lean](Object). An [`Error`] says what went wrong once
//! and what to do [`Next`]. [`Health`] follows the circuit breaker, [`Observer`] counts.

/// The target of the spans that belong to the trace of an edit, and of no other.
pub const TRACE_TARGET: &str = "tmc_syncer::trace";

mod backoff;
mod breaker;
mod clock_offset;
mod cluster;
mod config;
mod discovery;
mod error;
mod fence;
mod limits;
mod next;
mod object;
mod observer;
mod places;
mod rehearsal;
mod routes;
#[cfg(test)]
mod scripted;
mod status;
mod transport;
pub mod upstream_identity;
mod url;
mod version;
mod watch;
mod witness;

pub use breaker::Health;
pub use clock_offset::ClockOffset;
pub use cluster::{Apply, Cluster, ClusterBuilder, Deletion, Preconditions, UnknownFields, Write};
pub use config::{ClusterConfig, ConfigError, TlsVerification};
pub use discovery::{Served, ServedResource};
pub use error::{Cause, Error, Plan, Then, Verb};
pub use fence::Fence;
pub use limits::Limits;
pub use next::Next;
pub use object::{FieldsV1Kept, KubeObject, ManagedFields, Object, OwnerReference, Pairs};
pub use observer::{Observed, Observer, Restart, Unobserved};
pub use places::Load;
pub use rehearsal::{Act, Rehearsal, Rehearsed, Source};
pub use routes::Routes;
pub use status::{Status, StatusCause};
pub use watch::{CompleteList, Content, InitialList, WatchEvent, WatchOptions};
pub use witness::Witness;
