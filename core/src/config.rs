//! The documents that say what goes where: SyncTarget and SyncPolicy (`workload.kcp.io/v1alpha1`), as types.
//!
//! The same types are read from files and from objects. What they mean is decided elsewhere in this crate; here is only
//! what may be written ([`schema`]), its defaults, and what is wrong with a document ([`check`]).

pub mod check;
mod duration;
mod policy;
pub mod schema;
mod selector;
mod target;
mod transform;

use std::{collections::BTreeMap, sync::Arc};

pub use self::{
    duration::{ConfigDuration, DurationError},
    policy::{
        Adoption, Aggregation, ConflictRules, Deletion, DeletionMode, FieldOwner, FieldRule, FightRule, ForeignLeaves,
        NamespaceMetadata, OnImmutable, OnUnknownField, ResourceRef, StatusRules, Strategy, SyncPolicy, SyncPolicySpec,
        WaitForDownstream, WorkspaceSelection,
    },
    selector::{LabelSelector, Requirement, Selection, SelectorOperator},
    target::{NamespaceMapping, SecretKeyRef, SyncTarget, SyncTargetSpec, TargetLimits},
    transform::{ImageRegistry, Operation, SetValue, Transform},
};

/// The API group of the documents.
pub const API_GROUP: &str = "workload.kcp.io";

/// Group and version of the documents.
pub const API_VERSION: &str = "workload.kcp.io/v1alpha1";

/// A complete, valid set of documents: what decides about every object at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// The targets by name.
    pub targets: BTreeMap<Arc<str>, Arc<SyncTarget>>,
    /// The policies by name.
    pub policies: BTreeMap<Arc<str>, Arc<SyncPolicy>>,
}
