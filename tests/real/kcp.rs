//! kcp as the upstream, set up with what `tmc-syncer manifests kcp` prints.

mod apart;
mod claims;
mod crowd;
mod fidelity;
mod leaving;
mod manifests;
mod outages;
pub(crate) mod provider;
mod release;
mod scene;
mod walk_through;
