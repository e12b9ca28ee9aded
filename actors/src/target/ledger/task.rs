//! What a Reconciler needs to know.

use std::sync::Arc;

use syncer_core::{
    config::DeletionMode,
    marker::PayloadHash,
    plan::{Desired, Live, Step},
};

use super::{Fields, Loss, Others, Record};
use crate::prescription::Prescription;

/// What a Reconciler needs to know to take the next step.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// The step.
    pub(crate) step: Step,
    /// The UID of the upstream object; `None` where it is not wanted.
    pub(crate) uid: Option<Box<str>>,
    /// How the object has to be; `None` where it is not wanted.
    pub(crate) prescription: Option<Arc<Prescription>>,
    /// The FieldsV1 of our entry in the live object, where it was not compared yet.
    pub(crate) fields: Option<Box<str>>,
    /// Whether others wrote to the object beside us.
    pub(crate) others: Others,
    /// Stands for the order of what is ours in keyed lists, where that was not compared yet.
    pub(crate) order: u64,
    /// The hash of what was applied last, as far as it says anything.
    pub(crate) applied: Option<PayloadHash>,
    /// The version of the live object, as far as it was seen.
    pub(crate) resource_version: Option<Box<str>>,
    /// Whether somebody took the object away.
    pub(crate) loss: Loss,
    /// The policy that wanted it last.
    pub(crate) policy: Arc<str>,
    /// What that policy said about objects that have to go, when the object was last written.
    pub(crate) marked: DeletionMode,
}

// === impl Record ===

impl Record {
    pub(super) fn task(&self) -> Task {
        let (fields, others, order) = match &self.fields {
            Fields::Unverified {
                ours, others, order, ..
            } => (Some(ours.clone()), Others::of(*others), *order),
            Fields::Verified { others, .. } => (None, *others, 0),
        };
        Task {
            step: self.step(),
            uid: match &self.desired {
                Desired::Wanted { uid, .. } => Some(uid.clone()),
                _ => None,
            },
            prescription: self.prescription.clone(),
            fields,
            others,
            order,
            loss: self.loss,
            policy: self.policy.clone(),
            marked: self.marked,
            applied: match &self.live {
                Live::Ours(ours) => ours.applied,
                Live::Unseen | Live::Foreign => None,
            },
            resource_version: Some(self.resource_version.clone()).filter(|version| !version.is_empty()),
        }
    }
}
