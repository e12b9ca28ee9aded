//! What each target would get against what it holds, found out by the very actors that a run has: they rehearse (`syncer_clusters::Rehearsal`),
//! and what came of each attempt is noted here.

mod finding;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use dashmap::DashMap;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use syncer_clusters::{Cluster, FieldsV1Kept, Rehearsal, Rehearsed, Source};
use syncer_core::{ObjectKey, ResourceType, event_reason::EventReason, hash_key::HashKey, plan::Step};
use tokio::{sync::watch, time::Instant};

pub use self::finding::{Content, Finding, Verdict};
use crate::{
    events::Subject,
    prescription::names_namespace,
    reconciler::{Attempt, AttemptFailure, Downstream, End, Retry},
};

/// The most bytes of objects that are kept to be shown; beyond that a finding stands without them.
const MOST_BYTES: usize = 256 << 20;
/// Attempts after which a failure that may pass by itself is taken for what there is to say.
const TRIES: u32 = 4;
/// Reads under way at once, of what is shown without having been tried.
const READS: usize = 8;

/// What is found. Cheap to clone.
#[derive(Clone)]
pub struct Preview(Arc<Inner>);

struct Inner {
    rehearsal: Rehearsal,
    most_bytes: usize,
    book: Mutex<Book>,
    standings: DashMap<Arc<str>, Standing>,
    /// What cannot be read upstream, why, and since when.
    troubles: Mutex<BTreeMap<Box<str>, Trouble>>,
    news: watch::Sender<()>,
}

/// Why something cannot be read, and since when.
type Trouble = (Box<str>, Instant);

/// By target and object.
type FindingKey = (Option<Arc<str>>, ObjectKey, Side);

/// The side of an object that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Downstream,
    Upstream,
}

#[derive(Default)]
struct Book {
    findings: BTreeMap<FindingKey, Finding>,
    bytes: usize,
    /// Failures that may pass, and how often each was met.
    passing: HashMap<(Arc<str>, ObjectKey), u32>,
    /// What no attempt is made at, and who can be asked about it.
    left_alone: BTreeMap<Arc<str>, (Arc<Downstream>, Vec<LeftAlone>)>,
    /// Counts what is noted, so that a look can tell whether anything was since the one before.
    notes: u64,
}

/// How far a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Something is awaited; what.
    Moving(Box<str>),
    /// Everything is planned and tried, under the rules of this revision.
    Settled {
        /// The revision of the rules.
        revision: u64,
        /// The resources that a policy names and that the target does not serve.
        unserved: Vec<Box<str>>,
        /// The resources that may not be listed there.
        withheld: Vec<Box<str>>,
    },
    /// It cannot be reached; why.
    Unreachable(Box<str>),
}

/// An object that nothing is tried on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftAlone {
    pub(crate) key: ObjectKey,
    pub(crate) policy: Arc<str>,
    pub(crate) why: Why,
}

/// Why nothing is tried on an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The mass-deletion guard holds it.
    Held,
    /// Somebody paused it, and it is not as it has to be.
    Paused,
    /// It would be new, and its target is cordoned.
    KeptOut,
    /// It is on its way out, and wanted.
    Terminating,
}

// === impl Preview ===

