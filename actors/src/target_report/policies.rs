//! What is known of each policy, for the status of its SyncPolicy.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use syncer_core::{ObjectKey, object_state::ObjectCounts};

use super::TargetReports;

/// How many objects with a transform that fails are remembered, over all policies; beyond that the count is too small.
const MOST_FAILING: usize = 4_096;

/// What is known of one policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PolicyReport {
    /// Where another policy decides about objects that it selects too.
    pub(crate) shadowed: Option<String>,
    /// How many objects its transforms fail for, and how for one of them.
    pub(crate) failing: Option<(u64, String)>,
    /// How its objects stand, over all targets that this process has counted.
    pub(crate) objects: ObjectCounts,
    /// The targets from before this process began that it has not counted yet; none while nobody knows which targets there are.
    pub(crate) uncounted: Option<BTreeSet<Arc<str>>>,
}

/// What is known of the policies but for their counts. Cheap to ask where nothing is wrong.
#[derive(Debug, Default)]
pub(super) struct Policies {
    wrong: Mutex<Wrong>,
    roster: Mutex<Roster>,
}

/// The targets that there are.
#[derive(Debug, Default)]
enum Roster {
    /// Nobody has told any yet.
    #[default]
    Untold,
    /// These.
    Told {
        targets: BTreeSet<Arc<str>>,
        /// Those of the first word.
        first: BTreeSet<Arc<str>>,
    },
}

#[derive(Debug, Default)]
struct Wrong {
    /// By policy and target: under which rules, and by which policy.
    shadowed: BTreeMap<(Arc<str>, Arc<str>), (u64, String)>,
    failing: HashMap<ObjectKey, (Arc<str>, String)>,
    /// The newest rules of which anything was said.
    revision: u64,
}

// === impl TargetReports ===

impl TargetReports {
    /// Under the rules of `revision` another policy decides about some object that `policy` selects for `target` too.
    pub(crate) fn shadowed(&self, policy: &Arc<str>, target: &Arc<str>, revision: u64, how: &str) {
        let mut wrong = self.0.policies.wrong.lock();
        wrong.begin(revision);
        if wrong.revision == revision {
            let pair = (policy.clone(), target.clone());
            wrong.shadowed.insert(pair, (revision, how.to_owned()));
            drop(wrong);
            self.0.urgent.notify_one();
        }
    }

    /// There are other rules: what was said under older ones is over.
    pub(crate) fn rules_changed(&self, revision: u64) {
        self.0.policies.wrong.lock().begin(revision);
    }

    /// A transform of `policy` fails for `object`.
    pub(crate) fn transform_failed(&self, policy: &Arc<str>, object: &ObjectKey, cause: &str) {
        let mut wrong = self.0.policies.wrong.lock();
        if wrong.failing.len() < MOST_FAILING || wrong.failing.contains_key(object) {
            wrong.failing.insert(object.clone(), (policy.clone(), cause.to_owned()));
            drop(wrong);
            self.0.urgent.notify_one();
        }
    }

    /// `object` can be transformed, or is gone.
    pub(crate) fn transformed(&self, object: &ObjectKey) {
        let mut wrong = self.0.policies.wrong.lock();
        if !wrong.failing.is_empty() {
            wrong.failing.remove(object);
        }
    }

    /// These are all targets that there are.
    pub(crate) fn expect<'a>(&self, targets: impl Iterator<Item = &'a Arc<str>>) {
        let targets: BTreeSet<_> = targets.cloned().collect();
        let mut roster = self.0.policies.roster.lock();
        *roster = match std::mem::take(&mut *roster) {
            Roster::Untold if targets.is_empty() => Roster::Untold,
            Roster::Untold => Roster::Told {
                first: targets.clone(),
                targets,
            },
            Roster::Told { first, .. } => Roster::Told {
                first: first.intersection(&targets).cloned().collect(),
                targets,
            },
        };
    }

    /// How the objects of each policy stand on `target`. Told before [`TargetReports::objects`], which says that it was counted.
    pub(crate) fn policy_objects(&self, target: &Arc<str>, objects: BTreeMap<Arc<str>, ObjectCounts>) {
        self.change(target, |report| report.policies = objects);
    }

    /// All that is known of `policy`.
    pub(crate) fn policy(&self, policy: &Arc<str>) -> PolicyReport {
        let mut objects = ObjectCounts::default();
        let (mut counted, mut old) = (BTreeSet::new(), BTreeSet::new());
        for report in &self.0.targets {
            if let Some(counts) = report.policies.get(policy) {
                objects.add(counts);
            }
            if report.objects.is_some() {
                counted.insert(report.key().clone());
            }
            if report.remembered.as_ref().is_some_and(|it| it.heartbeat.is_some()) {
                old.insert(report.key().clone());
            }
        }
        let uncounted = match &*self.0.policies.roster.lock() {
            Roster::Untold => None,
            Roster::Told { targets, first } => {
                let targets = targets.iter().filter(|name| !counted.contains(*name));
                let targets = targets.filter(|name| first.contains(*name) || old.contains(*name));
                Some(targets.cloned().collect())
            }
        };
        let wrong = self.0.policies.wrong.lock();
        let mut shadowed = wrong.shadowed.iter().filter(|((name, _), _)| name == policy);
        let failing = wrong.failing.values().filter(|(name, _)| name == policy);
        let causes: Vec<_> = failing.map(|(_, cause)| cause).collect();
        PolicyReport {
            shadowed: shadowed.next().map(|(_, (_, how))| how.clone()),
            // The same one of them each time, whatever the order of the map: no write without news (S5).
            failing: causes.iter().min().map(|cause| {
                let count = u64::try_from(causes.len()).unwrap_or(u64::MAX);
                (count, (*cause).clone())
            }),
            objects,
            uncounted,
        }
    }
}

// === impl Wrong ===

impl Wrong {
    fn begin(&mut self, revision: u64) {
        if revision > self.revision {
            self.revision = revision;
            self.shadowed.clear();
            self.failing.clear();
        }
    }
}
