//! What is known of one upstream object whose deletion waits, or may wait, for targets; and what follows from it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use syncer_clusters::Object;
use syncer_core::{
    config::Deletion,
    finalizer::{self, Claim, Phase},
    resource_version,
};

use super::board::{Membership, Reach, TargetState};

/// One upstream object. A few hundred bytes, and only for objects that carry a finalizer of ours or need one.
#[derive(Debug)]
pub(super) struct Entry {
    shown: Shown,
    /// The number of the last upstream list begun before it was seen.
    list: u64,
    /// What the rules make of it; `None` until they were asked about this very object.
    claims: Option<Box<[TargetClaim]>>,
    /// The targets that were asked to say when nothing of ours is left there.
    asked: Vec<Arc<str>>,
    /// The targets that said so.
    parted: Vec<Arc<str>>,
    /// The targets that were dead for too long: what is left there is left behind.
    abandoned: Vec<Arc<str>>,
}

/// The object as it was last shown.
#[derive(Debug)]
pub(super) struct Shown {
    uid: Box<str>,
    /// An opaque string of the API server.
    version: Box<str>,
    /// All of them, others' too.
    finalizers: Box<[Box<str>]>,
    deleted: Option<Timestamp>,
}

/// What the rules make of an object and one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetClaim {
    pub(crate) target: Arc<str>,
    pub(crate) claim: Claim,
    /// How long the target may hold up a deletion while it is dead.
    pub(crate) abandon_after: Duration,
}

/// What is to be done about an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// Its finalizers are not what they should be.
    pub(super) write: Option<Writing>,
    /// These targets have to be asked to say when nothing of ours is left there.
    pub(super) ask: Vec<Arc<str>>,
    /// On these targets something was left behind just now.
    pub(super) abandon: Vec<Arc<str>>,
    /// When something is left behind on a dead target next.
    pub(super) due: Option<Timestamp>,
}

/// A correction of an object's finalizers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Writing {
    pub(super) uid: Box<str>,
    /// The version that it goes over.
    pub(super) version: Box<str>,
    /// All finalizers that the object has then.
    pub(super) finalizers: Vec<Box<str>>,
    /// The targets whose finalizer comes on, for the log.
    pub(super) on: Vec<Arc<str>>,
    /// Those whose comes off.
    pub(super) off: Vec<Arc<str>>,
}

// === impl Shown ===

impl Shown {
    pub(super) fn of(object: &Object) -> Self {
        Self {
            uid: object.uid().into(),
            version: object.resource_version().into(),
            finalizers: object.finalizers().map(Box::from).collect(),
            deleted: object.deletion_timestamp(),
        }
    }

    fn has(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|present| **present == *finalizer)
    }

    /// Whether `self` is older than `known`.
    fn is_older_than(&self, known: &Self) -> bool {
        self.uid == known.uid && resource_version::is_older(&self.version, &known.version)
    }
}

// === impl Entry ===

impl Entry {
    pub(super) fn new(shown: Shown, list: u64) -> Self {
        Self {
            shown,
            list,
            claims: None,
            asked: Vec::new(),
            parted: Vec::new(),
            abandoned: Vec::new(),
        }
    }

    /// The object was shown again. One that was made again is another object.
    pub(super) fn see(&mut self, shown: Shown, list: u64) {
        self.list = self.list.max(list);
        if shown.uid != self.shown.uid {
            *self = Self::new(shown, self.list);
        } else if !shown.is_older_than(&self.shown) {
            self.shown = shown;
        }
    }

    pub(super) fn list(&self) -> u64 {
        self.list
    }

    pub(super) fn version(&self) -> &str {
        &self.shown.version
    }

    pub(super) fn uid(&self) -> &str {
        &self.shown.uid
    }

    pub(super) fn has(&self, finalizer: &str) -> bool {
        self.shown.has(finalizer)
    }

    pub(super) fn finalizers(&self) -> impl Iterator<Item = &str> {
        self.shown.finalizers.iter().map(|finalizer| &**finalizer)
    }

    /// The rules were asked about the object with `uid`. A target where it has to be is not one that it has left.
    pub(super) fn claim(&mut self, uid: &str, claims: Box<[TargetClaim]>) -> Novelty {
        if *self.shown.uid != *uid || self.claims.as_ref() == Some(&claims) {
            return Novelty::None;
        }
        let needs = |target: &Arc<str>| {
            let claim = claims.iter().find(|claim| claim.target == *target);
            claim.is_some_and(|claim| claim.claim == Claim::Needs)
        };
        for targets in [&mut self.asked, &mut self.parted, &mut self.abandoned] {
            targets.retain(|target| !needs(target));
        }
        self.claims = Some(claims);
        Novelty::Some
    }

