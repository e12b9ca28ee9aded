//! What the upstream's watchers hand to the Upstream: the newest word on each object.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use syncer_clusters::{Error, Object, WatchEvent};
use syncer_core::{
    Gvr, ObjectKey, ResourceType,
    config::Strategy,
    conflict::{LeafHasher, Moment, Schema, Succession, leaves_of},
    dependencies,
    event_reason::EventReason,
    finalizer::{self, Waiting},
    marker::{PAUSED_ANNOTATION, PayloadHash},
    placement::{Needs, Newcomers, Place, Placement, Verdict, Writes},
    plan::Newcomer,
    status::Problem,
};
use tokio::time::Instant;
use tracing::warn;

use super::{
    UpstreamBase,
    endpoints::EndpointId,
    index::{Activity, Shown, Want},
};
use crate::{
    events::Subject,
    finalizers::Concern,
    prescription::{Prescription, RenderError, is_namespace, is_secret, names_namespace},
    rulebook::Rulebook,
    runtime::Outbox,
    settings::{UpstreamSource, Writes as WhetherWritten},
    status_propagator::{StatusTerms, Wish},
    watcher::{Reading, hand_over},
};

/// What a sight is about. Objects come before the list that completes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SightKey {
    /// One object.
    Object(ObjectKey),
    /// The complete list of a resource with this number.
    Listed(Gvr, u64),
    /// The objects of a namespace, read again.
    Reread,
    /// How the stream of a resource fares at an endpoint.
    Stream(Gvr, EndpointId),
}

/// The newest word on what a [`SightKey`] names, and under which rules it was read.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) revision: u64,
    /// Who says so.
    pub(crate) endpoint: EndpointId,
    /// When it was read.
    pub(crate) at: Instant,
    /// How long it took to make sense of the event that it came with.
    pub(crate) took: Duration,
    pub(crate) word: Word,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) enum Word {
    /// The object is there. `list` is the number of the last list begun before it was seen.
    Present {
        /// What is wanted of it.
        shown: Shown,
        /// The number of the last list begun.
        list: u64,
    },
    /// The labels of a namespace changed, and with them perhaps what is wanted of its objects.
    Relabelled {
        /// What is wanted of the namespace.
        shown: Shown,
        /// The number of the last list begun.
        list: u64,
    },
    /// It cannot be told yet what is wanted of it: nothing changes (S11).
    Undecided {
        /// The number of the last list begun.
        list: u64,
    },
    /// It was there before the binding of its workspace was known: it is read again when that is.
    PassedOver,
    /// The watch said that it was deleted.
    Deleted,
    /// It cannot go down; what did so last stays (S11).
    Malformed {
        /// The UID of the object.
        uid: Box<str>,
        /// What is wrong.
        cause: RenderError,
        /// The number of the last list begun.
        list: u64,
    },
    /// Everything seen before that list and not in it is absent.
    Listed {
        /// How many objects it had.
        objects: usize,
    },
    /// What was to be read again was shown.
    Reread,
    /// The stream broke; it goes on by itself.
    Interrupted(Error),
    /// The stream goes on.
    Recovered,
}

/// The way of sights to the Upstream.
pub(crate) type Sights = Outbox<SightKey, Sight>;

