//! What is known of one object: the newest word of its upstream and of each target, a few hundred bytes a target.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use syncer_clusters::Object;
use syncer_core::{
    ObjectKey,
    marker::PayloadHash,
    status::{
        Difference, Packed, Problem, Pruning, Report, Rule, StaleAfter, StatusKind, Upstream, Verdict, Voice, combine,
        difference,
    },
};

use super::{
    slices::Slice,
    target_side::{Seen, TargetSide},
    upstream_side::{Base, StatusTerms, UpstreamSide, hash_of, is_older, status_of},
    voices::Voices,
};

/// That an object has to be on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The target.
    pub(crate) target: Arc<str>,
    /// The hash of what has to be applied there.
    pub(crate) hash: PayloadHash,
    /// Why nothing is written there for now, if nothing is.
    pub(crate) rests: Option<Problem>,
}

/// One object.
#[derive(Default)]
pub(super) struct Entry {
    upstream: Option<UpstreamSide>,
    targets: Vec<TargetSide>,
    attention: Attention,
}

/// Whether the object has to be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Attention {
    /// It has.
    #[default]
    Open,
    /// Only when something changes.
    Settled,
    /// When something changes, and at this time.
    At(Timestamp),
}

/// What is to be done about a status.
pub(super) enum Examined {
    /// Nothing.
    Settled,
    /// It has to be written.
    Write(Box<Writing>),
}

/// A status to write, and over which version of the object.
pub(super) struct Writing {
    pub(super) uid: Box<str>,
    pub(super) resource_version: Box<str>,
    /// The whole status.
    pub(super) status: Value,
    /// What of it differs.
    pub(super) difference: Difference,
    /// Whether what was written before was changed by somebody else.
    pub(super) overwritten: bool,
}

// === impl Entry ===

impl Entry {
    /// Takes what the upstream shows; says whether that is news.
    pub(super) fn upstream_seen(&mut self, mut side: UpstreamSide, wishes: Vec<Wish>) -> bool {
        if let Some(known) = &self.upstream {
            if known.is_newer_than(&side) {
                return false;
            }
            if known.uid == side.uid {
                side.base = known.base;
            }
        }
        self.upstream = Some(side);
        for target in &mut self.targets {
            target.wish = None;
            target.rests = None;
        }
        for Wish { target, hash, rests } in wishes {
            self.change(&target, |side| {
                side.wish = Some(hash);
                side.rests = rests.map(Box::new);
            });
        }
        self.forget_empty();
        self.open();
        true
    }

    pub(super) fn upstream_gone(&mut self) {
        self.upstream = None;
        for target in &mut self.targets {
            target.wish = None;
            target.rests = None;
            target.problem = None;
        }
        self.forget_empty();
    }

    /// Takes the object as it was read again. What is wanted of it belongs to the generation that the watch showed, and one of
    /// another UID is the watch's to tell.
    pub(super) fn looked(&mut self, object: &Object) {
        let Some(known) = &self.upstream else { return };
        let mut side = UpstreamSide::of(object, known.terms, known.list);
        if known.uid != side.uid || known.is_newer_than(&side) {
            return;
        }
        side.generation = known.generation;
        side.base = known.base;
        side.malformed.clone_from(&known.malformed);
        self.upstream = Some(side);
        self.open();
    }

    /// The newest version cannot go down.
    pub(super) fn malformed(&mut self, problem: Problem) {
        if let Some(upstream) = &mut self.upstream {
            upstream.malformed = Some(Box::new(problem));
            self.open();
        }
    }

    pub(super) fn still_there(&mut self, list: u32) {
        if let Some(upstream) = &mut self.upstream {
            upstream.list = list;
        }
    }

    /// Whether the upstream list `list` did not have it.
    pub(super) fn is_absent_from(&self, list: u32) -> bool {
        self.upstream.as_ref().is_some_and(|upstream| upstream.list < list)
    }

    pub(super) fn target_seen(&mut self, name: &Arc<str>, seen: Seen) -> bool {
        let news = self.change(name, |side| side.take(seen));
        if news {
            self.open();
        }
        news
    }

    pub(super) fn target_gone(&mut self, name: &str) -> bool {
        let Some(side) = self.targets.iter_mut().find(|side| &*side.name == name) else {
            return false;
        };
        let known = side.seen.take().is_some() || side.problem.take().is_some() || side.slices.take().is_some();
        self.forget_empty();
        if known {
            self.open();
        }
        known
    }

    /// The list `list` of this target is complete; says whether the object has to be looked at.
    pub(super) fn target_listed(&mut self, name: &str, list: u32) -> bool {
        let Some(side) = self.targets.iter_mut().find(|side| &*side.name == name) else {
            return false;
        };
        if side.seen.as_ref().is_some_and(|seen| seen.list < list) {
            side.seen = None;
            self.forget_empty();
            self.open();
            return true;
        }
        // Objects may have waited for this list.
        let waits = self.attention != Attention::Settled;
        if waits {
            self.open();
        }
        waits
    }

    pub(super) fn slice_seen(&mut self, name: &Arc<str>, slice_name: &str, slice: Slice) -> bool {
        let news = self.change(name, |side| side.slices.get_or_insert_default().seen(slice_name, slice));
        if news {
            self.open();
        }
        news
    }

