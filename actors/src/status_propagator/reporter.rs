//! What one target's watches tell the board.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use syncer_clusters::{Object, WatchEvent};
use syncer_core::{Gvr, ObjectKey, plan::Ours, status::StatusKind};

use super::{StatusBoard, slices::Slice};
use crate::watcher::Reading;

/// The label by which a slice names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The way of one target to the board. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StatusReporter {
    board: StatusBoard,
    target: Arc<str>,
    services: Arc<Mutex<Services>>,
}

/// Which upstream Service is which one here, and the slices that came before their Service.
#[derive(Default)]
struct Services {
    known: HashMap<Place, ObjectKey>,
    early: HashMap<Place, HashMap<Box<str>, Slice>>,
}

/// Namespace and name of a Service on the target.
type Place = (Box<str>, Box<str>);

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
            services: Arc::default(),
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
    }

    /// The watch shows `object`, the copy of the upstream's `key`.
    pub(crate) fn seen(&self, key: &ObjectKey, object: &Object, ours: &Ours) {
        self.board
            .target_seen(&self.target, key, object, ours.applied, &ours.origin_uid);
        if StatusKind::of(&key.gvr) == StatusKind::Service {
            let place = place(&object.key().namespace, &object.key().name);
            let early = {
                let mut services = self.services.lock();
                services.known.insert(place.clone(), key.clone());
                services.early.remove(&place)
            };
            for (name, slice) in early.into_iter().flatten() {
                self.board.slice_seen(&self.target, key, &name, slice);
            }
        }
    }

    /// The copy of `key` left.
    pub(crate) fn gone(&self, key: &ObjectKey, object: &Object) {
        self.board.target_gone(&self.target, key);
        if StatusKind::of(&key.gvr) == StatusKind::Service {
            let place = place(&object.key().namespace, &object.key().name);
            self.services.lock().known.remove(&place);
        }
    }

    pub(crate) fn listed(&self, gvr: &Gvr) {
        self.board.target_listed(&self.target, gvr);
    }

    fn slice_seen(&self, service: &Place, name: &str, slice: Slice) {
        let mut services = self.services.lock();
        let Some(key) = services.known.get(service).cloned() else {
            let early = services.early.entry(service.clone()).or_default();
            early.insert(name.into(), slice);
            return;
        };
        drop(services);
        self.board.slice_seen(&self.target, &key, name, slice);
    }

    fn slice_gone(&self, service: &Place, name: &str) {
        let mut services = self.services.lock();
        if let Some(early) = services.early.get_mut(service) {
            early.remove(name);
            if early.is_empty() {
                services.early.remove(service);
            }
        }
        let Some(key) = services.known.get(service).cloned() else {
            return;
        };
        drop(services);
        self.board.slice_gone(&self.target, &key, name);
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
        let (Some(service), Some(slice)) = (object.labels().get(SERVICE_NAME), Slice::of(object)) else {
            return;
        };
        let at = object.key();
        let service = place(&at.namespace, service);
        self.reporter.slice_seen(&service, &at.name, slice);
        self.seen.insert(place(&at.namespace, &at.name), (service, self.list));
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

fn place(namespace: &str, name: &str) -> Place {
    (namespace.into(), name.into())
}
