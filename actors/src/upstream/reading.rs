//! Makes sights of the events of one resource's watch, on the worker pool.

mod leaves;
mod shadowed;
mod wants;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
};

use syncer_clusters::{Object, WatchEvent};
use syncer_core::{
    ResourceType,
    conflict::Succession,
    placement::{Needs, Placement, Verdict, Withholding},
    status::Problem,
};
use tokio::time::Instant;

use super::{
    UpstreamBase,
    endpoints::EndpointId,
    index::{Shown, Want},
    sight::{Sight, SightKey, Sights, Word},
};
use crate::{
    finalizers::Concern,
    prescription::{Prescription, RenderError, names_namespace},
    rulebook::Rulebook,
    settings::{UpstreamSource, Writes as WhetherWritten},
    watcher::{Reading, hand_over},
};

/// Turns the events of one resource's watch into sights.
pub(crate) struct UpstreamReading {
    resource: ResourceType,
    endpoint: EndpointId,
    base: UpstreamBase,
    rulebook: Arc<Rulebook>,
    sights: Sights,
    list: u64,
    /// One prescription for all objects that a policy sends to a target in the same way.
    prescriptions: HashMap<(Arc<str>, Arc<str>, Needs), Arc<Prescription>>,
    /// What was said already about policies that stand behind others.
    shadowed: HashSet<(Arc<str>, Arc<str>)>,
    /// The finalizer of each target.
    finalizers: HashMap<Arc<str>, Box<str>>,
    /// Whether the object at hand has anything to do with finalizers.
    concern: Concern,
    completeness: Completeness,
    /// Whether what comes now follows on what came before.
    succession: Succession,
    /// When the event at hand came.
    begun: Instant,
}

/// What the end of a list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// What was not in it is absent.
    Whole,
    /// It was one namespace's.
    Part,
}

/// Whether the labels of a namespace are as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Labels {
    /// They are, or the object is no namespace.
    AsBefore,
    /// They changed.
    Changed,
}

// === impl UpstreamReading ===

impl UpstreamReading {
    pub(crate) fn new(
        (resource, endpoint): (ResourceType, EndpointId),
        base: UpstreamBase,
        rulebook: Arc<Rulebook>,
        sights: Sights,
        completeness: Completeness,
    ) -> Self {
        let finalizer = |target: &Arc<str>| Some((target.clone(), base.finalizers.finalizer_of(target)?));
        let finalizers = rulebook.targets.keys().filter_map(finalizer).collect();
        Self {
            list: base.lists.load(Ordering::Relaxed),
            resource,
            endpoint,
            base,
            rulebook,
            sights,
            prescriptions: HashMap::new(),
            shadowed: HashSet::new(),
            finalizers,
            concern: Concern::Undecided,
            completeness,
            succession: Succession::Listed,
            begun: Instant::now(),
        }
    }

    fn present(&mut self, object: &Object) {
        if self.base.workspaces.is_elsewhere(object.cluster(), self.endpoint) {
            return;
        }
        if !self.base.workspaces.takes(object.key()) {
            return self.hand_over(SightKey::Object(object.key().clone()), Word::PassedOver);
        }
        let labels = self.keep_namespace_labels(object);
        self.concern = Concern::Undecided;
        self.keep_departure(object);
        let word = match self.rulebook.place(object, &self.resource, &self.base.namespaces) {
            Verdict::Undecided(_) => {
                self.base.status.upstream_undecided(object.key());
                Word::Undecided { list: self.list }
            }
            Verdict::Decided(placement) => self.word(object, &placement, labels),
        };
        if self.base.writes == WhetherWritten::Done {
            self.base.finalizers.seen(object, self.concern, self.list);
        }
        self.hand_over(SightKey::Object(object.key().clone()), word);
    }

    /// What `placement` makes of `object`.
    fn word(&mut self, object: &Object, placement: &Placement, labels: Labels) -> Word {
        self.tell_shadowed(object, placement);
        self.concern = self.concern_of(placement);
        let wants = match self.wants(object, placement) {
            Ok(wants) => wants,
            Err(cause) => {
                let shown = Shown {
                    uid: object.uid().into(),
                    wants: self.rests(placement),
                    names: Box::default(),
                    withheld: withheld(placement),
                };
                return self.malformed(object, cause, shown);
            }
        };
        self.base.reports.transformed(object.key());
        self.show_status(object, &wants);
        self.show_leaves(object, &wants);
        let shown = Shown {
            uid: object.uid().into(),
            names: self.names(object, &wants),
            wants,
            withheld: withheld(placement),
        };
        let list = self.list;
        match labels {
            Labels::Changed => Word::Relabelled { shown, list },
            Labels::AsBefore => Word::Present { shown, list },
        }
    }