    /// Nothing of ours is left on `target`. What was said before it had to be there again says nothing.
    pub(super) fn part(&mut self, target: &Arc<str>) -> Novelty {
        let Some(asked) = self.asked.iter().position(|asked| asked == target) else {
            return Novelty::None;
        };
        self.asked.swap_remove(asked);
        self.parted.push(target.clone());
        Novelty::Some
    }

    /// `target` was built anew, and knows nothing of what it was asked.
    pub(super) fn ask_again(&mut self, target: &str) {
        self.asked.retain(|asked| **asked != *target);
    }

    /// What follows at `now`, by the upstream's clock.
    pub(super) fn decide(&mut self, targets: &BTreeMap<Arc<str>, TargetState>, now: Timestamp) -> Decision {
        let mut decision = Decision::default();
        let mut claims = Vec::new();
        for (target, state) in targets {
            let mut claim = self.claim_of(target, state);
            if claim == Claim::Leaving && self.shown.has(&state.finalizer) {
                if self.is_due(target, state, now, &mut decision.due) {
                    self.abandoned.push(target.clone());
                    decision.abandon.push(target.clone());
                    claim = Claim::None;
                } else if !self.asked.contains(target) {
                    self.asked.push(target.clone());
                    decision.ask.push(target.clone());
                }
            }
            claims.push((target, &*state.finalizer, claim));
        }
        let phase = match self.shown.deleted {
            Some(_) => Phase::Terminating,
            None => Phase::Present,
        };
        let corrected = claims.iter().map(|(_, finalizer, claim)| (*finalizer, *claim));
        let corrected = finalizer::corrected(&self.shown.finalizers, phase, corrected);
        let has = |finalizers: &[Box<str>], finalizer: &str| finalizers.iter().any(|present| **present == *finalizer);
        decision.write = corrected.map(|finalizers| {
            let mut writing = Writing {
                uid: self.shown.uid.clone(),
                version: self.shown.version.clone(),
                on: Vec::new(),
                off: Vec::new(),
                finalizers,
            };
            for (target, finalizer, _) in claims {
                match (self.shown.has(finalizer), has(&writing.finalizers, finalizer)) {
                    (false, true) => writing.on.push(target.clone()),
                    (true, false) => writing.off.push(target.clone()),
                    _ => {}
                }
            }
            writing
        });
        decision
    }

    fn claim_of(&self, target: &Arc<str>, state: &TargetState) -> Claim {
        // Nobody can say what a target holds that is not on the list any more; what it holds stays there.
        if state.membership == Membership::Removed {
            return Claim::None;
        }
        let Some(claims) = &self.claims else {
            return Claim::Undecided;
        };
        let claim = claims.iter().find(|claim| claim.target == *target);
        match claim.map_or(Claim::Leaving, |claim| claim.claim) {
            Claim::Leaving if self.parted.contains(target) || self.abandoned.contains(target) => Claim::None,
            claim => claim,
        }
    }

    /// Whether `target` is dead and has held up the deletion, dead, for as long as it may; else that time goes into `due`.
    fn is_due(&self, target: &Arc<str>, state: &TargetState, now: Timestamp, due: &mut Option<Timestamp>) -> bool {
        let (Some(deleted), Reach::Lost { well }) = (self.shown.deleted, state.reach) else {
            return false;
        };
        let claims = self.claims.iter().flatten();
        let asked = claims
            .filter(|claim| claim.target == *target)
            .map(|claim| claim.abandon_after)
            .next();
        let after = asked.unwrap_or_else(|| Deletion::default().abandon_after.0);
        let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
        // While it was well it had its reasons.
        let since = well.map_or(deleted, |well| well.max(deleted));
        let at = since.saturating_add(after).unwrap_or(Timestamp::MAX);
        if now >= at {
            return true;
        }
        *due = Some(due.map_or(at, |due| due.min(at)));
        false
    }

    /// Whether the object is being deleted and waits for a target with `finalizer`.
    pub(super) fn is_held_by(&self, finalizer: &str) -> bool {
        self.shown.deleted.is_some() && self.shown.has(finalizer)
    }
}

/// Whether something new was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Novelty {
    /// It was.
    Some,
    /// It was known already.
    None,
}

#[cfg(test)]
mod tests;
