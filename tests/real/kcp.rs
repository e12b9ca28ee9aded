//! kcp as the upstream, set up with what `tmc-syncer manifests kcp` prints.

mod apart;
mod astray;
mod authorities;
mod bindings;
mod claims;
mod crowd;
mod deep;
mod diff;
mod endpoints;
mod exports;
mod fidelity;
mod leaving;
mod manifests;
mod outages;
mod own_objects;
mod policies;
pub(crate) mod provider;
mod release;
mod requests;
mod scene;
mod shards;
mod strategies;
mod told;
mod walk_through;
