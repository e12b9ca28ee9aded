//! What the actors are told at the start: plain data and clients, no files.

use std::sync::Arc;

use syncer_clusters::Cluster;
use syncer_core::hash_key::HashKey;

use crate::{
    events::Recent, leader_election::Leadership, own_objects::OwnObjectsReceiver, preview::Preview,
    rulebook::Rulebooks, target_report::TargetReports, verdicts::Verdicts,
};

/// All of it.
#[derive(Clone)]
pub struct Settings {
    /// The upstream.
    pub upstream: UpstreamSettings,
    /// What goes where: the newest word on it, without restart.
    pub rulebooks: Rulebooks,
    /// The bounds by which an operator scales a pod.
    pub bounds: Bounds,
    /// Whether anything is written.
    pub writes: Writes,
    /// How many objects, on all targets together, a person says may go that are held as mass deletions at the start.
    pub confirm_mass_deletion: Option<usize>,
    /// The key of hashes over Secrets.
    pub hash_key: HashKey,
    /// The SyncTargets and SyncPolicies that are objects.
    pub own_objects: OwnObjectsReceiver,
    /// Where people look at what was told last.
    pub recent: Recent,
    /// Where people look at what was decided about objects that both sides change.
    pub verdicts: Verdicts,
    /// What is known of the targets, for their SyncTargets.
    pub reports: TargetReports,
    /// Where what is tried is noted; `None` unless writes are only tried. Then every cluster has to rehearse.
    pub preview: Option<Preview>,
    /// What is waited for before anything is begun; nothing where there is no election.
    pub standing_by: Option<StandingBy>,
}

/// What a process has to do with while another one leads.
#[derive(Clone)]
pub struct StandingBy {
    /// Whether it leads by now.
    pub leadership: Leadership,
    /// The upstream, by a client that no fence holds back.
    pub upstream: Cluster,
}

/// Where objects come from.
#[derive(Clone)]
pub struct UpstreamSettings {
    /// The API server.
    pub cluster: Cluster,
    /// Bytes of bodies kept in memory.
    pub body_cache: u64,
    /// What the API server is.
    pub source: UpstreamSource,
    /// The id of an upstream whose place this one took: what that one put on the targets is this one's.
    pub previous: Option<Arc<str>>,
}

/// What objects are read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UpstreamSource {
    /// One API server, or one workspace of kcp, at its base path.
    #[default]
    Plain,
    /// The consumers of an export of kcp: the API server is the workspace that has the APIExportEndpointSlice of this name.
    EndpointSlice(Arc<str>),
}

/// How much of everything there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Messages in the mailbox of a long-lived actor.
    pub mailbox: usize,
    /// Reconcilers alive at once, per target.
    pub reconcilers: usize,
}

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// What is planned is done.
    Done,
    /// What is planned is reported only.
    Reported,
    /// What is planned for targets is tried there, by dry runs, and noted; nothing else is written.
    Rehearsed,
}