    pub(super) fn slice_gone(&mut self, name: &str, slice_name: &str) -> bool {
        let side = self.targets.iter_mut().find(|side| &*side.name == name);
        let known = side
            .and_then(|side| side.slices.as_mut())
            .is_some_and(|slices| slices.gone(slice_name));
        if known {
            self.open();
        }
        known
    }

    pub(super) fn set_problem(&mut self, name: &Arc<str>, problem: Option<Problem>) -> bool {
        let problem = problem.map(Box::new);
        let news = self.change(name, |side| {
            let news = side.problem != problem;
            side.problem = problem;
            news
        });
        self.forget_empty();
        if news {
            self.open();
        }
        news
    }

    /// What is to be done about the status, as things stand.
    pub(super) fn examine(&mut self, key: &ObjectKey, voices: &Voices, pruning: &Pruning, now: Timestamp) -> Examined {
        self.attention = Attention::Settled;
        let Some(upstream) = &self.upstream else {
            return Examined::Settled;
        };
        let mut reports = Vec::with_capacity(self.targets.len());
        for side in &self.targets {
            let Some(wish) = side.wish else { continue };
            let voice = voices.of(&side.name, &key.gvr, now);
            reports.push(side.report(wish, upstream, voice, voices.has_slices(&side.name)));
        }
        // Nobody is to hold it: what stands upstream stays.
        if reports.is_empty() {
            return Examined::Settled;
        }
        let stale_after = StaleAfter(upstream.terms.stale_after);
        if let Some(at) = next_deadline(&reports, stale_after, now) {
            self.attention = Attention::At(at);
        }
        let current = upstream.status.unpack();
        let rule = Rule {
            aggregation: upstream.terms.aggregation,
            stale_after,
        };
        let side = Upstream {
            kind: StatusKind::of(&key.gvr),
            namespace: &key.namespace,
            generation: upstream.generation,
            balancing: upstream.balancing,
            status: &current,
        };
        let status = match combine(side, &reports, rule, now) {
            Verdict::Status(status) => status,
            Verdict::Wait(_) => return Examined::Settled,
        };
        let kept = hash_of(&upstream.status);
        if let Some(base) = &upstream.base
            && base.kept == kept
            && base.sent == hash_of(&Packed::of(&status))
        {
            return Examined::Settled;
        }
        let Some(difference) = difference(&current, &status, pruning) else {
            return Examined::Settled;
        };
        self.attention = Attention::Open;
        Examined::Write(Box::new(Writing {
            uid: upstream.uid.clone(),
            resource_version: upstream.resource_version.clone(),
            status,
            difference,
            overwritten: upstream.base.is_some_and(|base| base.kept != kept),
        }))
    }

    /// The upstream answered `object` to a status of `sent`.
    pub(super) fn written(&mut self, object: &Object, sent: &Value) {
        let Some(known) = &mut self.upstream else { return };
        if *known.uid != *object.uid() {
            return;
        }
        let status = Packed::of(&status_of(object));
        known.base = Some(Base {
            sent: hash_of(&Packed::of(sent)),
            kept: hash_of(&status),
        });
        // The watch may have shown a newer one already.
        if !is_older(object.resource_version(), &known.resource_version) {
            known.resource_version = object.resource_version().into();
            known.status = status;
        }
    }

    pub(super) fn resource_version(&self) -> Option<&str> {
        self.upstream.as_ref().map(|upstream| &*upstream.resource_version)
    }

    pub(super) fn uid(&self) -> Option<&str> {
        self.upstream.as_ref().map(|upstream| &*upstream.uid)
    }

    pub(super) fn terms(&self) -> StatusTerms {
        self.upstream
            .as_ref()
            .map(|upstream| upstream.terms)
            .unwrap_or_default()
    }

    pub(super) fn has_target(&self, is: impl Fn(&str) -> bool) -> bool {
        self.targets.iter().any(|target| is(&target.name))
    }

    pub(super) fn open(&mut self) {
        self.attention = Attention::Open;
    }

    /// Whether it has to be looked at now.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        let due = match self.attention {
            Attention::Open => true,
            Attention::Settled => false,
            Attention::At(at) => at <= now,
        };
        due && self.upstream.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.upstream.is_none() && self.targets.is_empty()
    }

    fn change<T>(&mut self, name: &Arc<str>, change: impl FnOnce(&mut TargetSide) -> T) -> T {
        if let Some(side) = self.targets.iter_mut().find(|side| side.name == *name) {
            return change(side);
        }
        let mut side = TargetSide::new(name);
        let changed = change(&mut side);
        self.targets.push(side);
        changed
    }

    fn forget_empty(&mut self) {
        self.targets.retain(|target| !target.is_empty());
    }
}

/// The first time at which a target stops counting.
fn next_deadline(reports: &[Report<'_>], stale_after: StaleAfter, now: Timestamp) -> Option<Timestamp> {
    let deadlines = reports.iter().filter_map(|report| match report.voice {
        Voice::Fresh => None,
        Voice::Silent { since } | Voice::NeverHeard { since } => Some(stale_after.deadline(since)),
    });
    deadlines.filter(|at| *at > now).min()
}
