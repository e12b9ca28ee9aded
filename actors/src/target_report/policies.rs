//! What is known of each policy, for the status of its SyncPolicy.

use std::{
    collections::{BTreeMap, HashMap},
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
    /// How its objects stand, over all targets.
    pub(crate) objects: ObjectCounts,
}

/// What is known of the policies but for their counts. Cheap to ask where nothing is wrong.
#[derive(Debug, Default)]
pub(super) struct Policies(Mutex<Wrong>);

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
        let mut wrong = self.0.policies.0.lock();
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
        self.0.policies.0.lock().begin(revision);
    }

    /// A transform of `policy` fails for `object`.
    pub(crate) fn transform_failed(&self, policy: &Arc<str>, object: &ObjectKey, cause: &str) {
        let mut wrong = self.0.policies.0.lock();
        if wrong.failing.len() < MOST_FAILING || wrong.failing.contains_key(object) {
            wrong.failing.insert(object.clone(), (policy.clone(), cause.to_owned()));
            drop(wrong);
            self.0.urgent.notify_one();
        }
    }

    /// `object` can be transformed, or is gone.
    pub(crate) fn transformed(&self, object: &ObjectKey) {
        let mut wrong = self.0.policies.0.lock();
        if !wrong.failing.is_empty() {
            wrong.failing.remove(object);
        }
    }

    /// How the objects of each policy stand on `target`.
    pub(crate) fn policy_objects(&self, target: &Arc<str>, objects: BTreeMap<Arc<str>, ObjectCounts>) {
        self.change(target, |report| report.policies = objects);
    }

    /// All that is known of `policy`.
    pub(crate) fn policy(&self, policy: &Arc<str>) -> PolicyReport {
        let mut objects = ObjectCounts::default();
        for report in &self.0.targets {
            if let Some(counts) = report.policies.get(policy) {
                objects.add(counts);
            }
        }
        let wrong = self.0.policies.0.lock();
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