    /// `object` cannot go down: says why to everyone who shows it (S11).
    fn malformed(&self, object: &Object, cause: RenderError, shown: Shown) -> Word {
        if let RenderError::Transform { policy, .. } = &cause {
            let reports = &self.base.reports;
            reports.transform_failed(policy, object.key(), &cause.to_string());
        }
        let problem = Problem {
            reason: "TransformFailed".into(),
            message: cause.to_string().into(),
        };
        self.base.status.upstream_malformed(object, problem);
        Word::Malformed {
            shown,
            cause,
            list: self.list,
        }
    }

    /// Remembers the labels of a namespace; says whether they changed.
    fn keep_namespace_labels(&self, object: &Object) -> Labels {
        if !names_namespace(object.key()) {
            return Labels::AsBefore;
        }
        let labels = object.labels().iter();
        let labels: BTreeMap<Box<str>, Box<str>> = labels.map(|(key, value)| (key.into(), value.into())).collect();
        if self.base.namespaces.keep(object.key(), &Arc::new(labels)) {
            Labels::Changed
        } else {
            Labels::AsBefore
        }
    }

    /// Remembers whether a namespace is being deleted.
    fn keep_departure(&self, object: &Object) {
        if !names_namespace(object.key()) {
            return;
        }
        match object.deletion_timestamp() {
            Some(_) => self.base.departures.begun(object.key()),
            None => self.base.departures.over(object.key()),
        }
    }

    fn deleted(&self, object: &Object) {
        let key = object.key();
        if self.base.workspaces.is_elsewhere(&key.cluster, self.endpoint) {
            return;
        }
        self.base.status.upstream_gone(key);
        self.base.reports.transformed(key);
        self.base.finalizers.gone(key);
        if names_namespace(key) {
            self.base.namespaces.forget(key);
            self.base.departures.ended(key);
        }
        self.hand_over(SightKey::Object(key.clone()), Word::Deleted);
    }

    fn stream(&self, word: Word) {
        self.hand_over(SightKey::Stream(self.resource.gvr.clone(), self.endpoint), word);
    }

    fn hand_over(&self, key: SightKey, word: Word) {
        let revision = self.rulebook.revision;
        let at = Instant::now();
        let endpoint = self.endpoint;
        let sight = Sight {
            revision,
            endpoint,
            at,
            took: at.saturating_duration_since(self.begun),
            word,
        };
        hand_over(&self.sights, key, sight);
    }
}

/// The targets of `placement` that do not get the object, and why.
fn withheld(placement: &Placement) -> Box<[(Arc<str>, Withholding)]> {
    let withheld = placement.withheld.iter();
    withheld
        .map(|withheld| (withheld.target.name.clone(), withheld.why))
        .collect()
}

impl Reading for UpstreamReading {
    fn read(&mut self, event: WatchEvent) {
        self.begun = Instant::now();
        match event {
            WatchEvent::ListStarted if self.completeness == Completeness::Part => {}
            WatchEvent::ListStarted => {
                // Of several endpoints no list alone says what is gone: the Upstream's index does.
                if self.base.source == UpstreamSource::Plain {
                    self.base.status.upstream_list_started(&self.resource.gvr);
                }
                self.succession = Succession::Listed;
                self.list = self.base.lists.fetch_add(1, Ordering::Relaxed) + 1;
            }
            WatchEvent::Applied(object) => self.present(&object),
            WatchEvent::Deleted(object) => self.deleted(&object),
            WatchEvent::Listed(list) if self.completeness == Completeness::Whole => {
                self.succession = Succession::Watched;
                self.base.arbiter.docket.gap(None);
                if self.base.source == UpstreamSource::Plain {
                    self.base.status.upstream_listed(&self.resource.gvr);
                    self.base.finalizers.listed(&self.resource.gvr, self.list);
                }
                let key = SightKey::Listed(self.resource.gvr.clone(), self.list);
                self.hand_over(key, Word::Listed { objects: list.count() });
            }
            WatchEvent::Listed(_) => {}
            WatchEvent::Interrupted(error) => self.stream(Word::Interrupted(error)),
            WatchEvent::Recovered => self.stream(Word::Recovered),
        }
    }
}
