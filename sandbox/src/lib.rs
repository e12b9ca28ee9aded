//! An API server in memory, for the demo, for tests, for simulation and for benches.
//!
//! [`ApiServer`] is one server. It is a [`tower::Service`], so a client library can talk to it without a socket, and it can be put behind a
//! TCP port with TLS and HTTP/2. Time and chance are injected ([`Options`]): the same seed and the same requests in the same order give the
//! same answers. What goes wrong is set on [`ApiServer::faults`].

mod admit;
mod answer;
mod apply;
mod clock;
mod discovery;
mod dispatch;
mod error;
mod faults;
mod fleet;
mod hand;
mod kcp;
mod kubernetes;
mod object;
mod patch;
mod registry;
mod request;
pub mod scenario;
mod schema;
mod select;
mod serve;
mod server;
mod state;
mod store;
mod verbs;
mod workload;
mod write;

#[cfg(test)]
mod tests;

pub use self::{
    answer::Body,
    clock::{Clock, ManualClock, SkewedClock, SystemClock, TimerClock},
    faults::{Effect, Fault, FaultPlan, Faults, Reach, Verb, Which},
    fleet::{EXPORT, Fleet, FleetOptions, PROVIDER},
    hand::{Hand, Refused},
    serve::{Serving, Transport},
    server::{ApiServer, BearerToken, ExpiredWatch, Flavor, InitialEvents, NoAnswer, Options},
    state::NamespaceLifecycle,
    workload::{Round, WorkloadPlan, Workloads},
};
