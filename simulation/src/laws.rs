//! What the rules say at a moment, in a form of the simulation's own: what a syncer is told, and what the checks go by.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use syncer_core::{
    config::{
        ConfigDuration, Configuration, ConflictRules, Deletion, FightRule, ResourceRef, Selection, SyncPolicy,
        SyncPolicySpec, SyncTarget, SyncTargetSpec, WaitForDownstream,
    },
    marker::CONFIRM_DELETION_ANNOTATION,
};

/// The rules at a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Laws {
    pub(crate) policies: Vec<Law>,
    pub(crate) targets: BTreeMap<String, Citizen>,
}

/// A policy.
#[derive(Clone, Debug)]
pub(crate) struct Law {
    pub(crate) name: String,
    /// Group and plural.
    pub(crate) kinds: BTreeSet<(String, String)>,
    /// The targets that it names.
    pub(crate) targets: BTreeSet<String>,
    pub(crate) waits: WaitForDownstream,
    pub(crate) abandon_after: Duration,
}

/// A target on the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Citizen {
    pub(crate) drained: Drained,
    /// The resources that it refuses, such as `services`.
    pub(crate) refuses: BTreeSet<String>,
    /// How many deletions a person confirms.
    pub(crate) confirmed: Option<usize>,
}

/// Whether everything has to leave a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Drained {
    /// It has.
    Yes,
    /// It has not.
    #[default]
    No,
}

// === impl Laws ===

impl Laws {
    /// The policy that has objects of this kind on `target`, if one does.
    pub(crate) fn law_of(&self, group: &str, resource: &str, target: &str) -> Option<&Law> {
        let citizen = self.targets.get(target)?;
        if citizen.drained == Drained::Yes || citizen.refuses.contains(resource) {
            return None;
        }
        let kind = (group.to_owned(), resource.to_owned());
        let mut laws = self.policies.iter();
        laws.find(|law| law.kinds.contains(&kind) && law.targets.contains(target))
    }

    /// The documents that say so.
    pub(crate) fn configuration(&self) -> Configuration {
        let policies = self.policies.iter().map(|law| {
            let policy = SyncPolicy {
                name: law.name.clone(),
                spec: law.spec(),
            };
            (Arc::from(law.name.as_str()), Arc::new(policy))
        });
        let targets = self
            .targets
            .iter()
            .map(|(name, citizen)| (Arc::from(name.as_str()), Arc::new(citizen.document(name))));
        Configuration {
            targets: targets.collect(),
            policies: policies.collect(),
        }
    }
}

// === impl Law ===

impl Law {
    fn spec(&self) -> SyncPolicySpec {
        let resources = self.kinds.iter().map(|(group, resource)| ResourceRef {
            group: group.clone(),
            resource: resource.clone(),
        });
        SyncPolicySpec {
            resources: resources.collect(),
            targets: Selection {
                names: self.targets.iter().cloned().collect(),
                ..Selection::default()
            },
            // What is left alone for a while would not be what the upstream says when it is looked at (S7).
            conflict: ConflictRules {
                fight: FightRule {
                    threshold: u32::MAX,
                    ..FightRule::default()
                },
                ..ConflictRules::default()
            },
            deletion: Deletion {
                wait_for_downstream: self.waits,
                abandon_after: ConfigDuration(self.abandon_after),
                ..Deletion::default()
            },
            ..SyncPolicySpec::default()
        }
    }
}

// === impl Citizen ===

impl Citizen {
    fn document(&self, name: &str) -> SyncTarget {
        let confirmed = self
            .confirmed
            .map(|count| (CONFIRM_DELETION_ANNOTATION.to_owned(), count.to_string()));
        SyncTarget {
            name: name.to_owned(),
            uid: String::new(),
            labels: BTreeMap::new(),
            annotations: confirmed.into_iter().collect(),
            spec: SyncTargetSpec {
                evict_after: (self.drained == Drained::Yes).then(|| Timestamp::UNIX_EPOCH.to_string()),
                refuse: self.refuses.iter().cloned().collect(),
                ..SyncTargetSpec::default()
            },
        }
    }
}
