//! What was decided last about objects that both sides change, for people to look at: bounded, in memory, gone with the process.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use serde::Serialize;
use syncer_core::{
    ObjectKey,
    config::Strategy,
    conflict::{Certainty, Moment, Said, Verdict},
};

use crate::conflict_arbiter::Hearing;

/// How many are kept over all objects; the one not decided for longest gives way.
const MOST: usize = 1_024;
/// How many are kept of one object on one target.
const MOST_OF_ONE: usize = 64;

/// The last verdicts. Cheap to clone; clones are one.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(Arc<Mutex<VecDeque<Kept>>>);

#[derive(Clone, Debug)]
struct Kept {
    key: ObjectKey,
    target: Arc<str>,
    strategy: Strategy,
    verdict: Verdict,
    at: Moment,
    times: u64,
}

/// One verdict, as a page shows it. Values of Secrets are keyed hashes (S8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerdictView {
    /// When it was decided last, RFC 3339.
    pub last: String,
    /// How often this field was decided about since the start, or since it was forgotten.
    pub times: u64,
    /// The resource, as in `deployments.apps`.
    pub resource: String,
    /// The logical cluster; empty on a plain upstream.
    pub workspace: String,
    /// The namespace; empty for what has none.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The target.
    pub target: String,
    /// The strategy of the policy.
    pub strategy: Strategy,
    /// The field.
    pub path: String,
    /// The upstream's side.
    pub upstream: SideView,
    /// The target's side.
    pub downstream: SideView,
    /// Whose value it is now: `upstream`, `target`, `written-back` or `both`.
    pub winner: &'static str,
    /// Why, in a word.
    pub why: &'static str,
    /// Why, in words.
    pub because: &'static str,
    /// Whether one of the times is only the latest that it can have been.
    pub estimate: bool,
}

/// What one side had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SideView {
    /// The value as JSON, short; of a Secret a keyed hash. `None` where there was none.
    pub value: Option<String>,
    /// Who wrote it, where that is known.
    pub manager: Option<String>,
    /// When, on our clock, RFC 3339, where that was asked.
    pub time: Option<String>,
    /// Whether the time is only the latest that it can have been.
    pub estimated: bool,
}

// === impl Verdicts ===

impl Verdicts {
    /// `verdict` came out of `hearing`.
    pub(crate) fn keep(&self, hearing: &Hearing, verdict: &Verdict) {
        let mut all = self.0.lock();
        let is_of_party = |kept: &Kept| kept.target == hearing.target && kept.key == hearing.key;
        let known = all
            .iter()
            .position(|kept| kept.verdict.leaf == verdict.leaf && is_of_party(kept));
        let before = known.and_then(|place| all.remove(place));
        if before.is_none() && all.iter().filter(|kept| is_of_party(kept)).count() >= MOST_OF_ONE {
            let oldest = all.iter().rposition(is_of_party);
            drop(oldest.and_then(|place| all.remove(place)));
        }
        all.push_front(Kept {
            key: hearing.key.clone(),
            target: hearing.target.clone(),
            strategy: hearing.strategy,
            verdict: verdict.clone(),
            at: hearing.now,
            times: before.map_or(0, |before| before.times).saturating_add(1),
        });
        all.truncate(MOST);
    }

    /// The last verdicts, the latest first: at most `most`, and of the object `namespace/name` alone where one is given.
    pub fn view(&self, object: Option<&str>, most: usize) -> Vec<VerdictView> {
        let is_asked = |kept: &&Kept| object.is_none_or(|object| kept.is_of(object));
        // Rendered outside the lock: the arbiter must not wait for a page.
        let kept: Vec<_> = self.0.lock().iter().filter(is_asked).take(most).cloned().collect();
        kept.iter().map(Kept::view).collect()
    }
}

// === impl Kept ===

impl Kept {
    fn is_of(&self, object: &str) -> bool {
        match object.split_once('/') {
            Some((namespace, name)) => *self.key.namespace == *namespace && *self.key.name == *name,
            None => self.key.namespace.is_empty() && *self.key.name == *object,
        }
    }

    fn view(&self) -> VerdictView {
        let Verdict {
            path,
            upstream,
            downstream,
            winner,
            why,
            ..
        } = &self.verdict;
        VerdictView {
            last: self.at.to_string(),
            times: self.times,
            resource: self.key.gvr.to_string(),
            workspace: self.key.cluster.to_string(),
            namespace: self.key.namespace.to_string(),
            name: self.key.name.to_string(),
            target: self.target.to_string(),
            strategy: self.strategy,
            path: path.to_string(),
            upstream: SideView::of(upstream),
            downstream: SideView::of(downstream),
            winner: winner.word(),
            why: why.word(),
            because: why.as_str(),
            estimate: self.verdict.is_estimate(),
        }
    }
}

// === impl SideView ===

impl SideView {
    fn of(said: &Said) -> Self {
        Self {
            value: said.value.as_deref().map(str::to_owned),
            manager: said.manager.as_deref().map(str::to_owned),
            time: said.time.map(|(at, _)| at.to_string()),
            estimated: matches!(said.time, Some((_, Certainty::Estimated))),
        }
    }
}
