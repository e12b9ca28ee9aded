//! What the syncer decides: pure functions over plain data, without clock, I/O or any client library.
//!
//! A newcomer learns the product here. An upstream object becomes a [`payload`] unless it is [`protect`]ed; [`plan`]
//! compares what is desired with what a target shows and names the next step; a [`body`] is what is applied, with the
//! [`marker`]s by which the object is known again; [`ownership`] tells drift; nothing is deleted without a [`proof`], and a
//! [`finalizer`] makes the upstream object wait for it where a policy says so.
//!
//! Policies decide through [`placement`]: which objects go to which targets. [`transform`] is what they change on the way,
//! and [`dependencies`] what the pods of an object need beside it.
//!
//! What an apply cannot do by itself: [`kind_rules`] leave to each cluster what it sets, [`normalise`] what an apply
//! would refuse, [`drift`] names what others changed, [`removal`] takes out what an omission leaves, [`immutable`] knows
//! what is refused for good. [`difference`] is for people: what a write would change.

pub mod abandoned;
pub mod body;
pub mod built_in;
pub mod condition;
pub mod config;
pub mod conflict;
pub mod dependencies;
pub mod difference;
pub mod drift;
pub mod event_reason;
pub mod field_path;
pub mod finalizer;
pub mod guard;
pub mod hash_key;
pub mod identity;
pub mod immutable;
pub mod kcp;
pub mod kind_rules;
pub mod lease;
pub mod marker;
pub mod naming;
pub mod normalise;
pub mod object_state;
pub mod ownership;
pub mod payload;
pub mod placement;
pub mod plan;
pub mod policy_status;
pub mod proof;
pub mod protect;
pub mod release;
pub mod removal;
pub mod resource_version;
pub mod status;
pub mod target_status;
pub mod transform;

pub use identity::{Gvr, LogicalCluster, ObjectKey, ResourceType, Scope};
