//! What one target's watches tell the board.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use syncer_clusters::{Object, WatchEvent};
use syncer_core::{Gvr, ObjectKey, plan::Ours, status::StatusKind};

use super::{
    StatusBoard,
    places::{Place, Places, place},
    slices::Slice,
};
use crate::watcher::Reading;

/// The label by which a slice names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The way of one target to the board. Cheap to clone.
///
/// The watches of Services and of slices both tell of endpoints: what they tell goes to the board under the lock of `places`,
/// so that the later word is the newer one.
#[derive(Clone)]
pub(crate) struct StatusReporter {
    board: StatusBoard,
    target: Arc<str>,
    places: Arc<Mutex<Places>>,
}

/// Turns the events of a target's `EndpointSlices` into endpoints.
pub(crate) struct SliceReading {
    reporter: StatusReporter,
    /// Each slice by its place: its Service, and the list that it was seen in.
    seen: HashMap<Place, (Place, u32)>,
    list: u32,
}

// === impl StatusReporter ===

impl StatusReporter {
    pub(crate) fn new(board: StatusBoard, target: Arc<str>) -> Self {
        Self {
            board,
            target,
            places: Arc::default(),
        }
    }

    /// The target.
    pub(crate) fn target(&self) -> &Arc<str> {
        &self.target
    }

    /// The slices are about to be listed.
    pub(crate) fn slices_awaited(&self) {
        self.board.slices_awaited(&self.target);
    }

    pub(crate) fn list_started(&self, gvr: &Gvr) {
        self.board.target_list_started(&self.target, gvr);
        if is_service(gvr) {
            self.places.lock().list_started();
        }
    }

    /// The watch shows `object`, the copy of the upstream's `key`.
    pub(crate) fn seen(&self, key: &ObjectKey, object: &Object, ours: &Ours) {
        if is_service(&key.gvr) {
            let mut places = self.places.lock();
            let endpoints = places.copy_seen(place_of(object), key);
            self.board.endpoints(&self.target, key, endpoints);
        }
        self.board
            .target_seen(&self.target, key, object, ours.applied, &ours.origin_uid);
    }

    /// The copy of `key` left.
    pub(crate) fn gone(&self, key: &ObjectKey, object: &Object) {
        if is_service(&key.gvr) {
            let mut places = self.places.lock();
            places.copy_gone(&place_of(object));
            self.board.target_gone(&self.target, key);
            return;
        }
        self.board.target_gone(&self.target, key);
    }

    pub(crate) fn listed(&self, gvr: &Gvr) {
        if is_service(gvr) {
            let mut places = self.places.lock();
            places.listed();
            self.board.target_listed(&self.target, gvr);
            return;
        }
        self.board.target_listed(&self.target, gvr);
    }

    fn slice_seen(&self, service: &Place, name: &str, slice: Slice) {
        let mut places = self.places.lock();
        if let Some((key, endpoints)) = places.slice_seen(service, name, slice) {
            self.board.endpoints(&self.target, &key, Some(endpoints));
        }
    }

    fn slice_gone(&self, service: &Place, name: &str) {
        let mut places = self.places.lock();
        if let Some((key, endpoints)) = places.slice_gone(service, name) {
            self.board.endpoints(&self.target, &key, endpoints);
        }
    }

    /// How many places of Services are known.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.places.lock().len()
    }
}

// === impl SliceReading ===

impl SliceReading {
    pub(crate) fn new(reporter: StatusReporter) -> Self {
        Self {
            reporter,
            seen: HashMap::new(),
            list: 0,
        }
    }

    fn present(&mut self, object: &Object) {
        let at = object.key();
        let (Some(service), Some(slice)) = (object.labels().get(SERVICE_NAME), Slice::of(object)) else {
            // What it said before does not hold any more.
            self.deleted(at);
            return;
        };
        let service = place(&at.namespace, service);
        let known = self.seen.insert(place_of(object), (service.clone(), self.list));
        if let Some((before, _)) = known.filter(|(before, _)| *before != service) {
            self.reporter.slice_gone(&before, &at.name);
        }
        self.reporter.slice_seen(&service, &at.name, slice);
    }

    fn deleted(&mut self, at: &ObjectKey) {
        if let Some((service, _)) = self.seen.remove(&place(&at.namespace, &at.name)) {
            self.reporter.slice_gone(&service, &at.name);
        }
    }

    /// The list is complete: what was seen before it and not in it is gone.
    fn listed(&mut self) {
        let list = self.list;
        for ((_, name), (service, _)) in self.seen.extract_if(|_, (_, seen)| *seen < list) {
            self.reporter.slice_gone(&service, &name);
        }
        self.reporter.board.slices_listed(&self.reporter.target);
    }
}

impl Reading for SliceReading {
    fn read(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::ListStarted => self.list += 1,
            WatchEvent::Applied(object) => self.present(&object),
            WatchEvent::Deleted(object) => self.deleted(object.key()),
            WatchEvent::Listed(_) => self.listed(),
            // The watches of the Services say so; but nobody has to wait for what may not be listed.
            WatchEvent::Interrupted(_) => self.reporter.board.slices_withheld(&self.reporter.target),
            WatchEvent::Recovered => {}
        }
    }
}

fn is_service(gvr: &Gvr) -> bool {
    StatusKind::of(gvr) == StatusKind::Service
}

fn place_of(object: &Object) -> Place {
    place(&object.key().namespace, &object.key().name)
}
