//! What is on a target only because something there needs it: namespaces, and what pod templates name.

use std::sync::Arc;

use syncer_core::{ObjectKey, placement::Needs};

use super::{Activity, Entry, Index, Tidings, Want};
use crate::references::Difference;

/// Whether it is known who names what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    /// Not everything is listed yet: what nothing names so far stays where it is (S3).
    #[default]
    Unsettled,
    /// It is: what nothing names is not needed.
    Settled,
}

// === impl Index ===

impl Index {
    /// Whether `key` has to be on the target of `want` now.
    pub(super) fn needs(&self, want: &Want, key: &ObjectKey) -> bool {
        want.needs == Needs::Selected || self.references.names(want.target(), key)
    }

    /// Moves the references of an object from `old` to `new`; what made a difference is added to `touched`.
    pub(super) fn count(
        &self,
        key: &ObjectKey,
        old: Option<&Entry>,
        new: Option<&Entry>,
        touched: &mut Vec<(Arc<str>, ObjectKey)>,
    ) {
        for (target, named) in new.into_iter().flat_map(|entry| entry.references(key)) {
            if self.references.add(&target, &named) == Difference::Made {
                touched.push((target, named));
            }
        }
        for (target, named) in old.into_iter().flat_map(|entry| entry.references(key)) {
            if self.references.remove(&target, &named) == Difference::Made {
                touched.push((target, named));
            }
        }
    }

    /// Tells of what is needed now, or not needed any more, because of others.
    pub(super) fn reconsider(&mut self, touched: Vec<(Arc<str>, ObjectKey)>, tidings: &mut Tidings) {
        for (target, named) in touched {
            let Some(mut entry) = self.remove(&named) else { continue };
            let needed = self.references.names(&target, &named);
            let told = entry.told.iter().position(|told| *told == target);
            let want = entry
                .wants
                .iter()
                .find(|want| *want.target() == target && want.needs == Needs::IfReferenced);
            if let Some(want) = want.filter(|want| want.activity == Activity::AwaitsFinalizer) {
                let order = if needed { self.kept() } else { self.unwanted(&named) };
                tidings.push((want.target().clone(), named.clone(), order));
            } else if let Some(want) = want.filter(|want| want.activity == Activity::Synced) {
                match (needed, told) {
                    (true, None) => {
                        tidings.push((target.clone(), named.clone(), self.wanted(&entry.uid, want)));
                        entry.told.push(target);
                    }
                    (false, Some(position)) => {
                        tidings.push((target.clone(), named.clone(), self.unwanted(&named)));
                        entry.told.swap_remove(position);
                    }
                    (true, Some(_)) | (false, None) => {}
                }
            }
            if let Some(resource) = self.resources.get_mut(&named.gvr) {
                resource.objects.insert(named, entry);
            }
        }
    }

    /// Everything is listed: what nothing names is not needed from here on.
    pub(crate) fn settle(&mut self) -> Tidings {
        if self.names == Names::Settled {
            return Tidings::new();
        }
        self.names = Names::Settled;
        let mut tidings = Tidings::new();
        for (key, entry) in self.resources.values().flat_map(|resource| &resource.objects) {
            let unnamed = entry.wants.iter().filter(|want| {
                let kept = match want.activity {
                    Activity::Synced => entry.told.contains(want.target()),
                    Activity::AwaitsFinalizer => self.needs(want, key),
                    Activity::Rests | Activity::Leaves => true,
                };
                want.needs == Needs::IfReferenced && !kept
            });
            tidings.extend(unnamed.map(|want| (want.target().clone(), key.clone(), self.unwanted(key))));
        }
        tidings.sort_unstable_by(|(one, first, _), (other, second, _)| (one, first).cmp(&(other, second)));
        tidings
    }
}
