//! kcp as the upstream, set up with what `tmc-syncer manifests kcp` prints.

mod fidelity;
mod manifests;
mod provider;