/// A word under older rules never replaces one under newer rules; nor does an endpoint take away what another one shows.
pub(crate) fn newest(older: &mut Sight, newer: Sight) {
    let elsewhere = newer.endpoint != older.endpoint && matches!(newer.word, Word::Deleted);
    if newer.revision >= older.revision && !elsewhere {
        *older = newer;
    }
}

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
        let relabelled = self.keep_namespace_labels(object);
        self.concern = Concern::Undecided;
        self.keep_departure(object);
        let word = match self.rulebook.place(object, &self.resource, &self.base.namespaces) {
            Verdict::Undecided(_) => {
                self.base.status.upstream_undecided(object.key());
                Word::Undecided { list: self.list }
            }
            Verdict::Decided(placement) => self.word(object, &placement, relabelled),
        };
        if self.base.writes == WhetherWritten::Done {
            self.base.finalizers.seen(object, self.concern, self.list);
        }
        self.hand_over(SightKey::Object(object.key().clone()), word);
    }

    fn word(&mut self, object: &Object, placement: &Placement, relabelled: bool) -> Word {
        for shadowed in &placement.shadowed {
            let pair = (shadowed.policy.name.clone(), shadowed.target.name.clone());
            if self.shadowed.insert(pair) {
                let note = format!(
                    "target {}: policy {} decides, not {}, which selects it too",
                    shadowed.target.name, shadowed.by.name, shadowed.policy.name
                );
                let subject = Subject {
                    resource: self.resource.clone(),
                    key: object.key().clone(),
                    uid: object.uid().into(),
                };
                let (policy, target) = (&shadowed.policy.name, &shadowed.target.name);
                let how = format!(
                    "target {target}: policy {} decides about objects that this one selects too",
                    shadowed.by.name
                );
                self.base.reports.shadowed(policy, target, self.rulebook.revision, &how);
                self.base.events.tell(subject, EventReason::Shadowed, note);
                warn!(
                    policy = %shadowed.policy.name, target = %shadowed.target.name, by = %shadowed.by.name, kind = %self.resource.gvr,
                    namespace = %object.key().namespace, name = %object.key().name,
                    "shadowed: another policy decides about objects that this one selects too"
                );
            }
        }
        let paused = object.annotations().get(PAUSED_ANNOTATION) == Some("true");
        let mut places = placement.places.iter();
        self.concern = if places.any(|place| self.waits(place) == Waiting::Waits) {
            Concern::Waits
        } else {
            Concern::IfCarried
        };
        let wants: Result<Vec<Want>, RenderError> = placement
            .places
            .iter()
            .map(|place| self.want(object, place, paused))
            .collect();
        let wants = match wants {
            Ok(wants) => {
                self.base.reports.transformed(object.key());
                wants.into_boxed_slice()
            }
            Err(cause) => {
                if let RenderError::Transform { policy, .. } = &cause {
                    let reports = &self.base.reports;
                    reports.transform_failed(policy, object.key(), &cause.to_string());
                }
                let problem = Problem {
                    reason: "TransformFailed".into(),
                    message: cause.to_string().into(),
                };
                self.base.status.upstream_malformed(object, problem);
                return Word::Malformed {
                    uid: object.uid().into(),
                    cause,
                    list: self.list,
                };
            }
        };
        self.base
            .status
            .upstream_seen(object, wants.iter().map(wish).collect(), status_terms(&wants));
        self.show_leaves(object, &wants);
        let shown = Shown {
            uid: object.uid().into(),
            names: self.names(object, &wants),
            wants,
            withheld: placement
                .withheld
                .iter()
                .map(|withheld| (withheld.target.name.clone(), withheld.why))
                .collect(),
        };
        let list = self.list;
        if relabelled {
            Word::Relabelled { shown, list }
        } else {
            Word::Present { shown, list }
        }
    }

    /// Remembers when the leaves of `object` were written, where the later write wins.
    fn show_leaves(&self, object: &Object, wants: &[Want]) {
        let later_wins = |want: &Want| want.prescription.spec().conflict.strategy == Strategy::LastWriteWins;
        // What is read again beside the watch follows on nothing.
        if self.completeness == Completeness::Part || is_namespace(&self.resource) || !wants.iter().any(later_wins) {
            return;
        }
        let Ok(tree) = object.to_value() else { return };
        let gvr = &self.resource.gvr;
        let hasher = if is_secret(&self.resource) {
            LeafHasher::Keyed(self.base.bodies.hash_key())
        } else {
            LeafHasher::Plain
        };
        let leaves = leaves_of(gvr, &Schema::of(gvr), hasher, &tree);
        let offset = self.base.cluster.clock_offset();
        let offset = offset.map_or(0, |offset| i64::try_from(offset.offset.as_millis()).unwrap_or_default());
        let docket = &self.base.arbiter.docket;
        let now = Moment(docket.now().0.saturating_add(offset));
        docket.shown(object.key(), leaves, now, self.succession);
    }

    fn want(&mut self, object: &Object, place: &Place, paused: bool) -> Result<Want, RenderError> {
        let interned = (place.policy.name.clone(), place.target.name.clone(), place.needs);
        let resource = &self.resource;
        let prescription = self
            .prescriptions
            .entry(interned)
            .or_insert_with(|| Arc::new(Prescription::of(place, resource)))
            .clone();
        let waits = self.waits(place);
        let activity = match place.writes {
            Writes::Allowed if !paused => self.activity(object, &prescription, waits),
            Writes::Allowed | Writes::Suspended => Activity::Rests,
        };
        // What is leaving needs no body, and must not wait for a transform to be mended.
        let hash = match activity {
            Activity::Leaves => PayloadHash(0),
            _ => self.base.bodies.make(object, resource, &prescription)?.payload.hash(),
        };
        Ok(Want {
            hash,
            prescription,
            needs: place.needs,
            newcomer: match place.newcomers {
                Newcomers::Welcome => Newcomer::Welcome,
                Newcomers::KeptOut => Newcomer::KeptOut,
            },
            activity,
            waits,
        })
    }

    /// Whether objects wait for the target of `place`.
    fn waits(&self, place: &Place) -> Waiting {
        let asked = place.policy.policy.spec.deletion.wait_for_downstream;
        let gvr = &self.resource.gvr;
        finalizer::waits(asked, self.base.provision(gvr), gvr)
    }

    /// What is done about `object`, about which something may be written, on the target of `prescription`.
    fn activity(&self, object: &Object, prescription: &Prescription, waits: Waiting) -> Activity {
        if waits == Waiting::Free {
            return Activity::Synced;
        }
        if object.deletion_timestamp().is_some() {
            return Activity::Leaves;
        }
        // A dry run sets none.
        if self.base.writes != WhetherWritten::Done || self.carries(object, &prescription.target.name) {
            return Activity::Synced;
        }
        Activity::AwaitsFinalizer
    }

    /// Whether `object` carries the finalizer of `target`.
    fn carries(&self, object: &Object, target: &Arc<str>) -> bool {
        let finalizer = self.finalizers.get(target);
        finalizer.is_some_and(|finalizer| object.finalizers().any(|present| *present == **finalizer))
    }

    /// What the pod template of `object` names, where a policy takes that along.
    fn names(&self, object: &Object, wants: &[Want]) -> Box<[ObjectKey]> {
        if !wants.iter().any(|want| want.prescription.spec().dependencies) {
            return Box::default();
        }
        let Ok(tree) = object.to_value() else {
            return Box::default();
        };
        let key = object.key();
        let named = dependencies::of(&self.resource.gvr, &tree).into_iter();
        named
            .map(|reference| {
                let gvr = Gvr::new("", "v1", reference.kind.resource());
                ObjectKey::new(key.cluster.clone(), gvr, &key.namespace, &reference.name)
            })
            .collect()
    }

    /// Remembers the labels of a namespace; says whether they changed.
    fn keep_namespace_labels(&self, object: &Object) -> bool {
        if !names_namespace(object.key()) {
            return false;
        }
        let labels = object.labels().iter();
        let labels: BTreeMap<Box<str>, Box<str>> = labels.map(|(key, value)| (key.into(), value.into())).collect();
        self.base.namespaces.keep(object.key(), &Arc::new(labels))
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

/// What the status of an object has to know of `want`.
fn wish(want: &Want) -> Wish {
    let rests = (want.activity == Activity::Rests).then(|| Problem {
        reason: "Paused".into(),
        message: "nothing is written: the object is paused, or its policy suspended".into(),
    });
    Wish {
        target: want.prescription.target.name.clone(),
        hash: want.hash,
        rests,
    }
}

/// What the policies say of the status: where several send an object to targets, the first of them.
fn status_terms(wants: &[Want]) -> StatusTerms {
    let Some(want) = wants.first() else {
        return StatusTerms::default();
    };
    let rules = &want.prescription.spec().status;
    StatusTerms {
        aggregation: rules.aggregation,
        stale_after: rules.stale_after.0,
        min_interval: rules.min_interval.0,
    }
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
