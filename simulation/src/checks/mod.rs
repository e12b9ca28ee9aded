//! The invariants, each as a question to what was observed.

pub(crate) mod bounds;
pub(crate) mod docket;
mod downstream;
mod upstream;

pub(crate) use self::downstream::{origin as downstream_origin, upstream_id};
use syncer_sandbox::ApiServer;

use crate::{
    outcome::Invariant,
    request::Asked,
    wire::{Change, Side},
};

/// What is wrong.
pub(crate) type Wrong = (Invariant, String);

/// What is wrong with a request that is sent.
pub(crate) fn sent(upstream: &ApiServer, side: &Side, asked: &Asked, body: &[u8]) -> Vec<Wrong> {
    match side {
        Side::Upstream => Vec::new(),
        Side::Target(name) => downstream::sent(upstream, name, asked, body),
    }
}

/// What is wrong with a change that a request made.
pub(crate) fn changed(of: &ApiServer, side: &Side, asked: &Asked, change: &Change) -> Vec<Wrong> {
    match side {
        Side::Upstream => upstream::changed(asked, change).into_iter().collect(),
        Side::Target(name) => downstream::changed(of, name, asked, change),
    }
}
