//! Whether the process has done its first work: the upstream is listed, and each target is listed or known not to be
//! reachable.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use dashmap::DashMap;

/// What is ready, and what is waited for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    upstream_listed: AtomicBool,
    upstream_replaced: AtomicBool,
    targets: DashMap<Arc<str>, TargetReadiness>,
}

/// How far a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TargetReadiness {
    /// Nothing is known of it yet.
    Pending,
    /// Its first lists are through.
    Listed,
    /// It was not reached; nobody waits for it.
    Unreachable,
}

// === impl Readiness ===

impl Readiness {
    /// Waits for the upstream and the targets `names`.
    pub fn of(names: impl IntoIterator<Item = Arc<str>>) -> Self {
        let readiness = Self::default();
        for name in names {
            readiness.0.targets.insert(name, TargetReadiness::Pending);
        }
        readiness
    }

    /// Waits for the targets `names`, and for no others; what is known of them stays.
    pub(crate) fn expect<'a>(&self, names: impl Iterator<Item = &'a Arc<str>> + Clone) {
        self.0
            .targets
            .retain(|known, _| names.clone().any(|name| name == known));
        for name in names {
            self.0.targets.entry(name.clone()).or_insert(TargetReadiness::Pending);
        }
    }

    /// The upstream's first lists are through.
    pub(crate) fn upstream_listed(&self) {
        self.0.upstream_listed.store(true, Ordering::Release);
    }

    /// Another upstream answers under the address.
    pub(crate) fn upstream_replaced(&self) {
        self.0.upstream_replaced.store(true, Ordering::Release);
    }

    /// The upstream that the process began with answers again.
    pub(crate) fn upstream_continued(&self) {
        self.0.upstream_replaced.store(false, Ordering::Release);
    }

    /// The first lists of `target` are through.
    pub(crate) fn listed(&self, target: &str) {
        self.set(target, TargetReadiness::Listed);
    }

    /// `target` cannot be reached, or not be listed. One that was listed before stays so.
    pub(crate) fn unreachable(&self, target: &str) {
        if let Some(mut entry) = self.0.targets.get_mut(target)
            && *entry == TargetReadiness::Pending
        {
            *entry = TargetReadiness::Unreachable;
        }
    }

    fn set(&self, target: &str, readiness: TargetReadiness) {
        if let Some(mut entry) = self.0.targets.get_mut(target) {
            *entry = readiness;
        }
    }

    /// Each condition by name, and whether it is met.
    pub fn conditions(&self) -> BTreeMap<String, bool> {
        let targets = self.0.targets.iter();
        let mut conditions: BTreeMap<_, _> = targets
            .map(|entry| {
                (
                    format!("target {}", entry.key()),
                    *entry.value() != TargetReadiness::Pending,
                )
            })
            .collect();
        conditions.insert("upstream".to_owned(), self.0.upstream_listed.load(Ordering::Acquire));
        if self.0.upstream_replaced.load(Ordering::Acquire) {
            conditions.insert("the same upstream as at the start".to_owned(), false);
        }
        conditions
    }

    /// Whether all conditions are met.
    pub fn is_ready(&self) -> bool {
        self.conditions().values().all(|met| *met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_upstream_listed_and_each_target_listed_or_unreachable() {
        let readiness = Readiness::of(["east".into(), "west".into()]);
        assert!(!readiness.is_ready());
        readiness.upstream_listed();
        readiness.listed("east");
        assert_eq!(readiness.conditions().get("target west"), Some(&false));
        assert!(!readiness.is_ready());
        readiness.unreachable("west");
        assert!(readiness.is_ready());
    }

    #[test]
    fn who_is_waited_for_may_change() {
        let (east, west): (Arc<str>, Arc<str>) = ("east".into(), "west".into());
        let readiness = Readiness::of([east.clone()]);
        readiness.upstream_listed();
        readiness.listed("east");
        readiness.expect([east, west.clone()].iter());
        assert_eq!(readiness.conditions().get("target east"), Some(&true));
        assert!(!readiness.is_ready());
        readiness.expect([west].iter());
        readiness.listed("west");
        assert!(readiness.is_ready());
        assert!(!readiness.conditions().contains_key("target east"));
    }

    #[test]
    fn another_upstream_under_the_address_is_not_ready() {
        let readiness = Readiness::of([]);
        readiness.upstream_listed();
        readiness.upstream_replaced();
        assert!(!readiness.is_ready());
        assert_eq!(readiness.conditions().get("upstream"), Some(&true));
        readiness.upstream_continued();
        assert!(readiness.is_ready());
    }

    #[test]
    fn without_targets_the_upstream_decides() {
        let readiness = Readiness::of([]);
        assert!(!readiness.is_ready());
        readiness.upstream_listed();
        assert!(readiness.is_ready());
    }

    #[test]
    fn a_listed_target_that_is_lost_later_stays_ready() {
        let readiness = Readiness::of(["east".into()]);
        readiness.upstream_listed();
        readiness.listed("east");
        readiness.unreachable("east");
        readiness.listed("unknown");
        assert_eq!(readiness.conditions().len(), 2);
        assert!(readiness.is_ready());
    }
}
