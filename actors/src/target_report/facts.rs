//! What there is to know of one target.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use syncer_core::{Gvr, ObjectKey, object_state::ObjectCounts};

use super::foreign_namespaces::ForeignNamespaces;

/// How many abandoned objects are named.
pub const MOST_NAMED: usize = 100;

/// What is known of one target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetReport {
    /// Whether it can be reached.
    pub reach: Reach,
    /// What it does not let us do, and why, by what it is.
    pub refusals: BTreeMap<Box<str>, Box<str>>,
    /// When it answered last.
    pub heartbeat: Option<Timestamp>,
    /// The version of its API server; empty while it is not known.
    pub kubernetes_version: Box<str>,
    /// What goes there.
    pub resources: Vec<SyncedResource>,
    /// Whether all of that was listed.
    pub listed: Listed,
    /// How its objects stand; none while this process has not counted them.
    pub objects: Option<ObjectCounts>,
    /// Deletions that are held, by policy.
    pub held: BTreeMap<Arc<str>, usize>,
    /// The value of the confirmation that was carried out last.
    pub confirmed_deletion: Box<str>,
    /// What was left behind there.
    pub abandoned: Abandoned,
    pub(super) foreign_namespaces: ForeignNamespaces,
    pub(super) policies: BTreeMap<Arc<str>, ObjectCounts>,
    pub(super) remembered: Option<Remembered>,
}

/// Whether a target can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nobody has tried yet.
    #[default]
    Untried,
    /// It answers.
    Reached,
    /// It does not.
    Unreachable {
        /// Why, in a sentence without a credential (S8).
        cause: Box<str>,
    },
    /// There is no way to it: its kubeconfig cannot be used.
    NoKubeconfig {
        /// Why, in a sentence without a credential (S8).
        cause: Box<str>,
    },
}

/// Whether everything that goes to a target was listed there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listed {
    /// Not yet.
    #[default]
    Not,
    /// It was.
    Whole,
}

/// A resource that goes to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedResource {
    /// Its API group; empty for the core group.
    pub group: Box<str>,
    /// Its plural name.
    pub resource: Box<str>,
    /// The versions that it is synced in.
    pub versions: Vec<Box<str>>,
    /// Whether the target takes it.
    pub state: ServedState,
}

/// Whether a target takes a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedState {
    /// It does.
    Accepted,
    /// It serves it; what it holds of it is being listed.
    Pending,
    /// It does not serve it in the version that goes there.
    Incompatible,
}

/// Objects that were left behind on a target that did not come back in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abandoned {
    /// How many.
    pub count: u64,
    /// Which, as [`syncer_core::abandoned`] writes them; at most [`MOST_NAMED`].
    pub objects: Vec<Box<str>>,
}

/// What the status of a SyncTarget says from before this process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// When the target answered last.
    pub heartbeat: Option<Timestamp>,
    /// The value of the confirmation that was carried out last.
    pub confirmed_deletion: Box<str>,
    /// What was left behind there.
    pub abandoned: Abandoned,
}

// === impl TargetReport ===

impl TargetReport {
    /// When it answered last, also before this process began; `None` where nobody remembers.
    pub(crate) fn last_well(&self) -> Option<Timestamp> {
        let remembered = self.remembered.as_ref().and_then(|remembered| remembered.heartbeat);
        self.heartbeat.or(remembered)
    }

    /// What people are to hear of at once, when it changes.
    pub(super) fn urgency(&self) -> impl PartialEq + use<> {
        let reach = std::mem::discriminant(&self.reach);
        let held: usize = self.held.values().sum();
        (
            reach,
            self.refusals.is_empty(),
            self.listed,
            held,
            self.abandoned.count,
            self.confirmed_deletion.clone(),
        )
    }
}

// === impl SyncedResource ===

impl SyncedResource {
    /// Whether it is `gvr`.
    pub(super) fn is(&self, gvr: &Gvr) -> bool {
        *self.group == *gvr.group()
            && *self.resource == *gvr.resource()
            && self.versions.iter().any(|version| **version == *gvr.version())
    }
}

// === impl Abandoned ===

impl Abandoned {
    /// The objects that are named.
    pub fn named(&self) -> impl Iterator<Item = ObjectKey> {
        self.objects
            .iter()
            .filter_map(|name| syncer_core::abandoned::parse(name))
    }

    pub(super) fn add(&mut self, object: &ObjectKey) {
        let name = syncer_core::abandoned::name(object);
        if self.objects.iter().any(|known| **known == *name) {
            return;
        }
        self.count += 1;
        if self.objects.len() < MOST_NAMED {
            self.objects.push(name.into());
        }
    }

    /// One that is not named is taken off the count alone: what is not named cannot be told apart.
    pub(super) fn remove(&mut self, object: &ObjectKey) {
        let name = syncer_core::abandoned::name(object);
        let before = self.objects.len();
        self.objects.retain(|known| **known != *name);
        let was_named = self.objects.len() < before;
        let some_unnamed = self.count > u64::try_from(before).unwrap_or(u64::MAX);
        if was_named || some_unnamed {
            self.count = self.count.saturating_sub(1);
        }
    }
}