impl Preview {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::bounded(MOST_BYTES)
    }

    fn bounded(most_bytes: usize) -> Self {
        Self(Arc::new(Inner {
            rehearsal: Rehearsal::default(),
            most_bytes,
            book: Mutex::default(),
            standings: DashMap::new(),
            troubles: Mutex::default(),
            news: watch::Sender::new(()),
        }))
    }

    /// Where all clusters of this preview have to rehearse.
    pub fn rehearsal(&self) -> &Rehearsal {
        &self.0.rehearsal
    }

    /// Rings whenever a target stands otherwise.
    pub fn news(&self) -> watch::Receiver<()> {
        self.0.news.subscribe()
    }

    /// How `target` stands; `None` while it has not said anything.
    pub fn standing(&self, target: &str) -> Option<Standing> {
        self.0.standings.get(target).map(|standing| standing.clone())
    }

    /// What could not be read upstream for at least `so_long`: why.
    pub fn troubles(&self, so_long: Duration) -> Vec<Box<str>> {
        let troubles = self.0.troubles.lock();
        let lasting = troubles.values().filter(|(_, since)| since.elapsed() >= so_long);
        lasting.map(|(cause, _)| cause.clone()).collect()
    }

    /// Everything that was found, by target and object. Reads what is shown without having been tried.
    pub async fn findings(&self) -> Vec<Finding> {
        let left_alone = std::mem::take(&mut self.0.book.lock().left_alone);
        let all = left_alone
            .into_values()
            .flat_map(|(downstream, left)| left.into_iter().map(move |left| (downstream.clone(), left)));
        let found = stream::iter(all).map(|(downstream, left)| async move { left.describe(&downstream).await });
        let found: Vec<_> = found.buffer_unordered(READS).collect().await;
        let mut book = self.0.book.lock();
        for finding in found {
            book.put(self.0.most_bytes, Side::Downstream, finding);
        }
        let mut findings: Vec<_> = std::mem::take(&mut *book).findings.into_values().collect();
        // As they would be made: a namespace before what is in it.
        findings.sort_by_key(|finding| (finding.target.clone(), !names_namespace(&finding.key)));
        findings
    }

    pub(crate) fn trouble(&self, what: &str, cause: Option<&str>) {
        let mut troubles = self.0.troubles.lock();
        match cause {
            None => drop(troubles.remove(what)),
            Some(cause) => match troubles.get_mut(what) {
                Some((known, _)) => *known = cause.into(),
                None => drop(troubles.insert(what.into(), (cause.into(), Instant::now()))),
            },
        }
    }

    pub(crate) fn stands(&self, target: &Arc<str>, standing: Standing) {
        let before = self.0.standings.insert(target.clone(), standing.clone());
        if before != Some(standing) {
            self.0.news.send_replace(());
        }
    }

    /// How much was noted so far, and how many failures of `target` may still pass.
    pub(crate) fn activity(&self, target: &Arc<str>) -> (u64, usize) {
        let book = self.0.book.lock();
        let passing = book.passing.keys().filter(|(name, _)| name == target).count();
        (book.notes, passing)
    }

    /// The objects of the target of `downstream` that nothing is tried on.
    pub(crate) fn left_alone(&self, downstream: &Arc<Downstream>, left: Vec<LeftAlone>) {
        let mut book = self.0.book.lock();
        book.left_alone
            .insert(downstream.name.clone(), (downstream.clone(), left));
    }

    /// What owners of upstream objects would be told, where no target has a part in it.
    pub(crate) fn told(&self, subject: &Subject, reason: EventReason, note: &str) {
        if reason != EventReason::TransformFailed {
            return;
        }
        let (key, kind) = (subject.key.clone(), subject.resource.kind.clone());
        let finding = Finding {
            target: None,
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            key,
            kind,
            policy: "".into(),
            verdict: Verdict::Refused(reason),
            writes: false,
            before: Content::Absent,
            after: Content::Absent,
            source: Source::Server,
            note: note.into(),
        };
        self.0.book.lock().put(self.0.most_bytes, Side::Upstream, finding);
    }

    /// What came of `attempt` at `step` for `key`.
    pub(crate) fn attempted(
        &self,
        (downstream, key, resource): (&Downstream, &ObjectKey, &ResourceType),
        (step, policy): (&Step, &Arc<str>),
        attempt: &Attempt,
    ) {
        let (namespace, name) = downstream.place(key);
        let here = Where {
            target: &downstream.name,
            key,
            resource,
            policy,
        };
        let tried = downstream.cluster.take_rehearsed(resource, &namespace, &name);
        let upstream: Cluster = downstream.upstream.logical(&key.cluster);
        let written_back = upstream.take_rehearsed(resource, &key.namespace, &key.name);
        let hash_key = downstream.bodies.hash_key();
        let mut book = self.0.book.lock();
        book.notes += 1;
        let passing = (downstream.name.clone(), key.clone());
        let failure = match &attempt.end {
            End::Failed(failure) => Some(failure),
            _ => None,
        };
        if failure.is_some_and(|failure| failure.retry != Retry::Rarely) {
            let times = book.passing.entry(passing.clone()).or_default();
            *times += 1;
            if *times < TRIES {
                return;
            }
        }
        book.passing.remove(&passing);
        let most = self.0.most_bytes;
        if let Some(failure) = failure {
            let mut finding = here.failed((namespace, name), failure);
            if let Some(tried) = tried {
                (finding.before, finding.after) = here.contents(finding.verdict, &tried, hash_key);
                (finding.source, finding.writes) = (tried.source, true);
            }
            book.put(most, Side::Downstream, finding);
            return;
        }
        match tried {
            Some(tried) => {
                let finding = here.tried((namespace, name), step, &tried, hash_key);
                book.put(most, Side::Downstream, finding);
            }
            None => book.mended(&downstream.name, key),
        }
        if let Some(written_back) = written_back {
            let place = (key.namespace.clone(), key.name.clone());
            let mut finding = here.tried(place, step, &written_back, hash_key);
            finding.verdict = Verdict::WriteBack;
            book.put(most, Side::Upstream, finding);
        }
    }
}

impl Default for Preview {
    fn default() -> Self {
        Self::new()
    }
}

