//! Who does it, and when: the actors and the kit under them; the only crate that names actix.

mod bodies;
mod conflict_arbiter;
pub mod events;
mod finalizers;
#[cfg(test)]
mod in_memory;
pub mod leader_election;
mod mass_deletions;
pub mod metrics;
mod own_objects;
mod own_status;
mod prescription;
pub mod preview;
mod readiness;
mod reconciler;
mod references;
mod round_robin;
mod rulebook;
pub mod runtime;
mod schemas;
mod settings;
mod standby;
mod status_propagator;
mod supervisor;
mod target;
pub mod target_report;
mod trails;
mod upstream;
pub mod verdicts;
mod watcher;

pub use metrics::Metrics;
pub use own_objects::{OwnObject, OwnObjects, OwnObjectsReceiver, no_own_objects};
pub use preview::Preview;
pub use readiness::Readiness;
pub use rulebook::{Connect, Rulebook, Rulebooks, TargetSettings, Unreadable};
pub use settings::{Bounds, Settings, StandingBy, UpstreamSettings, UpstreamSource, Writes};
pub use supervisor::{Supervisor, SupervisorMessage};
pub use target::NamespaceNames;
pub use target_report::TargetReports;
