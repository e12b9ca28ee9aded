//! What is needed on a target because something else there names it: namespaces, and what pod templates take along.

use std::sync::Arc;

use dashmap::DashMap;
use syncer_core::ObjectKey;

/// How many objects on each target name an object. Written by the Upstream, read by whoever confirms an absence.
#[derive(Clone, Debug, Default)]
pub(crate) struct References(Arc<DashMap<(Arc<str>, ObjectKey), u32>>);

/// Whether a change of references made a difference for what is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// It is needed from now on, or no longer.
    Made,
    /// It is as it was.
    None,
}

// === impl References ===

impl References {
    /// One more object on `target` names `key`.
    pub(crate) fn add(&self, target: &Arc<str>, key: &ObjectKey) -> Difference {
        let mut count = self.0.entry((target.clone(), key.clone())).or_insert(0);
        *count = count.saturating_add(1);
        if *count == 1 {
            Difference::Made
        } else {
            Difference::None
        }
    }

    /// One object less on `target` names `key`.
    pub(crate) fn remove(&self, target: &Arc<str>, key: &ObjectKey) -> Difference {
        let entry = (target.clone(), key.clone());
        let Some(mut count) = self.0.get_mut(&entry) else {
            return Difference::None;
        };
        *count = count.saturating_sub(1);
        let gone = *count == 0;
        drop(count);
        if !gone {
            return Difference::None;
        }
        self.0.remove_if(&entry, |_, count| *count == 0);
        Difference::Made
    }

    /// Whether anything on `target` names `key`.
    pub(crate) fn names(&self, target: &Arc<str>, key: &ObjectKey) -> bool {
        self.0.contains_key(&(target.clone(), key.clone()))
    }

    /// Forgets everything: the objects are listed anew.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use syncer_core::{Gvr, LogicalCluster};

    use super::*;

    #[test]
    fn the_first_and_the_last_reference_make_a_difference() {
        let references = References::default();
        let (east, west): (Arc<str>, Arc<str>) = ("east".into(), "west".into());
        let key = ObjectKey::new(
            LogicalCluster::plain(),
            Gvr::new("", "v1", "configmaps"),
            "default",
            "c",
        );
        assert_eq!(references.add(&east, &key), Difference::Made);
        assert_eq!(references.add(&east, &key), Difference::None);
        assert!(references.names(&east, &key) && !references.names(&west, &key));
        assert_eq!(references.remove(&east, &key), Difference::None);
        assert_eq!(references.remove(&east, &key), Difference::Made);
        assert_eq!(references.remove(&east, &key), Difference::None);
        assert!(!references.names(&east, &key));
    }
}