/// How much; no content (S8).
impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Preview")
            .field(&self.0.book.lock().findings.len())
            .finish()
    }
}

// === impl Book ===

impl Book {
    fn put(&mut self, most_bytes: usize, side: Side, mut finding: Finding) {
        let key = (finding.target.clone(), finding.key.clone(), side);
        if let Some(before) = self.findings.remove(&key) {
            self.bytes = self.bytes.saturating_sub(before.before.size() + before.after.size());
        }
        let bytes = finding.before.size() + finding.after.size();
        if self.bytes + bytes > most_bytes {
            for content in [&mut finding.before, &mut finding.after] {
                if *content != Content::Absent {
                    *content = Content::LeftOut;
                }
            }
        } else {
            self.bytes += bytes;
        }
        self.findings.insert(key, finding);
    }

    /// An attempt found nothing to write: what failed before does not any more.
    fn mended(&mut self, target: &Arc<str>, key: &ObjectKey) {
        let key = (Some(target.clone()), key.clone(), Side::Downstream);
        if self.findings.get(&key).is_some_and(|finding| !finding.writes) {
            self.findings.remove(&key);
        }
    }
}

/// The object that an attempt was made at.
struct Where<'a> {
    target: &'a Arc<str>,
    key: &'a ObjectKey,
    resource: &'a ResourceType,
    policy: &'a Arc<str>,
}

/// Namespace and name, on the side that a finding is about.
type Place = (Arc<str>, Arc<str>);

// === impl Where ===

impl Where<'_> {
    fn finding(&self, (namespace, name): Place, verdict: Verdict) -> Finding {
        Finding {
            target: Some(self.target.clone()),
            key: self.key.clone(),
            kind: self.resource.kind.clone(),
            namespace,
            name,
            policy: self.policy.clone(),
            verdict,
            writes: verdict.is_written(),
            before: Content::Absent,
            after: Content::Absent,
            source: Source::Server,
            note: "".into(),
        }
    }

    fn contents(&self, verdict: Verdict, tried: &Rehearsed, hash_key: &HashKey) -> (Content, Content) {
        let gvr = &self.resource.gvr;
        let after = match verdict {
            Verdict::Create | Verdict::Recreate => Content::made(gvr, tried.after.as_ref(), hash_key),
            _ => Content::of(gvr, tried.after.as_ref(), hash_key),
        };
        (Content::of(gvr, tried.before.as_ref(), hash_key), after)
    }

    fn tried(&self, place: Place, step: &Step, tried: &Rehearsed, hash_key: &HashKey) -> Finding {
        let verdict = Verdict::of(step, tried);
        let (before, after) = self.contents(verdict, tried, hash_key);
        Finding {
            before,
            after,
            source: tried.source,
            ..self.finding(place, verdict)
        }
    }

    fn failed(&self, place: Place, failure: &AttemptFailure) -> Finding {
        let verdict = match failure.reason {
            EventReason::SyncFailed | EventReason::TargetUnreachable => Verdict::Failed,
            reason => Verdict::Refused(reason),
        };
        Finding {
            note: (&*failure.message).into(),
            ..self.finding(place, verdict)
        }
    }
}

// === impl LeftAlone ===

impl LeftAlone {
    /// What there is to say of it; of what would go, also what it is.
    async fn describe(self, downstream: &Downstream) -> Finding {
        let (namespace, name) = downstream.place(&self.key);
        let resource = downstream.resource(&self.key.gvr);
        let before = match (self.why, resource) {
            (Why::Held, Some(resource)) => {
                let read = downstream
                    .cluster
                    .get(resource, &namespace, &name, FieldsV1Kept::None)
                    .await;
                let tree = read.ok().flatten().and_then(|object| object.to_value().ok());
                Content::of(&self.key.gvr, tree.as_ref(), downstream.bodies.hash_key())
            }
            _ => Content::Absent,
        };
        let (verdict, note) = match self.why {
            Why::Held => (
                Verdict::Held,
                "most of what this policy put there would go at once: held until the objects are seen again or a person confirms",
            ),
            Why::Paused => (Verdict::Paused, "somebody paused it there: it stays as it is"),
            Why::KeptOut => (Verdict::KeptOut, "the target is cordoned: it gets nothing new"),
            Why::Terminating => (
                Verdict::Terminating,
                "it is being deleted there: once it is gone it is made again",
            ),
        };
        Finding {
            target: Some(downstream.name.clone()),
            kind: resource.map_or_else(|| self.key.gvr.resource().into(), |resource| resource.kind.clone()),
            key: self.key,
            namespace,
            name,
            policy: self.policy,
            verdict,
            writes: false,
            before,
            after: Content::Absent,
            source: Source::Server,
            note: note.into(),
        }
    }
}

#[cfg(test)]
mod tests;
