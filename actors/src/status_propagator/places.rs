//! Which Service of one target is the copy of which upstream Service, and the endpoints that each place has.
//!
//! Slices come before their Service, stay behind when its copy goes out of sight, and may be there unchanged when it comes
//! back: so all of them are remembered by place, whether or not a copy is seen there.

use std::collections::HashMap;

use syncer_core::{ObjectKey, status::Endpoints};

use super::slices::{Slice, Slices};

/// Namespace and name of an object on the target.
pub(super) type Place = (Box<str>, Box<str>);

/// The places of one target. Bounded by the copies and slices that its watches hold.
#[derive(Default)]
pub(super) struct Places {
    /// The number of the list of Services that is under way, or was last.
    list: u32,
    known: HashMap<Place, Known>,
}

/// What is known of one place.
#[derive(Default)]
struct Known {
    copy: Option<CopyOf>,
    slices: Slices,
}

/// The copy of an upstream Service.
struct CopyOf {
    key: ObjectKey,
    /// The list that it was seen in, or after.
    list: u32,
}

pub(super) fn place(namespace: &str, name: &str) -> Place {
    (namespace.into(), name.into())
}

// === impl Places ===

impl Places {
    /// A new list of Services begins: what is seen from here on is in it.
    pub(super) fn list_started(&mut self) {
        self.list += 1;
    }

    /// The list is complete: a copy that was not in it is gone.
    pub(super) fn listed(&mut self) {
        let list = self.list;
        self.known.retain(|_, known| {
            known.copy.take_if(|copy| copy.list < list);
            !known.is_empty()
        });
    }

    /// The copy of `key` is at `place`; returns the endpoints there, if any are known.
    pub(super) fn copy_seen(&mut self, place: Place, key: &ObjectKey) -> Option<Endpoints> {
        let list = self.list;
        let known = self.known.entry(place).or_default();
        known.copy = Some(CopyOf { key: key.clone(), list });
        known.slices.endpoints()
    }

    /// The copy at `place` left; its slices may stay.
    pub(super) fn copy_gone(&mut self, place: &Place) {
        self.change(place, |known| known.copy = None);
    }

    /// `place` has the slice `name`; returns whose endpoints that concerns, and what they are now.
    pub(super) fn slice_seen(&mut self, place: &Place, name: &str, slice: Slice) -> Option<(ObjectKey, Endpoints)> {
        let known = self.known.entry(place.clone()).or_default();
        known.slices.seen(name, slice);
        Some((known.copy.as_ref()?.key.clone(), known.slices.endpoints()?))
    }

    /// `place` does not have the slice `name` any more; returns whose endpoints that concerns, and what is left of them.
    pub(super) fn slice_gone(&mut self, place: &Place, name: &str) -> Option<(ObjectKey, Option<Endpoints>)> {
        self.change(place, |known| {
            known.slices.gone(name);
            Some((known.copy.as_ref()?.key.clone(), known.slices.endpoints()))
        })?
    }

    /// How many places are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Changes what is known of `place`, and forgets it where nothing is left.
    fn change<T>(&mut self, place: &Place, change: impl FnOnce(&mut Known) -> T) -> Option<T> {
        let known = self.known.get_mut(place)?;
        let changed = change(known);
        if known.is_empty() {
            self.known.remove(place);
        }
        Some(changed)
    }
}

// === impl Known ===

impl Known {
    fn is_empty(&self) -> bool {
        self.copy.is_none() && self.slices.is_empty()
    }
}
