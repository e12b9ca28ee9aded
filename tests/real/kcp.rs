//! kcp as the upstream, set up with what `tmc-syncer manifests kcp` prints.

mod apart;
mod astray;
mod claims;
mod crowd;
mod diff;
mod endpoints;
mod fidelity;
mod leaving;
mod manifests;
mod outages;
mod policies;
pub(crate) mod provider;
mod release;
mod scene;
mod strategies;
mod walk_through;
