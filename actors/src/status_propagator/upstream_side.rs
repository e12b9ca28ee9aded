//! The upstream's side of an object.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use syncer_clusters::Object;
use syncer_core::{
    config::Aggregation,
    resource_version,
    status::{Balancing, Packed, Problem, StatusKind},
};
use xxhash_rust::xxh3::xxh3_64;

use super::rhythm::Rhythm;

/// What an object's policy says of its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusTerms {
    /// How reports become one status.
    pub(crate) aggregation: Aggregation,
    /// How long the part of a silent target counts.
    pub(crate) stale_after: Duration,
    /// The shortest time between two writes.
    pub(crate) min_interval: Duration,
}

/// The upstream object as it was last seen.
pub(super) struct UpstreamSide {
    pub(super) uid: Box<str>,
    pub(super) resource_version: Box<str>,
    pub(super) generation: i64,
    pub(super) balancing: Balancing,
    pub(super) endpoints: Expected,
    pub(super) status: Packed,
    pub(super) terms: StatusTerms,
    /// The number of the last list begun before it was seen.
    pub(super) list: u32,
    /// Why it cannot go down as it is.
    pub(super) malformed: Option<Box<Problem>>,
    /// What was written last.
    pub(super) base: Option<Base>,
    /// How often others write it.
    pub(super) rhythm: Rhythm,
}

/// Whether a Service has endpoints at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// It has, sooner or later.
    Yes,
    /// It is a name for something else, or no Service.
    No,
}

/// A status that was written.
#[derive(Clone, Copy)]
pub(super) struct Base {
    /// The hash of what was sent.
    pub(super) sent: u64,
    /// The hash of what the upstream made of it: fields that it does not know are not there.
    pub(super) kept: u64,
}

#[derive(Deserialize)]
struct SpecType {
    #[serde(default)]
    r#type: String,
}

// === impl StatusTerms ===

impl Default for StatusTerms {
    fn default() -> Self {
        Self {
            aggregation: Aggregation::default(),
            stale_after: Duration::from_mins(5),
            min_interval: Duration::from_millis(500),
        }
    }
}

// === impl UpstreamSide ===

impl UpstreamSide {
    pub(super) fn of(object: &Object, terms: StatusTerms, list: u32) -> Self {
        let kind = StatusKind::of(&object.key().gvr);
        let spec_type = || {
            let spec = object.member("spec")?;
            serde_json::from_str::<SpecType>(spec.get()).ok()
        };
        let (balancing, endpoints) = match kind {
            StatusKind::Ingress => (Balancing::Allowed, Expected::No),
            StatusKind::Service => match spec_type().map(|spec| spec.r#type).as_deref() {
                Some("LoadBalancer") => (Balancing::Allowed, Expected::Yes),
                Some("ExternalName") => (Balancing::Refused, Expected::No),
                _ => (Balancing::Refused, Expected::Yes),
            },
            _ => (Balancing::Refused, Expected::No),
        };
        Self {
            uid: object.uid().into(),
            resource_version: object.resource_version().into(),
            generation: object.generation(),
            balancing,
            endpoints,
            status: Packed::of(&status_of(object)),
            terms,
            list,
            malformed: None,
            base: None,
            rhythm: Rhythm::default(),
        }
    }

    /// Takes along what is known of the same object beside what its API server shows. `at` is when this version was seen.
    pub(super) fn follow(&mut self, known: &Self, at: Duration) {
        if self.uid != known.uid {
            return;
        }
        self.base = known.base;
        self.rhythm = known.rhythm;
        if self.resource_version != known.resource_version {
            self.rhythm.seen(at);
        }
    }

    /// Whether the version `seen` of the same object is older than this one. Versions of one API server are numbers; one
    /// that is not counts as newer. They go back where it was restored from a backup: what a later list shows counts.
    pub(super) fn is_newer_than(&self, seen: &Self) -> bool {
        self.uid == seen.uid
            && seen.list <= self.list
            && resource_version::is_older(&seen.resource_version, &self.resource_version)
    }
}

/// The status of `object`; null if it has none.
pub(super) fn status_of(object: &Object) -> Value {
    let raw = object.member("status").map(RawValue::get);
    raw.and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default()
}

pub(super) fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

pub(super) fn hash_of(status: &Packed) -> u64 {
    xxh3_64(status.as_bytes())
}
