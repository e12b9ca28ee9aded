//! What is known of one object: the newest word of its upstream and of each target, a few hundred bytes a target.

mod examine;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use syncer_clusters::Object;
use syncer_core::{
    marker::PayloadHash,
    plan::Newcomer,
    status::{Endpoints, Problem},
};

pub(super) use self::examine::{Examined, Writing};
use super::{
    target_side::{Seen, TargetSide},
    upstream_side::{StatusTerms, UpstreamSide},
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
    /// Whether it may be made there.
    pub(crate) newcomer: Newcomer,
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

// === impl Entry ===

impl Entry {
    /// Takes what the upstream shows at `at`; says whether that is news.
    pub(super) fn upstream_seen(&mut self, mut side: UpstreamSide, wishes: Vec<Wish>, at: Duration) -> bool {
        if let Some(known) = &self.upstream {
            if known.is_newer_than(&side) {
                return false;
            }
            side.follow(known, at);
        }
        self.upstream = Some(side);
        for target in &mut self.targets {
            target.wish = None;
            target.rests = None;
        }
        for wish in wishes {
            self.change(&wish.target, |side| {
                side.wish = Some(wish.hash);
                side.rests = wish.rests.map(Box::new);
                side.newcomer = wish.newcomer;
            });
        }
        self.forget_empty();
        self.open();
        true
    }

    /// The bytes that it takes.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        let upstream = self.upstream.as_ref();
        let texts = upstream.map_or(0, |side| {
            side.uid.len() + side.resource_version.len() + side.status.len()
        });
        let targets: usize = self.targets.iter().map(TargetSide::heap).sum();
        size_of::<Self>() + texts + self.targets.capacity() * size_of::<TargetSide>() + targets
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
    /// another UID is the watch's to tell; says whether it was taken or known already.
    pub(super) fn looked(&mut self, object: &Object, list: u32, at: Duration) -> bool {
        let Some(known) = &self.upstream else { return false };
        let mut side = UpstreamSide::of(object, known.terms, list);
        if known.uid != side.uid {
            return false;
        }
        if known.is_newer_than(&side) {
            return true;
        }
        side.follow(known, at);
        side.generation = known.generation;
        side.malformed.clone_from(&known.malformed);
        self.upstream = Some(side);
        self.open();
        true
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
        // Each of them goes, whichever was there.
        let known = [
            side.seen.take().is_some(),
            side.problem.take().is_some(),
            side.endpoints.take().is_some(),
        ];
        let known = known.contains(&true);
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
            side.endpoints = None;
            self.forget_empty();
            self.open();
            return true;
        }
        // Objects may have waited for this list.
        self.look_again()
    }

    /// What it may have waited for has come; says whether it has to be looked at.
    pub(super) fn look_again(&mut self) -> bool {
        let waits = self.attention != Attention::Settled;
        if waits {
            self.open();
        }
        waits
    }

    pub(super) fn set_endpoints(&mut self, name: &Arc<str>, endpoints: Option<Endpoints>) -> bool {
        let news = self.change(name, |side| {
            let news = side.endpoints != endpoints;
            side.endpoints = endpoints;
            news
        });
        self.forget_empty();
        if news {
            self.open();
        }
        news
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
        // Most objects are on few targets, and there are many objects.
        self.targets.reserve_exact(1);
        self.targets.push(side);
        changed
    }

    fn forget_empty(&mut self) {
        self.targets.retain(|target| !target.is_empty());
    }
}
