//! One target's side of an object.

use std::sync::{Arc, LazyLock};

use serde_json::value::RawValue;
use syncer_clusters::Object;
use syncer_core::{
    marker::{PAUSED_ANNOTATION, PayloadHash},
    plan::Newcomer,
    resource_version,
    status::{Endpoints, Part, Problem, Report, SpecState, StatusKind, Voice},
};

use super::upstream_side::{Expected, UpstreamSide, hash};

/// What is known of the object on one target.
pub(super) struct TargetSide {
    pub(super) name: Arc<str>,
    pub(super) wish: Option<PayloadHash>,
    /// Whether what is wished for may be made there.
    pub(super) newcomer: Newcomer,
    pub(super) seen: Option<Seen>,
    pub(super) problem: Option<Box<Problem>>,
    /// Why nothing is written there for now, if nothing is.
    pub(super) rests: Option<Box<Problem>>,
    /// The endpoints of a Service, where any are known.
    pub(super) endpoints: Option<Endpoints>,
}

/// The downstream object as it was last seen.
pub(super) struct Seen {
    uid_hash: u64,
    resource_version: Box<str>,
    applied: Option<PayloadHash>,
    /// A hash of the UID of the upstream object that it was made from.
    origin: u64,
    pub(super) list: u32,
    part: Part,
    activity: Activity,
}

/// Whether anything is written to the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    /// It is kept in step.
    Synced,
    /// Somebody paused it there.
    Paused,
}

/// What is said of an object that is paused on a target.
static PAUSED: LazyLock<Problem> = LazyLock::new(|| Problem {
    reason: "Paused".into(),
    message: "nothing is written: the copy is paused".into(),
});

// === impl Seen ===

impl Seen {
    pub(super) fn of(
        object: &Object,
        applied: Option<PayloadHash>,
        origin_uid: &str,
        list: u32,
    ) -> Result<Self, serde_json::Error> {
        let member = |name| object.member(name).map(RawValue::get);
        let kind = StatusKind::of(&object.key().gvr);
        Ok(Self {
            uid_hash: hash(object.uid()),
            resource_version: object.resource_version().into(),
            applied,
            origin: hash(origin_uid),
            list,
            activity: match object.annotations().get(PAUSED_ANNOTATION) {
                Some("true") => Activity::Paused,
                _ => Activity::Synced,
            },
            part: Part::of(kind, object.generation(), member("spec"), member("status"))?,
        })
    }
}

// === impl TargetSide ===

impl TargetSide {
    pub(super) fn new(name: &Arc<str>) -> Self {
        Self {
            name: name.clone(),
            wish: None,
            newcomer: Newcomer::Welcome,
            seen: None,
            problem: None,
            rests: None,
            endpoints: None,
        }
    }

    /// The bytes that it takes beside itself.
    #[cfg(test)]
    pub(super) fn heap(&self) -> usize {
        let seen = self.seen.as_ref();
        seen.map_or(0, |seen| {
            seen.resource_version.len() + seen.part.size() - size_of::<Part>()
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wish.is_none() && self.seen.is_none() && self.problem.is_none() && self.endpoints.is_none()
    }

    /// Takes a newer word; says whether that is news.
    pub(super) fn take(&mut self, seen: Seen) -> bool {
        let Some(known) = self.seen.as_mut().filter(|known| known.uid_hash == seen.uid_hash) else {
            self.seen = Some(seen);
            return true;
        };
        let same = known.resource_version == seen.resource_version;
        // Versions go back where the API server was restored: what a later list shows counts.
        let is_stale =
            seen.list <= known.list && resource_version::is_older(&seen.resource_version, &known.resource_version);
        if same || is_stale {
            known.list = known.list.max(seen.list);
            return false;
        }
        // Only metadata of no concern changed, such as managedFields.
        let news = known.part != seen.part
            || known.applied != seen.applied
            || known.origin != seen.origin
            || known.activity != seen.activity;
        *known = seen;
        news
    }

    /// Whether it has no say: a cordoned target gets nothing new, and what is not there it cannot report. Until it was listed
    /// nobody knows whether it is there.
    pub(super) fn is_kept_out(&self, voice: Voice) -> bool {
        let is_listed = !matches!(voice, Voice::NeverHeard { .. });
        self.newcomer == Newcomer::KeptOut && self.seen.is_none() && is_listed
    }

    pub(super) fn report<'a>(
        &'a self,
        wish: PayloadHash,
        upstream: &'a UpstreamSide,
        voice: Voice,
        slices_listed: bool,
    ) -> Report<'a> {
        // A copy of the object that had the name before says nothing of this one.
        let seen = self.seen.as_ref().filter(|seen| seen.origin == hash(&upstream.uid));
        let is_current = seen.is_some_and(|seen| seen.applied == Some(wish));
        let endpoints = match upstream.endpoints {
            Expected::Yes if seen.is_some() => self.endpoints.or_else(|| slices_listed.then(Default::default)),
            Expected::Yes | Expected::No => None,
        };
        Report {
            target: &self.name,
            spec: if is_current {
                SpecState::Current
            } else {
                SpecState::Behind
            },
            part: seen.map(|seen| &seen.part),
            voice,
            problem: upstream
                .malformed
                .as_deref()
                .or(self.rests.as_deref())
                .or_else(|| seen.filter(|seen| seen.activity == Activity::Paused).map(|_| &*PAUSED))
                .or(self.problem.as_deref()),
            endpoints,
        }
    }
}
