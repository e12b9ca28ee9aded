//! What each target would get against what it holds, found out by the very actors that a run has: they rehearse (`syncer_clusters::Rehearsal`),
//! and what came of each attempt is noted here.

mod attempted;
mod book;

mod finding;
mod left_alone;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use dashmap::DashMap;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use syncer_clusters::{Rehearsal, Source};
use syncer_core::event_reason::EventReason;
use tokio::{sync::watch, time::Instant};

use self::book::{Book, Side};
pub use self::finding::{Content, Finding, Verdict};
pub(crate) use self::left_alone::{LeftAlone, Why};
use crate::{events::Subject, prescription::names_namespace, reconciler::Downstream};

/// The most bytes of objects that are kept to be shown; beyond that a finding stands without them.
const MOST_BYTES: usize = 256 << 20;
/// Reads under way at once, of what is shown without having been tried.
const READS: usize = 8;

/// What is found. Cheap to clone.
#[derive(Clone)]
pub struct Preview(Arc<Inner>);

struct Inner {
    rehearsal: Rehearsal,
    book: Mutex<Book>,
    standings: DashMap<Arc<str>, Standing>,
    /// What cannot be read upstream, why, and since when.
    troubles: Mutex<BTreeMap<Box<str>, Trouble>>,
    news: watch::Sender<()>,
}

/// Why something cannot be read, and since when.
type Trouble = (Box<str>, Instant);

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

// === impl Preview ===

impl Preview {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::bounded(MOST_BYTES)
    }

    fn bounded(most_bytes: usize) -> Self {
        Self(Arc::new(Inner {
            rehearsal: Rehearsal::default(),
            book: Mutex::new(Book::bounded(most_bytes)),
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
        let left_alone = self.0.book.lock().take_left_alone();
        let found = stream::iter(left_alone).map(|(downstream, left)| async move { left.describe(&downstream).await });
        let found: Vec<_> = found.buffer_unordered(READS).collect().await;
        let mut book = self.0.book.lock();
        for finding in found {
            book.put(Side::Downstream, finding);
        }
        let mut findings = book.take();
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
        self.0.book.lock().activity(target)
    }

    /// The objects of the target of `downstream` that nothing is tried on.
    pub(crate) fn left_alone(&self, downstream: &Arc<Downstream>, left: Vec<LeftAlone>) {
        self.0.book.lock().leave_alone(downstream, left);
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
        self.0.book.lock().put(Side::Upstream, finding);
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
        f.debug_tuple("Preview").field(&self.0.book.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests;
